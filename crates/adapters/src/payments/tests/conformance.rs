//! What every processor must do, whoever it is. A processor is tested by implementing [`Trial`] and naming it to
//! [`conforms!`].

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderMap;

use super::{
    ChargeOutcome, ChargeRequest, ChargeState, CustomerRequest, Error, EventError, EventKind, Method,
    Processor, RefundRequest, RefundState, SetupRequest, SetupState, Source,
};

/// What a customer has in their hand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hand {
    /// A card that is good.
    Good,
    /// A card without enough money on it.
    Poor,
    /// A card that was lost.
    Lost,
    /// A card whose bank asks, but not for renewals.
    Asking,
    /// A card whose bank always asks.
    AlwaysAsking,
    /// A card that is charged while the answer is lost.
    Unheard,
}

/// A processor under test and the world around it.
#[async_trait]
pub(super) trait Trial: Send + Sync {
    /// The processor.
    fn processor(&self) -> &dyn Processor;

    /// The token of a card that was typed into the form.
    fn token(&self, hand: Hand) -> String;

    /// The customer tells the bank whether it is they.
    async fn prove(&self, client_secret: &str, approve: bool);

    /// How many charges took money.
    async fn charges(&self) -> usize;

    /// The message that tells of what came of a charge, and when it was sent.
    async fn message(&self, intent_id: &str) -> (HeaderMap, Vec<u8>, Timestamp);
}

/// Runs every test of this file with a processor.
macro_rules! conforms {
    ($start:expr) => {
        $crate::payments::conformance::conforms!($start;
            a_good_card_is_charged_once_for_a_key,
            calls_at_once_with_one_key_charge_once,
            a_key_names_one_wish,
            a_decline_is_an_answer_and_stays_one,
            a_customer_keeps_their_id,
            a_bank_that_asks_is_answered,
            a_customer_who_is_not_it_does_not_pay,
            what_waits_for_the_customer_can_be_given_up,
            a_saved_method_is_charged_without_the_customer,
            a_bank_that_has_asked_does_not_ask_for_renewals,
            a_method_is_saved_without_a_charge,
            a_bank_that_asks_is_asked_when_a_method_is_saved,
            a_bank_that_always_asks_needs_the_customer,
            a_method_that_was_forgotten_is_not_charged,
            a_lost_answer_is_had_by_asking_again,
            a_charge_is_found_by_its_reference,
            what_was_paid_can_be_given_back_and_no_more,
            events_are_believed_if_they_are_signed_now,
        );
    };
    ($start:expr; $($name:ident,)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                $crate::payments::conformance::$name(&$start.await).await;
            }
        )+
    };
}
pub(super) use conforms;

const AMOUNT: i64 = 1234;

async fn customer(trial: &dyn Trial) -> String {
    let request = CustomerRequest {
        reference: String::from("customer-1"),
        email: String::from("nora@example.com"),
        ..CustomerRequest::default()
    };
    trial.processor().ensure_customer(&request, "customer/1").await.unwrap()
}

fn wish(trial: &dyn Trial, customer_id: &str, hand: Hand) -> ChargeRequest {
    ChargeRequest {
        customer_id: customer_id.to_owned(),
        amount_cents: AMOUNT,
        currency: String::from("usd"),
        source: Source::ConfirmationToken(trial.token(hand)),
        off_session: false,
        save_method: false,
        return_url: Some(String::from("https://shop.example.com/back")),
        metadata: vec![(String::from("checkout_id"), String::from("checkout-1"))],
        reference: String::from("attempt-1"),
    }
}

/// A charge of a saved method while nobody is there.
fn renewal(customer_id: &str, method: &Method) -> ChargeRequest {
    ChargeRequest {
        customer_id: customer_id.to_owned(),
        amount_cents: AMOUNT,
        currency: String::from("usd"),
        source: Source::SavedMethod(method.id.clone()),
        off_session: true,
        save_method: false,
        return_url: None,
        metadata: Vec::new(),
        reference: String::from("renewal-1"),
    }
}

fn set_up_wish(trial: &dyn Trial, customer_id: &str, hand: Hand) -> SetupRequest {
    SetupRequest {
        customer_id: customer_id.to_owned(),
        source: Source::ConfirmationToken(trial.token(hand)),
        return_url: Some(String::from("https://shop.example.com/back")),
        metadata: Vec::new(),
        reference: String::from("setup-1"),
    }
}

