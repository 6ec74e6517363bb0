//! `/v1/checkouts/custom/client/`, for buyers.

use merak_server::Config;
use merak_testkit::TestDatabase;
use serde_json::{Value, json};

use super::{CUSTOM, FIRST, by_secret, checkout, chosen, members, once, product};
use crate::support::shop::config;
use crate::support::{Shop, UNKNOWN, everything, migrated};

const CLIENT: &str = "/v1/checkouts/custom/client/";

scenarios! {
    // spec 30 §7.2.17, §1.2
    async fn a_buyer_sees_no_notes_but_who_sells(shop) {
        let product = product(shop, once(1999)).await;
        let made = checkout(shop, &product).await;
        shop.anonymous.get(&format!("{CLIENT}polar_c_wrong")).await.refused(404, "ResourceNotFound");
        let seen = shop.anonymous.get(&by_secret(&made)).await.expect(200);
        assert_eq!(members(&seen), format!("{FIRST} product product_price discount organization attached_custom_fields"));
        assert_eq!(seen["organization"]["id"], json!(shop.organization.id));
        for name in FIRST.split(' ') {
            assert_eq!(seen[name], made[name], "{name}");
        }
    }

    // spec 30 §7.5.25, §7.5.30, T-7, T-12
    async fn a_buyer_fills_it_in(shop) {
        let product = product(shop, once(1000)).await;
        let body = json!({"type": "fixed", "duration": "forever", "amount": 300, "name": "Off", "code": "FooBar",
            "organization_id": shop.organization.id});
        let discount = shop.merchant.post("/v1/discounts/", body).await.expect(201);
        let made = checkout(shop, &product).await;
        let fill = async |body: Value| shop.anonymous.patch(&by_secret(&made), body).await;
        let filled = fill(json!({"customer_name": "Ada", "metadata": {"mine": true}, "discount_id": UNKNOWN})).await.expect(200);
        assert_eq!((&filled["customer_name"], filled.get("metadata"), &filled["discount_id"]), (&json!("Ada"), None, &Value::Null));
        let seen = shop.merchant.get(&format!("{CUSTOM}{}", made["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(seen["metadata"], json!({}));
        let reduced = fill(json!({"discount_code": "FoObAr"})).await.expect(200);
        assert_eq!((&reduced["discount_id"], &reduced["total_amount"]), (&discount["id"], &json!(700)));
        assert_eq!(reduced["discount"]["code"], "FooBar");
        assert_eq!(fill(json!({})).await.expect(200)["discount_id"], discount["id"]);
        assert_eq!(fill(json!({"discount_code": null})).await.expect(200)["discount_id"], Value::Null);
        assert_eq!(fill(json!({"discount_code": "other"})).await.rule_problems(), ["value_error body.discount_code"]);
        // A token on the way is nobody's concern here.
        let with_token = shop.anonymous.bearer("polar_pat_unknown").patch(&by_secret(&made), json!({"customer_name": "Eve"})).await;
        assert_eq!(with_token.expect(200)["customer_name"], "Eve");
        shop.anonymous.patch(&format!("{CLIENT}polar_c_wrong"), json!({})).await.refused(404, "ResourceNotFound");
        shop.sql("UPDATE checkouts SET status = 'confirmed'", Vec::new()).await;
        fill(json!({})).await.refused(403, "NotOpenCheckout");
        assert_eq!(shop.anonymous.get(&by_secret(&made)).await.expect(200)["status"], "confirmed");
    }

    // spec 30 §1.4, T-3, T-4, §7.12.82
    async fn half_an_hour_is_all_the_time_there_is(shop) {
        let product = product(shop, once(1000)).await;
        let open = checkout(shop, &product).await;
        let mut over = Vec::new();
        for status in ["confirmed", "succeeded", "failed"] {
            let made = checkout(shop, &product).await;
            shop.sql("UPDATE checkouts SET status = $2 WHERE client_secret = $1",
                vec![Box::new(made["client_secret"].as_str().unwrap().to_owned()), Box::new(status.to_owned())]).await;
            over.push((made, status));
        }
        shop.advance(1799);
        shop.anonymous.get(&by_secret(&open)).await.expect(200);
        shop.advance(1);
        shop.anonymous.get(&by_secret(&open)).await.refused(404, "ResourceNotFound");
        shop.anonymous.patch(&by_secret(&open), json!({})).await.refused(404, "ResourceNotFound");
        for (made, status) in &over {
            assert_eq!(shop.anonymous.get(&by_secret(made)).await.expect(200)["status"], *status, "its page lives on");
            let path = format!("{CUSTOM}{}", made["id"].as_str().unwrap());
            assert_eq!(shop.merchant.get(&path).await.expect(200)["status"], *status);
        }
        let path = format!("{CUSTOM}{}", open["id"].as_str().unwrap());
        assert_eq!(shop.merchant.get(&path).await.expect(200)["status"], "expired");
    }

    // spec 30 §7.3.19, §7.3.20
    async fn a_browser_begins_at_any_price_that_is_sold(shop) {
        let free = json!({"type": "one_time", "amount_type": "free"});
        let mut preset = chosen();
        preset["preset_amount"] = json!(1500);
        for (price, amount, currency) in [
            (once(1999), json!(1999), json!("usd")), (free, Value::Null, Value::Null), (preset, json!(1500), json!("usd")),
        ] {
            let product = product(shop, price).await;
            let body = json!({"product_price_id": product["prices"][0]["id"]});
            let made = shop.anonymous.post(CLIENT, body.clone()).await.expect(201);
            assert_eq!((&made["amount"], &made["currency"]), (&amount, &currency));
            let path = format!("/v1/products/{}", product["id"].as_str().unwrap());
            shop.merchant.patch(&path, json!({"is_archived": true})).await.expect(200);
            assert_eq!(shop.anonymous.post(CLIENT, body).await.rule_problems(), ["value_error body.product_price_id"]);
        }
        shop.link(shop.customer().await.id, shop.member.id).await;
        let body = json!({"product_price_id": product(shop, once(1999)).await["prices"][0]["id"]});
        assert_eq!(shop.merchant.post(CLIENT, body).await.status, 403, "a program is no browser");
    }

    // spec 30 §7.3.18, §7.3.19, §7.3.20, §7.3.21, §7.3.22
    async fn a_browser_begins_a_checkout(shop) {
        let product = product(shop, chosen()).await;
        let price = product["prices"][0]["id"].clone();
        let body = json!({"product_price_id": price, "customer_email": "typed@example.com"});
        let lacking = shop.member_with("checkouts:write").await;
        assert_eq!(lacking.post(CLIENT, body.clone()).await.status, 403);
        let organization = shop.organization_client(shop.organization.id, everything()).await;
        assert_eq!(organization.post(CLIENT, body.clone()).await.status, 401);
        let made = shop.anonymous.post(CLIENT, body.clone()).await.expect(201);
        assert_eq!((&made["amount"], &made["customer_email"]), (&json!(1000), &json!("typed@example.com")));
        assert_eq!((&made["customer_ip_address"], made.get("metadata")), (&json!("127.0.0.1"), None));
        let browser = shop.browser(shop.member.id).await;
        let made = browser.post(CLIENT, json!({"product_price_id": price, "from_legacy_checkout_link": true})).await.expect(201);
        assert_eq!((&made["customer_id"], &made["customer_email"]), (&Value::Null, &json!("nora@fjordsoft.example")));
        let customer = shop.customer().await;
        shop.link(customer.id, shop.member.id).await;
        let made = browser.post(CLIENT, body).await.expect(201);
        assert_eq!((&made["customer_id"], &made["customer_email"]), (&json!(customer.id), &json!(customer.email)));
        for wrong in [json!({"product_price_id": UNKNOWN}), json!({"product_price_id": price})] {
            if wrong["product_price_id"] == price {
                shop.sql("UPDATE organizations SET blocked_at = created_at", Vec::new()).await;
            }
            assert_eq!(shop.anonymous.post(CLIENT, wrong).await.rule_problems(), ["value_error body.product_price_id"]);
        }
    }
}

merak_testkit::both_engines! {
    setup = migrated;

    // Whoever is not known is counted by the address.
    async fn beginning_checkouts_costs_budget(database: TestDatabase) {
        let shop = Shop::open_with(database, Config { rate_limit_per_address: 1, ..config() }).await;
        let body = json!({"product_price_id": UNKNOWN});
        let mut refused = 0;
        for path in [CLIENT, "/v1/checkouts/"].into_iter().cycle().take(12) {
            refused += i32::from(shop.anonymous.post(path, body.clone()).await.status == 429);
        }
        assert!(refused > 0);
    }
}
