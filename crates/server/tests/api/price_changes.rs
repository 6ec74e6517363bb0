//! Changes of a price whose payment needs its time: the customer's bank asks them, takes a while, or does not answer. Spec
//! 30 §3.7

use std::time::{Duration, Instant};

use merak_core::customers::Customer;
use merak_core::kit::Id;
use serde_json::{Value, json};

use crate::support::sales::{recurring, recurring_free};
use crate::support::{Answer, Client, Shop};

const HOME: &str = "/fjordsoft/portal";

/// A customer with a free subscription, whose card was saved by another one.
struct Subscribed {
    customer: Id<Customer>,
    /// The path of the free subscription.
    path: String,
    id: String,
    free: Value,
    /// The price that it is to be changed to.
    paid: Value,
    other: Value,
}

async fn confirm(shop: &Shop, product: &Value, card: &str) {
    let body = json!({"product_id": product["id"]});
    let checkout = shop.merchant.post("/v1/checkouts/custom/", body).await.expect(201);
    let path = format!("/v1/checkouts/custom/client/{}/confirm", checkout["client_secret"].as_str().unwrap());
    let mut body = json!({
        "customer_name": "Ada", "customer_email": "ada@example.com", "customer_billing_address": {"country": "FR"},
    });
    if !card.is_empty() {
        body["confirmation_token_id"] = json!(format!("ctoken_sandbox_{card}"));
    }
    let confirmed = shop.anonymous.post(&path, body).await.expect(200);
    if let Some(secret) = confirmed["payment_processor_metadata"]["intent_client_secret"].as_str()
        && card.starts_with("authentication")
    {
        approve(shop, &format!("/sandbox/authenticate/{secret}"), "approve").await;
    }
}

async fn approve(shop: &Shop, page: &str, verdict: &str) {
    let client = shop.anonymous.with("content-type", "application/x-www-form-urlencoded");
    let answer = client.send_bytes("POST", page, format!("verdict={verdict}")).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
}

impl Subscribed {
    async fn with_card(shop: &Shop, card: &str) -> Self {
        let saving = shop.plan("Another plan", json!([recurring("month", 500)])).await;
        let free = shop.plan("Free plan", json!([recurring_free("month")])).await;
        let paid = shop.plan("Pro plan", json!([recurring("month", 1000)])).await;
        let other = shop.plan("Team plan", json!([recurring("month", 3000)])).await;
        confirm(shop, &saving, card).await;
        // What is known later is known after ten seconds.
        shop.advance(11);
        until(shop, "SELECT count(*) FROM payment_methods", 1).await;
        // As if it had been typed in by who has signed in.
        shop.sql("UPDATE payment_methods SET is_offered = TRUE", Vec::new()).await;
        confirm(shop, &free, "").await;
        let list = format!("/v1/subscriptions/?product_id={}", free["id"].as_str().unwrap());
        let list = shop.merchant.get(&list).await.expect(200);
        let id = list["items"][0]["id"].as_str().unwrap().to_owned();
        Self {
            customer: list["items"][0]["customer_id"].as_str().unwrap().parse().unwrap(),
            path: format!("/v1/subscriptions/{id}"),
            id,
            free: free["prices"][0]["id"].clone(),
            paid: paid["prices"][0]["id"].clone(),
            other: other["prices"][0]["id"].clone(),
        }
    }

    async fn change(&self, shop: &Shop, price: &Value) -> Answer {
        shop.merchant.patch(&self.path, json!({"product_price_id": price})).await
    }

    async fn price(&self, shop: &Shop) -> Value {
        let list = shop.merchant.get("/v1/subscriptions/?limit=100").await.expect(200);
        let items = list["items"].as_array().unwrap();
        items.iter().find(|item| item["id"] == json!(self.id)).unwrap()["price_id"].clone()
    }

    async fn browser(&self, shop: &Shop) -> Client {
        let token = shop.owner_token(self.customer).await;
        shop.anonymous.with("cookie", format!("merak_customer_session={token}"))
    }

    /// Changes the plan in the portal.
    async fn change_in_portal(&self, shop: &Shop, price: &Value) -> Answer {
        let client = self.browser(shop).await;
        let client = client
            .with("content-type", "application/x-www-form-urlencoded")
            .with("sec-fetch-site", "same-origin");
        let form = format!("price={}&seen=9999", price.as_str().unwrap());
        client.send_bytes("POST", &format!("{HOME}/subscriptions/{}/plan", self.id), form).await
    }
}