fn succeeded(outcome: &ChargeOutcome) -> bool {
    matches!(outcome.state, ChargeState::Succeeded { .. })
}

fn intent_id(outcome: &ChargeOutcome) -> &str {
    outcome.intent_id.as_deref().unwrap()
}

/// A method that was saved with a charge.
async fn saved(trial: &dyn Trial, customer_id: &str, hand: Hand) -> Method {
    let request = ChargeRequest { save_method: true, ..wish(trial, customer_id, hand) };
    let processor = trial.processor();
    let mut outcome = processor.charge(&request, "save").await.unwrap();
    if matches!(outcome.state, ChargeState::RequiresAction { .. }) {
        trial.prove(outcome.client_secret.as_deref().unwrap(), true).await;
        outcome = processor.retrieve(intent_id(&outcome)).await.unwrap();
    }
    let ChargeState::Succeeded { method: Some(method), .. } = outcome.state else { panic!("{outcome:?}") };
    method
}

pub(super) async fn a_good_card_is_charged_once_for_a_key(trial: &dyn Trial) {
    let (processor, customer_id) = (trial.processor(), customer(trial).await);
    let request = wish(trial, &customer_id, Hand::Good);
    let first = processor.charge(&request, "key").await.unwrap();
    let ChargeState::Succeeded { method: Some(method), fee_cents: Some(fee_cents), .. } = &first.state else {
        panic!("{first:?}")
    };
    assert_eq!((&*method.kind, method.brand.as_deref()), ("card", Some("visa")));
    assert_eq!((method.last4.as_deref(), method.country.as_deref()), (Some("4242"), Some("US")));
    assert!(method.exp_month.is_some() && method.exp_year.is_some());
    assert!((1..AMOUNT).contains(fee_cents));
    assert_eq!(processor.charge(&request, "key").await.unwrap(), first);
    assert_eq!(processor.retrieve(intent_id(&first)).await.unwrap(), first);
    assert_eq!(trial.charges().await, 1);
    let other = processor.charge(&request, "other key").await.unwrap();
    assert_ne!(other.intent_id, first.intent_id);
    assert_eq!(trial.charges().await, 2);
    assert!(processor.list_methods(&customer_id).await.unwrap().is_empty(), "it was not to be saved");
}

pub(super) async fn calls_at_once_with_one_key_charge_once(trial: &dyn Trial) {
    let (processor, customer_id) = (trial.processor(), customer(trial).await);
    let request = wish(trial, &customer_id, Hand::Good);
    let calls = (0..8).map(|_| processor.charge(&request, "key"));
    let outcomes = futures_util::future::join_all(calls).await;
    // Who comes while another call is under way may be told so, and asks again.
    let told: Vec<&ChargeOutcome> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    assert!(!told.is_empty() && told.iter().all(|outcome| *outcome == told[0]));
    let unheard = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    assert!(unheard.clone().all(|error| matches!(error, Error::Unknown { .. })), "{outcomes:?}");
    assert_eq!(processor.charge(&request, "key").await.unwrap(), *told[0]);
    assert_eq!(trial.charges().await, 1);
}

pub(super) async fn a_key_names_one_wish(trial: &dyn Trial) {
    let (processor, customer_id) = (trial.processor(), customer(trial).await);
    let request = wish(trial, &customer_id, Hand::Good);
    processor.charge(&request, "key").await.unwrap();
    let other = ChargeRequest { amount_cents: AMOUNT + 1, ..request };
    let error = processor.charge(&other, "key").await.unwrap_err();
    assert!(matches!(error, Error::Misconfigured { .. }), "{error:?}");
    assert_eq!(trial.charges().await, 1);
}

