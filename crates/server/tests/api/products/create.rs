//! `POST /v1/products/`.

use merak_core::files::FileService;
use serde_json::{Value, json};

use super::{every, file, make, new, once, path};
use crate::support::{UNKNOWN, everything, noise};

scenarios! {
    // spec 20 P12
    async fn each_sort_of_product_is_made_as_given(shop) {
        let custom = json!({"type": "one_time", "amount_type": "custom", "minimum_amount": 1000, "maximum_amount": 2000, "preset_amount": 1500});
        for (prices, is_recurring) in [
            (vec![every("month", 900)], true),
            (vec![every("month", 900), every("year", 9000)], true),
            (vec![once()], false),
            (vec![custom], false),
            (vec![json!({"type": "one_time", "amount_type": "custom"})], false),
            (vec![json!({"type": "one_time", "amount_type": "free"})], false),
            (vec![json!({"type": "recurring", "amount_type": "free", "recurring_interval": "month"})], true),
        ] {
            let mut body = new(shop, &prices);
            body["type"] = json!("whatever");
            body["price_amount"] = json!(5);
            let product = shop.merchant.post("/v1/products/", body).await.expect(201);
            assert_eq!(product["is_recurring"], is_recurring);
            for (made, given) in product["prices"].as_array().unwrap().iter().zip(&prices) {
                for (name, value) in given.as_object().unwrap() {
                    assert_eq!(&made[name], value, "{made}");
                }
                assert_eq!((&made["product_id"], &made["is_archived"]), (&product["id"], &json!(false)));
            }
            assert_eq!(product["prices"].as_array().unwrap().len(), prices.len());
        }
    }

    // spec 20 §13: the members of every shape, in their order
    async fn the_members_stand_in_the_order_of_the_contract(shop) {
        let product = make(shop, &[every("month", 900)]).await;
        assert_eq!(keys(&product), "created_at modified_at id name description is_recurring is_archived organization_id \
            metadata prices benefits medias attached_custom_fields");
        let common = "created_at modified_at id amount_type is_archived product_id";
        for (price, members) in [
            (every("month", 900), "price_currency price_amount type recurring_interval"),
            (json!({"type": "recurring", "amount_type": "free", "recurring_interval": "year"}), "type recurring_interval"),
            (once(), "price_currency price_amount type"),
            (json!({"type": "one_time", "amount_type": "custom"}),
                "price_currency minimum_amount maximum_amount preset_amount type"),
            (json!({"type": "one_time", "amount_type": "free"}), "type"),
        ] {
            let product = make(shop, &[price]).await;
            assert_eq!(keys(&product["prices"][0]), format!("{common} {members}"));
        }
    }

    // so that it fits into an index of PostgreSQL, however little it can be compressed
    async fn a_name_has_at_most_512_characters(shop) {
        let mut body = new(shop, &[once()]);
        body["name"] = json!(noise(512));
        let product = shop.merchant.post("/v1/products/", body.clone()).await.expect(201);
        shop.merchant.patch(&path(&product), json!({"name": noise(511)})).await.expect(200);
        for length in [513, 3000] {
            body["name"] = json!(noise(length));
            let answer = shop.merchant.post("/v1/products/", body.clone()).await;
            assert_eq!(answer.schema_problems(), ["string_too_long body.ProductOneTimeCreate.name"]);
            let answer = shop.merchant.patch(&path(&product), json!({"name": noise(length)})).await;
            assert_eq!(answer.schema_problems(), ["string_too_long body.name"]);
        }
    }

    // so that no statement has more parameters than SQLite takes
    async fn lists_have_at_most_a_hundred_entries(shop) {
        let field = json!({"custom_field_id": UNKNOWN, "required": true});
        for (name, entry) in [("medias", json!(UNKNOWN)), ("attached_custom_fields", field)] {
            for (price, branch) in [(once(), "OneTime"), (every("month", 900), "Recurring")] {
                let mut body = new(shop, &[price]);
                body[name] = json!(vec![&entry; 101]);
                let answer = shop.merchant.post("/v1/products/", body).await;
                assert_eq!(answer.schema_problems(), [format!("too_long body.Product{branch}Create.{name}")]);
            }
        }
    }

    // spec 20 P11, §2.2: the branch is chosen by the content, and its name stands in the place
    async fn impossible_lists_of_prices_are_refused_in_the_branch_that_is_meant(shop) {
        let monthly = every("month", 900);
        let free = json!({"type": "one_time", "amount_type": "free"});
        let free_plan = json!({"type": "recurring", "amount_type": "free", "recurring_interval": "month"});
        for (prices, problem) in [
            (vec![], "too_short body.ProductOneTimeCreate.prices"),
            (vec![monthly.clone(), once()], "literal_error body.ProductRecurringCreate.prices.1.type"),
            (vec![once(), monthly.clone()], "too_long body.ProductOneTimeCreate.prices"),
            (vec![monthly.clone(), every("year", 1000), monthly.clone()], "too_long body.ProductRecurringCreate.prices"),
            (vec![monthly.clone(), every("month", 1000)], "value_error body.ProductRecurringCreate.prices"),
            (vec![once(), once()], "too_long body.ProductOneTimeCreate.prices"),
            (vec![free.clone(), free], "too_long body.ProductOneTimeCreate.prices"),
            (vec![free_plan.clone(), monthly.clone()], "too_long body.ProductRecurringCreate.prices"),
            (vec![monthly, free_plan], "literal_error body.ProductRecurringCreate.prices.1.amount_type"),
            (vec![json!({"type": "recurring", "amount_type": "custom", "recurring_interval": "month"})],
                "literal_error body.ProductRecurringCreate.prices.0.amount_type"),
            (vec![json!({"type": "weekly", "amount_type": "fixed", "price_amount": 100})],
                "literal_error body.ProductOneTimeCreate.prices.0.ProductPriceOneTimeFixedCreate.type"),
        ] {
            let answer = shop.merchant.post("/v1/products/", new(shop, &prices)).await;
            assert_eq!(answer.schema_problems()[0], problem, "{prices:?}");
        }
        assert_eq!(shop.merchant.get("/v1/products/").await.pagination(), (0, 0));
        let tier = json!({"type": "free", "name": "Free", "organization_id": shop.organization.id});
        let answer = shop.merchant.post("/v1/products/", tier).await;
        assert_eq!(answer.schema_problems(), ["missing body.ProductOneTimeCreate.prices"]);
        let answer = shop.merchant.post("/v1/products/", json!({})).await;
        assert_eq!(answer.schema_problems(), ["missing body.ProductOneTimeCreate.name", "missing body.ProductOneTimeCreate.prices"]);
    }

    // spec 20 P11, P24, §2.2
    async fn amounts_currencies_and_intervals_have_bounds(shop) {
        let fixed = "body.ProductOneTimeCreate.prices.0.ProductPriceOneTimeFixedCreate";
        let custom = "body.ProductOneTimeCreate.prices.0.ProductPriceOneTimeCustomCreate";
        let with = |name: &str, value: Value| {
            let mut price = once();
            price[name] = value;
            price
        };
        for (price, problem) in [
            (with("price_amount", json!(49)), format!("greater_than_equal {fixed}.price_amount")),
            (with("price_amount", json!(100_000_000)), format!("less_than_equal {fixed}.price_amount")),
            (with("price_amount", json!(50.5)), format!("int_from_float {fixed}.price_amount")),
            (with("price_currency", json!("eur")), format!("string_pattern_mismatch {fixed}.price_currency")),
            (with("price_currency", json!("usdc")), format!("string_pattern_mismatch {fixed}.price_currency")),
            (json!({"type": "one_time", "amount_type": "fixed"}), format!("missing {fixed}.price_amount")),
            (json!({"type": "one_time", "amount_type": "custom", "preset_amount": 49}),
                format!("greater_than_equal {custom}.preset_amount")),
            (json!({"type": "recurring", "amount_type": "fixed", "price_amount": 900}),
                "missing body.ProductRecurringCreate.prices.0.recurring_interval".into()),
            (every("week", 900), "enum body.ProductRecurringCreate.prices.0.recurring_interval".into()),
        ] {
            let answer = shop.merchant.post("/v1/products/", new(shop, &[price])).await;
            assert_eq!(answer.schema_problems(), [problem]);
        }
        let answer = shop.merchant.post("/v1/products/", new(shop, &[with("price_amount", json!(49))])).await.expect(422);
        assert_eq!(answer["detail"][0]["ctx"], json!({"ge": 50}));
        let answer = shop.merchant.post("/v1/products/", new(shop, &[with("price_amount", json!(100_000_000))])).await.expect(422);
        assert_eq!(answer["detail"][0]["ctx"], json!({"le": 99_999_999}));
        for cents in [json!(50), json!(99_999_999), json!("1000")] {
            make(shop, &[with("price_amount", cents)]).await;
        }
        // Bounds are not compared with each other.
        make(shop, &[json!({"type": "one_time", "amount_type": "custom", "minimum_amount": 900, "maximum_amount": 100, "preset_amount": 5000})]).await;
    }

    // spec 20 P10, P11, T-7
    async fn names_are_counted_as_sent_and_descriptions_are_trimmed(shop) {
        for name in ["ab", ""] {
            let mut body = new(shop, &[once()]);
            body["name"] = json!(name);
            let answer = shop.merchant.post("/v1/products/", body).await;
            assert_eq!(answer.schema_problems(), ["string_too_short body.ProductOneTimeCreate.name"]);
        }
        for (description, stored) in [(json!(""), Value::Null), (json!("  "), Value::Null), (json!(" a "), json!("a")), (Value::Null, Value::Null)] {
            let mut body = new(shop, &[once()]);
            (body["name"], body["description"]) = (json!("   "), description);
            let product = shop.merchant.post("/v1/products/", body).await.expect(201);
            assert_eq!((&product["name"], &product["description"]), (&json!("   "), &stored));
        }
    }

    // spec 20 P9, T-42, §1.1
    async fn the_organization_must_be_the_callers(shop) {
        let stranger = shop.tenant().await;
        let token = shop.organization_client(shop.organization.id, everything()).await;
        let mut body = new(shop, &[once()]);
        body["organization_id"] = json!(UNKNOWN);
        let answer = shop.merchant.post("/v1/products/", body.clone()).await;
        assert_eq!(answer.rule_problems(), ["value_error body.organization_id"]);
        body["organization_id"] = json!(stranger.organization.id);
        shop.merchant.post("/v1/products/", body.clone()).await.refused(403, "NotPermitted");
        body["organization_id"] = json!(shop.organization.id);
        assert_eq!(token.post("/v1/products/", body.clone()).await.rule_problems(), ["organization_token body.organization_id"]);
        for nothing in [Some(Value::Null), None] {
            match nothing {
                Some(null) => body["organization_id"] = null,
                None => drop(body.as_object_mut().unwrap().remove("organization_id")),
            }
            let answer = shop.merchant.post("/v1/products/", body.clone()).await;
            assert_eq!(answer.rule_problems(), ["missing body.organization_id"]);
            let product = token.post("/v1/products/", body.clone()).await.expect(201);
            assert_eq!((&product["organization_id"], product["prices"].as_array().unwrap().len()), (&json!(shop.organization.id), 1));
        }
    }

    // spec 20 P28, T-2
    async fn metadata_is_stored(shop) {
        let mut body = new(shop, &[once()]);
        body["metadata"] = json!({"sku": "D1", "n": 5, "is": true});
        let product = shop.merchant.post("/v1/products/", body.clone()).await.expect(201);
        assert_eq!(product["metadata"], body["metadata"]);
        assert_eq!(shop.merchant.get(&path(&product)).await.expect(200), product);
        body["metadata"] = json!({"a": null});
        let place = "body.ProductOneTimeCreate.metadata.a";
        let problems = shop.merchant.post("/v1/products/", body).await.schema_problems();
        assert!(problems.iter().all(|problem| problem.contains(place)), "{problems:?}");
    }

    // spec 20 P13
    async fn pictures_are_shown_with_their_address(shop) {
        let (first, second) = (file(shop, FileService::ProductMedia, true).await, file(shop, FileService::ProductMedia, true).await);
        let mut body = new(shop, &[once()]);
        body["medias"] = json!([second, first]);
        let product = shop.merchant.post("/v1/products/", body.clone()).await.expect(201);
        let ids: Vec<&Value> = product["medias"].as_array().unwrap().iter().map(|media| &media["id"]).collect();
        assert_eq!(ids, [&json!(second), &json!(first)]);
        let media = &product["medias"][0];
        assert_eq!((&media["service"], &media["is_uploaded"]), (&json!("product_media"), &json!(true)));
        assert!(media["public_url"].as_str().unwrap().starts_with("http://"), "{media}");
        for wrong in [
            json!(UNKNOWN),
            json!(file(shop, FileService::Downloadable, true).await),
            json!(file(shop, FileService::ProductMedia, false).await),
        ] {
            body["medias"] = json!([first, wrong]);
            let answer = shop.merchant.post("/v1/products/", body.clone()).await;
            assert_eq!(answer.rule_problems(), ["value_error body.medias.1"]);
            assert_eq!(answer.json()["detail"][0]["input"], wrong);
        }
        body["medias"] = Value::Null;
        assert_eq!(shop.merchant.post("/v1/products/", body).await.expect(201)["medias"], json!([]));
        assert_eq!(shop.merchant.get("/v1/products/").await.pagination().0, 2, "what was refused was not made");
    }

    // spec 20 P26
    async fn fields_are_shown_with_what_they_ask(shop) {
        let field = json!({"type": "text", "slug": "seats", "name": "Seats", "properties": {}, "organization_id": shop.organization.id});
        let field = shop.merchant.post("/v1/custom-fields/", field).await.expect(201);
        let mut body = new(shop, &[once()]);
        body["attached_custom_fields"] = json!([
            {"custom_field_id": field["id"], "required": true}, {"custom_field_id": field["id"], "required": false}
        ]);
        let product = shop.merchant.post("/v1/products/", body.clone()).await.expect(201);
        let attached = |order, required| json!({"custom_field_id": field["id"], "custom_field": field, "order": order, "required": required});
        assert_eq!(product["attached_custom_fields"], json!([attached(0, true), attached(1, false)]));
        for (fields, problem) in [
            (Value::Null, "list_type body.ProductOneTimeCreate.attached_custom_fields"),
            (json!([{"custom_field_id": field["id"]}]), "missing body.ProductOneTimeCreate.attached_custom_fields.0.required"),
            (json!([{"required": true}]), "missing body.ProductOneTimeCreate.attached_custom_fields.0.custom_field_id"),
        ] {
            body["attached_custom_fields"] = fields;
            assert_eq!(shop.merchant.post("/v1/products/", body.clone()).await.schema_problems(), [problem]);
        }
        body["attached_custom_fields"] = json!([{"custom_field_id": UNKNOWN, "required": true}]);
        let answer = shop.merchant.post("/v1/products/", body).await;
        assert_eq!(answer.rule_problems(), ["value_error body.attached_custom_fields.0"]);
        assert_eq!(answer.json()["detail"][0]["input"], UNKNOWN);
    }

    // spec 20 §2.4: the organization is checked before pictures, and these before fields
    async fn checks_come_in_the_order_of_the_contract(shop) {
        let mut body = new(shop, &[once()]);
        body["medias"] = json!([UNKNOWN]);
        body["attached_custom_fields"] = json!([{"custom_field_id": UNKNOWN, "required": true}]);
        let answer = shop.merchant.post("/v1/products/", body.clone()).await;
        assert_eq!(answer.rule_problems(), ["value_error body.medias.0"]);
        body["organization_id"] = json!(UNKNOWN);
        let answer = shop.merchant.post("/v1/products/", body).await;
        assert_eq!(answer.rule_problems(), ["value_error body.organization_id"]);
    }

    // spec 20 P8, §1
    async fn a_product_is_shown_to_its_sellers_and_never_deleted(shop) {
        let product = make(shop, &[once()]).await;
        let stranger = shop.tenant().await;
        let token = shop.organization_client(shop.organization.id, everything()).await;
        for client in [&shop.merchant, &token] {
            assert_eq!(client.get(&path(&product)).await.expect(200), product);
        }
        stranger.merchant.get(&path(&product)).await.refused(404, "ResourceNotFound");
        shop.merchant.get(&format!("/v1/products/{UNKNOWN}")).await.refused(404, "ResourceNotFound");
        assert_eq!(shop.merchant.get("/v1/products/abc").await.schema_problems(), ["uuid_parsing path.id"]);
        assert_eq!(shop.merchant.delete(&path(&product)).await.status, 405);
    }
}

fn keys(object: &Value) -> String {
    object.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
}
