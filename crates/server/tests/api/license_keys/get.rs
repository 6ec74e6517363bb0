//! `GET /v1/license-keys/{id}`.

use serde_json::{Value, json};

use crate::support::shop::naming;
use crate::support::{UNKNOWN, everything};

scenarios! {
    // spec 40 §7.1
    async fn a_key_is_shown_to_its_seller_with_every_member(shop) {
        let key = shop.key(json!({
            "prefix": "testing", "expires": {"ttl": 1, "timeframe": "year"}, "limit_usage": 500,
            "activations": {"limit": 3, "enable_customer_admin": false},
        })).await;
        assert!(key.key.starts_with("TESTING-"), "{}", key.key);
        let path = format!("/v1/license-keys/{}", key.id);
        let holder = shop.merchant.get(&format!("/v1/customers/{}", key.customer_id)).await.expect(200);
        let last = &key.key[key.key.len() - 6..];
        let expected = json!({
            "id": key.id, "organization_id": shop.organization.id, "user_id": key.customer_id,
            "customer_id": key.customer_id,
            "user": {"id": key.customer_id, "email": holder["email"], "public_name": "c", "avatar_url": null},
            "customer": holder, "benefit_id": key.benefit_id, "key": key.key, "display_key": format!("****-{last}"),
            "status": "granted", "limit_activations": 3, "usage": 0, "limit_usage": 500, "validations": 0,
            "last_validated_at": null, "expires_at": "2026-01-07T10:00:00Z", "activations": [],
        });
        let own = shop.organization_client(shop.organization.id, everything()).await;
        for client in [&shop.merchant, &own] {
            assert_eq!(client.get(&path).await.text(), expected.to_string());
        }
    }

    // spec 40 §7.1, §2.7 and T-4
    async fn a_key_of_another_seller_is_unauthorized(shop) {
        let stranger = shop.tenant().await;
        let key = shop.key_of(&stranger, json!({})).await;
        let path = format!("/v1/license-keys/{}", key.id);
        for answer in [
            shop.merchant.get(&path).await,
            shop.merchant.patch(&path, json!({"status": "revoked"})).await,
            shop.merchant.get(&format!("{path}/activations/{UNKNOWN}")).await,
        ] {
            answer.refused(401, "Unauthorized");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"polar\""));
        }
        assert_eq!(shop.merchant.get("/v1/license-keys").await.pagination(), (0, 0));
        let path = format!("/v1/license-keys/{UNKNOWN}");
        shop.merchant.get(&path).await.refused(404, "ResourceNotFound");
        shop.merchant.patch(&path, json!({})).await.refused(404, "ResourceNotFound");
    }

    // spec 40 §2.1 and T-10
    async fn the_public_name_is_one_letter(shop) {
        let key = shop.key(json!({})).await;
        let customer = format!("/v1/customers/{}", key.customer_id);
        let path = format!("/v1/license-keys/{}", key.id);
        for (name, expected) in [(json!("Élodie"), "É"), (json!(""), "c"), (Value::Null, "c"), (json!("🦄x"), "🦄")] {
            shop.merchant.patch(&customer, json!({"name": name})).await.expect(200);
            assert_eq!(shop.merchant.get(&path).await.expect(200)["user"]["public_name"], expected);
        }
    }

    // spec 40 §2.7: whatever customers may see
    async fn the_seller_sees_all_live_activations_oldest_first(shop) {
        let key = shop.key(json!({"activations": {"limit": 3, "enable_customer_admin": false}})).await;
        let mut ids = Vec::new();
        for label in ["one", "two", "three"] {
            let mut body = naming(&key);
            body["label"] = json!(label);
            let made = shop.anonymous.post("/v1/customer-portal/license-keys/activate", body).await.expect(200);
            ids.push(made["id"].as_str().unwrap().to_owned());
            shop.advance(1);
        }
        let mut body = naming(&key);
        body["activation_id"] = json!(ids[1]);
        shop.anonymous.post("/v1/customer-portal/license-keys/deactivate", body).await.expect(204);
        let shown = shop.merchant.get(&format!("/v1/license-keys/{}", key.id)).await.expect(200);
        let labels: Vec<&Value> = shown["activations"].as_array().unwrap().iter().map(|it| &it["label"]).collect();
        assert_eq!(labels, ["one", "three"]);
    }
}
