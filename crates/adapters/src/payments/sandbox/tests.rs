//! Tests of the sandbox: what every processor does, and what comes of each card.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::header::HeaderMap;

use super::records::{Content, Purpose, Stage};
use super::*;
use crate::payments::conformance::{Hand, Trial, conforms};
use crate::payments::{
    ChargeRequest, Event, EventError, EventKind, Processor, RefundRequest, RefundState, Source,
};

/// A sandbox with a memory of its own.
struct Played {
    sandbox: Sandbox,
    memory: Arc<ShortMemory>,
}

/// The 27th of November 2026, at noon.
const NOON: i64 = 1_795_780_800;

impl Played {
    fn new() -> Self {
        let memory = Arc::new(ShortMemory::new(Timestamp::from_second(NOON).unwrap()));
        let sandbox = Sandbox::new(&[7; 32], "https://shop.example.com", Arc::clone(&memory) as _);
        Self { sandbox, memory }
    }

    /// The sandbox of another node, with the same memory.
    fn other_node(&self) -> Sandbox {
        Sandbox::new(&[7; 32], "https://shop.example.com", Arc::clone(&self.memory) as _)
    }

    fn wish(name: &str) -> ChargeRequest {
        ChargeRequest {
            customer_id: String::from("cus_1"),
            amount_cents: 2000,
            currency: String::from("usd"),
            source: Source::ConfirmationToken(format!("{TOKEN_PREFIX}{name}")),
            off_session: false,
            save_method: true,
            return_url: Some(String::from("https://shop.example.com/back")),
            metadata: Vec::new(),
            reference: format!("attempt-{name}"),
        }
    }

    async fn charge(&self, name: &str) -> ChargeOutcome {
        self.sandbox.charge(&Self::wish(name), name).await.unwrap()
    }

    /// What a charge without the customer comes to, of a card that was saved by another charge.
    async fn renew(&self, name: &str) -> ChargeState {
        let first = self.charge(name).await;
        let ChargeState::Succeeded { method: Some(method), .. } = first.state else { panic!("{first:?}") };
        let source = Source::SavedMethod(method.id);
        let wish = ChargeRequest { source, off_session: true, save_method: false, ..Self::wish(name) };
        self.sandbox.charge(&wish, "renewal").await.unwrap().state
    }

    /// The events that are due, read as they arrive, and acknowledged.
    async fn hear(&self) -> Vec<Event> {
        let mut heard = Vec::new();
        for message in self.sandbox.due_events().await.unwrap() {
            heard
                .extend(self.sandbox.read_event(&message.headers, &message.body, self.memory.now()).unwrap());
            self.sandbox.acknowledge(&[message]).await.unwrap();
        }
        heard
    }

    /// The same after a while, as kinds.
    async fn hear_after(&self, seconds: i64) -> Vec<EventKind> {
        self.memory.pass(seconds);
        self.hear().await.into_iter().map(|event| event.kind).collect()
    }
}

#[async_trait]
impl Trial for Played {
    fn processor(&self) -> &dyn Processor {
        &self.sandbox
    }

    fn token(&self, hand: Hand) -> String {
        let name = match hand {
            Hand::Good => "success",
            Hand::Poor => "insufficient_funds",
            Hand::Lost => "lost_card",
            Hand::Asking => "authentication",
            Hand::AlwaysAsking => "authentication_always",
            Hand::Unheard => "answer_lost",
        };
        format!("{TOKEN_PREFIX}{name}")
    }

    async fn prove(&self, client_secret: &str, approve: bool) {
        let verdict = if approve { Verdict::Approve } else { Verdict::Fail };
        self.sandbox.finish_action(client_secret, verdict).await.unwrap().unwrap();
    }

    async fn charges(&self) -> usize {
        let mut charges = 0;
        for reference in ["attempt-1", "renewal-1"] {
            for record in self.memory.list(&format!("reference/{reference}")).await.unwrap() {
                let Content::Intent(intent) = Content::read(&record).unwrap() else { continue };
                let is_charge = matches!(intent.purpose, Purpose::Charge { .. });
                charges += usize::from(is_charge && intent.stage_at(NOON) == Stage::Succeeded);
            }
        }
        charges
    }

    async fn message(&self, _intent_id: &str) -> (HeaderMap, Vec<u8>, Timestamp) {
        let message = self.sandbox.due_events().await.unwrap().remove(0);
        (message.headers, message.body, self.memory.now())
    }
}

conforms!(async { Played::new() });

fn declined(state: &ChargeState) -> (&str, bool, bool) {
    let ChargeState::Declined(decline) = state else { panic!("{state:?}") };
    (&decline.code, decline.hard, decline.authentication_required)
}

