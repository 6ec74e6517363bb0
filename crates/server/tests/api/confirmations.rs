//! Confirming checkouts with the sandbox's cards, and what follows: orders, renewals, refunds. spec 30 §7.6 and §7.7

use std::time::{Duration, Instant};

use merak_core::customers::Customer;
use merak_core::kit::{Id, Refusal};
use merak_core::subscriptions::Subscription;
use serde_json::{Value, json};

use crate::support::{Answer, Shop, everything};

async fn product(shop: &Shop, price: Value) -> Value {
    let body = json!({"name": "Fjord Editor", "prices": [price], "organization_id": shop.organization.id});
    shop.merchant.post("/v1/products/", body).await.expect(201)
}

fn once() -> Value {
    json!({"type": "one_time", "amount_type": "fixed", "price_amount": 1000, "price_currency": "usd"})
}

fn monthly() -> Value {
    json!({
        "type": "recurring", "recurring_interval": "month", "amount_type": "fixed", "price_amount": 1000,
        "price_currency": "usd"
    })
}

async fn checkout(shop: &Shop, price: Value) -> Value {
    let product = product(shop, price).await;
    let body = json!({"product_id": product["id"]});
    shop.merchant.post("/v1/checkouts/custom/", body).await.expect(201)
}

fn path(checkout: &Value) -> String {
    format!("/v1/checkouts/custom/client/{}", checkout["client_secret"].as_str().unwrap())
}

fn with_card(card: &str) -> Value {
    json!({
        "customer_name": "Ada", "customer_email": "ada@example.com", "customer_billing_address": {"country": "FR"},
        "confirmation_token_id": format!("ctoken_sandbox_{card}")
    })
}

async fn confirm(shop: &Shop, checkout: &Value, body: Value) -> Answer {
    shop.anonymous.post(&format!("{}/confirm", path(checkout)), body).await
}

async fn status(shop: &Shop, checkout: &Value) -> String {
    let shown = shop.anonymous.get(&path(checkout)).await.expect(200);
    shown["status"].as_str().unwrap().to_owned()
}

/// How many rows a statement counts.
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

const ORDERS: &str = "SELECT count(*) FROM orders";

