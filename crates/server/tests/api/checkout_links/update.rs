//! `PATCH` and `DELETE /v1/checkout-links/{id}`.

use serde_json::{Value, json};

use super::{discount, link, once, path, product};
use crate::support::UNKNOWN;

scenarios! {
    // spec 20 L4, §7.4
    async fn each_member_is_changed_by_itself(shop) {
        let product = product(shop).await;
        let made = link(shop, &product).await;
        let discount = discount(shop, &[&product]).await;
        for (name, value) in [
            ("label", json!("Blog")),
            ("label", json!("")),
            ("label", Value::Null),
            ("success_url", json!("https://example.com/thanks?id={CHECKOUT_ID}")),
            ("success_url", Value::Null),
            ("allow_discount_codes", json!(false)),
            ("metadata", json!({"a": 1})),
            ("metadata", json!({"b": "c"})),
            ("product_price_id", product["prices"][0]["id"].clone()),
            ("product_price_id", Value::Null),
            ("discount_id", discount["id"].clone()),
            ("discount_id", Value::Null),
        ] {
            shop.advance(1);
            let before = shop.merchant.get(&path(&made)).await.expect(200);
            let after = shop.merchant.patch(&path(&made), json!({name: value})).await.expect(200);
            let mut expected = before;
            expected[name] = value.clone();
            expected["modified_at"] = after["modified_at"].clone();
            let nested = |id: &Value, thing: &Value| if id.is_null() { Value::Null } else { thing.clone() };
            match name {
                "product_price_id" => expected["product_price"] = nested(&value, &product["prices"][0]),
                "discount_id" => {
                    let mut minimal = discount.clone();
                    minimal.as_object_mut().unwrap().shift_remove("products");
                    expected["discount"] = nested(&value, &minimal);
                }
                _ => {}
            }
            assert_eq!(after, expected, "{name}");
            assert_eq!(shop.merchant.get(&path(&made)).await.expect(200), after);
        }
    }

    // spec 20 §7.4: what null cannot clear it leaves; the product cannot be changed
    async fn nothing_and_meaningless_members_change_nothing(shop) {
        let (sold, other) = (product(shop).await, product(shop).await);
        let made = link(shop, &sold).await;
        shop.advance(1);
        for body in [
            json!({}),
            json!({"allow_discount_codes": null, "metadata": null}),
            json!({"product_id": other["id"], "client_secret": "x", "payment_processor": "x"}),
        ] {
            assert_eq!(shop.merchant.patch(&path(&made), body).await.expect(200), made);
        }
    }

    // spec 20 L4
    async fn the_price_and_the_discount_must_fit_the_product(shop) {
        let (sold, other) = (product(shop).await, product(shop).await);
        let made = link(shop, &sold).await;
        let of_other = discount(shop, &[&other]).await;
        let old = sold["prices"][0]["id"].clone();
        let product_path = format!("/v1/products/{}", sold["id"].as_str().unwrap());
        shop.merchant.patch(&product_path, json!({"prices": [once(2999)]})).await.expect(200);
        for (name, value) in [
            ("product_price_id", json!(UNKNOWN)),
            ("product_price_id", other["prices"][0]["id"].clone()),
            ("product_price_id", old),
            ("discount_id", json!(UNKNOWN)),
            ("discount_id", of_other["id"].clone()),
        ] {
            let answer = shop.merchant.patch(&path(&made), json!({name: value, "label": "x"})).await;
            assert_eq!(answer.rule_problems(), [format!("value_error body.{name}")], "{value}");
            assert_eq!(answer.json()["detail"][0]["input"], value);
        }
        let answer = shop.merchant.patch(&path(&made), json!({"success_url": "x", "allow_discount_codes": "maybe"})).await;
        assert_eq!(answer.schema_problems(), ["bool_parsing body.allow_discount_codes", "url_parsing body.success_url"]);
        assert_eq!(shop.merchant.get(&path(&made)).await.expect(200)["label"], Value::Null);
    }

    // spec 20 L1, L4
    async fn only_members_change_and_delete_and_once_is_enough(shop) {
        let made = link(shop, &product(shop).await).await;
        let stranger = shop.tenant().await;
        stranger.merchant.get(&path(&made)).await.refused(404, "ResourceNotFound");
        stranger.merchant.patch(&path(&made), json!({"label": "x"})).await.refused(404, "ResourceNotFound");
        stranger.merchant.delete(&path(&made)).await.refused(404, "ResourceNotFound");
        shop.merchant.delete(&path(&made)).await.expect(204);
        shop.merchant.get(&path(&made)).await.refused(404, "ResourceNotFound");
        shop.merchant.patch(&path(&made), json!({})).await.refused(404, "ResourceNotFound");
        shop.merchant.delete(&path(&made)).await.refused(404, "ResourceNotFound");
        assert_eq!(shop.merchant.get("/v1/checkout-links/").await.pagination(), (0, 0));
    }

    // spec 20 T-38
    async fn a_deleted_discount_is_still_shown(shop) {
        let product = product(shop).await;
        let made = link(shop, &product).await;
        let discount = discount(shop, &[]).await;
        shop.merchant.patch(&path(&made), json!({"discount_id": discount["id"]})).await.expect(200);
        shop.merchant.delete(&format!("/v1/discounts/{}", discount["id"].as_str().unwrap())).await.expect(204);
        let shown = shop.merchant.get(&path(&made)).await.expect(200);
        assert_eq!(shown["discount"]["id"], discount["id"]);
    }
}
