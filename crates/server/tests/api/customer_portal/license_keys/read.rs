//! `GET …/` and `GET …/{id}`.

use merak_core::benefits::BenefitType;
use serde_json::{Value, json};

use super::seat;
use crate::support::everything;

const PATH: &str = "/v1/customer-portal/license-keys/";

scenarios! {
    // spec 40 §6.4 and §2.11
    async fn a_buyer_sees_their_keys_as_the_seller_does(shop) {
        let key = shop.key(json!({"activations": {"limit": 2, "enable_customer_admin": true}})).await;
        seat(shop, &key, json!({"meta": {"b": 1, "a": 2}})).await;
        let buyer = shop.buyer(key.customer_id).await;
        let shown = shop.merchant.get(&format!("/v1/license-keys/{}", key.id)).await;
        assert_eq!(buyer.get(&format!("{PATH}{}", key.id)).await.text(), shown.text());
        let list = buyer.get(PATH).await;
        assert_eq!(list.text(), shop.merchant.get("/v1/license-keys").await.text());
        assert_eq!(list.json()["items"][0].get("activations"), None);
    }

    // spec 40 §2.11: as the benefit's settings are now
    async fn activations_are_shown_only_if_buyers_may_look_after_them(shop) {
        let key = shop.key(json!({"activations": {"limit": 2, "enable_customer_admin": false}})).await;
        seat(shop, &key, json!({})).await;
        let buyer = shop.buyer(key.customer_id).await;
        let path = format!("{PATH}{}", key.id);
        assert_eq!(buyer.get(&path).await.expect(200)["activations"], json!([]));
        let activations = json!({"limit": 2, "enable_customer_admin": true});
        let body = json!({"type": "license_keys", "properties": {"activations": activations}});
        shop.merchant.patch(&format!("/v1/benefits/{}", key.benefit_id), body).await.expect(200);
        assert_eq!(buyer.get(&path).await.expect(200)["activations"].as_array().unwrap().len(), 1);
    }

    // spec 40 §2.10
    async fn all_states_are_listed_and_filters_narrow(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).await;
        let customer = shop.customer().await;
        let mut ids = Vec::new();
        for status in ["revoked", "disabled", "granted"] {
            let key = shop.sell(benefit.id, customer.id).await;
            let path = format!("/v1/license-keys/{}", key.id);
            shop.merchant.patch(&path, json!({"status": status})).await.expect(200);
            ids.push(key.id.to_string());
            shop.advance(1);
        }
        let other = shop.benefit(BenefitType::LicenseKeys, json!({})).await;
        ids.push(shop.sell(other.id, customer.id).await.id.to_string());
        shop.key(json!({})).await;
        let buyer = shop.buyer(customer.id).await;
        assert_eq!(buyer.get(PATH).await.items("id"), ids);
        let answer = buyer.get(&format!("{PATH}?benefit_id={}", benefit.id)).await;
        assert_eq!(answer.items("id"), ids[..3]);
        // spec 40 T-18: a single value, of which the last counts
        let answer = buyer.get(&format!("{PATH}?benefit_id={}&benefit_id={}", benefit.id, other.id)).await;
        assert_eq!(answer.items("id"), ids[3..]);
    }

    // spec 40 §4.1: a person acts for all customers linked to them
    async fn a_user_sees_the_keys_of_every_linked_customer(shop) {
        let stranger = shop.tenant().await;
        let (one, two) = (shop.key(json!({})).await, shop.key_of(&stranger, json!({})).await);
        shop.key(json!({})).await;
        let user = shop.user("joe@example.com").await;
        for key in [&one, &two] {
            shop.link(key.customer_id, user.id).await;
        }
        let joe = shop.user_client(user.id, everything()).await;
        assert_eq!(joe.get(PATH).await.pagination(), (2, 1));
        let answer = joe.get(&format!("{PATH}?organization_id={}", stranger.organization.id)).await;
        assert_eq!(answer.items("id"), [two.id.to_string()]);
        for (key, client) in [(&one, &joe), (&two, &joe)] {
            client.get(&format!("{PATH}{}", key.id)).await.expect(200);
        }
        // The seller is no buyer of their own.
        let answer = shop.merchant.get(&format!("{PATH}{}", one.id)).await;
        answer.refused(404, "ResourceNotFound");
        assert_eq!(shop.merchant.get(PATH).await.expect(200)["items"], Value::Array(Vec::new()));
    }
}
