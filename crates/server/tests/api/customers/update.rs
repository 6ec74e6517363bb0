//! `PATCH /v1/customers/{id}`.

use serde_json::{Value, json};

scenarios! {
    // spec 10 §10.8 line 93
    async fn a_new_address_is_not_verified(shop) {
        let (customer, _) = (shop.customer().await, shop.customer_of(shop.organization.id, "taken@example.com").await);
        let path = format!("/v1/customers/{}", customer.id);
        let verify = || shop.sql("UPDATE customers SET email_verified = $1", vec![Box::new(true)]);
        verify().await;
        let answer = shop.merchant.patch(&path, json!({"email": "TAKEN@example.com"})).await;
        assert_eq!(answer.rule_problems(), ["value_error body.email"]);
        let own = customer.email.as_str().to_uppercase();
        let kept = shop.merchant.patch(&path, json!({"email": own})).await.expect(200);
        assert_eq!(kept["email_verified"], true);
        let changed = shop.merchant.patch(&path, json!({"email": "fresh@example.com", "name": "Joe"})).await.expect(200);
        assert_eq!((&changed["email"], &changed["name"]), (&json!("fresh@example.com"), &json!("Joe")));
        assert_eq!(changed["email_verified"], false);
    }

    // spec 10 §4.2
    async fn what_is_left_out_stays_and_null_clears(shop) {
        let customer = shop.customer().await;
        let path = format!("/v1/customers/{}", customer.id);
        let all = json!({"name": "Joe", "billing_address": {"line1": "A", "country": "FR"}, "tax_id": ["1", "eu_vat"]});
        let full = shop.merchant.patch(&path, all).await.expect(200);
        shop.advance(1);
        let same = shop.merchant.patch(&path, json!({})).await.expect(200);
        assert_eq!(same, full, "an empty change leaves even the time");
        let replaced = shop.merchant.patch(&path, json!({"billing_address": {"country": "DE"}})).await.expect(200);
        assert_eq!(replaced["billing_address"]["line1"], Value::Null);
        assert_eq!(replaced["name"], "Joe");
        let nulls = json!({"name": null, "billing_address": null, "tax_id": null});
        let cleared = shop.merchant.patch(&path, nulls).await.expect(200);
        for name in ["name", "billing_address", "tax_id"] {
            assert_eq!(cleared[name], Value::Null, "{name}");
        }
    }

    // spec 10 §4.2 and D-8
    async fn an_address_is_never_cleared(shop) {
        let path = format!("/v1/customers/{}", shop.customer().await.id);
        let answer = shop.merchant.patch(&path, json!({"email": null})).await;
        assert_eq!(answer.rule_problems(), ["value_error body.email"]);
    }

    // spec 50 §1.9
    async fn metadata_is_replaced_as_a_whole(shop) {
        let path = format!("/v1/customers/{}", shop.customer().await.id);
        shop.merchant.patch(&path, json!({"metadata": {"a": 1, "b": 2}})).await.expect(200);
        let kept = shop.merchant.patch(&path, json!({"name": "x"})).await.expect(200);
        assert_eq!(kept["metadata"], json!({"a": 1, "b": 2}));
        let replaced = shop.merchant.patch(&path, json!({"metadata": {"c": true}})).await.expect(200);
        assert_eq!(replaced["metadata"], json!({"c": true}));
    }

    // spec 10 §4.2
    async fn a_customer_stays_with_the_organization(shop) {
        let (customer, second) = (shop.customer().await, shop.second_organization("second").await);
        let path = format!("/v1/customers/{}", customer.id);
        let same = shop.merchant.patch(&path, json!({"organization_id": second.id})).await.expect(200);
        assert_eq!(same["organization_id"], shop.organization.id.to_string());
    }
}
