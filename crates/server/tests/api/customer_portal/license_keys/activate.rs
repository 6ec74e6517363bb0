//! `POST …/activate`.

use merak_core::kit::Patch;
use merak_core::license_keys::UpdateLicenseKey;
use serde_json::{Value, json};

use super::{call, seat};
use crate::support::{UNKNOWN, everything};

fn seats(limit: i64) -> Value {
    json!({"activations": {"limit": limit, "enable_customer_admin": true}})
}

scenarios! {
    // spec 40 §6.1
    async fn the_answer_is_the_seat_with_its_key(shop) {
        let key = shop.key(seats(3)).await;
        shop.advance(1);
        let body = json!({"label": "studio-mac", "conditions": {"major": 4}, "meta": {"os": "macOS 15.2", "build": 412}});
        let answer = call(shop, "activate", &key, body).await;
        let made = answer.expect(200);
        let mut shown = shop.merchant.get(&format!("/v1/license-keys/{}", key.id)).await.expect(200);
        shown.as_object_mut().unwrap().remove("activations");
        let expected = json!({
            "id": made["id"], "license_key_id": key.id, "label": "studio-mac",
            "meta": {"os": "macOS 15.2", "build": 412}, "created_at": "2025-01-07T10:00:01Z", "modified_at": null,
            "license_key": shown,
        });
        assert_eq!(answer.text(), expected.to_string());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        // spec 40 §2.12: nothing of the key changes
        assert_eq!(shop.find_key(key.id).await.modified_at, key.modified_at);
        assert_eq!((&shown["usage"], &shown["validations"], &shown["last_validated_at"]), (&json!(0), &json!(0), &Value::Null));
    }

    // spec 40 §7.3
    async fn the_same_label_takes_another_seat(shop) {
        let key = shop.key(seats(2)).await;
        for _ in 0..2 {
            call(shop, "activate", &key, json!({"label": ""})).await.expect(200);
        }
        call(shop, "activate", &key, json!({"label": ""})).await.refused(403, "NotPermitted");
    }

    // spec 40 §7.3
    async fn a_seat_given_back_is_free_at_once(shop) {
        let key = shop.key(seats(1)).await;
        let first = seat(shop, &key, json!({})).await;
        call(shop, "activate", &key, json!({"label": "x"})).await.refused(403, "NotPermitted");
        call(shop, "deactivate", &key, json!({"activation_id": first})).await.expect(204);
        call(shop, "activate", &key, json!({"label": "x"})).await.expect(200);
    }

    // spec 40 §7.3 and §2.3: status, then expiry, then whether there are seats at all
    async fn a_key_that_is_not_good_gets_no_seat(shop) {
        let no_seats = shop.key(json!({})).await;
        call(shop, "activate", &no_seats, json!({"label": "x"})).await.refused(403, "NotPermitted");
        for status in ["revoked", "disabled"] {
            let key = shop.key(seats(1)).await;
            shop.merchant.patch(&format!("/v1/license-keys/{}", key.id), json!({"status": status})).await.expect(200);
            call(shop, "activate", &key, json!({"label": "x"})).await.refused(403, "NotPermitted");
        }
        let key = shop.key(json!({"expires": {"ttl": 1, "timeframe": "day"}, "activations": {"limit": 1, "enable_customer_admin": true}})).await;
        shop.advance(24 * 3600 - 1);
        let id = seat(shop, &key, json!({})).await;
        call(shop, "deactivate", &key, json!({"activation_id": id})).await.expect(204);
        shop.advance(1);
        call(shop, "activate", &key, json!({"label": "x"})).await.refused(403, "NotPermitted");
    }

    // spec 40 §2.3: which of the two is unknown is nobody's business
    async fn an_unknown_key_is_not_found_wherever_it_is_from(shop) {
        let (key, stranger) = (shop.key(seats(1)).await, shop.tenant().await);
        let foreign = shop.key_of(&stranger, seats(1)).await;
        let answers = [
            call(shop, "activate", &key, json!({"label": "x", "key": "NOPE"})).await,
            call(shop, "activate", &key, json!({"label": "x", "key": foreign.key})).await,
            call(shop, "activate", &key, json!({"label": "x", "organization_id": UNKNOWN})).await,
            call(shop, "activate", &key, json!({"label": "x", "organization_id": stranger.organization.id})).await,
        ];
        for answer in answers {
            assert_eq!(answer.expect(404), json!({"error": "ResourceNotFound", "detail": "Not found"}));
        }
    }

    // spec 40 §7.3
    async fn lowering_the_limit_takes_no_seat_away(shop) {
        let key = shop.key(seats(2)).await;
        let ids = [seat(shop, &key, json!({})).await, seat(shop, &key, json!({})).await];
        shop.change_key(&key, UpdateLicenseKey { limit_activations: Patch::Value(1), ..UpdateLicenseKey::default() }).await;
        for id in &ids {
            call(shop, "validate", &key, json!({"activation_id": id})).await.expect(200);
        }
        for id in &ids {
            call(shop, "activate", &key, json!({"label": "x"})).await.refused(403, "NotPermitted");
            call(shop, "deactivate", &key, json!({"activation_id": id})).await.expect(204);
        }
        call(shop, "activate", &key, json!({"label": "x"})).await.expect(200);
    }

    // spec 40 §2.3 and T-14
    async fn label_and_meta_are_kept_as_they_were_sent(shop) {
        let key = shop.key(seats(10)).await;
        let label = "büro ✓ 机器".repeat(10_000);
        let meta = json!({"zebra": 1, "a": {"deep": [1, {"x": null}]}, "": "", "big": 0});
        let meta = meta.to_string().replace("\"big\":0", "\"big\":123456789012345678901234567890");
        let body = format!(
            "{{\"key\":\"{}\",\"organization_id\":\"{}\",\"label\":\"{label}\",\"meta\":{meta}}}",
            key.key, key.organization_id
        );
        let client = shop.anonymous.with("content-type", "application/json");
        let answer = client.send_bytes("POST", "/v1/customer-portal/license-keys/activate", body).await;
        let made = answer.expect(200);
        assert_eq!(made["label"], label);
        assert!(answer.text().contains(&meta), "{}", &answer.text()[label.len()..]);
        let path = format!("/v1/license-keys/{}/activations/{}", key.id, made["id"].as_str().unwrap());
        assert_eq!(shop.merchant.get(&path).await.text(), answer.text());
    }

    // spec 40 T-15
    async fn what_no_database_can_store_is_refused(shop) {
        let key = shop.key(seats(10)).await;
        let client = shop.anonymous.with("content-type", "application/json");
        let begin = format!("{{\"key\":\"{}\",\"organization_id\":\"{}\"", key.key, key.organization_id);
        for rest in [
            r#","label":"a\u0000b"}"#,
            r#","label":"x","meta":{"a":"\u0000"}}"#,
            r#","label":"x","meta":{"\u0000":1}}"#,
            r#","label":"x","conditions":{"a":["\u0000"]}}"#,
            r#","label":"x","meta":{"a":NaN}}"#,
            r#","label":"x","meta":{"a":-Infinity}}"#,
            r#","label":"\ud800"}"#,
        ] {
            let body = format!("{begin}{rest}");
            let answer = client.send_bytes("POST", "/v1/customer-portal/license-keys/activate", body).await;
            assert_eq!(answer.expect(422)["error"], "RequestValidationError", "{rest}");
        }
        assert_eq!(shop.find_key(key.id).await.modified_at, key.modified_at);
    }

    // spec 40 §2.3
    async fn conditions_are_never_shown(shop) {
        let key = shop.key(seats(1)).await;
        let body = json!({"label": "x", "conditions": {"fingerprint": "hidden-value"}});
        let answer = call(shop, "activate", &key, body).await;
        answer.expect(200);
        let listed = shop.merchant.get(&format!("/v1/license-keys/{}", key.id)).await;
        for text in [answer.text(), listed.text()] {
            assert!(!text.contains("hidden-value") && !text.contains("conditions"), "{text}");
        }
    }

    // spec 40 §2.4: whoever holds the key may use it
    async fn a_blocked_organization_and_a_foreign_token_do_not_matter(shop) {
        let key = shop.key(seats(5)).await;
        let now = merak_store::Source::now(&*shop.source);
        shop.sql("UPDATE organizations SET blocked_at = $1", vec![Box::new(now)]).await;
        call(shop, "activate", &key, json!({"label": "x"})).await.expect(200);
        call(shop, "validate", &key, json!({})).await.expect(200);
        let token = shop.organization_client(shop.organization.id, everything()).await;
        let mut body = crate::support::shop::naming(&key);
        body["label"] = json!("x");
        token.post("/v1/customer-portal/license-keys/activate", body).await.expect(200);
    }
}
