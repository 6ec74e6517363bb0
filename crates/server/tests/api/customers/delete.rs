//! `DELETE /v1/customers/{id}`.

use serde_json::json;

use crate::support::shop::naming;

scenarios! {
    // spec 10 §10.8 line 97
    async fn a_deleted_customer_is_gone_from_every_answer(shop) {
        let customer = shop.customer().await;
        let path = format!("/v1/customers/{}", customer.id);
        let answer = shop.merchant.delete(&path).await;
        assert_eq!((answer.status, answer.text().as_str()), (204, ""));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        for answer in [
            shop.merchant.get(&path).await,
            shop.merchant.patch(&path, json!({"name": "x"})).await,
            shop.merchant.delete(&path).await,
        ] {
            answer.refused(404, "ResourceNotFound");
        }
        assert_eq!(shop.merchant.get("/v1/customers/").await.pagination(), (0, 0));
        let answer = shop.merchant.post("/v1/customer-sessions/", json!({"customer_id": customer.id})).await;
        assert_eq!(answer.rule_problems(), ["value_error body.customer_id"]);
    }

    // spec 10 §4.2 and D-7
    async fn the_address_of_a_deleted_customer_can_be_used_again(shop) {
        let customer = shop.customer().await;
        shop.merchant.delete(&format!("/v1/customers/{}", customer.id)).await.expect(204);
        let body = json!({"email": customer.email.as_str(), "organization_id": shop.organization.id});
        let again = shop.merchant.post("/v1/customers/", body).await.expect(201);
        assert_ne!(again["id"], customer.id.to_string());
    }

    // spec 40 §4.1
    async fn the_sessions_of_a_deleted_customer_end(shop) {
        let customer = shop.customer().await;
        let buyer = shop.buyer(customer.id).await;
        let path = format!("/v1/customer-portal/customers/{}", customer.id);
        buyer.get(&path).await.expect(200);
        shop.merchant.delete(&format!("/v1/customers/{}", customer.id)).await.expect(204);
        assert_eq!(buyer.get(&path).await.expect(401)["error"], "invalid_token");
    }

    // spec 10 §4.2: what was granted is taken back
    async fn the_keys_of_a_deleted_customer_are_revoked(shop) {
        let key = shop.key(json!({})).await;
        shop.merchant.delete(&format!("/v1/customers/{}", key.customer_id)).await.expect(204);
        shop.work_done().await;
        let shown = shop.merchant.get(&format!("/v1/license-keys/{}", key.id)).await.expect(200);
        assert_eq!(shown["status"], "revoked");
        assert_eq!(shown["customer"]["id"], key.customer_id.to_string(), "the seller still sees whose it was");
        let answer = shop.anonymous.post("/v1/customer-portal/license-keys/validate", naming(&key)).await;
        answer.refused(404, "ResourceNotFound");
    }
}
