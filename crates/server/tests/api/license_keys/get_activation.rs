//! `GET /v1/license-keys/{id}/activations/{activation_id}`.

use serde_json::json;

use crate::support::UNKNOWN;
use crate::support::shop::naming;

scenarios! {
    // spec 40 §7.1 and §2.9
    async fn an_activation_is_shown_with_its_key(shop) {
        let seats = json!({"activations": {"limit": 2, "enable_customer_admin": true}});
        let (key, other) = (shop.key(seats.clone()).await, shop.key(seats).await);
        let mut body = naming(&key);
        body["label"] = json!("laptop");
        body["meta"] = json!({"zebra": 1, "ant": 2});
        let answer = shop.anonymous.post("/v1/customer-portal/license-keys/activate", body).await;
        let made = answer.expect(200);
        let id = made["id"].as_str().unwrap();
        let path = format!("/v1/license-keys/{}/activations/{id}", key.id);
        assert_eq!(shop.merchant.get(&path).await.text(), answer.text());
        for path in [
            format!("/v1/license-keys/{}/activations/{id}", other.id),
            format!("/v1/license-keys/{}/activations/{UNKNOWN}", key.id),
            format!("/v1/license-keys/{UNKNOWN}/activations/{id}"),
        ] {
            shop.merchant.get(&path).await.refused(404, "ResourceNotFound");
        }
        let answer = shop.merchant.get("/v1/license-keys/x/activations/y").await;
        assert_eq!(answer.schema_problems(), ["uuid_parsing path.id", "uuid_parsing path.activation_id"]);
        let mut body = naming(&key);
        body["activation_id"] = json!(id);
        shop.anonymous.post("/v1/customer-portal/license-keys/deactivate", body).await.expect(204);
        shop.merchant.get(&path).await.refused(404, "ResourceNotFound");
    }
}
