//! `GET /v1/benefits/{id}/grants`.

use merak_core::benefits::BenefitType;
use serde_json::{Value, json};

use crate::support::shop::order;

scenarios! {
    // spec 20 §3.2
    async fn a_grant_is_shown_with_its_holder(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).await;
        let customer = shop.customer().await;
        let grant = shop.grant(benefit.id, customer.id, order()).await;
        let answer = shop.merchant.get(&format!("/v1/benefits/{}/grants", benefit.id)).await;
        let holder = shop.merchant.get(&format!("/v1/customers/{}", customer.id)).await.expect(200);
        let properties: Value = grant.properties.parse().unwrap();
        let members: Vec<&String> = properties.as_object().unwrap().keys().collect();
        assert_eq!(members, ["license_key_id", "display_key"]);
        let expected = json!({
            "created_at": "2025-01-07T10:00:00Z", "modified_at": "2025-01-07T10:00:00Z", "id": grant.id,
            "granted_at": "2025-01-07T10:00:00Z", "is_granted": true, "revoked_at": null, "is_revoked": false,
            "subscription_id": null, "order_id": grant.order_id, "customer_id": customer.id, "user_id": customer.id,
            "benefit_id": benefit.id, "customer": holder, "properties": properties,
        });
        assert_eq!(answer.json()["items"][0].to_string(), expected.to_string());
    }

    // spec 20 G16
    async fn grants_are_filtered_by_state_and_holder(shop) {
        let benefit = shop.benefit(BenefitType::Custom, json!({})).await;
        let (one, two) = (shop.customer().await, shop.customer().await);
        let purchase = order();
        let first = shop.grant(benefit.id, one.id, order()).await;
        shop.advance(1);
        let revoked = shop.grant(benefit.id, two.id, purchase).await;
        shop.revoke(benefit.id, two.id, purchase).await;
        let ids = |answer: crate::support::Answer| answer.items("id");
        let path = format!("/v1/benefits/{}/grants", benefit.id);
        let (first, revoked) = (first.id.to_string(), revoked.id.to_string());
        assert_eq!(ids(shop.merchant.get(&path).await), [revoked.clone(), first.clone()], "the newest first");
        for (value, expected) in [("true", &first), ("1", &first), ("false", &revoked), ("off", &revoked)] {
            let answer = shop.merchant.get(&format!("{path}?is_granted={value}")).await;
            assert_eq!((answer.items("id"), answer.pagination()), (vec![expected.clone()], (1, 1)), "{value}");
        }
        let answer = shop.merchant.get(&format!("{path}?customer_id={}&is_granted=false", one.id)).await;
        assert_eq!(answer.pagination(), (0, 0));
        let answer = shop.merchant.get(&format!("{path}?customer_id={}&customer_id={}", one.id, two.id)).await;
        assert_eq!((ids(answer.clone()), answer.pagination()), (vec![revoked, first], (2, 1)));
        for value in ["perhaps", ""] {
            let answer = shop.merchant.get(&format!("{path}?is_granted={value}")).await;
            assert_eq!(answer.schema_problems(), ["bool_parsing query.is_granted"]);
        }
    }
}
