//! `POST /v1/benefits/`.

use serde_json::{Value, json};

use crate::support::{Answer, Shop, UNKNOWN, everything, noise};

const PATH: &str = "/v1/benefits/";

async fn create(shop: &Shop, r#type: &str, properties: Value) -> Answer {
    let body = json!({
        "type": r#type, "description": "A benefit", "properties": properties,
        "organization_id": shop.organization.id,
    });
    shop.merchant.post(PATH, body).await
}

scenarios! {
    // spec 20 §3.1 and B4
    async fn a_note_is_made_with_every_member(shop) {
        let answer = create(shop, "custom", json!({"note": "Write to us"})).await;
        let made = answer.expect(201);
        let expected = json!({
            "created_at": "2025-01-07T10:00:00Z", "modified_at": null, "id": made["id"], "type": "custom",
            "description": "A benefit", "selectable": true, "deletable": true,
            "organization_id": shop.organization.id, "properties": {"note": "Write to us"}, "is_tax_applicable": true,
        });
        assert_eq!(answer.text(), expected.to_string());
        let path = format!("{PATH}{}", made["id"].as_str().unwrap());
        assert_eq!(shop.merchant.get(&path).await.text(), answer.text());
    }

    // spec 20 B11
    async fn absent_properties_have_their_defaults(shop) {
        for (kind, given, expected) in [
            ("custom", json!({}), json!({"note": null})),
            ("ads", json!({}), json!({"image_height": 400, "image_width": 400})),
            ("ads", json!({"image_height": -1}), json!({"image_height": -1, "image_width": 400})),
            ("license_keys", json!({}), json!({"prefix": null, "expires": null, "activations": null, "limit_usage": null})),
            (
                "license_keys",
                json!({"limit_usage": 2, "prefix": " x "}),
                json!({"prefix": " x ", "expires": null, "activations": null, "limit_usage": 2}),
            ),
        ] {
            let made = create(shop, kind, given).await.expect(201);
            assert_eq!(made["properties"].to_string(), expected.to_string());
            assert_eq!(made.get("is_tax_applicable").is_some(), kind == "custom");
        }
    }

    // spec 20 B11
    async fn every_problem_of_the_settings_is_told_at_once(shop) {
        let settings = json!({
            "expires": {"ttl": 0, "timeframe": "week"},
            "activations": {"limit": 0},
            "limit_usage": 0,
        });
        let place = "body.license_keys.properties";
        assert_eq!(create(shop, "license_keys", settings).await.schema_problems(), [
            format!("greater_than {place}.expires.ttl"),
            format!("literal_error {place}.expires.timeframe"),
            format!("greater_than {place}.activations.limit"),
            format!("missing {place}.activations.enable_customer_admin"),
            format!("greater_than {place}.limit_usage"),
        ]);
    }

    // spec 40 T-22
    async fn a_key_may_have_many_seats(shop) {
        let settings = |limit: i64| json!({"activations": {"limit": limit, "enable_customer_admin": false}});
        for limit in [1, 51, 2_147_483_647] {
            let made = create(shop, "license_keys", settings(limit)).await.expect(201);
            assert_eq!(made["properties"]["activations"]["limit"], limit);
        }
        let answer = create(shop, "license_keys", settings(2_147_483_648)).await;
        assert_eq!(answer.schema_problems(), ["less_than_equal body.license_keys.properties.activations.limit"]);
    }

    // spec 40 §3.2: no key outlasts the calendar
    async fn keys_do_not_last_beyond_the_year_9999(shop) {
        for (ttl, timeframe) in [(8000, "year"), (100_000, "month"), (3_000_000, "day")] {
            let answer = create(shop, "license_keys", json!({"expires": {"ttl": ttl, "timeframe": timeframe}})).await;
            assert_eq!(answer.rule_problems(), ["value_error body.properties.expires.ttl"], "{ttl} {timeframe}");
        }
        create(shop, "license_keys", json!({"expires": {"ttl": 100, "timeframe": "year"}})).await.expect(201);
        let answer = create(shop, "license_keys", json!({"expires": {"ttl": 99_999_999_999_i64, "timeframe": "year"}})).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
    }

    // so that keys fit into an index of PostgreSQL
    async fn a_key_begins_with_at_most_256_characters(shop) {
        let benefit = create(shop, "license_keys", json!({"prefix": noise(256)})).await.expect(201);
        let customer = shop.customer().await;
        let id: uuid::Uuid = benefit["id"].as_str().unwrap().parse().unwrap();
        shop.sell(merak_core::kit::Id::from_uuid(id), customer.id).await;
        let answer = create(shop, "license_keys", json!({"prefix": noise(257)})).await;
        assert_eq!(answer.schema_problems(), ["string_too_long body.license_keys.properties.prefix"]);
    }

    // so that a grant stays within one unit of work
    async fn a_benefit_has_at_most_a_thousand_files(shop) {
        let answer = create(shop, "downloadables", json!({"files": vec![UNKNOWN; 1001]})).await;
        assert_eq!(answer.schema_problems(), ["too_long body.downloadables.properties.files"]);
    }

    // spec 20 B4
    async fn a_description_has_3_to_42_characters(shop) {
        for (text, expected) in [
            ("é".repeat(3), Ok(())),
            ("é".repeat(42), Ok(())),
            ("é".repeat(2), Err("string_too_short")),
            ("é".repeat(43), Err("string_too_long")),
        ] {
            let body = json!({"type": "custom", "description": text, "properties": {}, "organization_id": shop.organization.id});
            let answer = shop.merchant.post(PATH, body).await;
            match expected {
                Ok(()) => drop(answer.expect(201)),
                Err(kind) => assert_eq!(answer.schema_problems(), [format!("{kind} body.custom.description")]),
            }
        }
    }

    // spec 20 B5 and §1.1
    async fn the_organization_is_the_callers(shop) {
        let stranger = shop.tenant().await;
        let own = shop.organization_client(shop.organization.id, everything()).await;
        let body = |id: Value| json!({"type": "custom", "description": "A note", "properties": {}, "organization_id": id});
        for (id, problem) in [
            (Value::Null, "missing body.organization_id"),
            (json!(UNKNOWN), "value_error body.organization_id"),
            (json!(stranger.organization.id), "value_error body.organization_id"),
        ] {
            assert_eq!(shop.merchant.post(PATH, body(id)).await.rule_problems(), [problem]);
        }
        let answer = own.post(PATH, body(json!(shop.organization.id))).await;
        assert_eq!(answer.rule_problems(), ["organization_token body.organization_id"]);
        let made = own.post(PATH, body(Value::Null)).await.expect(201);
        assert_eq!(made["organization_id"], shop.organization.id.to_string());
    }

    // spec 20 §1.1
    async fn the_type_chooses_the_schema(shop) {
        let answer = create(shop, "cake", json!({})).await;
        assert_eq!(answer.schema_problems(), ["union_tag_invalid body"]);
        let answer = shop.merchant.post(PATH, json!({"description": "abc", "properties": {}})).await;
        assert_eq!(answer.schema_problems(), ["union_tag_not_found body"]);
        let answer = shop.merchant.post(PATH, json!({"type": "custom"})).await;
        assert_eq!(answer.schema_problems(), ["missing body.custom.description", "missing body.custom.properties"]);
    }

    // spec 20 §3.8 and D-12
    async fn what_is_not_connected_cannot_be_given(shop) {
        let repository = json!({"repository_owner": "a", "repository_name": "b", "permission": "pull"});
        for (kind, properties) in [
            ("discord", json!({"guild_token": "x", "role_id": "1"})),
            ("github_repository", repository),
        ] {
            assert_eq!(create(shop, kind, properties).await.rule_problems(), ["value_error body.type"], "{kind}");
        }
    }

    // spec 20 B14
    async fn files_must_be_the_organizations(shop) {
        let answer = create(shop, "downloadables", json!({"files": [UNKNOWN, UNKNOWN]})).await;
        let places = ["value_error body.properties.files.0", "value_error body.properties.files.1"];
        assert_eq!(answer.rule_problems(), places);
        let answer = create(shop, "downloadables", json!({"files": []})).await;
        assert_eq!(answer.schema_problems(), ["too_short body.downloadables.properties.files"]);
    }
}
