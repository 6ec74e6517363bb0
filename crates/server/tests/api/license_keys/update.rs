//! `PATCH /v1/license-keys/{id}`.

use serde_json::{Value, json};

scenarios! {
    // spec 40 §7.1 and §2.8: always UTC with Z
    async fn the_four_values_come_back(shop) {
        let path = format!("/v1/license-keys/{}", shop.key(json!({"prefix": "testing"})).await.id);
        for (sent, shown) in [
            (json!("2025-02-07T10:00:00"), "2025-02-07T10:00:00Z"),
            (json!("2025-02-07T10:00:00.5+02:00"), "2025-02-07T08:00:00.500000Z"),
            (json!("2025-02-07"), "2025-02-07T00:00:00Z"),
            (json!(1_738_922_400), "2025-02-07T10:00:00Z"),
        ] {
            let body = json!({"usage": 4, "limit_usage": 10, "limit_activations": 5, "expires_at": sent});
            let answer = shop.merchant.patch(&path, body).await;
            let changed = answer.expect(200);
            assert_eq!((&changed["usage"], &changed["limit_usage"], &changed["limit_activations"]), (&json!(4), &json!(10), &json!(5)));
            assert_eq!(changed["expires_at"], shown);
            let mut read = shop.merchant.get(&path).await.expect(200);
            read.as_object_mut().unwrap().remove("activations");
            assert_eq!(read.to_string(), answer.text());
        }
    }

    // spec 40 §7.1
    async fn every_problem_is_told_in_order(shop) {
        let path = format!("/v1/license-keys/{}", shop.key(json!({})).await.id);
        let body = json!({"status": "x", "usage": null, "limit_activations": 0, "limit_usage": 0, "expires_at": "zz"});
        let problems = shop.merchant.patch(&path, body).await.schema_problems();
        assert_eq!(problems[..4], [
            "enum body.status", "int_type body.usage", "greater_than body.limit_activations", "greater_than body.limit_usage",
        ]);
        assert!(problems[4].ends_with("body.expires_at") && problems.len() == 5, "{problems:?}");
        // spec 40 T-22
        shop.merchant.patch(&path, json!({"limit_activations": 51})).await.expect(200);
    }

    // spec 40 §7.1
    async fn null_lifts_limits_and_nothing_changes_nothing(shop) {
        let settings = json!({
            "expires": {"ttl": 1, "timeframe": "day"}, "limit_usage": 5,
            "activations": {"limit": 2, "enable_customer_admin": true},
        });
        let key = shop.key(settings).await;
        let path = format!("/v1/license-keys/{}", key.id);
        let same = shop.merchant.patch(&path, json!({})).await.expect(200);
        assert_eq!((&same["limit_usage"], &same["limit_activations"]), (&json!(5), &json!(2)));
        let nulls = json!({"limit_activations": null, "limit_usage": null, "expires_at": null});
        let lifted = shop.merchant.patch(&path, nulls).await.expect(200);
        for name in ["limit_activations", "limit_usage", "expires_at"] {
            assert_eq!(lifted[name], Value::Null, "{name}");
        }
        let same = shop.merchant.patch(&path, json!({"status": null})).await.expect(200);
        assert_eq!(same["status"], "granted");
    }

    // spec 40 §2.8: no cross-checks, any status to any status
    async fn anything_goes_that_a_seller_wants(shop) {
        let path = format!("/v1/license-keys/{}", shop.key(json!({"limit_usage": 5})).await.id);
        for status in ["revoked", "disabled", "granted", "disabled", "revoked", "granted"] {
            assert_eq!(shop.merchant.patch(&path, json!({"status": status})).await.expect(200)["status"], status);
        }
        for usage in [100, -3] {
            assert_eq!(shop.merchant.patch(&path, json!({"usage": usage})).await.expect(200)["usage"], usage);
        }
        let past = shop.merchant.patch(&path, json!({"expires_at": "2020-01-01T00:00:00Z"})).await.expect(200);
        assert_eq!((&past["expires_at"], &past["status"]), (&json!("2020-01-01T00:00:00Z"), &json!("granted")));
    }

    // spec 40 §1: the counter is a number of 32 bits
    async fn usage_is_a_number_that_the_wire_can_carry(shop) {
        let path = format!("/v1/license-keys/{}", shop.key(json!({})).await.id);
        for usage in [i32::MAX, i32::MIN, 0] {
            assert_eq!(shop.merchant.patch(&path, json!({"usage": usage})).await.expect(200)["usage"], usage);
        }
        for (usage, kind) in [(i64::from(i32::MAX) + 1, "less_than_equal"), (i64::from(i32::MIN) - 1, "greater_than_equal")] {
            let answer = shop.merchant.patch(&path, json!({"usage": usage})).await;
            assert_eq!(answer.schema_problems(), [format!("{kind} body.usage")]);
        }
        let client = shop.merchant.with("content-type", "application/json");
        for usage in ["9223372036854775808", "-9223372036854775809", "1e400"] {
            let answer = client.send_bytes("PATCH", &path, format!("{{\"usage\": {usage}}}")).await;
            assert_eq!(answer.schema_problems().len(), 1, "{usage}");
        }
    }

    // spec 40 §7.1
    async fn reading_is_not_changing(shop) {
        let path = format!("/v1/license-keys/{}", shop.key(json!({})).await.id);
        let reader = shop.member_with("license_keys:read").await;
        reader.get(&path).await.expect(200);
        assert_eq!(reader.patch(&path, json!({"status": "revoked"})).await.expect(403)["error"], "insufficient_scope");
        let other = shop.member_with("customers:read").await;
        assert_eq!(other.get("/v1/license-keys").await.expect(403)["error"], "insufficient_scope");
    }
}