pub(super) async fn a_decline_is_an_answer_and_stays_one(trial: &dyn Trial) {
    let (processor, customer_id) = (trial.processor(), customer(trial).await);
    for (hand, code, hard) in [(Hand::Poor, "insufficient_funds", false), (Hand::Lost, "lost_card", true)] {
        let outcome = processor.charge(&wish(trial, &customer_id, hand), code).await.unwrap();
        let ChargeState::Declined(decline) = &outcome.state else { panic!("{outcome:?}") };
        assert_eq!((&*decline.code, decline.hard, decline.authentication_required), (code, hard, false));
        assert!(decline.message.len() > 10);
        let again = processor.charge(&wish(trial, &customer_id, hand), code).await.unwrap();
        assert_eq!(again, outcome);
        let now = processor.retrieve(intent_id(&outcome)).await.unwrap();
        assert_eq!((now.intent_id, now.state), (outcome.intent_id, outcome.state));
    }
    let bad = ChargeRequest {
        source: Source::ConfirmationToken(String::from("ctoken_of_nobody")),
        ..wish(trial, &customer_id, Hand::Good)
    };
    let outcome = processor.charge(&bad, "bad token").await.unwrap();
    assert!(matches!(outcome.state, ChargeState::Declined(_)), "{outcome:?}");
    assert_eq!(trial.charges().await, 0);
}

pub(super) async fn a_customer_keeps_their_id(trial: &dyn Trial) {
    let (processor, id) = (trial.processor(), customer(trial).await);
    assert_eq!(customer(trial).await, id, "the same call makes the same customer");
    let request = CustomerRequest {
        reference: String::from("customer-1"),
        email: String::from("other@example.com"),
        existing_id: Some(id.clone()),
        ..CustomerRequest::default()
    };
    assert_eq!(processor.ensure_customer(&request, "customer/1/2").await.unwrap(), id);
    assert!(processor.list_methods("cus_of_nobody").await.unwrap().is_empty());
}

pub(super) async fn a_bank_that_asks_is_answered(trial: &dyn Trial) {
    let (processor, customer_id) = (trial.processor(), customer(trial).await);
    let request = wish(trial, &customer_id, Hand::Asking);
    let asked = processor.charge(&request, "key").await.unwrap();
    let ChargeState::RequiresAction { url } = &asked.state else { panic!("{asked:?}") };
    assert!(url.as_ref().is_some_and(|url| url.starts_with("http")), "{url:?}");
    assert_eq!(trial.charges().await, 0);
    trial.prove(asked.client_secret.as_deref().unwrap(), true).await;
    let paid = processor.retrieve(intent_id(&asked)).await.unwrap();
    assert!(succeeded(&paid), "{paid:?}");
    assert_eq!(paid.intent_id, asked.intent_id);
    assert_eq!(trial.charges().await, 1);
}

pub(super) async fn a_customer_who_is_not_it_does_not_pay(trial: &dyn Trial) {
    let (processor, customer_id) = (trial.processor(), customer(trial).await);
    let asked = processor.charge(&wish(trial, &customer_id, Hand::Asking), "key").await.unwrap();
    trial.prove(asked.client_secret.as_deref().unwrap(), false).await;
    let failed = processor.retrieve(intent_id(&asked)).await.unwrap();
    let ChargeState::Declined(decline) = failed.state else { panic!("{failed:?}") };
    assert!(!decline.hard, "another try may go well");
    assert_eq!(trial.charges().await, 0);
}

pub(super) async fn what_waits_for_the_customer_can_be_given_up(trial: &dyn Trial) {
    let (processor, customer_id) = (trial.processor(), customer(trial).await);
    let asked = processor.charge(&wish(trial, &customer_id, Hand::Asking), "key").await.unwrap();
    for _ in 0..2 {
        let outcome = processor.cancel(intent_id(&asked), "cancel").await.unwrap();
        assert_eq!(outcome.state, ChargeState::Canceled);
    }
    trial.prove(asked.client_secret.as_deref().unwrap(), true).await;
    assert_eq!(processor.retrieve(intent_id(&asked)).await.unwrap().state, ChargeState::Canceled);
    assert_eq!(trial.charges().await, 0);
    let paid = processor.charge(&wish(trial, &customer_id, Hand::Good), "good").await.unwrap();
    assert_eq!(processor.cancel(intent_id(&paid), "cancel paid").await.unwrap(), paid);
}

pub(super) async fn a_saved_method_is_charged_without_the_customer(trial: &dyn Trial) {
    charge_later(trial, Hand::Good).await;
}

pub(super) async fn a_bank_that_has_asked_does_not_ask_for_renewals(trial: &dyn Trial) {
    charge_later(trial, Hand::Asking).await;
}

