//! `GET /v1/customer-portal/customers/{id}`.

use serde_json::json;

use crate::support::everything;

scenarios! {
    // spec 40 §5.2
    async fn a_customer_sees_themselves_and_nobody_else(shop) {
        let (customer, other) = (shop.customer().await, shop.customer().await);
        let body = json!({"name": "Nora", "billing_address": {"country": "NO"}, "tax_id": ["1", "no_vat"], "metadata": {"a": 1}});
        shop.merchant.patch(&format!("/v1/customers/{}", customer.id), body).await.expect(200);
        let user = shop.user("nora.private@example.com").await;
        shop.link(customer.id, user.id).await;
        let expected = json!({
            "created_at": "2025-01-07T10:00:00Z", "modified_at": "2025-01-07T10:00:00Z", "id": customer.id,
            "email": customer.email.as_str(), "email_verified": false, "name": "Nora",
            "billing_address": {"line1": null, "line2": null, "postal_code": null, "city": null, "state": null, "country": "NO"},
            "tax_id": ["1", "no_vat"], "oauth_accounts": {},
        });
        for client in [shop.buyer(customer.id).await, shop.user_client(user.id, everything()).await] {
            let path = |id| format!("/v1/customer-portal/customers/{id}");
            assert_eq!(client.get(&path(customer.id)).await.text(), expected.to_string());
            client.get(&path(other.id)).await.refused(404, "ResourceNotFound");
        }
    }
}
