//! `GET /v1/checkout-links/{client_secret}/redirect`.

use serde_json::{Value, json};

use super::{link, once, path, product};

fn address(link: &Value) -> String {
    format!("/v1/checkout-links/{}/redirect", link["client_secret"].as_str().unwrap())
}

scenarios! {
    /// L5
    async fn a_link_that_is_gone_is_not_found(shop) {
        let product = product(shop).await;
        shop.anonymous.get("/v1/checkout-links/polar_cl_unknown/redirect").await.refused(404, "ResourceNotFound");
        let deleted = link(shop, &product).await;
        shop.merchant.delete(&path(&deleted)).await;
        shop.anonymous.get(&address(&deleted)).await.refused(404, "ResourceNotFound");
        let by_id = format!("{}/redirect", path(&link(shop, &product).await));
        shop.anonymous.get(&by_id).await.refused(404, "ResourceNotFound");
        let live = link(shop, &product).await;
        for (table, column) in [("organizations", "blocked_at"), ("organizations", "deleted_at"), ("products", "deleted_at")] {
            let set: &'static str = format!("UPDATE {table} SET {column} = created_at").leak();
            shop.sql(set, Vec::new()).await;
            shop.anonymous.get(&address(&live)).await.refused(404, "ResourceNotFound");
            let page = shop.anonymous.with("accept", "text/html").get(&address(&live)).await;
            page.refused(404, "ResourceNotFound");
            shop.sql(format!("UPDATE {table} SET {column} = NULL").leak(), Vec::new()).await;
        }
        assert_eq!(shop.anonymous.get(&address(&live)).await.status, 503, "it was found but for that");
    }

    // spec 20 §7.5
    async fn what_is_not_sold_any_more_is_refused(shop) {
        let product = product(shop).await;
        let link = link(shop, &product).await;
        let product_path = format!("/v1/products/{}", product["id"].as_str().unwrap());
        shop.merchant.patch(&product_path, json!({"is_archived": true})).await.expect(200);
        let answer = shop.anonymous.get(&address(&link)).await;
        assert_eq!(answer.rule_problems(), ["value_error body.product_id"]);
        let page = shop.anonymous.with("accept", "text/html,*/*;q=0.8").get(&address(&link)).await;
        assert_eq!((page.status, page.header("content-type")), (422, Some("text/html; charset=utf-8")));
        assert!(page.text().contains("not sold any more"), "{}", page.text());
        shop.merchant.patch(&product_path, json!({"is_archived": false})).await.expect(200);
        shop.sql("UPDATE product_prices SET is_archived = TRUE", Vec::new()).await;
        let answer = shop.anonymous.get(&address(&link)).await;
        assert_eq!(answer.rule_problems(), ["value_error body.product_price_id"]);
    }

    // as long as nothing can be bought, that is what is said
    async fn a_good_link_says_that_no_orders_are_taken_yet(shop) {
        let product = product(shop).await;
        let link = link(shop, &product).await;
        let prices = json!({"prices": [once(2999)]});
        shop.merchant.patch(&format!("/v1/products/{}", product["id"].as_str().unwrap()), prices).await.expect(200);
        let before = shop.tables().await;
        let url = link["url"].as_str().unwrap();
        let served = url.strip_prefix(&format!("http://{}", shop.anonymous.address())).unwrap();
        assert_eq!(served, address(&link), "the address that is shown is the one that answers");
        let answer = shop.anonymous.get(served).await;
        answer.refused(503, "ServiceUnavailable");
        assert_eq!(answer.json()["detail"], "This shop does not take orders yet.");
        let page = shop.anonymous.with("accept", "text/html").get(served).await;
        assert_eq!((page.status, page.header("content-type")), (503, Some("text/html; charset=utf-8")));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert!(page.text().contains("This shop does not take orders yet."), "{}", page.text());
        assert_eq!(shop.tables().await, before);
    }
}
