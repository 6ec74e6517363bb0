//! `GET /v1/checkouts/custom/client/{client_secret}/stream`.

use serde_json::json;

use super::{by_secret, checkout, once, product};
use crate::support::http::EVENT_STREAM;
use crate::support::sales::recurring;

scenarios! {
    // spec 30 §1.4 C9, §7.9.58 and §7.10.61
    async fn a_page_hears_how_its_checkout_goes_on(shop) {
        let product = product(shop, recurring("month", 1000)).await;
        let (made, other) = (checkout(shop, &product).await, checkout(shop, &product).await);
        let mut stream = shop.anonymous.listen(&format!("{}/stream", by_secret(&made))).await;
        assert_eq!(stream.status, 200);
        for (name, value) in [("content-type", EVENT_STREAM), ("cache-control", "no-store"), ("x-accel-buffering", "no")] {
            assert_eq!(stream.headers[name], value);
        }
        let name = json!({"customer_name": "Ada"});
        for one in [&other, &made] {
            shop.anonymous.patch(&by_secret(one), name.clone()).await.expect(200);
        }
        let body = json!({"customer_email": "ada@example.com", "customer_billing_address": {"country": "FR"},
            "confirmation_token_id": "ctoken_sandbox_success"});
        shop.anonymous.post(&format!("{}/confirm", by_secret(&made)), body).await.expect(200);
        let mut heard = Vec::new();
        for _ in 0..8 {
            heard.push(stream.next().await.unwrap());
        }
        let of = |key: &str, payload: serde_json::Value| (key.to_owned(), payload);
        let updated = |status: &str| ["updated", "webhook_event_delivered"].map(|key| of(&format!("checkout.{key}"), json!({"status": status})));
        let expected = [
            updated("open").to_vec(),
            updated("confirmed").to_vec(),
            vec![of("checkout.subscription_created", json!({})), of("checkout.order_created", json!({}))],
            updated("succeeded").to_vec(),
        ].concat();
        assert_eq!(heard, expected, "and nothing of the other");
    }

    async fn nobody_listens_without_the_secret_or_to_what_is_over(shop) {
        let product = product(shop, once(1999)).await;
        let made = checkout(shop, &product).await;
        let wrong = json!({"client_secret": "polar_c_wrong"});
        shop.anonymous.get(&format!("{}/stream", by_secret(&wrong))).await.refused(404, "ResourceNotFound");
        shop.advance(1800);
        shop.anonymous.get(&format!("{}/stream", by_secret(&made))).await.refused(404, "ResourceNotFound");
    }
}
