//! Tests of what is said to Stripe and of what it answers: the suite of all processors against a stand-in, and answers
//! as Stripe's documentation shows them.

mod standin;

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use self::standin::{Standin, WEBHOOK_SECRET, signed};
use super::*;
use crate::payments::conformance::{Hand, Trial, conforms};
use crate::payments::{
    Address, ChargeRequest, ChargeState, CustomerRequest, Error, EventKind, Processor, RefundRequest,
    RefundState, SetupRequest, SetupState, Source,
};

#[async_trait]
impl Trial for Standin {
    fn processor(&self) -> &dyn Processor {
        &self.stripe
    }

    fn token(&self, hand: Hand) -> String {
        let name = match hand {
            Hand::Good => "good",
            Hand::Poor => "insufficient_funds",
            Hand::Lost => "lost_card",
            Hand::Asking => "asking",
            Hand::AlwaysAsking => "always_asking",
            Hand::Unheard => "unheard",
        };
        format!("ctoken_{name}")
    }

    async fn prove(&self, client_secret: &str, approve: bool) {
        self.world().prove(client_secret, approve);
    }

    async fn charges(&self) -> usize {
        self.world().charges
    }

    async fn message(&self, intent_id: &str) -> (HeaderMap, Vec<u8>, Timestamp) {
        let intent = self.world().intents[intent_id].clone();
        signed(&event("payment_intent.succeeded", &intent), Timestamp::from_second(SENT_AT).unwrap())
    }
}

conforms!(Standin::start());

/// When events were sent.
const SENT_AT: i64 = 1_736_200_000;

fn event(kind: &str, object: &Value) -> Value {
    json!({
        "id": "evt_1", "object": "event", "api_version": "2024-12-18.acacia", "created": SENT_AT - 2,
        "data": {"object": object}, "livemode": false, "pending_webhooks": 1, "type": kind,
        "request": {"id": "req_1", "idempotency_key": "key"},
    })
}

fn wish() -> ChargeRequest {
    ChargeRequest {
        customer_id: String::from("cus_1"),
        amount_cents: 1999,
        currency: String::from("usd"),
        source: Source::ConfirmationToken(String::from("ctoken_good")),
        off_session: false,
        save_method: true,
        return_url: Some(String::from("https://shop.example.com/back?a=1&b=2")),
        metadata: vec![(String::from("checkout_id"), String::from("c&1"))],
        reference: String::from("attempt-1"),
    }
}