scenarios! {
    // spec 30 §7.6.34, §7.6.37
    async fn a_good_card_buys(shop) {
        let checkout = checkout(shop, once()).await;
        let answer = confirm(shop, &checkout, with_card("success")).await.expect(200);
        assert_eq!(answer["status"], "confirmed");
        assert!(answer["customer_session_token"].as_str().unwrap().starts_with("polar_cst_"));
        let metadata = answer["payment_processor_metadata"].as_object().unwrap();
        assert_eq!(metadata.keys().collect::<Vec<_>>(), ["customer_id", "intent_client_secret", "intent_status"]);
        assert_eq!(metadata["intent_status"], "succeeded");
        assert_eq!(status(shop, &checkout).await, "succeeded");
        // The same again is told the same; anything else is too late.
        let again = confirm(shop, &checkout, with_card("success")).await.expect(200);
        assert_eq!((&again["status"], &again["id"]), (&json!("confirmed"), &answer["id"]));
        confirm(shop, &checkout, with_card("mastercard")).await.refused(403, "NotOpenCheckout");
        assert_eq!(count(shop, ORDERS).await, 1);
        let customers = shop.merchant.get("/v1/customers/").await.expect(200);
        assert_eq!(customers["items"][0]["email"], "ada@example.com");
        let buyer = shop.anonymous.bearer(answer["customer_session_token"].as_str().unwrap());
        let path = format!("/v1/customer-portal/customers/{}", answer["customer_id"].as_str().unwrap());
        assert_eq!(buyer.get(&path).await.expect(200)["id"], customers["items"][0]["id"]);
    }

    // spec 30 T-7: a token that a program sends along is no reason to refuse, and says nothing of who buys
    async fn a_token_that_comes_along_means_nothing(shop) {
        let organization = shop.organization_client(shop.organization.id, everything()).await;
        for (number, program) in [shop.merchant.clone(), organization].iter().enumerate() {
            let checkout = checkout(shop, once()).await;
            let mut body = with_card("success");
            body["customer_email"] = json!(format!("buyer{number}@example.com"));
            program.post(&format!("{}/confirm", path(&checkout)), body).await.expect(200);
        }
        assert_eq!(count(shop, "SELECT count(*) FROM customers WHERE user_id IS NOT NULL").await, 0);
        let checkout = checkout(shop, once()).await;
        let unknown = shop.anonymous.with("authorization", "Bearer polar_pat_unknown");
        let answer = unknown.post(&format!("{}/confirm", path(&checkout)), with_card("success")).await;
        assert_eq!((answer.status, status(shop, &checkout).await.as_str()), (401, "open"));
    }

    // spec 30 §7.6.42
    async fn who_is_signed_in_finds_what_they_bought(shop) {
        shop.sql("UPDATE users SET email_verified = TRUE", Vec::new()).await;
        let browser = shop.browser(shop.member.id).await;
        for (email, orders) in [("ada@example.com", 0), ("NORA@fjordsoft.example", 1)] {
            let checkout = checkout(shop, once()).await;
            let mut body = with_card("success");
            body["customer_email"] = json!(email);
            browser.post(&format!("{}/confirm", path(&checkout)), body).await.expect(200);
            let seen = shop.merchant.get("/v1/customer-portal/orders/").await;
            assert_eq!(seen.pagination().0, orders, "{email}");
        }
    }

    // spec 30 T-9: what a product asks for is asked for at the latest now
    async fn what_must_be_answered_is_answered_now(shop) {
        let body = json!({"type": "select", "slug": "size", "name": "Size", "organization_id": shop.organization.id,
            "properties": {"options": [{"value": "l", "label": "Large"}]}});
        let field = shop.merchant.post("/v1/custom-fields/", body).await.expect(201);
        let body = json!({"name": "Shirt", "prices": [once()], "organization_id": shop.organization.id,
            "attached_custom_fields": [{"custom_field_id": field["id"], "required": true}]});
        let product = shop.merchant.post("/v1/products/", body).await.expect(201);
        let checkout = shop.merchant.post("/v1/checkouts/custom/", json!({"product_id": product["id"]})).await.expect(201);
        let problems = confirm(shop, &checkout, with_card("success")).await.rule_problems();
        assert_eq!(problems, ["missing body.custom_field_data.size"]);
        let mut body = with_card("success");
        body["custom_field_data"] = json!({"size": "l"});
        confirm(shop, &checkout, body).await.expect(200);
        let orders = shop.merchant.get("/v1/orders/").await.expect(200);
        assert_eq!(orders["items"][0]["custom_field_data"], json!({"size": "l"}));
    }

    async fn a_confirmation_that_is_sent_again_under_its_key_is_not_done_again(shop) {
        let checkout = checkout(shop, once()).await;
        let client = shop.anonymous.with("idempotency-key", "confirm-1");
        let path = format!("{}/confirm", path(&checkout));
        let first = client.post(&path, with_card("success")).await.expect(200);
        assert_eq!(client.post(&path, with_card("success")).await.expect(200), first);
        assert_eq!(count(shop, "SELECT count(*) FROM payments").await, 1);
        assert_eq!(client.post(&path, with_card("mastercard")).await.status, 409);
    }

    // Spec 30, 3.7: a change that is charged at once, with a card that is saved.
    async fn a_change_of_the_price_is_charged_once(shop) {
        let yearly = json!({
            "type": "recurring", "recurring_interval": "year", "amount_type": "fixed", "price_amount": 9000,
            "price_currency": "usd"
        });
        let other = product(shop, yearly).await;
        let price = other["prices"][0]["id"].as_str().unwrap().to_owned();
        let checkout = checkout(shop, monthly()).await;
        confirm(shop, &checkout, with_card("success")).await.expect(200);
        let list = shop.merchant.get("/v1/subscriptions/").await.expect(200);
        let path = format!("/v1/subscriptions/{}", list["items"][0]["id"].as_str().unwrap());
        let preview = format!("{path}/preview?product_price_id={price}");
        let told = shop.merchant.get(&preview).await.expect(200);
        assert_eq!((&told["now"]["lines"][1]["amount"], &told["is_paid_first"]), (&json!(9000), &json!(false)));
        assert_eq!((&told["next"]["due_amount"], count(shop, ORDERS).await), (&json!(9000), 1));
        shop.tenant().await.merchant.get(&preview).await.refused(404, "ResourceNotFound");
        shop.anonymous.get(&preview).await.refused(401, "Unauthorized");
        let missing = shop.merchant.get(&format!("{path}/preview")).await;
        assert_eq!(missing.schema_problems(), ["missing query.product_price_id"]);
        let client = shop.merchant.with("idempotency-key", "change-1");
        let body = json!({"product_price_id": price});
        let changed = client.patch(&path, body.clone()).await.expect(200);
        assert_eq!((&changed["status"], &changed["price_id"]), (&json!("active"), &json!(price)));
        assert_eq!(client.patch(&path, body.clone()).await.expect(200), changed);
        // As after a crash that forgot the key: it is done, and is not done again.
        assert_eq!(shop.merchant.patch(&path, body).await.expect(200)["price_id"], json!(price));
        assert_eq!(count(shop, ORDERS).await, 2);
        let charged = "SELECT CAST(sum(amount) AS bigint) FROM payments WHERE status = 'succeeded'";
        let due = told["now"]["due_amount"].as_i64().unwrap();
        assert_eq!(count(shop, charged).await, 1000 + due);
    }

    async fn a_change_whose_charge_is_declined_is_owed(shop) {
        let yearly = json!({
            "type": "recurring", "recurring_interval": "year", "amount_type": "fixed", "price_amount": 9000,
            "price_currency": "usd"
        });
        let other = product(shop, yearly).await;
        let checkout = checkout(shop, monthly()).await;
        confirm(shop, &checkout, with_card("declined_later")).await.expect(200);
        let list = shop.merchant.get("/v1/subscriptions/").await.expect(200);
        let path = format!("/v1/subscriptions/{}", list["items"][0]["id"].as_str().unwrap());
        let body = json!({"product_price_id": other["prices"][0]["id"]});
        let changed = shop.merchant.patch(&path, body.clone()).await.expect(200);
        assert_eq!((&changed["status"], &changed["recurring_interval"]), (&json!("past_due"), &json!("year")));
        shop.merchant.patch(&path, body).await.refused(400, "SubscriptionNotActiveOnStripe");
        assert_eq!((count(shop, ORDERS).await, count(shop, "SELECT count(*) FROM payments").await), (1, 2));
    }

    // spec 30 §7.7.45
    async fn a_declined_card_can_be_replaced(shop) {
        let checkout = checkout(shop, once()).await;
        confirm(shop, &checkout, with_card("insufficient_funds")).await.refused(400, "PaymentError");
        assert_eq!(status(shop, &checkout).await, "open");
        confirm(shop, &checkout, with_card("success")).await.expect(200);
        assert_eq!((status(shop, &checkout).await.as_str(), count(shop, ORDERS).await), ("succeeded", 1));
    }

    // spec 30 §7.6.34, §7.6.35
    async fn what_is_wrong_is_told(shop) {
        let unknown = json!({"client_secret": "polar_c_unknown"});
        confirm(shop, &unknown, with_card("success")).await.refused(404, "ResourceNotFound");
        let checkout = checkout(shop, once()).await;
        let problems = confirm(shop, &checkout, json!({})).await.rule_problems();
        assert_eq!(problems, [
            "missing body.customer_email", "missing body.customer_name", "missing body.customer_billing_address",
            "missing body.confirmation_token_id"
        ]);
    }

    // spec 30 §7.6.39
    async fn what_is_free_is_there_at_once(shop) {
        let checkout = checkout(shop, json!({"type": "one_time", "amount_type": "free"})).await;
        let answer = confirm(shop, &checkout, json!({"customer_email": "ada@example.com"})).await.expect(200);
        assert_eq!(answer["status"], "confirmed");
        let metadata = answer["payment_processor_metadata"].as_object().unwrap();
        assert_eq!(metadata.keys().collect::<Vec<_>>(), ["customer_id"]);
        assert_eq!((status(shop, &checkout).await.as_str(), count(shop, ORDERS).await), ("succeeded", 1));
    }

    async fn an_answer_that_is_lost_is_asked_for_again(shop) {
        let checkout = checkout(shop, once()).await;
        confirm(shop, &checkout, with_card("answer_lost")).await.expect(200);
        assert_eq!((status(shop, &checkout).await.as_str(), count(shop, ORDERS).await), ("succeeded", 1));
        assert_eq!(count(shop, "SELECT count(*) FROM payments").await, 1);
    }

    async fn a_double_click_buys_once(shop) {
        let checkout = checkout(shop, monthly()).await;
        let (one, other) = tokio::join!(
            confirm(shop, &checkout, with_card("success")),
            confirm(shop, &checkout, with_card("success"))
        );
        one.expect(200);
        other.expect(200);
        for (sql, expected) in [
            (ORDERS, 1), ("SELECT count(*) FROM subscriptions", 1), ("SELECT count(*) FROM payments", 1),
            ("SELECT count(*) FROM customers", 1),
        ] {
            assert_eq!(count(shop, sql).await, expected, "{sql}");
        }
    }

    async fn who_has_to_approve_has_it_when_they_do(shop) {
        let checkout = checkout(shop, monthly()).await;
        let answer = confirm(shop, &checkout, with_card("authentication")).await.expect(200);
        assert_eq!(answer["payment_processor_metadata"]["intent_status"], "requires_action");
        assert_eq!((status(shop, &checkout).await.as_str(), count(shop, ORDERS).await), ("confirmed", 0));
        let secret = answer["payment_processor_metadata"]["intent_client_secret"].as_str().unwrap();
        let client = shop.anonymous.with("content-type", "application/x-www-form-urlencoded");
        client.send_bytes("POST", &format!("/sandbox/authenticate/{secret}"), "verdict=approve").await;
        until(shop, ORDERS, 1).await;
        assert_eq!(status(shop, &checkout).await, "succeeded");
    }

    // spec 30 §7.7.44, §7.7.45
    async fn what_is_known_later_succeeds_or_fails_later(shop) {
        for (card, end, orders) in [("delayed_failure", "failed", 0), ("delayed_success", "succeeded", 1)] {
            let checkout = checkout(shop, once()).await;
            confirm(shop, &checkout, with_card(card)).await.expect(200);
            assert_eq!(status(shop, &checkout).await, "confirmed");
            shop.advance(11);
            let begun = Instant::now();
            while status(shop, &checkout).await != end {
                assert!(begun.elapsed() < Duration::from_secs(20), "{card} did not become {end}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert_eq!(count(shop, ORDERS).await, orders);
        }
    }

    // spec 30 §7.7.44
    async fn a_subscription_goes_on_by_itself(shop) {
        let checkout = checkout(shop, monthly()).await;
        confirm(shop, &checkout, with_card("success")).await.expect(200);
        for orders in 2..=4 {
            shop.advance(31 * 86_400);
            until(shop, ORDERS, orders).await;
        }
        let numbers = "SELECT count(*) FROM orders WHERE invoice_number = 4 AND billing_reason = 'subscription_cycle'";
        assert_eq!(count(shop, numbers).await, 1);
        assert_eq!(count(shop, "SELECT count(*) FROM payments WHERE status = 'succeeded'").await, 4);
    }

    async fn a_card_that_is_declined_later_ends_it(shop) {
        let checkout = checkout(shop, monthly()).await;
        confirm(shop, &checkout, with_card("declined_later")).await.expect(200);
        shop.advance(31 * 86_400);
        until(shop, "SELECT count(*) FROM subscriptions WHERE status = 'past_due'", 1).await;
        for retries in 1..=4 {
            shop.advance(2 * 86_400);
            until(shop, "SELECT count(*) - 1 FROM payments WHERE status = 'failed'", retries).await;
        }
        until(shop, "SELECT count(*) FROM subscriptions WHERE status = 'canceled' AND ended_at IS NOT NULL", 1).await;
        assert_eq!(count(shop, ORDERS).await, 1);
    }

    async fn who_leaves_the_bank_can_pay_with_another_card(shop) {
        let checkout = checkout(shop, monthly()).await;
        confirm(shop, &checkout, with_card("declined_later")).await.expect(200);
        shop.advance(31 * 86_400);
        until(shop, "SELECT count(*) FROM subscriptions WHERE status = 'past_due'", 1).await;
        let (customer, subscription): (Id<Customer>, Id<Subscription>) = shop.store
            .read(|tx| Ok::<_, Refusal>(tx.one("SELECT customer_id, id FROM subscriptions", &[])?))
            .await.unwrap();
        let browser = shop.anonymous
            .with("cookie", format!("merak_customer_session={}", shop.buyer_token(customer).await))
            .with("content-type", "application/x-www-form-urlencoded")
            .with("sec-fetch-site", "same-origin");
        let path = format!("/{}/portal/subscriptions/{subscription}/pay", shop.organization.slug);
        let pay = async |number: &str| {
            let form = format!("number={number}&expiry=12+%2F+40&cvc=123");
            browser.send_bytes("POST", &path, form).await.header("location").unwrap().to_owned()
        };
        assert!(pay("4000002500003155").await.starts_with("/sandbox/authenticate/"));
        assert_eq!(count(shop, "SELECT count(*) FROM payments WHERE status = 'requires_action'").await, 1);
        assert!(!pay("4242424242424242").await.starts_with("/sandbox/authenticate/"));
        assert_eq!(count(shop, "SELECT count(*) FROM subscriptions WHERE status = 'active'").await, 1);
        assert_eq!(count(shop, "SELECT count(*) FROM payments WHERE failure_code = 'canceled'").await, 1);
        assert_eq!(count(shop, ORDERS).await, 2);
    }

    /// A server that stopped between planning a payment and asking for it.
    async fn a_payment_that_was_left_alone_is_found(shop) {
        let checkout = checkout(shop, monthly()).await;
        confirm(shop, &checkout, with_card("success")).await.expect(200);
        shop.advance(31 * 86_400);
        until(shop, ORDERS, 2).await;
        // What is asked again is told again, and nothing is charged twice.
        shop.write(|tx| {
            tx.execute("UPDATE payments SET ask_at = planned_at WHERE is_off_session", &[])?;
            Ok(())
        }).await.unwrap();
        until(shop, "SELECT count(*) FROM payments WHERE ask_at IS NULL OR asked > 0", 2).await;
        assert_eq!((count(shop, ORDERS).await, count(shop, "SELECT count(*) FROM payments").await), (2, 2));
    }
}
