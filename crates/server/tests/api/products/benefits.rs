//! `POST /v1/products/{id}/benefits`.

use merak_core::benefits::BenefitType;
use merak_core::kit::Id;
use merak_core::orders;
use merak_core::products::Product;
use serde_json::{Value, json};

use super::{make, once, path};
use crate::support::UNKNOWN;

scenarios! {
    // spec 20 P22, T-1
    async fn the_list_is_complete_and_ordered(shop) {
        let product = make(shop, &[once()]).await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(json!(shop.benefit(BenefitType::Custom, json!({})).await.id));
        }
        let (a, b, c) = (&ids[0], &ids[1], &ids[2]);
        for (sent, stored) in [
            (json!([a, b, c]), vec![a, b, c]),
            (json!([c, b, a]), vec![c, b, a]),
            (json!([b, a, b]), vec![b, a]),
            (json!([]), vec![]),
        ] {
            let after = shop.merchant.post(&benefits(&product), json!({"benefits": sent})).await.expect(200);
            let now: Vec<&Value> = after["benefits"].as_array().unwrap().iter().map(|benefit| &benefit["id"]).collect();
            assert_eq!(now, stored);
            assert_eq!(shop.merchant.get(&path(&product)).await.expect(200), after);
        }
    }

    // so that no statement has more parameters than SQLite takes
    async fn a_product_has_at_most_a_hundred_benefits(shop) {
        let product = make(shop, &[once()]).await;
        let answer = shop.merchant.post(&benefits(&product), json!({"benefits": vec![UNKNOWN; 101]})).await;
        assert_eq!(answer.schema_problems(), ["too_long body.benefits"]);
    }

    // spec 20 P21, §2.6
    async fn only_benefits_of_the_products_organization(shop) {
        let product = make(shop, &[once()]).await;
        let own = shop.benefit(BenefitType::Custom, json!({})).await.id;
        let second = shop.second_organization("second").await;
        let of_second = shop.benefit_of(second.id, BenefitType::Custom, json!({})).await.id;
        let before = shop.merchant.post(&benefits(&product), json!({"benefits": [own]})).await.expect(200);
        for wrong in [json!(UNKNOWN), json!(of_second)] {
            let answer = shop.merchant.post(&benefits(&product), json!({"benefits": [own, wrong]})).await;
            assert_eq!(answer.rule_problems(), ["value_error body.benefits.1"]);
            assert_eq!(answer.json()["detail"][0]["input"], wrong);
        }
        for (body, problem) in [
            (json!({}), "missing body.benefits"),
            (json!({"benefits": null}), "list_type body.benefits"),
            (json!({"benefits": ["x"]}), "uuid_parsing body.benefits.0"),
        ] {
            assert_eq!(shop.merchant.post(&benefits(&product), body).await.schema_problems(), [problem]);
        }
        let stranger = shop.tenant().await;
        stranger.merchant.post(&benefits(&product), json!({"benefits": []})).await.refused(404, "ResourceNotFound");
        assert_eq!(shop.merchant.get(&path(&product)).await.expect(200), before);
    }

    // spec 20 P23
    async fn what_is_not_selectable_is_neither_added_nor_removed(shop) {
        let product = make(shop, &[once()]).await;
        let (kept, other) = (shop.benefit(BenefitType::Custom, json!({})).await.id, shop.benefit(BenefitType::Custom, json!({})).await.id);
        shop.merchant.post(&benefits(&product), json!({"benefits": [kept]})).await.expect(200);
        let never = shop.benefit(BenefitType::Custom, json!({})).await.id;
        shop.sql("UPDATE benefits SET selectable = FALSE WHERE id IN ($1, $2)", vec![Box::new(kept), Box::new(never)]).await;
        let answer = shop.merchant.post(&benefits(&product), json!({"benefits": [kept, never]})).await;
        assert_eq!(answer.rule_problems(), ["value_error body.benefits.1"]);
        let answer = shop.merchant.post(&benefits(&product), json!({"benefits": [other]})).await;
        assert_eq!(answer.rule_problems(), ["value_error body.benefits"]);
        assert_eq!(answer.json()["detail"][0]["input"], json!(kept));
        let after = shop.merchant.post(&benefits(&product), json!({"benefits": [other, kept]})).await.expect(200);
        assert_eq!(after["benefits"].as_array().unwrap().len(), 2);
    }

    // spec 20 T-23, §3.5
    async fn buyers_of_the_past_get_what_is_new_and_lose_what_is_gone(shop) {
        let product = make(shop, &[once()]).await;
        let (first, second) = (shop.benefit(BenefitType::LicenseKeys, json!({})).await.id, shop.benefit(BenefitType::Custom, json!({})).await.id);
        shop.merchant.post(&benefits(&product), json!({"benefits": [first]})).await.expect(200);
        shop.work_done().await;
        let customer = shop.customer().await.id;
        let product_id: Id<Product> = product["id"].as_str().unwrap().parse().unwrap();
        let (order, _) = shop.write(move |tx| orders::give(tx, product_id, customer)).await.unwrap();
        let granted = async |id| {
            let path = format!("/v1/benefits/{id}/grants?is_granted=true");
            let grants = shop.merchant.get(&path).await.expect(200);
            grants["items"].as_array().unwrap().iter().map(|grant| grant["order_id"].clone()).collect::<Vec<_>>()
        };
        assert_eq!((granted(first).await, granted(second).await), (vec![json!(order.id)], vec![]));
        shop.merchant.post(&benefits(&product), json!({"benefits": [second]})).await.expect(200);
        shop.work_done().await;
        assert_eq!((granted(first).await, granted(second).await), (vec![], vec![json!(order.id)]));
    }

    // spec 20 B13
    async fn a_deleted_benefit_is_gone_from_products(shop) {
        let product = make(shop, &[once()]).await;
        let id = shop.benefit(BenefitType::Custom, json!({})).await.id;
        shop.merchant.post(&benefits(&product), json!({"benefits": [id]})).await.expect(200);
        shop.merchant.delete(&format!("/v1/benefits/{id}")).await.expect(204);
        assert_eq!(shop.merchant.get(&path(&product)).await.expect(200)["benefits"], json!([]));
        assert_eq!(shop.merchant.get(&format!("/v1/products/?benefit_id={id}")).await.pagination(), (0, 0));
    }
}

fn benefits(product: &Value) -> String {
    format!("{}/benefits", path(product))
}
