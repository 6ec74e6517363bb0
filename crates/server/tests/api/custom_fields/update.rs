//! `PATCH /v1/custom-fields/{id}`.

use serde_json::json;

use super::{create, text_field};

scenarios! {
    // spec 20 §4.2
    async fn what_is_named_is_replaced_and_the_rest_stays(shop) {
        let (made, path) = text_field(shop, "company").await;
        shop.advance(1);
        let change = json!({"type": "text", "slug": "firm", "name": "Firm", "properties": {"min_length": 2}, "metadata": {"a": 1}});
        let changed = shop.merchant.patch(&path, change).await.expect(200);
        assert_eq!(changed, json!({
            "created_at": made["created_at"], "modified_at": "2025-01-07T10:00:01Z", "id": made["id"],
            "metadata": {"a": 1}, "type": "text", "slug": "firm", "name": "Firm",
            "organization_id": made["organization_id"], "properties": {"min_length": 2},
        }));
        shop.advance(1);
        let kept = shop.merchant.patch(&path, json!({"type": "text", "slug": "firm"})).await.expect(200);
        assert_eq!((&kept["properties"], &kept["metadata"]), (&json!({"min_length": 2}), &json!({"a": 1})));
        assert_eq!(shop.merchant.get(&path).await.expect(200), kept);
    }

    // spec 20 §4.1 and §4.2: the properties of each type, whole at each change
    async fn the_properties_of_each_type_are_replaced(shop) {
        let option = |value: &str| json!({"value": value, "label": value.to_uppercase()});
        for (kind, before, after) in [
            ("text", json!({"textarea": true, "min_length": 1}), json!({"max_length": 9, "form_label": "Firm"})),
            ("number", json!({"ge": 1, "le": 10}), json!({"le": 20, "form_placeholder": "Seats"})),
            ("date", json!({"ge": 1_735_689_600, "form_label": "From"}), json!({"le": 1_767_225_600})),
            ("checkbox", json!({"form_label": "Terms"}), json!({"form_help_text": "All of them"})),
            ("select", json!({"options": [option("a"), option("b")], "form_label": "Plan"}),
                json!({"options": [option("c"), option("a")]})),
        ] {
            let body = json!({"type": kind, "slug": kind, "name": kind, "properties": before});
            let made = create(shop, body).await.expect(201);
            assert_eq!(made["properties"], before);
            let path = format!("/v1/custom-fields/{}", made["id"].as_str().unwrap());
            let change = json!({"type": kind, "properties": after});
            let changed = shop.merchant.patch(&path, change).await.expect(200);
            assert_eq!((&changed["properties"], &changed["slug"]), (&after, &made["slug"]), "{kind}");
            assert_eq!(shop.merchant.get(&path).await.expect(200), changed);
            if kind != "select" {
                let emptied = shop.merchant.patch(&path, json!({"type": kind, "properties": {}})).await.expect(200);
                assert_eq!(emptied["properties"], json!({}), "{kind}");
            }
        }
    }

    /// C8
    async fn nulls_change_nothing(shop) {
        let (made, path) = text_field(shop, "company").await;
        shop.advance(1);
        let nulls = json!({"type": "text", "name": null, "slug": null, "properties": null, "metadata": null});
        assert_eq!(shop.merchant.patch(&path, nulls).await.expect(200), made);
        assert_eq!(shop.merchant.get(&path).await.expect(200), made);
    }

    /// C6
    async fn a_type_must_be_named_and_stays(shop) {
        let (_, path) = text_field(shop, "company").await;
        let answer = shop.merchant.patch(&path, json!({"name": "X"})).await;
        assert_eq!(answer.schema_problems(), ["union_tag_not_found body"]);
        let answer = shop.merchant.patch(&path, json!({"type": "number", "name": "X"})).await;
        assert_eq!(answer.rule_problems(), ["value_error body.type"]);
        assert_eq!(answer.json()["detail"][0]["input"], "number");
    }

    // spec 20 §4.2
    async fn a_change_follows_the_rules_of_a_new_field(shop) {
        let (made, path) = text_field(shop, "company").await;
        text_field(shop, "seats").await;
        let answer = shop.merchant.patch(&path, json!({"type": "text", "slug": "seats"})).await;
        assert_eq!(answer.rule_problems(), ["value_error body.slug"]);
        for (change, problem) in [
            (json!({"type": "text", "slug": "Seats"}), "string_pattern_mismatch body.text.slug"),
            (json!({"type": "text", "name": ""}), "string_too_short body.text.name"),
            (json!({"type": "text", "properties": {"min_length": -1}}),
                "greater_than_equal body.text.properties.min_length"),
        ] {
            assert_eq!(shop.merchant.patch(&path, change).await.schema_problems(), [problem]);
        }
        assert_eq!(shop.merchant.get(&path).await.expect(200), made);
    }

    // spec 20 §1.1
    async fn a_stranger_changes_nothing(shop) {
        let (made, path) = text_field(shop, "company").await;
        let stranger = shop.tenant().await.merchant;
        stranger.patch(&path, json!({"type": "text", "name": "Mine"})).await.refused(404, "ResourceNotFound");
        stranger.delete(&path).await.refused(404, "ResourceNotFound");
        assert_eq!(shop.merchant.get(&path).await.expect(200), made);
    }
}
