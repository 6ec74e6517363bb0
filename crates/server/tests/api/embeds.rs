//! `/v1/embed/`.

use serde_json::{Value, json};

use crate::support::UNKNOWN;

scenarios! {
    // spec 30 §1.9 E1
    async fn a_card_shows_a_product(shop) {
        let body = json!({"name": "Cloud", "organization_id": shop.organization.id, "prices": [
            {"type": "recurring", "recurring_interval": "month", "amount_type": "fixed", "price_amount": 900},
            {"type": "recurring", "recurring_interval": "year", "amount_type": "fixed", "price_amount": 9000},
        ]});
        let product = shop.merchant.post("/v1/products/", body).await.expect(201);
        let id = product["id"].as_str().unwrap();
        let path = format!("/v1/embed/product/{id}");
        let answer = shop.anonymous.get(&path).await;
        let card = answer.expect(200);
        let members = card.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(members, "id name description is_recurring organization_id price cover benefits etag");
        assert_eq!((&card["price"], &card["cover"], &card["is_recurring"]), (&product["prices"][0], &Value::Null, &json!(true)));
        let etag = card["etag"].as_str().unwrap();
        assert_eq!((etag.len(), answer.header("etag")), (64, Some(format!("\"{etag}\"").as_str())));
        let yearly = format!("{path}?price_id={}", product["prices"][1]["id"].as_str().unwrap());
        assert_eq!(shop.anonymous.get(&yearly).await.expect(200)["price"], product["prices"][1]);
        assert_eq!(shop.anonymous.get(&format!("{path}?price_id={UNKNOWN}")).await.expect(200)["price"], product["prices"][0]);
        for known in [etag.to_owned(), format!("\"{etag}\""), format!("\"x\", W/\"{etag}\"")] {
            let answer = shop.anonymous.with("if-none-match", known).get(&path).await;
            assert_eq!((answer.status, answer.body.len()), (304, 0));
        }
        let stale = shop.anonymous.with("if-none-match", etag).get(&yearly).await;
        assert_eq!(stale.status, 200, "another price is another card");
        shop.merchant.patch(&format!("/v1/products/{id}"), json!({"is_archived": true})).await.expect(200);
        shop.anonymous.get(&path).await.refused(404, "ResourceNotFound");
        shop.anonymous.get(&format!("/v1/embed/product/{UNKNOWN}")).await.refused(404, "ResourceNotFound");
    }
}