async fn count(shop: &Shop, sql: &'static str) -> i64 {
    shop.write(move |tx| Ok(tx.one(sql, &[])?)).await.unwrap()
}

async fn until(shop: &Shop, sql: &'static str, expected: i64) {
    let begun = Instant::now();
    while count(shop, sql).await != expected {
        assert!(begun.elapsed() < Duration::from_secs(20), "{sql} did not become {expected}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

const CHARGED: &str = "SELECT CAST(coalesce(sum(amount), 0) AS bigint) FROM payments WHERE status = 'succeeded' AND amount >= 1000";
const UNDER_WAY: &str =
    "SELECT count(*) FROM payments WHERE status IN ('pending', 'processing', 'requires_action')";
const OPEN: &str = "SELECT count(*) FROM invoices WHERE status = 'open'";
const NOT_PAID: &str = "SELECT count(*) FROM emails WHERE kind = 'change_not_paid'";

scenarios! {
    async fn what_the_bank_decides_later_changes_the_price_then(shop) {
        let one = Subscribed::with_card(shop, "delayed_success").await;
        let answered = one.change(shop, &one.paid).await.expect(200);
        assert_eq!((&answered["price_id"], &answered["status"]), (&one.free, &json!("active")));
        // Who asks again is told the same; nothing is asked for twice, and another change has to wait.
        assert_eq!(one.change(shop, &one.paid).await.expect(200), answered);
        assert_eq!(count(shop, UNDER_WAY).await, 1);
        let refused = one.change(shop, &one.other).await;
        assert!(refused.text().contains("is being processed"), "{}", refused.text());
        refused.refused(400, "BadRequest");
        shop.advance(11);
        until(shop, CHARGED, 1000).await;
        assert_eq!(one.price(shop).await, one.paid);
        assert_eq!(one.change(shop, &one.paid).await.expect(200)["price_id"], one.paid);
        assert_eq!((count(shop, CHARGED).await, count(shop, UNDER_WAY).await, count(shop, NOT_PAID).await), (1000, 0, 0));
    }

    async fn what_the_bank_declines_later_changes_nothing_and_is_told(shop) {
        let saving = Subscribed::with_card(shop, "delayed_success").await;
        // The card of later is one that the bank declines after a while.
        let declining = "UPDATE sandbox_records SET content = REPLACE(content, 'delayed_success', 'delayed_failure') \
            WHERE id LIKE 'pm_%'";
        shop.sql(declining, Vec::new()).await;
        let answered = saving.change(shop, &saving.paid).await.expect(200);
        assert_eq!(answered["price_id"], saving.free);
        shop.advance(11);
        until(shop, NOT_PAID, 1).await;
        assert_eq!((saving.price(shop).await, count(shop, CHARGED).await, count(shop, OPEN).await), (saving.free.clone(), 0, 0));
        // It can be tried again at once.
        assert_eq!(saving.change(shop, &saving.other).await.expect(200)["price_id"], saving.free);
    }

    async fn a_program_is_told_that_the_customer_has_to_approve(shop) {
        let one = Subscribed::with_card(shop, "authentication_always").await;
        let buyer = shop.buyer(one.customer).await;
        let path = format!("/v1/customer-portal/subscriptions/{}", one.id);
        for answer in [
            one.change(shop, &one.paid).await,
            buyer.patch(&path, json!({"product_price_id": one.paid})).await,
        ] {
            let text = answer.text();
            assert!(text.contains("Your bank wants you to confirm this payment.") && text.contains("customer portal"), "{text}");
            answer.refused(400, "MissingPaymentMethod");
        }
        assert_eq!((one.price(shop).await, count(shop, CHARGED).await), (one.free.clone(), 0));
        // Who called was told, so there is no mail.
        assert_eq!((count(shop, OPEN).await, count(shop, UNDER_WAY).await, count(shop, NOT_PAID).await), (0, 0, 0));
    }

    async fn a_customer_in_the_portal_is_led_to_their_bank(shop) {
        let one = Subscribed::with_card(shop, "authentication_always").await;
        let led = one.change_in_portal(shop, &one.paid).await;
        let bank = led.header("location").unwrap().to_owned();
        assert!(led.status == 303 && bank.starts_with("/sandbox/authenticate/"), "{bank}");
        assert_eq!((one.price(shop).await, count(shop, UNDER_WAY).await), (one.free.clone(), 1));
        // Who comes back without having answered is led there once more.
        assert_eq!(one.change_in_portal(shop, &one.paid).await.header("location"), Some(bank.as_str()));
        approve(shop, &bank, "approve").await;
        until(shop, CHARGED, 1000).await;
        assert_eq!((one.price(shop).await, count(shop, UNDER_WAY).await), (one.paid.clone(), 0));
    }

    async fn who_does_not_approve_keeps_what_they_have(shop) {
        let one = Subscribed::with_card(shop, "authentication_always").await;
        let led = one.change_in_portal(shop, &one.paid).await;
        approve(shop, led.header("location").unwrap(), "fail").await;
        until(shop, UNDER_WAY, 0).await;
        assert_eq!((one.price(shop).await, count(shop, OPEN).await, count(shop, CHARGED).await), (one.free.clone(), 0, 0));
        // Or they think better of it: the change makes way for another one, and can't be approved any more.
        let first = one.change_in_portal(shop, &one.paid).await;
        let second = one.change_in_portal(shop, &one.other).await;
        assert_ne!(first.header("location"), second.header("location"));
        approve(shop, second.header("location").unwrap(), "approve").await;
        until(shop, CHARGED, 3000).await;
        assert_eq!(one.price(shop).await, one.other);
        approve(shop, first.header("location").unwrap(), "approve").await;
        assert_eq!((one.price(shop).await, count(shop, CHARGED).await), (one.other.clone(), 3000));
        assert_eq!(count(shop, "SELECT count(*) FROM payments WHERE failure_code = 'canceled'").await, 1);
        assert_eq!(count(shop, NOT_PAID).await, 1);
    }

    async fn who_never_approves_is_not_waited_for(shop) {
        let one = Subscribed::with_card(shop, "authentication_always").await;
        one.change_in_portal(shop, &one.paid).await;
        shop.advance(25 * 3600);
        until(shop, UNDER_WAY, 0).await;
        assert_eq!((one.price(shop).await, count(shop, OPEN).await), (one.free.clone(), 0));
        assert_eq!((count(shop, CHARGED).await, count(shop, NOT_PAID).await), (0, 1));
    }

    async fn an_answer_that_is_lost_is_asked_for_again(shop) {
        let one = Subscribed::with_card(shop, "answer_lost").await;
        assert_eq!(one.change(shop, &one.paid).await.expect(200)["price_id"], one.paid);
        assert_eq!((count(shop, CHARGED).await, count(shop, UNDER_WAY).await), (1000, 0));
    }

    // What was paid for already changes at once, and is owed if it is not paid.
    async fn a_new_period_that_has_to_be_approved_begins_at_once(shop) {
        let one = Subscribed::with_card(shop, "authentication_always").await;
        let yearly = shop.plan("Yearly plan", json!([recurring("year", 9000)])).await["prices"][0]["id"].clone();
        let led = one.change_in_portal(shop, &one.paid).await;
        approve(shop, led.header("location").unwrap(), "approve").await;
        until(shop, CHARGED, 1000).await;
        let led = one.change_in_portal(shop, &yearly).await;
        assert_eq!(one.price(shop).await, yearly);
        approve(shop, led.header("location").unwrap(), "approve").await;
        until(shop, CHARGED, 9000).await;
        assert_eq!((count(shop, OPEN).await, count(shop, "SELECT count(*) FROM subscriptions WHERE status <> 'active'").await), (0, 0));
    }

    async fn a_new_period_that_nobody_can_approve_is_owed(shop) {
        let one = Subscribed::with_card(shop, "authentication_always").await;
        let yearly = shop.plan("Yearly plan", json!([recurring("year", 9000)])).await["prices"][0]["id"].clone();
        let led = one.change_in_portal(shop, &one.paid).await;
        approve(shop, led.header("location").unwrap(), "approve").await;
        until(shop, CHARGED, 1000).await;
        let changed = one.change(shop, &yearly).await.expect(200);
        assert_eq!((&changed["price_id"], &changed["status"]), (&yearly, &json!("past_due")));
        until(shop, "SELECT count(*) FROM emails WHERE kind = 'payment_failed'", 1).await;
    }
}
