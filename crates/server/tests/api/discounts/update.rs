//! `PATCH /v1/discounts/{id}`.

use serde_json::{Value, json};

use super::{PATH, made, product_of, redeem, ten_percent};
use crate::support::UNKNOWN;

scenarios! {
    /// D1
    async fn type_and_duration_never_change(shop) {
        let repeating = json!({"duration": "repeating", "duration_in_months": 3});
        let (_, path) = made(shop, ten_percent(&repeating)).await;
        let answer = shop.merchant.patch(&path, json!({"duration": "once"})).await;
        assert_eq!(answer.rule_problems(), ["value_error body.duration"]);
        let answer = shop.merchant.patch(&path, json!({"type": "fixed"})).await;
        assert_eq!(answer.rule_problems(), ["value_error body.type"]);
        shop.merchant.patch(&path, json!({"type": "percentage", "duration": "repeating"})).await.expect(200);
    }

    /// D2
    async fn what_was_redeemed_keeps_its_worth(shop) {
        let fixed = json!({"type": "fixed", "duration": "once", "amount": 500, "name": "Five off"});
        for (body, field) in [(fixed, "amount"), (ten_percent(&json!({})), "basis_points")] {
            let (discount, path) = made(shop, body).await;
            assert_eq!(shop.merchant.patch(&path, json!({field: 700})).await.expect(200)[field], 700);
            redeem(shop, &discount).await;
            let answer = shop.merchant.patch(&path, json!({field: 701, "name": "N"})).await;
            assert_eq!(answer.rule_problems(), [format!("value_error body.{field}")]);
            let same = shop.merchant.patch(&path, json!({field: 700, "name": "N"})).await.expect(200);
            assert_eq!((&same["name"], &same["redemptions_count"]), (&json!("N"), &json!(1)));
        }
    }

    /// D3
    async fn end_name_and_products_can_change(shop) {
        let (app, book) = (product_of(shop, shop.organization.id).await, product_of(shop, shop.organization.id).await);
        let (_, path) = made(shop, ten_percent(&json!({"products": [app.id]}))).await;
        shop.advance(1);
        let changed = shop.merchant.patch(&path, json!({"ends_at": "2030-01-01T00:00:00Z", "name": "N"})).await.expect(200);
        assert_eq!((&changed["ends_at"], &changed["name"]), (&json!("2030-01-01T00:00:00Z"), &json!("N")));
        assert_eq!(changed["modified_at"], "2025-01-07T10:00:01Z");
        let ids = |answer: &Value| {
            let products = answer["products"].as_array().unwrap();
            products.iter().map(|product| product["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(ids(&changed), [app.id.to_string()]);
        let changed = shop.merchant.patch(&path, json!({"products": [book.id, app.id]})).await.expect(200);
        assert_eq!(ids(&changed), [book.id.to_string(), app.id.to_string()]);
        let kept = shop.merchant.patch(&path, json!({"products": null})).await.expect(200);
        assert_eq!(ids(&kept).len(), 2);
        let answer = shop.merchant.patch(&path, json!({"products": [app.id, UNKNOWN]})).await;
        assert_eq!(answer.rule_problems(), ["value_error body.products.1"]);
        assert!(ids(&shop.merchant.patch(&path, json!({"products": []})).await.expect(200)).is_empty());
        assert!(ids(&shop.merchant.get(&path).await.expect(200)).is_empty());
    }

    /// D4
    async fn what_has_ended_can_be_renamed_with_the_same_times(shop) {
        let times = json!({"starts_at": "2024-01-01T00:00:00Z", "ends_at": "2024-02-01T00:00:00Z"});
        let (discount, path) = made(shop, ten_percent(&times)).await;
        let mut change = times;
        change["name"] = json!("Over");
        let changed = shop.merchant.patch(&path, change).await.expect(200);
        assert_eq!(changed["name"], "Over");
        assert_eq!((&changed["starts_at"], &changed["ends_at"]), (&discount["starts_at"], &discount["ends_at"]));
    }

    /// D11
    async fn what_can_be_cleared_is_cleared_by_null(shop) {
        let (_, path) = made(shop, ten_percent(&json!({
            "code": "sale", "starts_at": "2025-01-01T00:00:00Z", "ends_at": "2030-01-01T00:00:00Z", "max_redemptions": 5,
        }))).await;
        for past in ["2025-01-01T00:00:01Z", "2025-01-07T09:59:59Z"] {
            let answer = shop.merchant.patch(&path, json!({"ends_at": past})).await;
            assert_eq!(answer.rule_problems(), ["value_error body.ends_at"]);
        }
        let crossed = json!({"starts_at": "2031-01-01T00:00:00Z", "ends_at": "2030-01-01T00:00:00Z"});
        assert_eq!(shop.merchant.patch(&path, crossed.clone()).await.schema_problems(), ["value_error body"]);
        // spec 20 §5.4: before anything that is stored is looked at, even whether it is there.
        let mut foreign = crossed.clone();
        foreign["duration"] = json!("forever");
        assert_eq!(shop.merchant.patch(&path, foreign).await.schema_problems(), ["value_error body"]);
        let unknown = shop.merchant.patch(&format!("{PATH}{UNKNOWN}"), crossed.clone()).await;
        assert_eq!(unknown.schema_problems(), ["value_error body"]);
        shop.anonymous.patch(&path, crossed.clone()).await.refused(401, "Unauthorized");
        let mut wrong = crossed;
        wrong["max_redemptions"] = json!(0);
        assert_eq!(
            shop.merchant.patch(&path, wrong).await.schema_problems(),
            ["greater_than_equal body.max_redemptions"]
        );
        // One alone is not compared with what is stored.
        let after = json!({"starts_at": "2031-01-01T00:00:00Z"});
        assert_eq!(shop.merchant.patch(&path, after).await.expect(200)["starts_at"], "2031-01-01T00:00:00Z");
        for member in ["code", "starts_at", "max_redemptions", "ends_at"] {
            let changed = shop.merchant.patch(&path, json!({member: null})).await.expect(200);
            assert_eq!(changed[member], Value::Null, "{member}");
        }
        let blank = shop.merchant.patch(&path, json!({"code": "Again"})).await.expect(200);
        assert_eq!(blank["code"], "Again");
        assert_eq!(shop.merchant.patch(&path, json!({"code": "  "})).await.expect(200)["code"], Value::Null);
    }

    // spec 20 §5.4
    async fn other_nulls_change_nothing(shop) {
        for body in [
            ten_percent(&json!({"metadata": {"a": 1}})),
            json!({"type": "fixed", "duration": "repeating", "duration_in_months": 2, "amount": 5, "name": "N"}),
        ] {
            let (discount, path) = made(shop, body).await;
            shop.advance(1);
            let nulls = json!({
                "name": null, "type": null, "amount": null, "currency": null, "basis_points": null, "duration": null,
                "duration_in_months": null, "products": null, "metadata": null,
            });
            assert_eq!(shop.merchant.patch(&path, nulls).await.expect(200), discount);
            assert_eq!(shop.merchant.get(&path).await.expect(200), discount);
        }
    }

    async fn a_currency_that_is_none_is_told_at_its_place(shop) {
        let (_, path) = made(shop, ten_percent(&json!({}))).await;
        for currency in ["usdc", "eur"] {
            let answer = shop.merchant.patch(&path, json!({"currency": currency})).await;
            assert_eq!(answer.schema_problems(), ["string_pattern_mismatch body.currency"], "{currency}");
        }
    }

    /// D12
    async fn the_sdks_always_send_a_currency(shop) {
        let (discount, path) = made(shop, ten_percent(&json!({}))).await;
        redeem(shop, &discount).await;
        let changed = shop.merchant.patch(&path, json!({"name": "x", "currency": "usd", "amount": 5})).await.expect(200);
        assert_eq!((&changed["name"], &changed["basis_points"]), (&json!("x"), &json!(1000)));
        assert_eq!((changed.get("currency"), changed.get("amount")), (None, None));
        let fixed = json!({"type": "fixed", "duration": "once", "amount": 500, "name": "Five off"});
        let (discount, path) = made(shop, fixed).await;
        redeem(shop, &discount).await;
        let change = json!({"name": "x", "currency": "usd", "basis_points": 7, "duration_in_months": 3});
        let changed = shop.merchant.patch(&path, change).await.expect(200);
        assert_eq!((&changed["amount"], changed.get("basis_points")), (&json!(500), None));
        assert_eq!(changed.get("duration_in_months"), None);
    }

    /// D13
    async fn a_code_in_use_is_refused_and_a_deleted_one_is_free(shop) {
        let (_, path) = made(shop, ten_percent(&json!({"code": "First"}))).await;
        let (_, other) = made(shop, ten_percent(&json!({"code": "Second"}))).await;
        for code in ["First", "FIRST"] {
            let answer = shop.merchant.patch(&other, json!({"code": code})).await;
            assert_eq!(answer.rule_problems(), ["value_error body.code"]);
        }
        assert_eq!(shop.merchant.patch(&path, json!({"code": "FIRST"})).await.expect(200)["code"], "FIRST");
        assert_eq!(shop.merchant.delete(&path).await.status, 204);
        assert_eq!(shop.merchant.patch(&other, json!({"code": "first"})).await.expect(200)["code"], "first");
    }

    // spec 20 §1.1
    async fn a_change_follows_the_schema_and_a_stranger_changes_nothing(shop) {
        let (discount, path) = made(shop, ten_percent(&json!({}))).await;
        for (change, problem) in [
            (json!({"name": ""}), "string_too_short body.name"),
            (json!({"basis_points": 0}), "greater_than_equal body.basis_points"),
            (json!({"amount": -1}), "greater_than_equal body.amount"),
            (json!({"currency": "eur"}), "string_pattern_mismatch body.currency"),
            (json!({"max_redemptions": 0}), "greater_than_equal body.max_redemptions"),
            (json!({"duration": "weekly"}), "enum body.duration"),
            (json!({"code": "a-b"}), "value_error body.code"),
        ] {
            assert_eq!(shop.merchant.patch(&path, change).await.schema_problems(), [problem]);
        }
        let stranger = shop.tenant().await.merchant;
        stranger.patch(&path, json!({"name": "Mine"})).await.refused(404, "ResourceNotFound");
        stranger.delete(&path).await.refused(404, "ResourceNotFound");
        assert_eq!(shop.merchant.get(&path).await.expect(200), discount);
    }
}
