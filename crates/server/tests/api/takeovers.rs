//! What somebody gets who only types another person's address into a checkout. docs/api-conventions.md

use merak_core::benefits::BenefitType;
use merak_core::benefits::grants::Scope;
use merak_core::customers::Customer;
use serde_json::{Value, json};

use crate::support::sales::recurring;
use crate::support::{Client, Shop};

const HOME: &str = "/fjordsoft/portal";

/// A product that costs nothing and comes with a key. The ids of its price and of the product.
async fn free_product(shop: &Shop) -> (Value, Value) {
    let benefit = shop.benefit(BenefitType::LicenseKeys, json!({"prefix": "FREE"})).await;
    let body = json!({
        "name": "Trial", "prices": [{"type": "one_time", "amount_type": "free"}],
        "organization_id": shop.organization.id
    });
    let product = shop.merchant.post("/v1/products/", body).await.expect(201);
    let path = format!("/v1/products/{}/benefits", product["id"].as_str().unwrap());
    shop.merchant.post(&path, json!({"benefits": [benefit.id]})).await.expect(200);
    (product["prices"][0]["id"].clone(), product["id"].clone())
}

async fn begin(shop: &Shop, price: &Value) -> String {
    let body = json!({"product_price_id": price});
    let checkout = shop.anonymous.post("/v1/checkouts/custom/client/", body).await.expect(201);
    checkout["client_secret"].as_str().unwrap().to_owned()
}

/// Confirms a checkout with an address. The session that comes of it.
async fn confirm(shop: &Shop, secret: &str, address: &str) -> String {
    let path = format!("/v1/checkouts/custom/client/{secret}/confirm");
    let body = json!({"customer_email": address});
    let answer = shop.anonymous.post(&path, body).await.expect(200);
    answer["customer_session_token"].as_str().unwrap().to_owned()
}

fn bearer(shop: &Shop, token: &str) -> Client {
    shop.anonymous.bearer(token)
}

/// A customer with a name, a key and a subscription.
async fn victim(shop: &Shop) -> (Customer, Value, String, String) {
    let customer = shop.customer().await;
    let path = format!("/v1/customers/{}", customer.id);
    let body = json!({
        "name": "Victoria Secret", "billing_address": {"country": "FR", "city": "Lyon"},
        "metadata": {"note": "owes us"}
    });
    shop.merchant.patch(&path, body).await.expect(200);
    let benefit = shop.benefit(BenefitType::LicenseKeys, json!({"prefix": "DEAR"})).await;
    let book =
        shop.plan("Dear", json!([{"type": "one_time", "amount_type": "fixed", "price_amount": 1999}])).await;
    let order = shop.order_of(&book, &customer, 1999).await;
    let grant = shop.grant(benefit.id, customer.id, Scope::Order(order.id.uuid())).await;
    let key = shop.key_of_grant(&grant).await;
    let plan = shop.plan("Pro plan", json!([recurring("month", 1000)])).await;
    let subscription = shop.subscribe(&plan, &customer).await;
    let own = json!({"key": key.key, "key_id": key.id, "grant_id": grant.id});
    (customer, own, order.id.to_string(), subscription.id.to_string())
}

