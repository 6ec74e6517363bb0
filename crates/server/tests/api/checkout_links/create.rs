//! `POST /v1/checkout-links/`, and what is read of links.

use merak_core::benefits::BenefitType;
use merak_server::Config;
use merak_testkit::TestDatabase;
use serde_json::{Value, json};

use super::{discount, link, once, path, product};
use crate::support::shop::config;
use crate::support::{Shop, UNKNOWN, migrated};

scenarios! {
    // spec 20 L2, L3, §7.1, §13
    async fn a_link_to_a_product_keeps_what_it_was_given(shop) {
        let product = product(shop).await;
        let benefit = shop.benefit(BenefitType::Custom, json!({"note": "private"})).await.id;
        let body = json!({"benefits": [benefit]});
        shop.merchant.post(&format!("/v1/products/{}/benefits", product["id"].as_str().unwrap()), body).await.expect(200);
        let discount = discount(shop, &[&product]).await;
        let body = json!({
            "payment_processor": "stripe", "product_id": product["id"], "label": "Blog", "allow_discount_codes": false,
            "discount_id": discount["id"], "success_url": "https://Example.com?x={CHECKOUT_ID}", "metadata": {"from": "blog", "n": 1}
        });
        let link = shop.merchant.post("/v1/checkout-links/", body).await.expect(201);
        let secret = link["client_secret"].as_str().unwrap();
        assert!(secret.starts_with("polar_cl_") && secret.len() == 52, "{secret}");
        let address = shop.anonymous.address();
        assert_eq!(link["url"], format!("http://{address}/v1/checkout-links/{secret}/redirect"));
        for (name, value) in [
            ("payment_processor", json!("stripe")), ("label", json!("Blog")), ("allow_discount_codes", json!(false)),
            ("success_url", json!("https://example.com/?x={CHECKOUT_ID}")), ("metadata", json!({"from": "blog", "n": 1})),
            ("product_id", product["id"].clone()), ("product_price_id", Value::Null), ("product_price", Value::Null),
            ("discount_id", discount["id"].clone()), ("modified_at", Value::Null),
        ] {
            assert_eq!(link[name], value, "{name}");
        }
        let mut minimal = discount.clone();
        minimal.as_object_mut().unwrap().shift_remove("products");
        assert_eq!(link["discount"], minimal);
        assert_eq!(link["product"]["prices"], product["prices"]);
        let shown = link["product"].as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(shown, "created_at modified_at id name description is_recurring is_archived organization_id prices benefits medias");
        let benefit = link["product"]["benefits"][0].as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(benefit, "created_at modified_at id type description selectable deletable organization_id", "no properties");
        let members = link.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(members, "created_at modified_at id metadata payment_processor client_secret success_url label \
            allow_discount_codes product_id product_price_id discount_id product product_price discount url");
        assert_eq!(shop.merchant.get(&path(&link)).await.expect(200), link);
        assert_eq!(shop.merchant.get("/v1/checkout-links/").await.expect(200)["items"], json!([link]));
    }

    // spec 20 L2, L7, T-13
    async fn a_link_to_a_price_names_its_product(shop) {
        let product = product(shop).await;
        let price = &product["prices"][0];
        let body = json!({"payment_processor": "stripe", "product_price_id": price["id"]});
        let made = shop.merchant.post("/v1/checkout-links/", body).await.expect(201);
        assert_eq!((&made["product_id"], &made["product_price_id"], &made["product_price"]), (&product["id"], &price["id"], price));
        let both = json!({"payment_processor": "stripe", "product_price_id": UNKNOWN, "product_id": product["id"]});
        let made = shop.merchant.post("/v1/checkout-links/", both).await.expect(201);
        assert_eq!((&made["product_id"], &made["product_price_id"]), (&product["id"], &Value::Null), "the product counts");
        // A null is not given.
        let null = json!({"product_id": null, "product_price_id": price["id"]});
        assert_eq!(shop.merchant.post("/v1/checkout-links/", null).await.expect(201)["product_price_id"], price["id"]);
    }

    // spec 20 L1, L3, L7, §7.3
    async fn what_cannot_be_sold_is_refused(shop) {
        let product = product(shop).await;
        let price = product["prices"][0]["id"].clone();
        let archived = super::product(shop).await;
        let old = archived["prices"][0]["id"].clone();
        let archived_path = format!("/v1/products/{}", archived["id"].as_str().unwrap());
        shop.merchant.patch(&archived_path, json!({"is_archived": true})).await.expect(200);
        let of_another = discount(shop, &[&archived]).await;
        let post = async |body: Value| shop.merchant.post("/v1/checkout-links/", body).await;
        for (body, problem) in [
            (json!({"product_id": UNKNOWN}), "value_error body.product_id"),
            (json!({"product_id": archived["id"]}), "value_error body.product_id"),
            (json!({"product_price_id": UNKNOWN}), "value_error body.product_price_id"),
            (json!({"product_price_id": old}), "value_error body.product_price_id"),
            (json!({"product_id": product["id"], "discount_id": UNKNOWN}), "value_error body.discount_id"),
            (json!({"product_price_id": price, "discount_id": of_another["id"]}), "value_error body.discount_id"),
        ] {
            assert_eq!(post(body.clone()).await.rule_problems(), [problem], "{body}");
        }
        let by_product = "body.CheckoutLinkProductCreate";
        for (body, problem) in [
            (json!({"product_id": "x"}), format!("uuid_parsing {by_product}.product_id")),
            (json!({"product_id": UNKNOWN, "payment_processor": "other"}), format!("literal_error {by_product}.payment_processor")),
            (json!({"product_id": UNKNOWN, "success_url": "ftp://x"}), format!("url_scheme {by_product}.success_url")),
            (json!({"product_id": UNKNOWN, "allow_discount_codes": null}), format!("bool_type {by_product}.allow_discount_codes")),
            (json!({"product_price_id": UNKNOWN, "metadata": []}), "dict_type body.CheckoutLinkPriceCreate.metadata".into()),
        ] {
            assert_eq!(post(body.clone()).await.schema_problems(), [problem], "{body}");
        }
        let neither = post(json!({"payment_processor": "stripe"})).await;
        assert_eq!(neither.schema_problems(), [
            "missing body.CheckoutLinkProductCreate.product_id", "missing body.CheckoutLinkPriceCreate.product_price_id",
        ]);
        let stranger = shop.tenant().await;
        let theirs = stranger.merchant.post("/v1/checkout-links/", json!({"product_id": product["id"]})).await;
        assert_eq!(theirs.rule_problems(), ["value_error body.product_id"]);
        assert_eq!(shop.merchant.get("/v1/checkout-links/").await.pagination(), (0, 0));
    }

    // spec 20 §7.2, L1
    async fn links_are_listed_by_product_and_only_to_members(shop) {
        let (one, two) = (product(shop).await, product(shop).await);
        let mut ids = Vec::new();
        for product in [&one, &two, &one] {
            ids.push(link(shop, product).await["id"].as_str().unwrap().to_owned());
            shop.advance(1);
        }
        let list = async |query: &str| shop.merchant.get(&format!("/v1/checkout-links/?{query}")).await.items("id");
        assert_eq!(list("").await, ids, "the oldest first");
        assert_eq!(list("sorting=-created_at").await, [&ids[2], &ids[1], &ids[0]].map(String::clone));
        let (first, second) = (one["id"].as_str().unwrap(), two["id"].as_str().unwrap());
        assert_eq!(list(&format!("product_id={first}")).await, [&ids[0], &ids[2]].map(String::clone));
        assert_eq!(list(&format!("product_id={first}&product_id={second}")).await, ids);
        shop.merchant.patch(&format!("/v1/products/{first}"), json!({"is_archived": true})).await.expect(200);
        assert_eq!(list("").await, ids, "those of archived products too");
        let stranger = shop.tenant().await;
        for query in [String::new(), format!("?product_id={first}"), format!("?organization_id={}", shop.organization.id)] {
            let answer = stranger.merchant.get(&format!("/v1/checkout-links/{query}")).await;
            assert_eq!(answer.pagination(), (0, 0), "{query}");
        }
        let answer = shop.merchant.get("/v1/checkout-links/?sorting=label").await;
        assert_eq!(answer.schema_problems(), ["enum query.sorting.0"]);
    }

    // spec 20 §7.1: an archived price can be shown in a link
    async fn an_archived_price_is_still_shown(shop) {
        let product = product(shop).await;
        let price = product["prices"][0].clone();
        let body = json!({"product_price_id": price["id"]});
        let link = shop.merchant.post("/v1/checkout-links/", body).await.expect(201);
        let product_path = format!("/v1/products/{}", product["id"].as_str().unwrap());
        shop.merchant.patch(&product_path, json!({"prices": [once(2999)]})).await.expect(200);
        let shown = shop.merchant.get(&path(&link)).await.expect(200);
        assert_eq!((&shown["product_price"]["id"], &shown["product_price"]["is_archived"]), (&price["id"], &json!(true)));
        assert_eq!(shown["product"]["prices"][0]["price_amount"], 2999);
    }
}

merak_testkit::both_engines! {
    setup = migrated;

    async fn the_address_follows_the_configured_template(database: TestDatabase) {
        let template = Some(String::from("https://buy.example.com/{client_secret}?from=merak"));
        let shop = Shop::open_with(database, Config { checkout_link_url: template, ..config() }).await;
        let product = product(&shop).await;
        let link = link(&shop, &product).await;
        let secret = link["client_secret"].as_str().unwrap();
        assert_eq!(link["url"], format!("https://buy.example.com/{secret}?from=merak"));
    }
}
