//! `GET /v1/discounts/`.

use serde_json::json;

use super::{PATH, made, product_of, redeem, ten_percent};

scenarios! {
    // spec 20 §5.3
    async fn discounts_are_found_by_organization_name_and_code(shop) {
        let second = shop.second_organization("second").await;
        let product = product_of(shop, shop.organization.id).await;
        let (used, _) = made(shop, ten_percent(&json!({"name": "Alpha", "code": "Bee", "products": [product.id]}))).await;
        redeem(shop, &used).await;
        shop.advance(1);
        made(shop, ten_percent(&json!({"name": "beta 5%"}))).await;
        shop.advance(1);
        let body = ten_percent(&json!({"name": "Gamma", "code": "aaa", "organization_id": second.id}));
        shop.merchant.post(PATH, body).await.expect(201);
        let own = shop.organization.id;
        for (query, names) in [
            (String::new(), &["Gamma", "beta 5%", "Alpha"][..]),
            (format!("organization_id={own}"), &["beta 5%", "Alpha"]),
            (format!("organization_id={own}&organization_id={}", second.id), &["Gamma", "beta 5%", "Alpha"]),
            (String::from("query=BE"), &["beta 5%", "Alpha"]),
            (String::from("query=AAA"), &["Gamma"]),
            (String::from("query=%25"), &["beta 5%"]),
            (String::from("query=nothing"), &[]),
            (String::from("sorting=name"), &["Alpha", "beta 5%", "Gamma"]),
            (String::from("sorting=code"), &["Alpha", "Gamma", "beta 5%"]),
            (String::from("sorting=-code"), &["beta 5%", "Gamma", "Alpha"]),
            (String::from("sorting=-redemptions_count&sorting=-name"), &["Alpha", "Gamma", "beta 5%"]),
        ] {
            let answer = shop.merchant.get(&format!("{PATH}?{query}")).await;
            assert_eq!(answer.items("name"), names, "{query}");
            assert_eq!(usize::try_from(answer.pagination().0).unwrap(), names.len());
        }
        let answer = shop.merchant.get(&format!("{PATH}?query=alpha")).await.expect(200);
        assert_eq!(answer["items"][0]["products"][0]["id"], product.id.to_string());
        assert_eq!(answer["items"][0]["redemptions_count"], 1);
        for (query, problem) in [("sorting=amount", "enum query.sorting.0"), ("organization_id=x", "uuid_parsing query.organization_id.0")] {
            assert_eq!(shop.merchant.get(&format!("{PATH}?{query}")).await.schema_problems(), [problem]);
        }
        assert_eq!(shop.tenant().await.merchant.get(PATH).await.pagination(), (0, 0));
        assert_eq!(shop.member_with("discounts:read").await.get(PATH).await.pagination(), (3, 1));
    }
}