/// Waits until no job waits any more. The mail of a purchase waits for its keys, a second at a time.
async fn all_done(shop: &Shop) {
    const WAITING: &str = "SELECT count(*) FROM jobs WHERE failed_at IS NULL AND dedupe_key IS NULL";
    for _ in 0..200 {
        let waiting: i64 =
            shop.store.read(|tx| Ok::<_, merak_core::kit::Refusal>(tx.one(WAITING, &[])?)).await.unwrap();
        if waiting == 0 {
            return;
        }
        shop.advance(1);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    shop.work_done().await;
}

fn hides(text: &str, own: &Value) {
    for secret in [own["key"].as_str().unwrap(), "Victoria", "Lyon", "owes us", "Pro plan"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

scenarios! {
    async fn an_address_alone_opens_nothing_but_its_own_purchase(shop) {
        let (customer, own, order, subscription) = victim(shop).await;
        let (price, _) = free_product(shop).await;
        let secret = begin(shop, &price).await;
        let token = confirm(shop, &secret, &customer.email.as_str().to_uppercase()).await;
        all_done(shop).await;
        let client = bearer(shop, &token);
        // What was bought is there.
        let base = "/v1/customer-portal";
        let mut bought = Vec::new();
        for (list, count) in [
            ("license-keys/", 1), ("orders/", 1), ("benefit-grants/", 1), ("subscriptions/", 0), ("downloadables/", 0),
        ] {
            let listed = client.get(&format!("{base}/{list}")).await.expect(200);
            assert_eq!(listed["pagination"]["total_count"], count, "{list}: {listed}");
            hides(&listed.to_string(), &own);
            if count == 1 {
                let path = format!("{base}/{list}{}", listed["items"][0]["id"].as_str().unwrap());
                let shown = client.get(&path).await.expect(200);
                hides(&shown.to_string(), &own);
                bought.push(listed["items"][0].clone());
            }
        }
        let key = bought[0]["key"].as_str().unwrap();
        assert!(key.starts_with("FREE"), "{key}");
        // Who knows the key is told no more of its holder, while apps of what the customer really bought are.
        let path = format!("{base}/license-keys/validate");
        let asks = |key: &str| json!({"key": key, "organization_id": shop.organization.id});
        let validated = shop.anonymous.post(&path, asks(key)).await.expect(200);
        hides(&validated.to_string(), &own);
        assert_eq!(validated["customer"]["id"], json!(customer.id));
        let validated = shop.anonymous.post(&path, asks(own["key"].as_str().unwrap())).await.expect(200);
        assert_eq!(validated["customer"]["name"], "Victoria Secret");
        // What else the customer has is not there.
        let (key_id, grant_id) = (own["key_id"].as_str().unwrap(), own["grant_id"].as_str().unwrap());
        for path in [
            format!("license-keys/{key_id}"), format!("orders/{order}"), format!("orders/{order}/invoice"),
            format!("benefit-grants/{grant_id}"), format!("subscriptions/{subscription}"),
        ] {
            client.get(&format!("{base}/{path}")).await.refused(404, "ResourceNotFound");
        }
        // Nothing is told of the customer, and nothing is done, not even to what was bought.
        let grant = bought[2]["id"].as_str().unwrap();
        for path in [
            format!("customers/{}", customer.id), String::from("customers/stream"),
            format!("subscriptions/{subscription}/preview?product_price_id={}", price.as_str().unwrap()),
            format!("oauth-accounts/authorize?platform=github&customer_id={}", customer.id),
        ] {
            client.get(&format!("{base}/{path}")).await.refused(403, "NotPermitted");
        }
        let change = json!({"cancel_at_period_end": true});
        client.patch(&format!("{base}/subscriptions/{subscription}"), change).await.refused(403, "NotPermitted");
        client.delete(&format!("{base}/subscriptions/{subscription}")).await.refused(403, "NotPermitted");
        let change = json!({"benefit_type": "license_keys"});
        client.patch(&format!("{base}/benefit-grants/{grant}"), change).await.refused(403, "NotPermitted");
        // The confirmation shows this purchase's key, and leads to the sign-in.
        let path = format!("/checkout/{secret}/confirmation?customer_session_token={token}");
        let page = shop.anonymous.get(&path).await.text();
        assert!(page.contains(key) && page.contains("/fjordsoft/portal/request?email="), "{page}");
        assert!(!page.contains("/fjordsoft/portal?customer_session_token"), "{page}");
        hides(&page, &own);
        // The portal lets nobody in by it.
        let door = shop.anonymous.get(&format!("{HOME}?customer_session_token={token}")).await;
        assert_eq!((door.status, door.header("set-cookie")), (403, None));
        let browser = shop.anonymous.with("cookie", format!("merak_customer_session={token}"));
        for path in [
            String::new(), String::from("/state"), format!("/orders/{order}"), format!("/orders/{order}/invoice"),
            format!("/subscriptions/{subscription}"), String::from("/connect/github"),
            format!("/orders/{}", bought[1]["id"].as_str().unwrap()),
        ] {
            let page = browser.get(&format!("{HOME}{path}")).await;
            assert_eq!(page.status, 403, "{path}");
            hides(&page.text(), &own);
        }
        let form = browser.with("content-type", "application/x-www-form-urlencoded").with("sec-fetch-site", "same-origin");
        for path in [
            format!("/subscriptions/{subscription}/cancel"), format!("/subscriptions/{subscription}/card"),
            format!("/subscriptions/{subscription}/plan"), String::from("/cards"),
            format!("/license-keys/{key_id}/remove"), format!("/grants/{grant_id}/account"),
        ] {
            let answer = form.send_bytes("POST", &format!("{HOME}{path}"), String::from("activation=x")).await;
            assert_eq!(answer.status, 403, "{path}");
        }
    }

    async fn who_is_made_a_customer_by_a_checkout_has_the_portal_until_somebody_else_comes(shop) {
        let (price, product) = free_product(shop).await;
        let secret = begin(shop, &price).await;
        let client = bearer(shop, &confirm(shop, &secret, "ada@example.com").await);
        let listed = shop.merchant.get("/v1/customers/").await.expect(200);
        let id = listed["items"][0]["id"].as_str().unwrap();
        let own = format!("/v1/customer-portal/customers/{id}");
        assert_eq!(client.get(&own).await.expect(200)["email"], "ada@example.com");
        // The same address again: who knows whether it is the same person?
        let secret = begin(shop, &price).await;
        let second = bearer(shop, &confirm(shop, &secret, "Ada@example.com").await);
        for client in [&client, &second] {
            client.get(&own).await.refused(403, "NotPermitted");
            let orders = client.get("/v1/customer-portal/orders/").await.expect(200);
            assert_eq!(orders["pagination"]["total_count"], 1);
        }
        // Whom the seller names is known.
        let body = json!({"product_id": product, "customer_id": id});
        let named = shop.merchant.post("/v1/checkouts/custom/", body).await.expect(201);
        let client = bearer(shop, &confirm(shop, named["client_secret"].as_str().unwrap(), "x@example.com").await);
        assert_eq!(client.get(&own).await.expect(200)["email"], "ada@example.com");
        let orders = client.get("/v1/customer-portal/orders/").await.expect(200);
        assert_eq!(orders["pagination"]["total_count"], 3);
        all_done(shop).await;
    }

    async fn a_token_goes_to_pages_of_the_seller_only(shop) {
        let (price, product) = free_product(shop).await;
        let page = async |secret: &str| {
            let token = confirm(shop, secret, "ada@example.com").await;
            let path = format!("/checkout/{secret}/confirmation?customer_session_token={token}");
            shop.anonymous.get(&path).await.text()
        };
        let leaves_with_token = |page: &str, host: &str| {
            page.lines().any(|line| line.contains("data-onward") && line.contains(host) && line.contains("polar_cst_"))
        };
        let tells_token = |page: &str| page.lines().any(|line| {
            line.split_once("data-success-url=\"").is_some_and(|(_, rest)| {
                rest.split('"').next().unwrap().contains("polar_cst_")
            })
        });
        // Anybody can begin this one, and say where it leads.
        let body = json!({"product_price_id": price, "success_url": "https://evil.example/"});
        let checkout = shop.anonymous.post("/v1/checkouts/", body).await.expect(201);
        let secret = checkout["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let shown = page(&secret).await;
        assert!(shown.contains("https://evil.example/") && !leaves_with_token(&shown, "evil.example"), "{shown}");
        assert!(!tells_token(&shown), "{shown}");
        // The seller's program says where the buyer goes then, and around which page it stands.
        let body = json!({
            "product_id": product, "success_url": "https://seller.example/ok", "embed_origin": "https://embeds.example"
        });
        let checkout = shop.merchant.post("/v1/checkouts/custom/", body).await.expect(201);
        let shown = page(checkout["client_secret"].as_str().unwrap()).await;
        assert!(leaves_with_token(&shown, "seller.example") && tells_token(&shown), "{shown}");
        // A link can be shown in a frame of any page.
        let body = json!({
            "payment_processor": "stripe", "product_price_id": price, "success_url": "https://seller.example/ok"
        });
        let link = shop.merchant.post("/v1/checkout-links/", body).await.expect(201);
        let path = link["url"].as_str().unwrap().split_once("/v1/").map(|(_, path)| format!("/v1/{path}")).unwrap();
        for (origin, is_told) in [("https://evil.example", false), ("https://seller.example", true)] {
            let followed = shop.anonymous.get(&format!("{path}?embed_origin={origin}")).await;
            let location = followed.header("location").unwrap();
            let secret = location.split('?').next().unwrap().rsplit('/').next().unwrap();
            let shown = page(secret).await;
            assert!(leaves_with_token(&shown, "seller.example"), "{shown}");
            assert_eq!(tells_token(&shown), is_told, "{origin}: {shown}");
        }
        all_done(shop).await;
    }

    async fn cards_cannot_be_tried_without_end(shop) {
        let body = json!({
            "name": "Book", "prices": [{"type": "one_time", "amount_type": "fixed", "price_amount": 1000}],
            "organization_id": shop.organization.id
        });
        let product = shop.merchant.post("/v1/products/", body).await.expect(201);
        let secret = begin(shop, &product["prices"][0]["id"]).await;
        let path = format!("/v1/checkouts/custom/client/{secret}/confirm");
        let body = |card: &str| json!({
            "customer_name": "Ada", "customer_email": "ada@example.com", "customer_billing_address": {"country": "FR"},
            "confirmation_token_id": format!("ctoken_sandbox_{card}")
        });
        for _ in 0..10 {
            shop.anonymous.post(&path, body("insufficient_funds")).await.refused(400, "PaymentError");
        }
        let answer = shop.anonymous.post(&path, body("success")).await;
        assert!(answer.text().contains("Too many payments have failed here."), "{}", answer.text());
        answer.refused(400, "PaymentError");
    }
}
