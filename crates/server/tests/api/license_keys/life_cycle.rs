//! Keys between grant and revocation.

use merak_core::benefits::BenefitType;
use serde_json::json;

use crate::support::shop::{naming, order};

const VALIDATE: &str = "/v1/customer-portal/license-keys/validate";

scenarios! {
    // spec 40 §7.4, spec 20 G15
    async fn a_grant_that_is_repeated_gives_the_same_key(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).await;
        let (customer, purchase) = (shop.customer().await, order());
        let first = shop.grant(benefit.id, customer.id, purchase).await;
        let again = shop.grant(benefit.id, customer.id, purchase).await;
        assert_eq!((first.id, first.modified_at), (again.id, again.modified_at));
        assert_eq!(shop.merchant.get("/v1/license-keys").await.pagination(), (1, 1));
    }

    // spec 40 §7.4: a key that was revoked comes back to life
    async fn a_purchase_that_comes_back_revives_its_key(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).await;
        let (customer, purchase) = (shop.customer().await, order());
        let key = shop.key_of_grant(&shop.grant(benefit.id, customer.id, purchase).await).await;
        shop.anonymous.post(VALIDATE, naming(&key)).await.expect(200);
        shop.revoke(benefit.id, customer.id, purchase).await;
        shop.anonymous.post(VALIDATE, naming(&key)).await.refused(404, "ResourceNotFound");
        let revived = shop.key_of_grant(&shop.grant(benefit.id, customer.id, purchase).await).await;
        assert_eq!(revived.key, key.key);
        assert_eq!(shop.anonymous.post(VALIDATE, naming(&key)).await.expect(200)["validations"], 2);
    }

    // spec 40 §3.3: the other purchase is not touched
    async fn a_revoked_purchase_takes_its_own_key_only(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).await;
        let (customer, purchase) = (shop.customer().await, order());
        let ends = shop.key_of_grant(&shop.grant(benefit.id, customer.id, purchase).await).await;
        let stays = shop.sell(benefit.id, customer.id).await;
        shop.revoke(benefit.id, customer.id, purchase).await;
        shop.anonymous.post(VALIDATE, naming(&ends)).await.refused(404, "ResourceNotFound");
        shop.anonymous.post(VALIDATE, naming(&stays)).await.expect(200);
    }

    // spec 40 §3.6: the seller's hand and the grant are two things
    async fn a_status_set_by_hand_leaves_the_grant_alone(shop) {
        let key = shop.key(json!({})).await;
        shop.merchant.patch(&format!("/v1/license-keys/{}", key.id), json!({"status": "revoked"})).await.expect(200);
        let path = format!("/v1/benefits/{}/grants?is_granted=true", key.benefit_id);
        assert_eq!(shop.merchant.get(&path).await.pagination(), (1, 1));
    }

    // spec 40 §3.1
    async fn a_key_is_a_prefix_in_capitals_and_a_random_uuid(shop) {
        for (prefix, expected) in [(json!(null), ""), (json!("  "), ""), (json!(""), ""), (json!(" my app "), "MY APP-")] {
            let key = shop.key(json!({"prefix": prefix})).await.key;
            let body = key.strip_prefix(expected).unwrap();
            assert_eq!(uuid::Uuid::parse_str(body).unwrap().get_version_num(), 4);
            assert_eq!((body.len(), body), (36, body.to_uppercase().as_str()));
        }
    }
}