#[tokio::test]
async fn a_charge_says_all_that_stripe_needs() {
    let standin = Standin::start().await;
    standin.world().customers.insert(String::from("cus_1"));
    standin.stripe.charge(&wish(), "checkout/1/pay/1").await.unwrap();
    let seen = standin.world().seen.pop().unwrap();
    assert_eq!((&*seen.line, &*seen.key), ("POST /v1/payment_intents", "checkout/1/pay/1"));
    let expected = [
        ("amount", "1999"),
        ("currency", "usd"),
        ("customer", "cus_1"),
        ("confirm", "true"),
        ("capture_method", "automatic"),
        ("confirmation_token", "ctoken_good"),
        ("setup_future_usage", "off_session"),
        ("return_url", "https://shop.example.com/back?a=1&b=2"),
        ("metadata[checkout_id]", "c&1"),
        ("metadata[reference]", "attempt-1"),
        ("expand[]", "latest_charge.balance_transaction"),
        ("expand[]", "payment_method"),
    ];
    assert_eq!(seen.fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn a_browser_is_told_how_to_show_the_saved_cards_of_its_customer() {
    let standin = Standin::start().await;
    standin.world().customers.insert(String::from("cus_1"));
    let secret = standin.stripe.saved_cards_secret("cus_1", "checkout/1/saved-cards").await.unwrap();
    assert_eq!(secret.as_deref(), Some("cuss_secret_of_cus_1"));
    let seen = standin.world().seen.pop().unwrap();
    assert_eq!((&*seen.line, &*seen.key), ("POST /v1/customer_sessions", "checkout/1/saved-cards"));
    let form = "components[payment_element]";
    let filter = format!("{form}[features][payment_method_allow_redisplay_filters]");
    let expected = [
        (String::from("customer"), "cus_1"),
        (format!("{form}[enabled]"), "true"),
        (format!("{form}[features][payment_method_redisplay]"), "enabled"),
        (format!("{filter}[0]"), "always"),
    ];
    assert_eq!(seen.fields, expected.map(|(name, value)| (name, value.to_owned())));
    let gone = standin.stripe.saved_cards_secret("cus_2", "checkout/2/saved-cards").await.unwrap();
    assert_eq!(gone, None, "a customer that is no more has none");
}

#[tokio::test]
async fn a_charge_without_the_customer_sends_nobody_away() {
    let standin = Standin::start().await;
    standin.world().customers.insert(String::from("cus_1"));
    let renewal = ChargeRequest {
        source: Source::SavedMethod(String::from("pm_1")),
        off_session: true,
        save_method: false,
        return_url: None,
        metadata: Vec::new(),
        ..wish()
    };
    standin.stripe.charge(&renewal, "key").await.unwrap();
    let seen = standin.world().seen.pop().unwrap();
    let field = |name: &str| seen.field(name).map(str::to_owned);
    assert_eq!(field("payment_method").as_deref(), Some("pm_1"));
    assert_eq!(field("off_session").as_deref(), Some("true"));
    assert_eq!(field("automatic_payment_methods[enabled]").as_deref(), Some("true"));
    assert_eq!(field("automatic_payment_methods[allow_redirects]").as_deref(), Some("never"));
    for absent in ["return_url", "setup_future_usage", "confirmation_token"] {
        assert_eq!(field(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn a_set_up_says_all_that_stripe_needs() {
    let standin = Standin::start().await;
    standin.world().customers.insert(String::from("cus_1"));
    let request = SetupRequest {
        customer_id: String::from("cus_1"),
        source: Source::ConfirmationToken(String::from("ctoken_good")),
        return_url: Some(String::from("https://shop.example.com/back")),
        metadata: Vec::new(),
        reference: String::from("setup-1"),
    };
    let outcome = standin.stripe.set_up(&request, "key").await.unwrap();
    assert!(matches!(outcome.state, SetupState::Succeeded { .. }));
    let seen = standin.world().seen.pop().unwrap();
    assert_eq!(seen.line, "POST /v1/setup_intents");
    let expected = [
        ("customer", "cus_1"),
        ("confirm", "true"),
        ("usage", "off_session"),
        ("confirmation_token", "ctoken_good"),
        ("return_url", "https://shop.example.com/back"),
        ("metadata[reference]", "setup-1"),
        ("expand[]", "payment_method"),
    ];
    assert_eq!(seen.fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

// spec 30 §7.6.40: what is known of a customer is told to the processor
#[tokio::test]
async fn a_customer_that_is_no_more_is_made_anew() {
    let standin = Standin::start().await;
    let request = CustomerRequest {
        reference: String::from("customer-1"),
        email: String::from("nora@example.com"),
        name: Some(String::from("Nora")),
        address: Some(Address {
            line1: Some(String::from("1 Road")),
            city: Some(String::from("Oslo")),
            country: String::from("NO"),
            ..Address::default()
        }),
        existing_id: Some(String::from("cus_gone")),
    };
    let id = standin.stripe.ensure_customer(&request, "key").await.unwrap();
    assert_ne!(id, "cus_gone");
    let lines: Vec<String> = standin.world().seen.iter().map(|seen| seen.line.clone()).collect();
    assert_eq!(lines, ["POST /v1/customers/cus_gone", "POST /v1/customers"]);
    let seen = standin.world().seen.pop().unwrap();
    for (name, value) in [
        ("email", "nora@example.com"),
        ("name", "Nora"),
        ("address[line1]", "1 Road"),
        ("address[line2]", ""),
        ("address[city]", "Oslo"),
        ("address[country]", "NO"),
        ("metadata[reference]", "customer-1"),
    ] {
        assert_eq!(seen.field(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn a_customer_who_changed_before_the_answer_came_is_told_anew() {
    let standin = Standin::start().await;
    let mut request = CustomerRequest {
        reference: String::from("customer-1"),
        email: String::from("nora@example.com"),
        ..CustomerRequest::default()
    };
    let id = standin.stripe.ensure_customer(&request, "key").await.unwrap();
    assert_eq!(standin.stripe.ensure_customer(&request, "key").await.unwrap(), id);
    request.existing_id = Some(id.clone());
    for name in ["Nora", "Nora", "Nora Lee"] {
        request.name = Some(name.to_owned());
        assert_eq!(standin.stripe.ensure_customer(&request, "key").await.unwrap(), id);
    }
    let keys: Vec<String> = standin.world().seen.iter().map(|seen| seen.key.clone()).collect();
    assert!(keys.iter().all(|key| key.starts_with("key/")), "{keys:?}");
    assert_eq!((&keys[0], &keys[2]), (&keys[1], &keys[3]), "the same is asked with the same key");
    assert_ne!(keys[3], keys[4]);
}

#[tokio::test]
async fn a_charge_that_was_asked_for_in_other_words_is_found() {
    let standin = Standin::start().await;
    standin.world().customers.insert(String::from("cus_1"));
    let moved = ChargeRequest { return_url: Some(String::from("https://other.example.com/back")), ..wish() };
    for (token, reference) in [("ctoken_good", "paid"), ("ctoken_insufficient_funds", "declined")] {
        let named = |wish: ChargeRequest| ChargeRequest {
            source: Source::ConfirmationToken(token.to_owned()),
            reference: reference.to_owned(),
            ..wish
        };
        let first = standin.stripe.charge(&named(wish()), reference).await.unwrap();
        let again = standin.stripe.charge(&named(moved.clone()), reference).await.unwrap();
        assert_eq!((&again.intent_id, &again.state), (&first.intent_id, &first.state));
        for other in [
            ChargeRequest { amount_cents: 1, ..named(wish()) },
            ChargeRequest { currency: String::from("eur"), ..named(wish()) },
            ChargeRequest { reference: String::from("unheard-of"), ..named(wish()) },
        ] {
            let error = standin.stripe.charge(&other, reference).await.unwrap_err();
            assert!(matches!(error, Error::Misconfigured { .. }), "{error:?}");
        }
    }
    assert_eq!(standin.world().charges, 1);
}

#[tokio::test]
async fn what_stripe_answers_is_an_outcome_or_no_answer() {
    let standin = Standin::start().await;
    let error = |error: Value| json!({"error": error});
    let card = error(json!({
        "type": "card_error", "code": "card_declined", "decline_code": "do_not_honor",
        "message": "Your card was declined.",
        "payment_intent": {"id": "pi_9", "client_secret": "pi_9_secret_x", "status": "requires_payment_method"},
    }));
    standin.answer_next(402, card);
    let outcome = standin.stripe.charge(&wish(), "key").await.unwrap();
    assert_eq!(
        (outcome.intent_id.as_deref(), outcome.client_secret.as_deref()),
        (Some("pi_9"), Some("pi_9_secret_x"))
    );
    let ChargeState::Declined(decline) = outcome.state else { panic!() };
    assert_eq!(
        (&*decline.code, &*decline.message, decline.hard),
        ("do_not_honor", "Your card was declined.", false)
    );

    for (body, code, hard, authentication_required) in [
        (json!({"code": "card_declined", "decline_code": "generic_decline"}), "card_declined", false, false),
        (json!({"code": "card_declined", "decline_code": "stolen_card"}), "stolen_card", true, false),
        (json!({"code": "expired_card"}), "expired_card", true, false),
        (json!({"code": "card_declined", "advice_code": "do_not_try_again"}), "card_declined", true, false),
        (json!({"code": "authentication_required"}), "authentication_required", false, true),
        (
            json!({"code": "card_declined", "decline_code": "authentication_required"}),
            "authentication_required",
            false,
            true,
        ),
    ] {
        standin.answer_next(402, error(body));
        let outcome = standin.stripe.charge(&wish(), "key").await.unwrap();
        let ChargeState::Declined(decline) = outcome.state else { panic!("{code}") };
        assert_eq!(
            (&*decline.code, decline.hard, decline.authentication_required),
            (code, hard, authentication_required)
        );
    }

    for (status, body) in [
        (409, error(json!({"type": "idempotency_error", "code": "idempotency_key_in_use"}))),
        (500, error(json!({"type": "api_error"}))),
        (503, Value::Null),
        (200, json!({"id": "pi_1", "status": "something_new"})),
        (200, Value::Null),
        (400, Value::Null),
    ] {
        standin.answer_next(status, body.clone());
        let error = standin.stripe.charge(&wish(), "key").await.unwrap_err();
        assert!(matches!(error, Error::Unknown { .. }), "{status} {body}: {error:?}");
    }
    standin.answer_next(429, error(json!({"type": "api_error", "code": "rate_limit"})));
    let limited = standin.stripe.charge(&wish(), "key").await.unwrap_err();
    assert!(limited.wait().is_some_and(|wait| wait.as_secs() > 0), "{limited:?}");

    for (status, body) in [
        (401, json!({"type": "invalid_request_error", "message": "Invalid API Key provided"})),
        (403, json!({"type": "invalid_request_error"})),
        (400, json!({"type": "idempotency_error"})),
        (400, json!({"type": "invalid_request_error", "code": "resource_missing", "param": "customer"})),
    ] {
        standin.answer_next(status, error(body.clone()));
        let error = standin.stripe.charge(&wish(), "key").await.unwrap_err();
        assert!(matches!(error, Error::Misconfigured { .. }), "{status} {body}: {error:?}");
    }
}

#[tokio::test]
async fn a_stripe_that_cannot_be_reached_gives_no_answer() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let stripe = Stripe::new(standin::options(&format!("http://{address}"))).unwrap();
    let error = stripe.charge(&wish(), "key").await.unwrap_err();
    assert!(matches!(error, Error::Unknown { .. }), "{error:?}");
    assert!(matches!(stripe.retrieve("pi_1").await.unwrap_err(), Error::Unknown { .. }));
}

#[tokio::test]
async fn keys_and_references_are_of_the_form_that_stripe_takes() {
    let standin = Standin::start().await;
    for key in [String::new(), "k".repeat(256)] {
        let error = standin.stripe.charge(&wish(), &key).await.unwrap_err();
        assert!(matches!(error, Error::Misconfigured { .. }), "{error:?}");
    }
    let error = standin.stripe.find_charge("x' OR status:'succeeded").await.unwrap_err();
    assert!(matches!(error, Error::Misconfigured { .. }), "{error:?}");
    for id in ["", ".", ".."] {
        assert!(standin.stripe.retrieve(id).await.is_err());
    }
    assert!(standin.world().seen.is_empty(), "nothing of this is asked");
}

#[tokio::test]
async fn fees_of_another_currency_are_not_told() {
    let standin = Standin::start().await;
    let intent = |currency: &str| {
        json!({
            "id": "pi_1", "object": "payment_intent", "status": "succeeded", "currency": "usd",
            "latest_charge": {"id": "ch_1", "balance_transaction": {"fee": 117, "currency": currency}},
            "payment_method": {"id": "pm_1", "type": "link", "link": {"email": "nora@example.com"}},
        })
    };
    for (currency, expected) in [("usd", Some(117)), ("eur", None)] {
        standin.answer_next(200, intent(currency));
        let ChargeState::Succeeded { charge_id, method, fee_cents } =
            standin.stripe.retrieve("pi_1").await.unwrap().state
        else {
            panic!("{currency}")
        };
        assert_eq!((&*charge_id, fee_cents), ("ch_1", expected));
        let method = method.unwrap();
        assert_eq!((&*method.kind, method.last4), ("link", None), "not every method is a card");
    }
}

#[tokio::test]
async fn a_refund_may_be_pending_and_fail() {
    let standin = Standin::start().await;
    let wish = RefundRequest {
        intent_id: String::from("pi_1"),
        amount_cents: 100,
        reference: String::from("refund-1"),
    };
    for (status, expected) in
        [("pending", true), ("requires_action", true), ("failed", false), ("canceled", false)]
    {
        standin.answer_next(
            200,
            json!({"id": "re_1", "status": status, "failure_reason": "lost_or_stolen_card"}),
        );
        let outcome = standin.stripe.refund(&wish, "key").await.unwrap();
        assert_eq!(outcome.state == RefundState::Pending, expected, "{outcome:?}");
        assert_eq!(outcome.refund_id.as_deref(), Some("re_1"));
    }
    let seen = standin.world().seen.pop().unwrap();
    assert_eq!(seen.line, "POST /v1/refunds");
    assert_eq!((seen.field("payment_intent"), seen.field("amount")), (Some("pi_1"), Some("100")));
    assert_eq!(seen.field("metadata[reference]"), Some("refund-1"));
    let error =
        standin.stripe.refund(&RefundRequest { intent_id: String::from("pi_no"), ..wish }, "no").await;
    assert!(matches!(error.unwrap_err(), Error::Misconfigured { .. }));
}

#[tokio::test]
async fn what_a_page_needs_is_told_and_nothing_else() {
    let standin = Standin::start().await;
    let told = standin.stripe.browser();
    assert_eq!(told, json!({"processor": "stripe", "publishable_key": "pk_test_1"}));
    let printed = format!("{:?}{:?}", standin.stripe, standin::options("http://localhost"));
    assert!(!printed.contains("sk_test") && !printed.contains(WEBHOOK_SECRET), "{printed}");
}

#[tokio::test]
async fn events_are_mapped() {
    let standin = Standin::start().await;
    let read = |kind: &str, object: Value| {
        let now = Timestamp::from_second(SENT_AT).unwrap();
        let (headers, body, _) = signed(&event(kind, &object), now);
        standin.stripe.read_event(&headers, &body, now).unwrap().remove(0)
    };
    let failed = read(
        "payment_intent.payment_failed",
        json!({
            "id": "pi_1", "object": "payment_intent", "amount": 500, "metadata": {"reference": "attempt-1"},
            "last_payment_error": {"code": "card_declined", "decline_code": "lost_card", "message": "No."},
        }),
    );
    assert!(
        matches!(&failed.kind, EventKind::ChargeFailed(decline) if decline.code == "lost_card" && decline.hard)
    );
    assert_eq!((failed.intent_id.as_deref(), failed.reference.as_deref()), (Some("pi_1"), Some("attempt-1")));
    assert_eq!((failed.amount_cents, failed.occurred_at.as_second()), (Some(500), SENT_AT - 2));

    let setup = json!({"id": "seti_1", "object": "setup_intent", "metadata": {"reference": "setup-1"}});
    let told = read("setup_intent.succeeded", setup.clone());
    assert_eq!((told.kind, told.intent_id.as_deref()), (EventKind::SetupSucceeded, Some("seti_1")));
    assert!(matches!(read("setup_intent.setup_failed", setup).kind, EventKind::SetupFailed(_)));

    let refund = |status: &str| {
        json!({
            "id": "re_1", "object": "refund", "amount": 100, "status": status, "payment_intent": "pi_1",
            "charge": "ch_1", "metadata": {"reference": "refund-1"},
        })
    };
    let refund_id = || String::from("re_1");
    let told = read("refund.updated", refund("succeeded"));
    assert_eq!(told.kind, EventKind::RefundSettled { refund_id: refund_id() });
    assert_eq!((told.intent_id.as_deref(), told.reference.as_deref()), (Some("pi_1"), Some("refund-1")));
    assert_eq!(
        read("refund.failed", refund("failed")).kind,
        EventKind::RefundFailed { refund_id: refund_id() }
    );
    assert_eq!(read("refund.created", refund("pending")).kind, EventKind::Ignored);

    let dispute = |status: &str| {
        json!({
            "id": "dp_1", "object": "dispute", "amount": 100, "status": status, "payment_intent": "pi_1",
            "charge": "ch_1", "metadata": {},
        })
    };
    let dispute_id = || String::from("dp_1");
    let opened = read("charge.dispute.created", dispute("needs_response"));
    assert_eq!(opened.kind, EventKind::DisputeOpened { dispute_id: dispute_id() });
    assert_eq!((opened.intent_id.as_deref(), opened.reference), (Some("pi_1"), None));
    let withdrawn = read("charge.dispute.funds_withdrawn", dispute("needs_response"));
    assert_eq!(withdrawn.kind, EventKind::DisputeOpened { dispute_id: dispute_id() });
    for (status, won) in [("won", true), ("lost", false)] {
        let closed = read("charge.dispute.closed", dispute(status));
        assert_eq!(closed.kind, EventKind::DisputeClosed { dispute_id: dispute_id(), won });
        assert_eq!(closed.fee_cents, None);
    }
    // A bank that only asks has taken nothing.
    for (word, status) in [("created", "warning_needs_response"), ("closed", "warning_closed")] {
        let asked = read(&format!("charge.dispute.{word}"), dispute(status));
        assert_eq!(asked.kind, EventKind::Ignored);
    }
    let mut with_fees = dispute("won");
    with_fees["balance_transactions"] = json!([{"fee": 1500}, {"fee": -500}]);
    assert_eq!(read("charge.dispute.closed", with_fees).fee_cents, Some(1000));
    let charge = json!({"id": "ch_1", "object": "charge", "status": "succeeded", "payment_intent": "pi_1"});
    let told = read("charge.updated", charge);
    assert_eq!((told.kind, told.intent_id.as_deref()), (EventKind::ChargeSucceeded, Some("pi_1")));
    let method = json!({"id": "pm_1", "object": "payment_method", "customer": "cus_1"});
    let method_id = || String::from("pm_1");
    for (kind, expected) in [
        ("payment_method.automatically_updated", EventKind::MethodUpdated { method_id: method_id() }),
        ("payment_method.updated", EventKind::MethodUpdated { method_id: method_id() }),
        ("payment_method.detached", EventKind::MethodDetached { method_id: method_id() }),
        ("payment_method.attached", EventKind::Ignored),
        ("invoice.paid", EventKind::Ignored),
    ] {
        assert_eq!(read(kind, method.clone()).kind, expected, "{kind}");
    }
}

#[tokio::test]
async fn what_is_signed_and_no_event_is_bad() {
    let standin = Standin::start().await;
    let now = Timestamp::from_second(SENT_AT).unwrap();
    for body in [
        json!([]),
        json!({"id": "evt_1"}),
        json!({"type": "invoice.paid"}),
        event("refund.failed", &json!({"status": "failed"})),
    ] {
        let (headers, body, _) = signed(&body, now);
        assert_eq!(standin.stripe.read_event(&headers, &body, now), Err(EventError::BadPayload));
    }
}
