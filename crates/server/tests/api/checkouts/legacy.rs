//! The operations that were there before.

use serde_json::{Value, json};

use super::{by_secret, checkout, members, once, product};
use crate::support::{UNKNOWN, everything};

const LEGACY: &str = "/v1/checkouts/";

scenarios! {
    // spec 30 §1.5, §7.8.49, §7.8.50
    async fn an_ordinary_checkout_is_behind_it(shop) {
        let product = product(shop, once(1999)).await;
        let body = json!({"product_price_id": product["prices"][0]["id"], "success_url": "https://example.com?id={CHECKOUT_SESSION_ID}"});
        let made = shop.anonymous.post(LEGACY, body.clone()).await.expect(201);
        assert_eq!(members(&made), "id url customer_email customer_name product product_price");
        assert_eq!((&made["customer_email"], &made["customer_name"]), (&Value::Null, &Value::Null));
        let secret = made["url"].as_str().unwrap().rsplit('/').next().unwrap();
        let seen = shop.anonymous.get(&by_secret(&json!({"client_secret": secret}))).await.expect(200);
        assert_eq!(seen["success_url"], format!("https://example.com/?id={}", made["id"].as_str().unwrap()));
        let path = format!("{LEGACY}{}", made["id"].as_str().unwrap());
        assert_eq!(shop.anonymous.get(&path).await.expect(200), made);
        shop.anonymous.patch(&by_secret(&json!({"client_secret": secret})), json!({"customer_name": "Ada"})).await.expect(200);
        assert_eq!(shop.anonymous.get(&path).await.expect(200)["customer_name"], "Ada");
        let mut with_email = body.clone();
        with_email["customer_email"] = json!("ada@example.com");
        assert_eq!(shop.anonymous.post(LEGACY, with_email).await.expect(201)["customer_email"], "ada@example.com");
        let token = shop.member_with("openid").await.post(LEGACY, body.clone()).await.expect(201);
        assert_eq!(token["customer_email"], Value::Null, "a program may act for others");
        let browser = shop.browser(shop.member.id).await.post(LEGACY, body.clone()).await.expect(201);
        assert_eq!(browser["customer_email"], "nora@fjordsoft.example");
        let customer = shop.customer().await;
        shop.link(customer.id, shop.member.id).await;
        let known = shop.browser(shop.member.id).await.post(LEGACY, body.clone()).await.expect(201);
        assert_eq!(known["customer_email"], json!(customer.email), "who is a customer buys as that");
        let organization = shop.organization_client(shop.organization.id, everything()).await;
        assert_eq!(organization.post(LEGACY, body).await.status, 401);
    }

    // spec 30 §7.8.48, §7.8.50
    async fn what_cannot_be_bought_is_refused(shop) {
        let product = product(shop, once(1999)).await;
        let price = product["prices"][0]["id"].clone();
        let url = "https://example.com/";
        for (body, problem) in [
            (json!({"product_price_id": price}), "missing body.success_url"),
            (json!({"product_price_id": price, "success_url": "x"}), "url_parsing body.success_url"),
            (json!({"product_price_id": price, "success_url": url, "customer_email": "x"}), "value_error body.customer_email"),
        ] {
            assert_eq!(shop.anonymous.post(LEGACY, body.clone()).await.schema_problems(), [problem], "{body}");
        }
        for (body, problem) in [
            (json!({"product_price_id": UNKNOWN, "success_url": url}), "value_error body.product_price_id"),
            (json!({"product_price_id": price, "success_url": url, "subscription_id": UNKNOWN}), "value_error body.subscription_id"),
        ] {
            assert_eq!(shop.anonymous.post(LEGACY, body.clone()).await.rule_problems(), [problem], "{body}");
        }
        let ordinary = checkout(shop, &product).await;
        for id in ["cs_unknown", UNKNOWN, ordinary["id"].as_str().unwrap()] {
            shop.anonymous.get(&format!("{LEGACY}{id}")).await.refused(404, "ResourceNotFound");
        }
        let archived = format!("/v1/products/{}", product["id"].as_str().unwrap());
        shop.merchant.patch(&archived, json!({"is_archived": true})).await.expect(200);
        let body = json!({"product_price_id": price, "success_url": url});
        assert_eq!(shop.anonymous.post(LEGACY, body).await.rule_problems(), ["value_error body.product_price_id"]);
    }
}
