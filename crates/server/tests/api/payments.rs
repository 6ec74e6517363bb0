//! Payment processors: what they tell by webhook, the page of the sandbox's bank, and what the sandbox remembers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use merak_adapters::payments::sandbox::{Sandbox, ShortMemory, SignedEvent};
use merak_adapters::payments::{ChargeOutcome, ChargeRequest, ChargeState, Processor, Source, stripe};
use merak_server::{Config, Payments};
use merak_testkit::{Engine, TestDatabase};
use serde_json::{Value, json};

use crate::support::shop::config;
use crate::support::{Answer, Shop, migrated};

const SANDBOX: &str = "/v1/integrations/sandbox/webhook";
const STRIPE: &str = "/v1/integrations/stripe/webhook";

fn sandbox(shop: &Shop) -> Sandbox {
    merak_server::sandbox(&shop.store, &shop.secret, &format!("http://{}", shop.server.address()))
}

fn wish(card: &str) -> ChargeRequest {
    ChargeRequest {
        customer_id: String::from("cus_1"),
        amount_cents: 123_456,
        currency: String::from("usd"),
        source: Source::ConfirmationToken(format!("ctoken_sandbox_{card}")),
        off_session: false,
        save_method: true,
        return_url: Some(String::from("https://shop.example/done?checkout=1")),
        metadata: Vec::new(),
        reference: format!("attempt-{card}"),
    }
}

/// An event that the shop's sandbox signed, and that no courier has seen.
async fn message(shop: &Shop) -> SignedEvent {
    let memory = Arc::new(ShortMemory::new(shop.store.now().into()));
    let sandbox = Sandbox::new(&shop.secret.derive("sandbox for payments"), "http://localhost", memory);
    sandbox.charge(&wish("success"), "key").await.unwrap();
    sandbox.due_events().await.unwrap().remove(0)
}

async fn tell(shop: &Shop, path: &str, (header, signature): (&'static str, &str), body: &[u8]) -> Answer {
    shop.anonymous.with(header, signature).send_bytes("POST", path, body.to_vec()).await
}

async fn tell_sandbox(shop: &Shop, message: &SignedEvent, body: &[u8]) -> Answer {
    let signature = message.headers["sandbox-signature"].to_str().unwrap();
    tell(shop, SANDBOX, ("sandbox-signature", signature), body).await
}

/// The header that Stripe would send with a body.
fn stripe_signature(shop: &Shop, body: &[u8]) -> String {
    let time = shop.store.now().as_seconds();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"whsec_1");
    let signature = ring::hmac::sign(&key, &[format!("{time}.").as_bytes(), body].concat());
    let digits = signature.as_ref().iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
    format!("t={time},v1={digits}")
}

fn page_of(outcome: &ChargeOutcome, shop: &Shop) -> String {
    let ChargeState::RequiresAction { url: Some(url) } = &outcome.state else { panic!("{outcome:?}") };
    url.strip_prefix(&format!("http://{}", shop.server.address())).unwrap().to_owned()
}

async fn say(shop: &Shop, page: &str, form: &'static str) -> Answer {
    let client = shop.anonymous.with("content-type", "application/x-www-form-urlencoded");
    client.send_bytes("POST", page, form).await
}

