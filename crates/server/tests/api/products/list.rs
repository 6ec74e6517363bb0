//! `GET /v1/products/`.

use merak_core::benefits::BenefitType;
use serde_json::{Value, json};

use super::{every, make, once, path};
use crate::support::everything;

scenarios! {
    // spec 20 P2, P3
    async fn each_caller_lists_their_own(shop) {
        let first = make(shop, &[once()]).await;
        shop.advance(1);
        let second = make(shop, &[once()]).await;
        let stranger = shop.tenant().await;
        let token = shop.organization_client(shop.organization.id, everything()).await;
        assert_eq!(stranger.merchant.get("/v1/products/").await.pagination(), (0, 0));
        for client in [&shop.merchant, &token] {
            assert_eq!(client.get("/v1/products/").await.items("id"), [id(&second), id(&first)]);
        }
        let filter = format!("/v1/products/?organization_id={}&sorting=created_at", shop.organization.id);
        assert_eq!(shop.merchant.get(&filter).await.items("id"), [id(&first), id(&second)]);
        assert_eq!(stranger.merchant.get(&filter).await.pagination(), (0, 0), "it narrows, never widens");
    }

    // spec 20 P4, P5, T-4
    async fn recurring_and_archived_products_can_be_told_apart(shop) {
        let cloud = make(shop, &[every("month", 900)]).await;
        let app = make(shop, &[once()]).await;
        let archived = shop.merchant.patch(&path(&app), json!({"is_archived": true})).await.expect(200);
        for (filter, expected) in [
            ("is_recurring=true", vec![id(&cloud)]),
            ("is_recurring=false", vec![id(&archived)]),
            ("is_archived=false", vec![id(&cloud)]),
            ("is_archived=true", vec![id(&archived)]),
            ("is_archived=true&is_recurring=true", vec![]),
            ("sorting=price_type", vec![id(&archived), id(&cloud)]),
        ] {
            let answer = shop.merchant.get(&format!("/v1/products/?{filter}")).await;
            assert_eq!(answer.items("id"), expected, "{filter}");
            assert_eq!(answer.pagination().0, i64::try_from(expected.len()).unwrap(), "{filter}");
        }
        let answer = shop.merchant.get("/v1/products/?is_archived=maybe").await;
        assert_eq!(answer.schema_problems(), ["bool_parsing query.is_archived"]);
    }

    // spec 20 P6, P7, T-5
    async fn products_of_a_benefit_show_all_their_benefits(shop) {
        let mut benefits = Vec::new();
        for _ in 0..3 {
            benefits.push(shop.benefit(BenefitType::Custom, json!({"note": "thanks"})).await.id);
        }
        let mut products = Vec::new();
        for _ in 0..2 {
            let product = make(shop, &[once()]).await;
            let body = json!({"benefits": benefits});
            products.push(shop.merchant.post(&format!("{}/benefits", path(&product)), body).await.expect(200));
            shop.advance(1);
        }
        make(shop, &[once()]).await;
        for filter in [
            format!("benefit_id={}", benefits[1]),
            format!("benefit_id={}&benefit_id={}", benefits[0], benefits[1]),
            format!("benefit_id={}&is_archived=false&query=desk", benefits[2]),
        ] {
            let answer = shop.merchant.get(&format!("/v1/products/?{filter}&sorting=created_at")).await;
            assert_eq!(answer.pagination(), (2, 1), "{filter}");
            assert_eq!(answer.expect(200)["items"], json!(products), "{filter}");
        }
        let shown = shop.merchant.get(&path(&products[0])).await.expect(200);
        let shown: Vec<(&Value, &Value)> =
            shown["benefits"].as_array().unwrap().iter().map(|benefit| (&benefit["id"], &benefit["properties"])).collect();
        let note = json!({"note": "thanks"});
        let ids: Vec<Value> = benefits.iter().map(|id| json!(id)).collect();
        assert_eq!(shown, ids.iter().map(|id| (id, &note)).collect::<Vec<_>>());
    }

    async fn ids_and_names_can_be_looked_for(shop) {
        let app = make(shop, &[once()]).await;
        let cloud = make(shop, &[every("month", 900)]).await;
        shop.merchant.patch(&path(&cloud), json!({"name": "50% Cloud_"})).await.expect(200);
        let (one, two) = (id(&app), id(&cloud));
        for (filter, expected) in [
            (format!("id={one}&id={two}&sorting=name"), vec![&two, &one]),
            (format!("id={two}"), vec![&two]),
            (format!("id={two}&is_recurring=false"), vec![]),
            ("query=DESK".into(), vec![&one]),
            ("query=%25".into(), vec![&two]),
            ("query=_".into(), vec![&two]),
            ("query=d_s".into(), vec![]),
        ] {
            let answer = shop.merchant.get(&format!("/v1/products/?{filter}")).await;
            assert_eq!(answer.items("id").iter().collect::<Vec<_>>(), expected, "{filter}");
            assert_eq!(answer.pagination().0, i64::try_from(expected.len()).unwrap(), "{filter}");
        }
        let stranger = shop.tenant().await;
        assert_eq!(stranger.merchant.get(&format!("/v1/products/?id={one}")).await.pagination(), (0, 0));
        assert_eq!(shop.merchant.get("/v1/products/?id=x").await.schema_problems(), ["uuid_parsing query.id.0"]);
    }
}

fn id(product: &Value) -> String {
    product["id"].as_str().unwrap().to_owned()
}
