//! Request bodies and the order in which they are looked at.

use serde_json::{Value, json};

use crate::support::UNKNOWN;

const VALIDATE: &str = "/v1/customer-portal/license-keys/validate";

scenarios! {
    // spec 50 §7.1 C6
    async fn malformed_json_is_told_before_access(shop) {
        let anonymous = shop.anonymous.with("content-type", "application/json");
        let answer = anonymous.send_bytes("POST", "/v1/customers/", "{\"email\": ").await;
        assert_eq!(answer.schema_problems(), ["json_invalid body.10"]);
        assert_eq!(answer.json()["detail"][0]["ctx"], json!({"error": "Expecting value"}));
        assert_eq!(answer.json()["detail"][0]["input"], json!({}));
        shop.anonymous.post("/v1/customers/", json!({})).await.refused(401, "Unauthorized");
    }

    // spec 50 §1.10 (c): path, query and body together
    async fn all_problems_are_told_together_and_before_anything_is_looked_up(shop) {
        let answer = shop.merchant.patch("/v1/customers/x", json!({"email": 1, "name": 2})).await;
        assert_eq!(answer.schema_problems(), ["uuid_parsing path.id", "string_type body.email", "string_type body.name"]);
        let path = format!("/v1/customers/{UNKNOWN}");
        assert_eq!(shop.merchant.patch(&path, json!({"name": 2})).await.schema_problems(), ["string_type body.name"]);
        shop.merchant.patch(&path, json!({"name": "x"})).await.refused(404, "ResourceNotFound");
    }

    // spec 50 §1.5
    async fn a_missing_body_is_one_problem(shop) {
        let json = shop.anonymous.with("content-type", "application/json");
        for answer in [
            shop.anonymous.send_bytes("POST", VALIDATE, "").await,
            json.send_bytes("POST", VALIDATE, "").await,
            json.send_bytes("POST", VALIDATE, "null").await,
        ] {
            assert_eq!(answer.schema_problems(), ["missing body"]);
            assert_eq!(answer.json()["detail"][0]["input"], Value::Null);
        }
        for body in ["[]", "1", "\"x\"", "true"] {
            assert_eq!(json.send_bytes("POST", VALIDATE, body).await.schema_problems(), ["model_attributes_type body"]);
        }
    }

    // spec 50 §1.5, spec 40 T-12
    async fn json_is_read_under_its_names_and_none(shop) {
        let body = crate::support::shop::naming(&shop.key(json!({})).await).to_string();
        for name in ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.api+json"] {
            let client = shop.anonymous.with("content-type", name);
            client.send_bytes("POST", VALIDATE, body.clone()).await.expect(200);
        }
        shop.anonymous.send_bytes("POST", VALIDATE, body.clone()).await.expect(200);
        for name in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"] {
            let answer = shop.anonymous.with("content-type", name).send_bytes("POST", VALIDATE, body.clone()).await;
            assert_eq!(answer.schema_problems(), ["model_attributes_type body"], "{name}");
        }
    }

    // spec 50 §7.1 C12
    async fn unknown_members_are_ignored_at_every_depth(shop) {
        let body = json!({
            "email": "a@example.com", "organization_id": shop.organization.id, "planet": "Mars",
            "billing_address": {"country": "NO", "planet": {"deep": true}},
        });
        let made = shop.merchant.post("/v1/customers/", body).await.expect(201);
        assert!(!made.to_string().contains("planet"));
    }

    // spec 40 §2.14: in the order of declaration
    async fn problems_stand_in_the_order_of_the_schema(shop) {
        let answer = shop.anonymous.post("/v1/customer-portal/license-keys/activate", json!({})).await;
        assert_eq!(answer.schema_problems(), ["missing body.key", "missing body.organization_id", "missing body.label"]);
        let body = json!({"meta": [1], "conditions": "a", "label": 5, "organization_id": "x", "key": 1});
        let answer = shop.anonymous.post("/v1/customer-portal/license-keys/activate", body).await;
        assert_eq!(answer.schema_problems(), [
            "string_type body.key", "uuid_parsing body.organization_id", "string_type body.label",
            "dict_type body.conditions", "dict_type body.meta",
        ]);
    }

    // spec 50 §1.10 (4)
    async fn a_body_that_is_no_utf_8_is_400(shop) {
        let answer = shop.anonymous.send_bytes("POST", VALIDATE, &b"{\"key\": \"\xff\xfe\"}"[..]).await;
        assert_eq!(answer.expect(400), json!({"detail": "There was an error parsing the body"}));
    }

    async fn deep_and_repeated_json_is_no_danger(shop) {
        let json = shop.anonymous.with("content-type", "application/json");
        for deep in ["[".repeat(100_000), "{\"a\":".repeat(100_000)] {
            let status = json.send_bytes("POST", VALIDATE, deep).await.status;
            assert!([400, 422].contains(&status), "{status}");
        }
        let key = shop.key(json!({"activations": {"limit": 5, "enable_customer_admin": true}})).await;
        // spec 40 T-13: of a member that is written twice the last counts
        let body = format!(
            "{{\"key\":\"nope\",\"key\":\"{}\",\"organization_id\":\"{}\",\"label\":\"a\",\"label\":\"b\"}}",
            key.key, key.organization_id
        );
        let made = json.send_bytes("POST", "/v1/customer-portal/license-keys/activate", body).await.expect(200);
        assert_eq!(made["label"], "b");
    }
}