#[tokio::test]
async fn cards_are_declined_for_the_reason_in_their_name() {
    let played = Played::new();
    for (name, expected) in [
        ("declined", ("card_declined", false, false)),
        ("insufficient_funds", ("insufficient_funds", false, false)),
        ("incorrect_cvc", ("incorrect_cvc", false, false)),
        ("expired_card", ("expired_card", true, false)),
        ("lost_card", ("lost_card", true, false)),
    ] {
        let outcome = played.charge(name).await;
        assert_eq!(declined(&outcome.state), expected);
        let heard = played.hear_after(0).await;
        assert!(matches!(&heard[..], [EventKind::ChargeFailed(decline)] if decline.code == expected.0));
    }
    assert!(played.sandbox.list_methods("cus_1").await.unwrap().is_empty());
}

#[tokio::test]
async fn renewals_are_declined_softly_hard_or_for_want_of_the_customer() {
    assert_eq!(declined(&Played::new().renew("declined_later").await), ("card_declined", false, false));
    assert_eq!(declined(&Played::new().renew("lost_later").await), ("lost_card", true, false));
}

#[tokio::test]
async fn cards_have_brands_and_countries() {
    let played = Played::new();
    for (name, brand, country, last4) in [
        ("mastercard", "mastercard", "US", "4444"),
        ("amex", "amex", "US", "0005"),
        ("france", "visa", "FR", "0003"),
        ("germany", "visa", "DE", "0016"),
    ] {
        let ChargeState::Succeeded { method: Some(method), fee_cents, .. } = played.charge(name).await.state
        else {
            panic!("{name}")
        };
        assert_eq!(method.brand.as_deref(), Some(brand));
        assert_eq!(method.country.as_deref(), Some(country));
        assert_eq!(method.last4.as_deref(), Some(last4));
        assert_eq!(fee_cents, Some(88));
    }
}

#[tokio::test]
async fn a_delayed_outcome_is_known_after_a_while() {
    for (name, is_good) in [("delayed_success", true), ("delayed_failure", false)] {
        let played = Played::new();
        let outcome = played.charge(name).await;
        assert_eq!(outcome.state, ChargeState::Processing);
        assert!(played.hear_after(9).await.is_empty());
        let heard = played.hear_after(1).await;
        assert_eq!(matches!(&heard[..], [EventKind::ChargeSucceeded]), is_good, "{heard:?}");
        assert_eq!(matches!(&heard[..], [EventKind::ChargeFailed(_)]), !is_good, "{heard:?}");
        let intent_id = outcome.intent_id.unwrap();
        let now = played.sandbox.retrieve(&intent_id).await.unwrap();
        assert_eq!(matches!(now.state, ChargeState::Succeeded { .. }), is_good, "{now:?}");
        assert_eq!(played.charge(name).await, now, "the key tells the same");
        assert_eq!(played.sandbox.list_methods("cus_1").await.unwrap().len(), usize::from(is_good));
        assert!(played.hear_after(10_000).await.is_empty());
    }
}

#[tokio::test]
async fn an_event_can_come_twice_with_one_name() {
    let played = Played::new();
    played.charge("events_twice").await;
    let first = played.hear().await;
    played.memory.pass(5);
    let second = played.hear().await;
    assert_eq!(first.len(), 1);
    assert_eq!(first, second);
    assert!(played.hear_after(10_000).await.is_empty());
}

#[tokio::test]
async fn events_can_come_in_the_wrong_order() {
    let played = Played::new();
    let outcome = played.charge("events_reversed").await;
    let first = played.hear().await.remove(0);
    played.memory.pass(5);
    let second = played.hear().await.remove(0);
    assert_eq!(first.kind, EventKind::ChargeSucceeded);
    assert!(matches!(second.kind, EventKind::ChargeFailed(_)));
    assert!(second.occurred_at < first.occurred_at);
    assert_eq!(first.intent_id, second.intent_id);
    assert_eq!(played.sandbox.retrieve(&outcome.intent_id.clone().unwrap()).await.unwrap(), outcome);
}

#[tokio::test]
async fn an_event_can_come_late() {
    let played = Played::new();
    played.charge("events_late").await;
    assert!(played.hear_after(299).await.is_empty());
    assert_eq!(played.hear_after(1).await, [EventKind::ChargeSucceeded]);
}

#[tokio::test]
async fn a_dispute_opens_and_is_closed() {
    for (name, expected) in [("dispute_lost", false), ("dispute_won", true)] {
        let played = Played::new();
        played.charge(name).await;
        assert_eq!(played.hear_after(0).await, [EventKind::ChargeSucceeded]);
        let opened = played.hear_after(10).await;
        let [EventKind::DisputeOpened { dispute_id: opened }] = &opened[..] else { panic!("{opened:?}") };
        let closed = played.hear_after(50).await;
        let [EventKind::DisputeClosed { dispute_id, won }] = &closed[..] else { panic!("{closed:?}") };
        assert_eq!((dispute_id, *won), (opened, expected));
    }
}

