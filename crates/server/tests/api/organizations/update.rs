//! `PATCH /v1/organizations/{id}`.

use serde_json::{Value, json};

use crate::support::{Answer, Shop, UNKNOWN};

async fn update(shop: &Shop, body: Value) -> Answer {
    shop.merchant.patch(&format!("/v1/organizations/{}", shop.organization.id), body).await
}

async fn profile(shop: &Shop, settings: Value) -> Value {
    update(shop, json!({"profile_settings": settings})).await.expect(200)["profile_settings"].clone()
}

scenarios! {
    // spec 10 §10.7 line 81
    async fn the_split_is_a_whole_percentage(shop) {
        let answer = update(shop, json!({"default_upfront_split_to_contributors": 50.0})).await;
        assert_eq!(answer.expect(200)["default_upfront_split_to_contributors"].to_string(), "50");
        for (split, kind) in [(json!(101), "less_than_equal"), (json!(-1), "greater_than_equal"), (json!(50.5), "int_from_float")] {
            let answer = update(shop, json!({"default_upfront_split_to_contributors": split})).await;
            let place = "body.default_upfront_split_to_contributors";
            assert_eq!(answer.schema_problems(), [format!("{kind} {place}")]);
        }
        let cleared = update(shop, json!({"default_upfront_split_to_contributors": null})).await.expect(200);
        assert_eq!(cleared["default_upfront_split_to_contributors"], Value::Null);
    }

    // spec 10 §10.7 line 83
    async fn profile_settings_are_merged_member_by_member(shop) {
        let featured = shop.second_organization("featured").await;
        assert_eq!(profile(shop, json!({"featured_projects": []})).await["featured_projects"], json!([]));
        let settings = profile(shop, json!({"featured_organizations": [featured.id]})).await;
        assert_eq!(settings["featured_projects"], json!([]));
        assert_eq!(settings["featured_organizations"], json!([featured.id]));
        assert_eq!(profile(shop, json!({"featured_organizations": []})).await["featured_organizations"], json!([]));
        assert_eq!(profile(shop, json!({"featured_organizations": null})).await["featured_organizations"], Value::Null);
    }

    // spec 10 §3.2
    async fn what_is_featured_must_exist(shop) {
        for name in ["featured_organizations", "featured_projects"] {
            let answer = update(shop, json!({"profile_settings": {name: [UNKNOWN]}})).await;
            answer.refused(404, "ResourceNotFound");
        }
    }

    // spec 10 §10.7 line 84
    async fn a_description_is_trimmed_and_at_most_160_characters_long(shop) {
        assert_eq!(profile(shop, json!({"description": "  Tools  "})).await["description"], "Tools");
        assert_eq!(profile(shop, json!({})).await["description"], "Tools");
        assert_eq!(profile(shop, json!({"description": "é".repeat(160)})).await["description"], "é".repeat(160));
        let answer = update(shop, json!({"profile_settings": {"description": "x".repeat(161)}})).await;
        assert_eq!(answer.schema_problems(), ["string_too_long body.profile_settings.description"]);
        assert_eq!(profile(shop, json!({"description": "   "})).await["description"], Value::Null);
    }

    async fn texts_and_lists_of_an_organization_have_an_end(shop) {
        let longest = json!({
            "name": "x".repeat(512), "billing_email": "x".repeat(512),
            "default_badge_custom_content": "x".repeat(5000),
        });
        update(shop, longest).await.expect(200);
        for (name, length) in [("name", 513), ("billing_email", 513), ("default_badge_custom_content", 5001)] {
            let answer = update(shop, json!({name: "x".repeat(length)})).await;
            assert_eq!(answer.schema_problems(), [format!("string_too_long body.{name}")]);
        }
        profile(shop, json!({"links": vec!["https://a.example"; 30]})).await;
        for (name, list) in [
            ("links", vec!["https://a.example"; 31]),
            ("featured_projects", vec![UNKNOWN; 101]),
            ("featured_organizations", vec![UNKNOWN; 101]),
        ] {
            let answer = update(shop, json!({"profile_settings": {name: list}})).await;
            assert_eq!(answer.schema_problems(), [format!("too_long body.profile_settings.{name}")]);
        }
        let color = format!("#{}", "1".repeat(64));
        let answer = update(shop, json!({"profile_settings": {"accent_color": color}})).await;
        assert_eq!(answer.schema_problems(), ["string_too_long body.profile_settings.accent_color"]);
    }

    // spec 10 §10.7 lines 85 and 86
    async fn links_are_stored_in_their_usual_form(shop) {
        assert_eq!(profile(shop, json!({"enabled": true})).await["enabled"], true);
        let settings = profile(shop, json!({"links": ["https://example.com", "http://EXAMPLE.com:80/a"]})).await;
        assert_eq!(settings["links"], json!(["https://example.com/", "http://example.com/a"]));
        assert_eq!(settings["enabled"], true);
        let answer = update(shop, json!({"profile_settings": {"links": ["https://example.com", "no link"]}})).await;
        assert_eq!(answer.schema_problems(), ["url_parsing body.profile_settings.links.1"]);
    }

    // spec 10 §3.2
    async fn subscribe_is_replaced_and_null_clears(shop) {
        let settings = profile(shop, json!({"subscribe": {"promote": false, "count_free": false}})).await;
        assert_eq!(settings["subscribe"], json!({"promote": false, "show_count": true, "count_free": false}));
        let settings = profile(shop, json!({"subscribe": {"show_count": false}})).await;
        assert_eq!(settings["subscribe"], json!({"promote": true, "show_count": false, "count_free": true}));
        assert_eq!(profile(shop, json!({"subscribe": null})).await["subscribe"], Value::Null);
    }

    // spec 10 §3.2 and D-8
    async fn a_colour_begins_with_a_hash(shop) {
        assert_eq!(profile(shop, json!({"accent_color": "#ff0000"})).await["accent_color"], "#ff0000");
        let answer = update(shop, json!({"profile_settings": {"accent_color": "red"}})).await;
        assert_eq!(answer.rule_problems(), ["value_error body.profile_settings.accent_color"]);
    }

    // spec 10 §10.7 line 87
    async fn features_stay_as_they_are_unless_named(shop) {
        for wanted in [true, false] {
            let body = json!({"feature_settings": {"issue_funding_enabled": wanted}});
            update(shop, body).await.expect(200);
            for nothing in [json!({}), Value::Null] {
                let after = update(shop, json!({"feature_settings": nothing})).await.expect(200);
                assert_eq!(after["feature_settings"]["issue_funding_enabled"], wanted);
            }
        }
    }

    // spec 10 §3.2 and D-8
    async fn a_name_is_trimmed_and_never_blank(shop) {
        assert_eq!(update(shop, json!({"name": "  Fjord  "})).await.expect(200)["name"], "Fjord");
        assert_eq!(update(shop, json!({"name": "ab"})).await.schema_problems(), ["string_too_short body.name"]);
        for name in [json!("    "), Value::Null] {
            assert_eq!(update(shop, json!({"name": name})).await.rule_problems(), ["value_error body.name"]);
        }
    }

    // spec 10 §3.2
    async fn the_spending_limit_of_a_user_needs_a_total_that_is_no_less(shop) {
        let (total, per_user) = ("total_monthly_spending_limit", "per_user_monthly_spending_limit");
        update(shop, json!({total: 100, per_user: 100})).await.expect(200);
        for body in [json!({per_user: 50}), json!({total: 100, per_user: 101}), json!({total: null, per_user: 1})] {
            assert_eq!(update(shop, body).await.rule_problems(), ["value_error body"]);
        }
        update(shop, json!({total: null, per_user: null})).await.expect(200);
    }

    // spec 10 §3.2: what is null and must not be
    async fn flags_and_amounts_are_not_null(shop) {
        let answer = update(shop, json!({"pledge_badge_show_amount": null, "pledge_minimum_amount": null})).await;
        assert_eq!(answer.schema_problems(), ["bool_type body.pledge_badge_show_amount", "int_type body.pledge_minimum_amount"]);
        let changed = update(shop, json!({"pledge_badge_show_amount": false, "pledge_minimum_amount": -5})).await.expect(200);
        assert_eq!((&changed["pledge_badge_show_amount"], &changed["pledge_minimum_amount"]), (&json!(false), &json!(-5)));
    }

    // spec 10 §3.2, T-22: an empty change is a change of the time
    async fn slug_and_unknown_members_are_ignored(shop) {
        shop.advance(5);
        let changed = update(shop, json!({"slug": "another", "id": UNKNOWN, "colour": 1})).await.expect(200);
        assert_eq!(changed["slug"], "fjordsoft");
        assert_eq!(changed["id"], shop.organization.id.to_string());
        assert_eq!(changed["modified_at"], "2025-01-07T10:00:05Z");
    }

    // spec 10 §3.2
    async fn there_is_no_way_to_delete_an_organization(shop) {
        let answer = shop.merchant.delete(&format!("/v1/organizations/{}", shop.organization.id)).await;
        assert_eq!(answer.expect(405), json!({"detail": "Method Not Allowed"}));
        assert_eq!(answer.header("allow"), Some("GET"));
    }
}