async fn charge_later(trial: &dyn Trial, hand: Hand) {
    let (processor, customer_id) = (trial.processor(), customer(trial).await);
    let method = saved(trial, &customer_id, hand).await;
    assert_eq!(processor.list_methods(&customer_id).await.unwrap(), std::slice::from_ref(&method));
    let outcome = processor.charge(&renewal(&customer_id, &method), "renewal").await.unwrap();
    let ChargeState::Succeeded { method: Some(charged), .. } = outcome.state else { panic!("{outcome:?}") };
    assert_eq!(charged, method);
    assert_eq!(trial.charges().await, 2);
}

pub(super) async fn a_method_is_saved_without_a_charge(trial: &dyn Trial) {
    let (processor, customer_id) = (trial.processor(), customer(trial).await);
    let request = set_up_wish(trial, &customer_id, Hand::Good);
    let outcome = processor.set_up(&request, "key").await.unwrap();
    let SetupState::Succeeded { method } = &outcome.state else { panic!("{outcome:?}") };
    assert_eq!(processor.set_up(&request, "key").await.unwrap(), outcome);
    assert_eq!(processor.retrieve_setup(outcome.intent_id.as_deref().unwrap()).await.unwrap(), outcome);
    assert_eq!(processor.list_methods(&customer_id).await.unwrap(), std::slice::from_ref(method));
    assert_eq!(trial.charges().await, 0);
    let poor = processor.set_up(&set_up_wish(trial, &customer_id, Hand::Lost), "lost").await.unwrap();
    assert!(matches!(&poor.state, SetupState::Declined(decline) if decline.hard), "{poor:?}");
}

