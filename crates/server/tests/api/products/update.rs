//! `PATCH /v1/products/{id}`.

use merak_core::files::FileService;
use serde_json::{Value, json};

use super::{every, file, make, once, path};
use crate::support::UNKNOWN;

scenarios! {
    // spec 20 P15, P19, P28, T-6
    async fn each_member_is_changed_by_itself(shop) {
        let product = make(shop, &[once()]).await;
        shop.advance(1);
        for (name, value) in [
            ("name", json!("Desktop app 2")),
            ("name", json!("   ")),
            ("description", json!("About it")),
            ("is_archived", json!(true)),
            ("is_archived", json!(false)),
            ("metadata", json!({"a": "b", "n": 1})),
            ("metadata", json!({"c": true})),
            ("metadata", json!({})),
        ] {
            let before = shop.merchant.get(&path(&product)).await.expect(200);
            let after = shop.merchant.patch(&path(&product), json!({name: value})).await.expect(200);
            let mut expected = before;
            expected[name] = value;
            expected["modified_at"] = after["modified_at"].clone();
            assert_eq!(after, expected, "{name}");
            assert_eq!(shop.merchant.get(&path(&product)).await.expect(200), after);
        }
        for blank in ["", "  "] {
            let after = shop.merchant.patch(&path(&product), json!({"description": blank})).await.expect(200);
            assert_eq!(after["description"], "About it", "it cannot be taken away");
        }
        let after = shop.merchant.patch(&path(&product), json!({"description": "  New  "})).await.expect(200);
        assert_eq!(after["description"], "New");
        let answer = shop.merchant.patch(&path(&product), json!({"name": "ab"})).await;
        assert_eq!(answer.schema_problems(), ["string_too_short body.name"]);
    }

    // so that no statement has more parameters than SQLite takes
    async fn lists_have_at_most_a_hundred_entries(shop) {
        let product = make(shop, &[once()]).await;
        let field = json!({"custom_field_id": UNKNOWN, "required": true});
        for (name, entry) in
            [("medias", json!(UNKNOWN)), ("attached_custom_fields", field), ("prices", json!({"id": UNKNOWN}))]
        {
            let answer = shop.merchant.patch(&path(&product), json!({name: vec![&entry; 101]})).await;
            assert_eq!(answer.schema_problems(), [format!("too_long body.{name}")]);
            let answer = shop.merchant.patch(&path(&product), json!({name: vec![&entry; 100]})).await;
            assert!(answer.rule_problems()[0].starts_with("value_error body."), "{name}");
        }
        let picture = file(shop, FileService::ProductMedia, true).await;
        let after = shop.merchant.patch(&path(&product), json!({"medias": vec![picture; 100]})).await.expect(200);
        assert_eq!(after["medias"].as_array().unwrap().len(), 100);
    }

    // spec 20 P25
    async fn nothing_and_nulls_change_nothing(shop) {
        let product = make(shop, &[once()]).await;
        shop.advance(1);
        let nulls = json!({"name": null, "description": null, "is_archived": null, "prices": null, "medias": null,
            "attached_custom_fields": null, "metadata": null});
        for body in [json!({}), nulls, json!({"organization_id": UNKNOWN, "benefits": []})] {
            assert_eq!(shop.merchant.patch(&path(&product), body).await.expect(200), product);
        }
    }

    // spec 20 P16, P17, P18, §2.5
    async fn prices_are_kept_added_and_archived(shop) {
        let product = make(shop, &[every("month", 900)]).await;
        let monthly = product["prices"][0].clone();
        let set = |prices: Value| shop.merchant.patch(path(&product).leak(), json!({"prices": prices}));
        let after = set(json!([{"id": monthly["id"]}, every("year", 12_000)])).await.expect(200);
        assert_eq!((&after["prices"][0], &after["prices"][1]["price_amount"]), (&monthly, &json!(12_000)));
        assert_eq!(after["modified_at"], product["modified_at"]);
        let yearly = after["prices"][1].clone();
        // A whole price as it was read is a price to be kept, whatever amount stands in it.
        let mut changed = yearly.clone();
        changed["price_amount"] = json!(1);
        let after = set(json!([changed])).await.expect(200);
        assert_eq!(after["prices"], json!([yearly]));
        let after = set(json!([every("month", 900)])).await.expect(200);
        assert_ne!(after["prices"][0]["id"], monthly["id"], "an archived price never comes back");
        let after = set(json!([{"id": monthly["id"]}, {"id": after["prices"][0]["id"]}])).await.expect(200);
        assert_eq!(after["prices"].as_array().unwrap().len(), 1, "ids that are not current are passed over");
        let after = set(json!([once()])).await.expect(200);
        assert_eq!((&after["is_recurring"], &after["prices"][0]["type"]), (&json!(false), &json!("one_time")));
        // A null id is none.
        let mut price = once();
        price["id"] = Value::Null;
        let after = set(json!([price])).await.expect(200);
        assert_eq!(after["prices"][0]["price_amount"], 1999);
    }

    // spec 20 P15, P29, §1.1
    async fn impossible_prices_are_refused_and_nothing_changes(shop) {
        let product = make(shop, &[every("month", 900)]).await;
        let keep = json!({"id": product["prices"][0]["id"]});
        let answer = shop.merchant.patch(&path(&product), json!({"prices": []})).await;
        assert_eq!(answer.rule_problems(), ["too_short body.prices"]);
        assert_eq!(answer.json()["detail"][0]["input"], json!([]));
        for (prices, problems) in [
            (json!([{"id": UNKNOWN}]), vec!["value_error body.prices.0"]),
            (json!([keep, every("month", 1000)]), vec!["value_error body.prices"]),
            (json!([keep, once()]), vec!["value_error body.prices"]),
            (json!([once(), once()]), vec!["value_error body.prices"]),
        ] {
            let answer = shop.merchant.patch(&path(&product), json!({"prices": prices})).await;
            assert_eq!(answer.rule_problems(), problems, "{prices}");
        }
        let mut cheap = once();
        cheap["price_amount"] = json!(49);
        for (price, problem) in [
            (json!({"id": "x"}), "uuid_parsing body.prices.0.ExistingProductPrice.id"),
            (cheap, "greater_than_equal body.prices.0.ProductPriceOneTimeFixedCreate.price_amount"),
            (json!({"type": "recurring", "amount_type": "fixed", "price_amount": 900}),
                "missing body.prices.0.ProductPriceRecurringFixedCreate.recurring_interval"),
            (json!({"type": "recurring", "amount_type": "free"}),
                "missing body.prices.0.ProductPriceRecurringFreeCreate.recurring_interval"),
            (json!({"type": "one_time", "amount_type": "custom", "minimum_amount": 1}),
                "greater_than_equal body.prices.0.ProductPriceOneTimeCustomCreate.minimum_amount"),
            (json!({"type": "one_time"}), "missing body.prices.0.ProductPriceOneTimeFixedCreate.amount_type"),
        ] {
            let answer = shop.merchant.patch(&path(&product), json!({"prices": [price]})).await;
            assert_eq!(answer.schema_problems()[0], problem, "{price}");
        }
        let answer = shop.merchant.patch(&path(&product), json!({"prices": [{}]})).await;
        assert_eq!(answer.schema_problems()[0], "missing body.prices.0.ExistingProductPrice.id");
        assert_eq!(shop.merchant.get(&path(&product)).await.expect(200), product);
    }

    // spec 20 P20
    async fn pictures_are_replaced_as_a_whole(shop) {
        let product = make(shop, &[once()]).await;
        let picture = file(shop, FileService::ProductMedia, true).await;
        let ids = |product: &Value| -> Vec<Value> {
            product["medias"].as_array().unwrap().iter().map(|media| media["id"].clone()).collect()
        };
        let after = shop.merchant.patch(&path(&product), json!({"medias": [picture]})).await.expect(200);
        assert_eq!(ids(&after), [json!(picture)]);
        for wrong in [json!(UNKNOWN), json!(file(shop, FileService::Downloadable, true).await)] {
            let answer = shop.merchant.patch(&path(&product), json!({"medias": [wrong], "name": "Other"})).await;
            assert_eq!(answer.rule_problems(), ["value_error body.medias.0"]);
        }
        let after = shop.merchant.patch(&path(&product), json!({"medias": null})).await.expect(200);
        assert_eq!((ids(&after), &after["name"]), (vec![json!(picture)], &product["name"]));
        let after = shop.merchant.patch(&path(&product), json!({"medias": []})).await.expect(200);
        assert_eq!(after["medias"], json!([]));
    }

    // spec 20 P26
    async fn fields_are_replaced_as_a_whole(shop) {
        let product = make(shop, &[once()]).await;
        let field = json!({"type": "checkbox", "slug": "terms", "name": "Terms", "properties": {}, "organization_id": shop.organization.id});
        let field = shop.merchant.post("/v1/custom-fields/", field).await.expect(201);
        let attach = json!({"attached_custom_fields": [{"custom_field_id": field["id"], "required": true}]});
        let after = shop.merchant.patch(&path(&product), attach).await.expect(200);
        assert_eq!(after["attached_custom_fields"][0]["custom_field"], field);
        let unknown = json!({"attached_custom_fields": [{"custom_field_id": UNKNOWN, "required": true}]});
        assert_eq!(shop.merchant.patch(&path(&product), unknown).await.rule_problems(), ["value_error body.attached_custom_fields.0"]);
        let after = shop.merchant.patch(&path(&product), json!({"attached_custom_fields": null})).await.expect(200);
        assert_eq!(after["attached_custom_fields"].as_array().unwrap().len(), 1);
        let after = shop.merchant.patch(&path(&product), json!({"attached_custom_fields": []})).await.expect(200);
        assert_eq!(after["attached_custom_fields"], json!([]));
    }

    // spec 20 P14
    async fn only_members_change_a_product(shop) {
        let product = make(shop, &[once()]).await;
        let stranger = shop.tenant().await;
        stranger.merchant.patch(&path(&product), json!({"name": "Mine"})).await.refused(404, "ResourceNotFound");
        shop.merchant.patch(&format!("/v1/products/{UNKNOWN}"), json!({})).await.refused(404, "ResourceNotFound");
        assert_eq!(shop.merchant.get(&path(&product)).await.expect(200), product);
    }
}
