//! `GET /v1/checkout-links/{client_secret}/redirect`.

use merak_server::Config;
use merak_testkit::Engine;
use serde_json::{Value, json};

use super::{discount, link, path, product};
use crate::support::shop::config;
use crate::support::{Answer, Shop, migrated};

/// What a browser accepts.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn address(link: &Value) -> String {
    format!("/v1/checkout-links/{}/redirect", link["client_secret"].as_str().unwrap())
}

/// Asserts that this is a page in our design, which nobody keeps or shows in a frame.
fn is_page(answer: &Answer, status: u16, sentence: &str) {
    assert_eq!((answer.status, answer.header("content-type")), (status, Some("text/html; charset=utf-8")));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    let page = answer.text();
    assert!(page.contains(sentence) && page.contains("rel=\"stylesheet\""), "{page}");
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
            let page = shop.anonymous.with("accept", BROWSER).get(&address(&live)).await;
            is_page(&page, 404, "There is nothing to buy here");
            for accepted in ["*/*", "application/json", "application/json, text/html;q=0.9"] {
                shop.anonymous.with("accept", accepted).get(&address(&live)).await.refused(404, "ResourceNotFound");
            }
            shop.sql(format!("UPDATE {table} SET {column} = NULL").leak(), Vec::new()).await;
        }
        assert_eq!(shop.anonymous.get(&address(&live)).await.status, 307, "it was found but for that");
    }

    // spec 20 §7.5
    async fn what_is_not_sold_any_more_is_refused(shop) {
        let product = product(shop).await;
        let link = link(shop, &product).await;
        let product_path = format!("/v1/products/{}", product["id"].as_str().unwrap());
        shop.merchant.patch(&product_path, json!({"is_archived": true})).await.expect(200);
        let answer = shop.anonymous.get(&address(&link)).await;
        assert_eq!(answer.rule_problems(), ["value_error body.product_id"]);
        let page = shop.anonymous.with("accept", BROWSER).get(&address(&link)).await;
        is_page(&page, 422, "not sold any more");
        shop.merchant.patch(&product_path, json!({"is_archived": false})).await.expect(200);
        shop.sql("UPDATE product_prices SET is_archived = TRUE", Vec::new()).await;
        let answer = shop.anonymous.get(&address(&link)).await;
        assert_eq!(answer.rule_problems(), ["value_error body.product_price_id"]);
        is_page(&shop.anonymous.with("accept", BROWSER).get(&address(&link)).await, 422, "This cannot be bought right now");
    }

    // spec 20 §7.5, L5, L6, L8
    async fn a_good_link_leads_to_a_new_checkout(shop) {
        let product = product(shop).await;
        let discount = discount(shop, &[&product]).await;
        let body = json!({"payment_processor": "stripe", "product_id": product["id"], "discount_id": discount["id"],
            "success_url": "https://example.com/?id={CHECKOUT_ID}", "metadata": {"from": "blog"}, "allow_discount_codes": false});
        let link = shop.merchant.post("/v1/checkout-links/", body).await.expect(201);
        let url = link["url"].as_str().unwrap();
        let served = url.strip_prefix(&format!("http://{}", shop.anonymous.address())).unwrap();
        assert_eq!(served, address(&link), "the address that is shown is the one that answers");
        let answer = shop.anonymous.get(&format!("{served}?foo=bar&foo=baz&utm=1%202&embed_origin=https://e.com")).await;
        assert_eq!((answer.status, answer.header("cache-control")), (307, Some("no-store")));
        let made = only_checkout(shop).await;
        let page = format!("http://{}/checkout/{}", shop.anonymous.address(), made["client_secret"].as_str().unwrap());
        assert_eq!(answer.header("location").unwrap(), format!("{page}?foo=baz&utm=1+2"));
        assert_eq!(made["url"], page);
        for (name, value) in [
            ("embed_origin", json!("https://e.com")), ("metadata", json!({"from": "blog"})), ("allow_discount_codes", json!(false)),
            ("discount_id", discount["id"].clone()), ("total_amount", json!(1799)), ("customer_ip_address", json!("127.0.0.1")),
            ("success_url", json!(format!("https://example.com/?id={}", made["id"].as_str().unwrap()))),
        ] {
            assert_eq!(made[name], value, "{name}");
        }
        let plain = shop.anonymous.with("accept", "text/html").get(served).await;
        assert_eq!(plain.status, 307);
        assert!(!plain.header("location").unwrap().contains('?'));
        assert_ne!(plain.header("location"), answer.header("location"), "each visit begins another");
    }

    // spec 20 T-37
    async fn who_only_looks_begins_nothing(shop) {
        let product = product(shop).await;
        let link = link(shop, &product).await;
        let before = shop.tables().await;
        assert_eq!(shop.anonymous.send("HEAD", &address(&link), None).await.status, 200);
        assert_eq!(shop.anonymous.send("HEAD", "/v1/checkout-links/polar_cl_x/redirect", None).await.status, 404);
        let previewer = shop.anonymous.with("user-agent", "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)");
        let page = previewer.get(&address(&link)).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        assert!(page.text().contains("Desktop app"), "{}", page.text());
        assert_eq!(shop.tables().await, before);
    }
}

#[test]
fn who_follows_too_often_is_told_by_a_page() {
    merak_testkit::run(async {
        let config = Config { rate_limit_per_address: 1, ..config() };
        let shop = Shop::open_with(migrated(Engine::Sqlite), config).await;
        let browser = shop.anonymous.with("accept", BROWSER);
        let mut last = browser.get("/v1/checkout-links/polar_cl_x/redirect").await;
        is_page(&last, 404, "There is nothing to buy here");
        for _ in 0..10 {
            last = browser.get("/v1/checkout-links/polar_cl_x/redirect").await;
        }
        is_page(&last, 429, "Please wait a moment");
        assert!(last.header("retry-after").is_some());
        shop.anonymous.get("/v1/checkout-links/polar_cl_x/redirect").await.refused(429, "TooManyRequests");
    });
}

async fn only_checkout(shop: &Shop) -> Value {
    let list = shop.merchant.get("/v1/checkouts/custom/").await.expect(200);
    let [made] = list["items"].as_array().unwrap().as_slice() else { panic!("{list}") };
    made.clone()
}