pub(super) async fn a_bank_that_asks_is_asked_when_a_method_is_saved(trial: &dyn Trial) {
    let (processor, customer_id) = (trial.processor(), customer(trial).await);
    for (key, approve) in [("yes", true), ("no", false)] {
        let asked = processor.set_up(&set_up_wish(trial, &customer_id, Hand::Asking), key).await.unwrap();
        assert!(matches!(asked.state, SetupState::RequiresAction { .. }), "{asked:?}");
        trial.prove(asked.client_secret.as_deref().unwrap(), approve).await;
        let outcome = processor.retrieve_setup(asked.intent_id.as_deref().unwrap()).await.unwrap();
        match outcome.state {
            SetupState::Succeeded { .. } => assert!(approve),
            SetupState::Declined(_) => assert!(!approve),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(processor.list_methods(&customer_id).await.unwrap().len(), 1);
}

pub(super) async fn a_bank_that_always_asks_needs_the_customer(trial: &dyn Trial) {
    let (processor, customer_id) = (trial.processor(), customer(trial).await);
    let method = saved(trial, &customer_id, Hand::AlwaysAsking).await;
    let outcome = processor.charge(&renewal(&customer_id, &method), "renewal").await.unwrap();
    let ChargeState::Declined(decline) = outcome.state else { panic!("{outcome:?}") };
    assert!(decline.authentication_required && !decline.hard, "{decline:?}");
    let there = ChargeRequest {
        off_session: false,
        return_url: Some(String::from("https://shop.example.com/back")),
        ..renewal(&customer_id, &method)
    };
    let asked = processor.charge(&there, "there").await.unwrap();
    assert!(matches!(asked.state, ChargeState::RequiresAction { .. }), "{asked:?}");
}

pub(super) async fn a_method_that_was_forgotten_is_not_charged(trial: &dyn Trial) {
    let (processor, customer_id) = (trial.processor(), customer(trial).await);
    let method = saved(trial, &customer_id, Hand::Good).await;
    for _ in 0..2 {
        processor.detach(&method.id).await.unwrap();
        assert!(processor.list_methods(&customer_id).await.unwrap().is_empty());
    }
    processor.detach("pm_of_nobody").await.unwrap();
    let outcome = processor.charge(&renewal(&customer_id, &method), "renewal").await.unwrap();
    assert!(matches!(&outcome.state, ChargeState::Declined(decline) if decline.hard), "{outcome:?}");
    assert_eq!(trial.charges().await, 1);
}

pub(super) async fn a_lost_answer_is_had_by_asking_again(trial: &dyn Trial) {
    let (processor, customer_id) = (trial.processor(), customer(trial).await);
    let request = wish(trial, &customer_id, Hand::Unheard);
    let error = processor.charge(&request, "key").await.unwrap_err();
    assert!(matches!(error, Error::Unknown { .. }), "{error:?}");
    let found = processor.find_charge("attempt-1").await.unwrap().unwrap();
    let outcome = processor.charge(&request, "key").await.unwrap();
    assert!(succeeded(&outcome), "{outcome:?}");
    assert_eq!(outcome, found);
    assert_eq!(trial.charges().await, 1);
}

// spec 30 §7.9.56
pub(super) async fn a_charge_is_found_by_its_reference(trial: &dyn Trial) {
    let (processor, customer_id) = (trial.processor(), customer(trial).await);
    assert_eq!(processor.find_charge("attempt-1").await.unwrap(), None);
    processor.charge(&wish(trial, &customer_id, Hand::Poor), "poor").await.unwrap();
    let paid = processor.charge(&wish(trial, &customer_id, Hand::Good), "good").await.unwrap();
    processor.charge(&wish(trial, &customer_id, Hand::Lost), "lost").await.unwrap();
    assert_eq!(processor.find_charge("attempt-1").await.unwrap(), Some(paid), "money comes first");
    assert_eq!(processor.find_charge("attempt-2").await.unwrap(), None);
}

pub(super) async fn what_was_paid_can_be_given_back_and_no_more(trial: &dyn Trial) {
    let (processor, customer_id) = (trial.processor(), customer(trial).await);
    let paid = processor.charge(&wish(trial, &customer_id, Hand::Good), "key").await.unwrap();
    let part = |amount_cents| RefundRequest {
        intent_id: intent_id(&paid).to_owned(),
        amount_cents,
        reference: String::from("refund-1"),
    };
    let first = processor.refund(&part(1000), "refund/1").await.unwrap();
    assert_eq!(first.state, RefundState::Succeeded);
    assert_eq!(processor.refund(&part(1000), "refund/1").await.unwrap(), first);
    assert_eq!(processor.retrieve_refund(first.refund_id.as_deref().unwrap()).await.unwrap(), first);
    assert_eq!(processor.find_refund(intent_id(&paid), "refund-1").await.unwrap(), Some(first.clone()));
    assert_eq!(processor.find_refund(intent_id(&paid), "refund-2").await.unwrap(), None);
    let too_much = processor.refund(&part(235), "refund/2").await.unwrap();
    assert!(matches!(too_much.state, RefundState::Failed { .. }), "{too_much:?}");
    assert_eq!(processor.refund(&part(234), "refund/3").await.unwrap().state, RefundState::Succeeded);
    let of_nothing = processor.charge(&wish(trial, &customer_id, Hand::Poor), "poor").await.unwrap();
    let unpaid = RefundRequest { intent_id: intent_id(&of_nothing).to_owned(), ..part(1) };
    let outcome = processor.refund(&unpaid, "refund/4").await.unwrap();
    assert!(matches!(outcome.state, RefundState::Failed { .. }), "{outcome:?}");
}

pub(super) async fn events_are_believed_if_they_are_signed_now(trial: &dyn Trial) {
    let (processor, customer_id) = (trial.processor(), customer(trial).await);
    let paid = processor.charge(&wish(trial, &customer_id, Hand::Good), "key").await.unwrap();
    let (headers, body, sent_at) = trial.message(intent_id(&paid)).await;
    let events = processor.read_event(&headers, &body, sent_at).unwrap();
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!(event.kind, EventKind::ChargeSucceeded);
    assert_eq!(event.intent_id, paid.intent_id);
    assert_eq!(event.reference.as_deref(), Some("attempt-1"));
    assert_eq!(event.amount_cents, Some(AMOUNT));
    assert!(!event.id.is_empty() && event.occurred_at <= sent_at);

    let later = |seconds| sent_at + SignedDuration::from_secs(seconds);
    assert!(processor.read_event(&headers, &body, later(299)).is_ok());
    assert_eq!(processor.read_event(&headers, &body, later(301)), Err(EventError::Replayed));
    assert_eq!(processor.read_event(&headers, &body, later(-301)), Err(EventError::Replayed));
    let mut other = body.clone();
    let last = other.len() - 2;
    other[last] ^= 1;
    assert_eq!(processor.read_event(&headers, &other, sent_at), Err(EventError::BadSignature));
    assert_eq!(processor.read_event(&HeaderMap::new(), &body, sent_at), Err(EventError::BadSignature));
}
