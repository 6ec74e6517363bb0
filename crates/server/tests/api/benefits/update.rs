//! `PATCH /v1/benefits/{id}`, and what becomes of keys that were sold.

use merak_core::benefits::BenefitType;
use merak_core::kit::Patch;
use merak_core::license_keys::{Status, UpdateLicenseKey};
use serde_json::{Value, json};

use crate::support::files::announcement;
use crate::support::{Shop, UNKNOWN};

async fn shown(shop: &Shop, key: &merak_core::license_keys::LicenseKey) -> Value {
    shop.merchant.get(&format!("/v1/license-keys/{}", key.id)).await.expect(200)
}

scenarios! {
    // spec 20 B7
    async fn a_benefit_changes_where_it_is_told_to(shop) {
        let benefit = shop.benefit(BenefitType::Custom, json!({"note": "old"})).await;
        let path = format!("/v1/benefits/{}", benefit.id);
        shop.advance(1);
        let changed = shop.merchant.patch(&path, json!({"type": "custom", "description": "Better"})).await.expect(200);
        assert_eq!((&changed["description"], &changed["properties"]["note"]), (&json!("Better"), &json!("old")));
        assert_eq!(changed["modified_at"], "2025-01-07T10:00:01Z");
        let body = json!({"type": "custom", "properties": {"note": "new"}, "description": null});
        let changed = shop.merchant.patch(&path, body).await.expect(200);
        assert_eq!((&changed["description"], &changed["properties"]["note"]), (&json!("Better"), &json!("new")));
        let body = json!({"type": "custom", "description": "x".repeat(43)});
        let answer = shop.merchant.patch(&path, body).await;
        assert_eq!(answer.schema_problems(), ["string_too_long body.BenefitCustomUpdate.description"]);
        let answer = shop.merchant.patch(&path, json!({"type": "custom", "properties": {}})).await;
        assert_eq!(answer.schema_problems(), ["missing body.BenefitCustomUpdate.properties.note"]);
    }

    // spec 20 B14, by an update: the files of a benefit are downloads of its organization
    async fn only_files_of_the_organization_come_in(shop) {
        let upload = async |service: &str, name: &str| {
            let body = shop.file(service, name, name.as_bytes());
            shop.upload(&body, name.as_bytes()).await.id()
        };
        let (own, second) = (upload("downloadable", "a.txt").await, upload("downloadable", "b.txt").await);
        let (deleted, picture) = (upload("downloadable", "c.txt").await, upload("product_media", "d.png").await);
        shop.merchant.delete(&format!("/v1/files/{deleted}")).await.expect(204);
        let stranger = shop.tenant().await;
        let mut foreign = announcement("downloadable", "e.txt", b"e");
        foreign["organization_id"] = json!(stranger.organization.id);
        let foreign = stranger.merchant.post("/v1/files/", foreign).await.expect(201)["id"].clone();

        let benefit = shop.benefit(BenefitType::Downloadables, json!({"files": [own]})).await;
        let path = format!("/v1/benefits/{}", benefit.id);
        let change = |files: Value| json!({"type": "downloadables", "description": "Other", "properties": {"files": files}});
        let before = shop.merchant.get(&path).await.expect(200);
        for refused in [foreign.clone(), json!(deleted), json!(picture), json!(UNKNOWN)] {
            let answer = shop.merchant.patch(&path, change(json!([own, refused]))).await;
            assert_eq!(answer.rule_problems(), ["value_error body.properties.files.1"], "{refused}");
            assert_eq!(answer.json()["detail"][0]["input"], refused);
            assert_eq!(shop.merchant.get(&path).await.expect(200), before, "nothing changes");
        }
        let answer = shop.merchant.patch(&path, change(json!([foreign, UNKNOWN]))).await;
        let places = ["value_error body.properties.files.0", "value_error body.properties.files.1"];
        assert_eq!(answer.rule_problems(), places);
        let answer = shop.merchant.patch(&path, change(json!([]))).await;
        assert_eq!(answer.schema_problems(), ["too_short body.BenefitDownloadablesUpdate.properties.files"]);
        let changed = shop.merchant.patch(&path, change(json!([second, own]))).await.expect(200);
        assert_eq!(changed["properties"]["files"], json!([second, own]));
    }

    // spec 20 B10, §3.2
    async fn the_type_is_named_and_never_changes(shop) {
        let benefit = shop.benefit(BenefitType::Custom, json!({})).await;
        let path = format!("/v1/benefits/{}", benefit.id);
        let answer = shop.merchant.patch(&path, json!({"description": "Better"})).await;
        let problems = answer.schema_problems();
        assert_eq!(problems.len(), 6);
        assert_eq!(problems[1], "missing body.BenefitCustomUpdate.type");
        let other = json!({"type": "ads", "description": "Better"});
        shop.merchant.patch(&path, other.clone()).await.refused(400, "BadRequest");
        shop.merchant.patch(&format!("/v1/benefits/{UNKNOWN}"), other).await.refused(404, "ResourceNotFound");
        assert_eq!(shop.merchant.patch(&path, json!({"type": "cake"})).await.status, 422);
    }

    // spec 40 §7.4: a disabled key stays disabled, its expiry counts from its own day
    async fn keys_follow_their_benefit_but_keep_their_status(shop) {
        let settings = |limit: i64| json!({"expires": {"ttl": 1, "timeframe": "year"}, "limit_usage": limit});
        let key = shop.key(settings(10)).await;
        let change = UpdateLicenseKey { status: Some(Status::Disabled), ..UpdateLicenseKey::default() };
        shop.change_key(&key, change).await;
        shop.advance(30 * 24 * 3600);
        let body = json!({"type": "license_keys", "properties": settings(20)});
        shop.merchant.patch(&format!("/v1/benefits/{}", key.benefit_id), body).await.expect(200);
        shop.work_done().await;
        let after = shown(shop, &key).await;
        assert_eq!((&after["status"], &after["limit_usage"]), (&json!("disabled"), &json!(20)));
        assert_eq!(after["expires_at"], "2026-01-07T10:00:00Z");
    }

    // spec 40 §3.4: what was set for one key by hand is left alone
    async fn values_set_by_hand_outlive_a_change_of_the_benefit(shop) {
        let key = shop.key(json!({"limit_usage": 10})).await;
        shop.change_key(&key, UpdateLicenseKey { limit_usage: Patch::Value(99), ..UpdateLicenseKey::default() }).await;
        let activations = json!({"limit": 4, "enable_customer_admin": false});
        let body = json!({"type": "license_keys", "properties": {"limit_usage": 20, "activations": activations}});
        shop.merchant.patch(&format!("/v1/benefits/{}", key.benefit_id), body).await.expect(200);
        shop.work_done().await;
        let after = shown(shop, &key).await;
        assert_eq!((&after["limit_usage"], &after["limit_activations"]), (&json!(99), &json!(4)));
    }

    // spec 40 §7.4
    async fn a_new_prefix_is_for_new_keys_only(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({"prefix": "old"})).await;
        let customer = shop.customer().await;
        let first = shop.sell(benefit.id, customer.id).await;
        let body = json!({"type": "license_keys", "properties": {"prefix": " my app "}});
        shop.merchant.patch(&format!("/v1/benefits/{}", benefit.id), body).await.expect(200);
        shop.work_done().await;
        let before = shop.find_key(first.id).await;
        assert_eq!((before.key, before.modified_at), (first.key.clone(), first.modified_at));
        assert!(first.key.starts_with("OLD-"));
        assert!(shop.sell(benefit.id, customer.id).await.key.starts_with("MY APP-"));
    }

    // spec 40 §3.4, by more grants than a job changes at once
    async fn every_key_of_a_benefit_follows(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).await;
        let mut keys = Vec::new();
        for _ in 0..3 {
            let customer = shop.customer().await;
            for _ in 0..50 {
                keys.push(shop.sell(benefit.id, customer.id).await);
            }
        }
        let body = json!({"type": "license_keys", "properties": {"limit_usage": 7}});
        shop.merchant.patch(&format!("/v1/benefits/{}", benefit.id), body).await.expect(200);
        shop.work_done().await;
        for key in &keys {
            assert_eq!(shop.find_key(key.id).await.limit_usage, Some(7));
        }
    }
}
