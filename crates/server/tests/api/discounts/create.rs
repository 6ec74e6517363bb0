//! `POST /v1/discounts/`, and `GET /v1/discounts/{id}`.

use serde_json::{Value, json};

use super::{PATH, create, made, product_of, ten_percent};
use crate::support::{UNKNOWN, everything};

scenarios! {
    // spec 20 §5.1 and §13, T-9: members of other shapes are absent
    async fn each_shape_has_its_own_members_in_order(shop) {
        let product = product_of(shop, shop.organization.id).await;
        for (sent, beginning) in [
            (json!({"type": "fixed", "duration": "once", "amount": 500}),
                json!({"duration": "once", "type": "fixed", "amount": 500, "currency": "usd"})),
            (json!({"type": "fixed", "duration": "repeating", "duration_in_months": 3, "amount": 1, "currency": "usd", "basis_points": 7}),
                json!({"duration": "repeating", "duration_in_months": 3, "type": "fixed", "amount": 1, "currency": "usd"})),
            (json!({"type": "percentage", "duration": "forever", "basis_points": 1, "amount": 5}),
                json!({"duration": "forever", "type": "percentage", "basis_points": 1})),
            (json!({"type": "percentage", "duration": "repeating", "duration_in_months": 12, "basis_points": 10_000}),
                json!({"duration": "repeating", "duration_in_months": 12, "type": "percentage", "basis_points": 10_000})),
        ] {
            let common = json!({
                "name": "Sale", "metadata": {"s": "x", "i": 1, "b": true}, "max_redemptions": 5,
                "starts_at": "2025-01-01T00:00:00", "ends_at": "2035-01-01T02:00:00+02:00", "products": [product.id],
            });
            let mut body = sent;
            body.as_object_mut().unwrap().extend(common.as_object().unwrap().clone());
            let answer = create(shop, body).await;
            let made = answer.expect(201);
            let mut expected = beginning;
            let rest = json!({
                "created_at": "2025-01-07T10:00:00Z", "modified_at": null, "id": made["id"],
                "metadata": {"s": "x", "i": 1, "b": true}, "name": "Sale", "code": null,
                "starts_at": "2025-01-01T00:00:00Z", "ends_at": "2035-01-01T00:00:00Z", "max_redemptions": 5,
                "redemptions_count": 0, "organization_id": shop.organization.id,
                "products": [{
                    "created_at": "2025-01-07T10:00:00Z", "modified_at": product.modified_at, "id": product.id,
                    "name": "The app", "description": "For desktops", "is_recurring": false, "is_archived": false,
                    "organization_id": shop.organization.id,
                }],
            });
            expected.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            assert_eq!(answer.text(), expected.to_string());
            let path = format!("{PATH}{}", made["id"].as_str().unwrap());
            for client in [
                &shop.merchant,
                &shop.organization_client(shop.organization.id, everything()).await,
                &shop.member_with("discounts:read").await,
            ] {
                assert_eq!(client.get(&path).await.text(), answer.text());
            }
            shop.tenant().await.merchant.get(&path).await.refused(404, "ResourceNotFound");
        }
        shop.merchant.get(&format!("{PATH}{UNKNOWN}")).await.refused(404, "ResourceNotFound");
    }

    /// D8
    async fn codes_are_letters_and_numbers_and_taken_once(shop) {
        for (sent, kept) in [
            (json!("FooBar"), json!("FooBar")),
            (json!(" abc1 "), json!("abc1")),
            (json!("été1"), json!("été1")),
            (json!("  "), Value::Null),
            (json!(""), Value::Null),
            (json!(null), Value::Null),
        ] {
            assert_eq!(create(shop, ten_percent(&json!({"code": sent}))).await.expect(201)["code"], kept);
        }
        for code in ["ab", "a-b-c", "a b c", &"a".repeat(257)] {
            let answer = create(shop, ten_percent(&json!({"code": code}))).await;
            assert_eq!(answer.schema_problems(), ["value_error body.percentage.once_forever.code"], "{code}");
        }
        let answer = create(shop, ten_percent(&json!({"code": 123}))).await;
        assert_eq!(answer.schema_problems(), ["string_type body.percentage.once_forever.code"]);
        for code in ["FooBar", "FOOBAR", " foobar ", "ÉTÉ1"] {
            let answer = create(shop, ten_percent(&json!({"code": code}))).await;
            assert_eq!(answer.rule_problems(), ["value_error body.code"]);
            assert_eq!(answer.json()["detail"][0]["input"], code.trim());
        }
    }

    /// D9
    async fn numbers_are_within_their_bounds(shop) {
        let percent = |points: Value| ten_percent(&json!({"basis_points": points}));
        let fixed = |members: Value| {
            let mut body = json!({"type": "fixed", "duration": "once", "name": "N"});
            body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            body
        };
        for (body, problem) in [
            (percent(json!(0)), "greater_than_equal body.percentage.once_forever.basis_points"),
            (percent(json!(10_001)), "less_than_equal body.percentage.once_forever.basis_points"),
            (percent(json!(25.5)), "int_from_float body.percentage.once_forever.basis_points"),
            (percent(json!(null)), "int_type body.percentage.once_forever.basis_points"),
            (fixed(json!({})), "missing body.fixed.once_forever.amount"),
            (fixed(json!({"amount": -1})), "greater_than_equal body.fixed.once_forever.amount"),
            (fixed(json!({"amount": 100_000_000})), "less_than_equal body.fixed.once_forever.amount"),
            (fixed(json!({"amount": 1, "currency": "eur"})), "string_pattern_mismatch body.fixed.once_forever.currency"),
            (fixed(json!({"amount": 1, "currency": "usdc"})), "string_pattern_mismatch body.fixed.once_forever.currency"),
            (fixed(json!({"amount": 1, "currency": null})), "string_type body.fixed.once_forever.currency"),
            (fixed(json!({"amount": 1, "duration": "repeating"})), "missing body.fixed.repeat.duration_in_months"),
            (fixed(json!({"amount": 1, "duration": "repeating", "duration_in_months": 0})),
                "greater_than_equal body.fixed.repeat.duration_in_months"),
            (fixed(json!({"amount": 1, "duration": "weekly", "duration_in_months": 1})), "enum body.fixed.repeat.duration"),
            (ten_percent(&json!({"max_redemptions": 0})), "greater_than_equal body.percentage.once_forever.max_redemptions"),
            (ten_percent(&json!({"name": ""})), "string_too_short body.percentage.once_forever.name"),
            (ten_percent(&json!({"name": "a".repeat(513)})), "string_too_long body.percentage.once_forever.name"),
            (ten_percent(&json!({"products": vec![UNKNOWN; 101]})), "too_long body.percentage.once_forever.products"),
            (ten_percent(&json!({"type": "gift"})), "union_tag_invalid body"),
        ] {
            assert_eq!(create(shop, body.clone()).await.schema_problems(), [problem], "{body}");
        }
        let answer = create(shop, json!({"name": "N"})).await;
        assert_eq!(answer.schema_problems(), ["missing body.type", "missing body.duration"]);
        assert_eq!(create(shop, fixed(json!({"amount": 0}))).await.expect(201)["amount"], 0);
        assert_eq!(create(shop, fixed(json!({"amount": 99_999_999}))).await.expect(201)["amount"], 99_999_999);
        let once = create(shop, ten_percent(&json!({"duration_in_months": 5}))).await.expect(201);
        assert_eq!(once.get("duration_in_months"), None);
    }

    /// D10
    async fn times_and_products_fit(shop) {
        for (start, end) in [("2025-02-01T00:00:00Z", "2025-02-01T00:00:00Z"), ("2025-02-02T00:00:00Z", "2025-02-01")] {
            let answer = create(shop, ten_percent(&json!({"starts_at": start, "ends_at": end}))).await;
            assert_eq!(answer.schema_problems(), ["value_error body.percentage.once_forever"]);
        }
        // spec 20 §5.2
        let mut sent = json!({
            "type": "fixed", "amount": 1, "duration": "repeating", "duration_in_months": 1, "name": "N", "extra": 1,
            "starts_at": "2025-02-02T00:00:00+02:00", "ends_at": "2025-02-01T22:00:00Z", "organization_id": UNKNOWN,
        });
        let answer = shop.merchant.post(PATH, sent.clone()).await;
        assert_eq!(answer.schema_problems(), ["value_error body.fixed.repeat"], "before the rules");
        assert_eq!(answer.json()["detail"][0]["input"], sent);
        // As long as a member is wrong, nothing is said of all together.
        sent["amount"] = json!(-1);
        let problem = "greater_than_equal body.fixed.repeat.amount";
        assert_eq!(shop.merchant.post(PATH, sent.clone()).await.schema_problems(), [problem]);
        sent["amount"] = json!(1);
        sent["ends_at"] = json!("2025-02-01T22:00:00.000001Z");
        let answer = shop.merchant.post(PATH, sent).await;
        assert_eq!(answer.rule_problems(), ["value_error body.organization_id"]);
        let past = create(shop, ten_percent(&json!({"ends_at": "2020-01-01T00:00:00Z"}))).await.expect(201);
        assert_eq!(past["ends_at"], "2020-01-01T00:00:00Z");
        let tenant = shop.tenant().await;
        let foreign = product_of(shop, tenant.organization.id).await;
        let own = product_of(shop, shop.organization.id).await;
        let answer = create(shop, ten_percent(&json!({"products": [foreign.id]}))).await;
        assert_eq!(answer.rule_problems(), ["value_error body.products.0"]);
        let answer = create(shop, ten_percent(&json!({"products": [own.id, UNKNOWN, own.id, foreign.id]}))).await;
        assert_eq!(answer.rule_problems(), ["value_error body.products.1", "value_error body.products.3"]);
        let answer = create(shop, ten_percent(&json!({"products": ["x"]}))).await;
        assert_eq!(answer.schema_problems(), ["uuid_parsing body.percentage.once_forever.products.0"]);
        for products in [json!([]), json!(null)] {
            let (made, _) = made(shop, ten_percent(&json!({"products": products}))).await;
            assert_eq!(made["products"], json!([]));
        }
    }

    // spec 20 §1.1
    async fn a_discount_belongs_to_an_organization_of_the_caller(shop) {
        let with = |id: &str| ten_percent(&json!({"organization_id": id}));
        let answer = shop.merchant.post(PATH, ten_percent(&json!({}))).await;
        assert_eq!(answer.rule_problems(), ["missing body.organization_id"]);
        for id in [UNKNOWN, &shop.tenant().await.organization.id.to_string()] {
            let answer = shop.merchant.post(PATH, with(id)).await;
            assert_eq!(answer.rule_problems(), ["value_error body.organization_id"]);
        }
        let own = shop.organization_client(shop.organization.id, everything()).await;
        let answer = own.post(PATH, with(&shop.organization.id.to_string())).await;
        assert_eq!(answer.rule_problems(), ["organization_token body.organization_id"]);
        let made = own.post(PATH, ten_percent(&json!({}))).await.expect(201);
        assert_eq!(made["organization_id"], shop.organization.id.to_string());
    }
}