#[tokio::test]
async fn a_refund_can_take_a_while_and_fail() {
    for (name, is_good) in [("refund_pending", true), ("refund_failed", false)] {
        let played = Played::new();
        let intent_id = played.charge(name).await.intent_id.unwrap();
        played.hear().await;
        let wish = RefundRequest { intent_id, amount_cents: 2000, reference: String::from("refund-1") };
        let made = played.sandbox.refund(&wish, "refund").await.unwrap();
        assert_eq!(made.state, RefundState::Pending);
        let too_much = played.sandbox.refund(&wish, "refund/2").await.unwrap();
        assert!(matches!(too_much.state, RefundState::Failed { .. }), "what is pending is spoken for");
        played.memory.pass(10);
        let refund_id = made.refund_id.unwrap();
        let told = played.hear().await.remove(0);
        assert_eq!(told.reference.as_deref(), Some("refund-1"));
        let now = played.sandbox.retrieve_refund(&refund_id).await.unwrap().state;
        if is_good {
            assert_eq!((told.kind, now), (EventKind::RefundSettled { refund_id }, RefundState::Succeeded));
        } else {
            assert_eq!(told.kind, EventKind::RefundFailed { refund_id });
            assert!(matches!(now, RefundState::Failed { .. }));
            let again = played.sandbox.refund(&wish, "refund/3").await.unwrap();
            assert_eq!(again.state, RefundState::Pending, "the money is still there");
        }
    }
}

#[tokio::test]
async fn an_event_is_told_until_it_is_heard() {
    let played = Played::new();
    played.charge("success").await;
    let mut told = 0;
    for _ in 0..30 {
        told += played.sandbox.due_events().await.unwrap().len();
        assert!(played.other_node().due_events().await.unwrap().is_empty(), "told by one node at a time");
        played.memory.pass(20_000);
    }
    assert_eq!(told, 10, "nobody listens");
}

#[tokio::test]
async fn events_of_many_charges_are_told_and_heard_together() {
    let played = Played::new();
    for name in ["success", "mastercard", "events_twice"] {
        played.charge(name).await;
    }
    let mut told = played.sandbox.due_events().await.unwrap();
    assert_eq!(told.len(), 3);
    let unheard = told.remove(0);
    played.sandbox.acknowledge(&told).await.unwrap();
    // What was not heard is told again, and what was heard is not; the second event of one comes in its time.
    assert_eq!(played.hear_after(5).await, [EventKind::ChargeSucceeded]);
    played.memory.pass(3600);
    let again = played.sandbox.due_events().await.unwrap();
    assert_eq!(again.iter().map(|event| &event.body).collect::<Vec<_>>(), [&unheard.body]);
    played.sandbox.acknowledge(&[again, vec![unheard]].concat()).await.unwrap();
    assert!(played.hear_after(100_000).await.is_empty());
    played.sandbox.acknowledge(&[]).await.unwrap();
}

#[tokio::test]
async fn the_first_word_of_the_customer_counts_on_every_node() {
    let played = Played::new();
    let asked = played.charge("authentication_always").await;
    let ChargeState::RequiresAction { url: Some(url) } = &asked.state else { panic!("{asked:?}") };
    let secret = url.strip_prefix("https://shop.example.com/sandbox/authenticate/").unwrap();
    assert_eq!(Some(secret), asked.client_secret.as_deref());
    let action = played.sandbox.find_action(secret).await.unwrap().unwrap();
    assert_eq!(action.amount, Some((2000, String::from("usd"))));
    assert_eq!(action.return_url.as_deref(), Some("https://shop.example.com/back"));
    assert!(action.is_open);
    let node = played.other_node();
    let finished = node.finish_action(secret, Verdict::Fail).await.unwrap().unwrap();
    assert!(!finished.is_open);
    let again = played.sandbox.finish_action(secret, Verdict::Approve).await.unwrap().unwrap();
    assert_eq!(again, finished);
    let now = played.sandbox.retrieve(&asked.intent_id.unwrap()).await.unwrap();
    assert_eq!(declined(&now.state), ("authentication_failed", false, false));
    assert_eq!(played.hear().await.len(), 1);
}

