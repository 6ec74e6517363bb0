//! `POST /v1/custom-fields/`, and `GET /v1/custom-fields/{id}`.

use serde_json::{Value, json};

use super::{PATH, create};
use crate::support::{UNKNOWN, everything};

scenarios! {
    // spec 20 §4.1 and §13
    async fn a_new_field_has_every_member(shop) {
        let answer = create(shop, json!({
            "type": "text", "slug": "company", "name": "Company", "metadata": {"s": "x", "i": 1, "b": true},
            "properties": {"max_length": 20, "form_label": "Your company", "unknown": 1, "ge": 2},
        })).await;
        let made = answer.expect(201);
        let expected = json!({
            "created_at": "2025-01-07T10:00:00Z", "modified_at": null, "id": made["id"],
            "metadata": {"s": "x", "i": 1, "b": true}, "type": "text", "slug": "company", "name": "Company",
            "organization_id": shop.organization.id, "properties": {"form_label": "Your company", "max_length": 20},
        });
        assert_eq!(answer.text(), expected.to_string());
        let path = format!("{PATH}{}", made["id"].as_str().unwrap());
        for client in [
            &shop.merchant,
            &shop.organization_client(shop.organization.id, everything()).await,
            &shop.member_with("custom_fields:read").await,
        ] {
            assert_eq!(client.get(&path).await.text(), answer.text());
        }
        shop.tenant().await.merchant.get(&path).await.refused(404, "ResourceNotFound");
        shop.merchant.get(&format!("{PATH}{UNKNOWN}")).await.refused(404, "ResourceNotFound");
    }

    /// C2
    async fn each_type_can_be_made(shop) {
        let options = json!({"options": [{"value": "a", "label": "A", "extra": 1}]});
        for (kind, slug, properties, kept) in [
            ("text", "my-field", json!({"textarea": true, "min_length": "1"}), json!({"textarea": true, "min_length": 1})),
            ("number", "valid_slug", json!({"ge": 5, "le": 1}), json!({"ge": 5, "le": 1})),
            ("date", "_valid_slug2", json!({"ge": 1_735_689_600}), json!({"ge": 1_735_689_600})),
            ("checkbox", "terms", json!({"min_length": 5}), json!({})),
            ("select", "plan", options, json!({"options": [{"value": "a", "label": "A"}]})),
        ] {
            let made = create(shop, json!({"type": kind, "slug": slug, "name": "N", "properties": properties})).await;
            let made = made.expect(201);
            assert_eq!((&made["type"], &made["slug"], &made["properties"]), (&json!(kind), &json!(slug), &kept));
        }
    }

    /// C1
    async fn what_no_field_can_be_is_refused(shop) {
        let text = |properties: Value| json!({"type": "text", "slug": "s", "name": "N", "properties": properties});
        let select = |properties: Value| json!({"type": "select", "slug": "s", "name": "N", "properties": properties});
        let slug = |slug: &str| json!({"type": "text", "slug": slug, "name": "N", "properties": {}});
        for (body, problem) in [
            (slug(""), "string_too_short body.text.slug"),
            (slug("aaa bbb"), "string_pattern_mismatch body.text.slug"),
            (slug("888!"), "string_pattern_mismatch body.text.slug"),
            (slug(&"a".repeat(513)), "string_too_long body.text.slug"),
            (json!({"type": "text", "slug": "s", "name": "", "properties": {}}), "string_too_short body.text.name"),
            (text(json!({"form_label": ""})), "string_too_short body.text.properties.form_label"),
            (text(json!({"form_help_text": ""})), "string_too_short body.text.properties.form_help_text"),
            (text(json!({"form_placeholder": ""})), "string_too_short body.text.properties.form_placeholder"),
            (text(json!({"form_label": null})), "string_type body.text.properties.form_label"),
            (text(json!({"min_length": -1})), "greater_than_equal body.text.properties.min_length"),
            (text(json!({"max_length": -1})), "greater_than_equal body.text.properties.max_length"),
            (json!({"type": "text", "slug": "s", "name": "N"}), "missing body.text.properties"),
            (json!({"type": "date", "slug": "s", "name": "N", "properties": {"ge": "2025-01-07"}}),
                "int_parsing body.date.properties.ge"),
            (select(json!({})), "missing body.select.properties.options"),
            (select(json!({"options": [{"value": "a"}]})), "missing body.select.properties.options.0.label"),
            (select(json!({"options": [{"value": "", "label": "A"}]})),
                "string_too_short body.select.properties.options.0.value"),
            (select(json!({"options": vec![json!({"value": "a", "label": "A"}); 1001]})),
                "too_long body.select.properties.options"),
            (select(json!({"options": ["a"]})), "model_attributes_type body.select.properties.options.0"),
            (json!({"type": "color", "slug": "s", "name": "N", "properties": {}}), "union_tag_invalid body"),
            (json!({"slug": "s", "name": "N", "properties": {}}), "union_tag_not_found body"),
        ] {
            assert_eq!(create(shop, body.clone()).await.schema_problems(), [problem], "{body}");
        }
        let same = json!([{"value": "a", "label": "A"}, {"value": "a", "label": "B"}]);
        for (options, problem) in [
            (json!([]), "value_error body.properties.options"),
            (same, "value_error body.properties.options.1.value"),
        ] {
            assert_eq!(create(shop, select(json!({"options": options}))).await.rule_problems(), [problem]);
        }
        assert_eq!(shop.merchant.get(PATH).await.pagination(), (0, 0));
    }

    /// C6
    async fn a_slug_is_small_and_taken_once(shop) {
        let body = |slug: &str| json!({"type": "checkbox", "slug": slug, "name": "N", "properties": {}});
        create(shop, body("terms")).await.expect(201);
        let answer = create(shop, body("terms")).await;
        assert_eq!(answer.rule_problems(), ["value_error body.slug"]);
        assert_eq!(answer.json()["detail"][0]["input"], "terms");
        let answer = create(shop, body("Terms")).await;
        assert_eq!(answer.schema_problems(), ["string_pattern_mismatch body.checkbox.slug"]);
    }

    // spec 20 §1.1
    async fn a_field_belongs_to_an_organization_of_the_caller(shop) {
        let body = json!({"type": "checkbox", "slug": "terms", "name": "N", "properties": {}});
        let with = |id: &str| {
            let mut body = body.clone();
            body["organization_id"] = json!(id);
            body
        };
        let answer = shop.merchant.post(PATH, body.clone()).await;
        assert_eq!(answer.rule_problems(), ["missing body.organization_id"]);
        for id in [UNKNOWN, &shop.tenant().await.organization.id.to_string()] {
            let answer = shop.merchant.post(PATH, with(id)).await;
            assert_eq!(answer.rule_problems(), ["value_error body.organization_id"]);
        }
        let own = shop.organization_client(shop.organization.id, everything()).await;
        let answer = own.post(PATH, with(&shop.organization.id.to_string())).await;
        assert_eq!(answer.rule_problems(), ["organization_token body.organization_id"]);
        let made = own.post(PATH, body).await.expect(201);
        assert_eq!(made["organization_id"], shop.organization.id.to_string());
    }
}