scenarios! {
    async fn an_event_of_the_sandbox_is_heard(shop) {
        let message = message(shop).await;
        // It may come twice.
        for _ in 0..2 {
            assert_eq!(tell_sandbox(shop, &message, &message.body).await.expect(202), Value::Null);
        }
    }

    async fn what_the_sandbox_did_not_sign_just_now_is_refused(shop) {
        let message = message(shop).await;
        for body in [&b"{}"[..], b"", b"\xff\xfe", &message.body[1..]] {
            tell_sandbox(shop, &message, body).await.refused(401, "Unauthorized");
        }
        shop.anonymous.send_bytes("POST", SANDBOX, message.body.clone()).await.refused(401, "Unauthorized");
        shop.advance(301);
        tell_sandbox(shop, &message, &message.body).await.refused(401, "Unauthorized");
    }

    async fn a_processor_that_is_not_used_is_not_heard(shop) {
        shop.anonymous.send_bytes("POST", STRIPE, "{}").await.refused(404, "ResourceNotFound");
    }

    async fn the_bank_of_the_sandbox_asks_and_sends_back(shop) {
        let sandbox = sandbox(shop);
        for (key, form, is_good) in [("yes", "verdict=approve", true), ("no", "verdict=fail", false)] {
            let asked = sandbox.charge(&wish("authentication"), key).await.unwrap();
            let page = page_of(&asked, shop);
            let shown = shop.anonymous.get(&page).await;
            assert_eq!((shown.status, shown.header("content-type")), (200, Some("text/html; charset=utf-8")));
            let text = shown.text();
            assert!(text.contains("1234.56 USD") && text.contains("<form method=\"post\">"), "{text}");
            assert!(!text.contains("<script"), "it works without");
            let policy = shown.header("content-security-policy").unwrap();
            assert!(policy.contains("frame-ancestors *"), "{policy}");
            assert!(policy.contains("form-action 'self' https://shop.example;"), "{policy}");
            assert_eq!(shown.header("cache-control"), Some("no-store"));
            assert_eq!(shown.header("referrer-policy"), Some("no-referrer"));

            for nonsense in ["", "verdict=maybe", "approve=1"] {
                assert_eq!(say(shop, &page, nonsense).await.status, 400, "{nonsense}");
            }
            let answered = say(shop, &page, form).await;
            assert_eq!(answered.status, 303);
            assert_eq!(answered.header("location"), Some("https://shop.example/done?checkout=1"));
            let now = sandbox.retrieve(asked.intent_id.as_deref().unwrap()).await.unwrap();
            assert_eq!(matches!(now.state, ChargeState::Succeeded { .. }), is_good, "{now:?}");
            assert_eq!(matches!(now.state, ChargeState::Declined(_)), !is_good, "{now:?}");

            // The second word counts for nothing, and the page says so.
            let other = if is_good { "verdict=fail" } else { "verdict=approve" };
            assert_eq!(say(shop, &page, other).await.status, 303);
            assert_eq!(sandbox.retrieve(asked.intent_id.as_deref().unwrap()).await.unwrap(), now);
            let text = shop.anonymous.get(&page).await.text();
            assert!(text.contains("answered already") && !text.contains("<form"), "{text}");
        }
    }

    async fn nobody_can_guess_the_page_of_a_payment(shop) {
        let sandbox = sandbox(shop);
        let asked = sandbox.charge(&wish("authentication"), "key").await.unwrap();
        let page = page_of(&asked, shop);
        let (last, rest) = (page.chars().last().unwrap(), &page[..page.len() - 1]);
        let other = format!("{rest}{}", if last == '0' { '1' } else { '0' });
        for wrong in [other.as_str(), "/sandbox/authenticate/x", "/sandbox/authenticate/%ff"] {
            assert!(matches!(shop.anonymous.get(wrong).await.status, 400 | 404), "{wrong}");
            assert!(matches!(say(shop, wrong, "verdict=approve").await.status, 400 | 404), "{wrong}");
        }
        let now = sandbox.retrieve(asked.intent_id.as_deref().unwrap()).await.unwrap();
        assert_eq!(now.state, asked.state);
    }

    async fn the_courier_brings_events_until_they_are_heard(shop) {
        let sandbox = sandbox(shop);
        sandbox.charge(&wish("events_twice"), "key").await.unwrap();
        shop.advance(5);
        let begin = Instant::now();
        loop {
            let due = shop.store.read(|tx| {
                tx.one::<i64>("SELECT count(*) FROM sandbox_records WHERE due_at IS NOT NULL", &[])
            });
            if due.await.unwrap_or(1) == 0 {
                break;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "the courier did not come");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let records: i64 =
            shop.store.read(|tx| tx.one("SELECT count(*) FROM sandbox_records", &[])).await.unwrap();
        assert_eq!(records, 2, "the charge and its card stay");
    }

    async fn calls_at_once_on_several_nodes_charge_once(shop) {
        let (one, other) = (sandbox(shop), sandbox(shop));
        let request = wish("success");
        let calls = (0..8).map(|n| if n % 2 == 0 { &one } else { &other }.charge(&request, "key"));
        let outcomes = futures_util::future::join_all(calls).await;
        let first = outcomes[0].as_ref().unwrap();
        assert!(outcomes.iter().all(|outcome| outcome.as_ref().unwrap() == first), "{outcomes:?}");
        assert_eq!(one.find_charge("attempt-success").await.unwrap().as_ref(), Some(first));
        assert_eq!(other.list_methods("cus_1").await.unwrap().len(), 1);
        let records: i64 =
            shop.store.read(|tx| tx.one("SELECT count(*) FROM sandbox_records", &[])).await.unwrap();
        assert_eq!(records, 2, "one charge and its card");
    }
}

async fn with_stripe(database: TestDatabase) -> Shop {
    let payments = Payments::Stripe(stripe::Options {
        url: "http://127.0.0.1:9".parse().unwrap(),
        secret_key: String::from("sk_test_1"),
        publishable_key: String::from("pk_test_1"),
        webhook_secret: String::from("whsec_1"),
    });
    Shop::open_with(database, Config { payments, ..config() }).await
}

merak_testkit::both_engines! {
    setup = migrated;

    async fn stripe_is_heard_if_it_signed_just_now(database: TestDatabase) {
        let shop = with_stripe(database).await;
        let event = json!({
            "id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "created": 1,
            "data": {"object": {"id": "pi_1", "object": "payment_intent", "metadata": {"reference": "x"}}},
        })
        .to_string();
        let signature = stripe_signature(&shop, event.as_bytes());
        let header = ("stripe-signature", &*signature);
        assert_eq!(tell(&shop, STRIPE, header, event.as_bytes()).await.expect(202), Value::Null);
        tell(&shop, STRIPE, header, b"{}").await.refused(401, "Unauthorized");
        let garbage = b"{\"id\": 1";
        let signature = stripe_signature(&shop, garbage);
        tell(&shop, STRIPE, ("stripe-signature", &signature), garbage).await.refused(400, "BadRequest");
        shop.anonymous.send_bytes("POST", SANDBOX, "{}").await.refused(404, "ResourceNotFound");
        assert_eq!(shop.anonymous.get("/sandbox/authenticate/x").await.status, 404);
    }
}

// Long calls for one page are as cheap as any other, but not for nothing.
#[test]
fn calls_of_the_bank_are_counted() {
    merak_testkit::run(async {
        let settings = Config { rate_limit_per_address: 1, ..config() };
        let shop = Shop::open_with(migrated(Engine::Sqlite), settings).await;
        let mut statuses = Vec::new();
        for _ in 0..20 {
            statuses.push(shop.anonymous.get("/sandbox/authenticate/x").await.status);
        }
        assert!(statuses.contains(&404) && statuses.contains(&429), "{statuses:?}");
    });
}