#[tokio::test]
async fn a_client_secret_cannot_be_guessed() {
    let played = Played::new();
    let asked = played.charge("authentication").await;
    let secret = asked.client_secret.unwrap();
    let (intent_id, tag) = secret.split_once("_secret_").unwrap();
    let other = Sandbox::new(&[8; 32], "https://shop.example.com", Arc::clone(&played.memory) as _);
    assert_eq!(other.find_action(&secret).await.unwrap(), None);
    for wrong in
        ["", intent_id, &format!("{intent_id}_secret_"), &format!("{intent_id}_secret_{}", &tag[2..])]
    {
        assert_eq!(played.sandbox.find_action(wrong).await.unwrap(), None, "{wrong}");
        assert_eq!(played.sandbox.finish_action(wrong, Verdict::Approve).await.unwrap(), None, "{wrong}");
    }
    let paid = played.charge("success").await.client_secret.unwrap();
    assert_eq!(played.sandbox.find_action(&paid).await.unwrap(), None, "nothing was asked");
}

#[tokio::test]
async fn amounts_that_no_card_pays_are_declined() {
    let played = Played::new();
    for (amount_cents, code) in
        [(-1, "amount_too_small"), (49, "amount_too_small"), (100_000_000, "amount_too_large")]
    {
        let wish = ChargeRequest { amount_cents, ..Played::wish("success") };
        let outcome = played.sandbox.charge(&wish, "key").await.unwrap();
        assert_eq!(declined(&outcome.state), (code, true, false));
    }
    assert_eq!(played.sandbox.minimum_cents("usd"), 50);
}

#[tokio::test]
async fn what_was_typed_becomes_a_token() {
    let played = Played::new();
    let card = |number: &str, exp_month, exp_year, cvc: &str| Card {
        number: number.to_owned(),
        exp_month,
        exp_year,
        cvc: cvc.to_owned(),
    };
    let token = played.sandbox.confirmation_token(&card("4000 0025 0000-0003", 11, 2026, "123")).unwrap();
    let source = Source::ConfirmationToken(token.clone());
    let wish = ChargeRequest { source, ..Played::wish("typed") };
    let outcome = played.sandbox.charge(&wish, "key").await.unwrap();
    let ChargeState::Succeeded { method: Some(method), .. } = outcome.state else { panic!("{outcome:?}") };
    assert_eq!((method.exp_month, method.exp_year), (Some(11), Some(2026)));
    assert_eq!(method.country.as_deref(), Some("FR"));

    for (typed, problem) in [
        (card("4111111111111111", 11, 2026, "123"), CardProblem::Number),
        (card("", 11, 2026, "123"), CardProblem::Number),
        (card("4242424242424242", 10, 2026, "123"), CardProblem::Expiry),
        (card("4242424242424242", 12, 2025, "123"), CardProblem::Expiry),
        (card("4242424242424242", 13, 2030, "123"), CardProblem::Expiry),
        (card("4242424242424242", 0, 2030, "123"), CardProblem::Expiry),
        (card("4242424242424242", 12, 2030, "12"), CardProblem::Cvc),
        (card("4242424242424242", 12, 2030, "12345"), CardProblem::Cvc),
        (card("4242424242424242", 12, 2030, "12a"), CardProblem::Cvc),
    ] {
        assert_eq!(played.sandbox.confirmation_token(&typed), Err(problem));
    }

    let is_known = |token: &str| played.sandbox.presented(token).is_some();
    assert!(is_known(&token));
    assert!(!is_known(&token.replace("france", "germany")), "what was signed is not what is said");
    assert!(!is_known("ctoken_sandbox_") && !is_known("ctoken_sandbox_nothing") && !is_known("success"));
    played.memory.pass(12 * 60 * 60 + 1);
    assert!(!is_known(&token), "it is too old");
    assert!(is_known("ctoken_sandbox_success"));
}

#[tokio::test]
async fn a_message_that_is_signed_and_no_event_is_bad() {
    let played = Played::new();
    let now = played.memory.now();
    let body = b"{\"id\": 1}";
    let signature = played.sandbox.signer.sign(body, now).parse().unwrap();
    let headers = HeaderMap::from_iter([(SIGNATURE_HEADER, signature)]);
    assert_eq!(played.sandbox.read_event(&headers, body, now), Err(EventError::BadPayload));
}

#[tokio::test]
async fn another_customers_method_is_not_charged() {
    let played = Played::new();
    let first = played.charge("success").await;
    let ChargeState::Succeeded { method: Some(method), .. } = first.state else { panic!("{first:?}") };
    let wish = ChargeRequest {
        customer_id: String::from("cus_2"),
        source: Source::SavedMethod(method.id),
        ..Played::wish("success")
    };
    let outcome = played.sandbox.charge(&wish, "foreign").await.unwrap();
    assert_eq!(declined(&outcome.state).0, "unknown_payment_method");
}

#[test]
fn nothing_secret_prints() {
    let played = Played::new();
    let card =
        Card { number: String::from("4242424242424242"), exp_month: 1, exp_year: 2030, cvc: String::new() };
    let text = format!("{:?}{card:?}", played.sandbox);
    assert!(!text.contains("4242") && !text.contains("Hmac"), "{text}");
}
