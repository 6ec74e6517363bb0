//! The hosted checkout by plain forms, as a browser without JavaScript sends them. spec 30 §1.9

use std::time::{Duration, Instant};

use merak_server::Config;
use merak_server::config::Payments;
use merak_testkit::TestDatabase;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use crate::support::shop::config;
use crate::support::{Answer, Client, Shop, migrated};

pub const CARD: &str = "4242 4242 4242 4242";
const DECLINED: &str = "4000 0000 0000 0002";
const ASKS: &str = "4000 0025 0000 3155";

/// Begins a checkout of a new product, with further members of both.
async fn checkout_of(shop: &Shop, product: Value, more: Value) -> String {
    let mut body = json!({"name": "Fjord Editor", "organization_id": shop.organization.id});
    body.as_object_mut().unwrap().extend(product.as_object().unwrap().clone());
    let product = shop.merchant.post("/v1/products/", body).await.expect(201);
    let mut body = json!({"product_id": product["id"]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = shop.merchant.post("/v1/checkouts/custom/", body).await.expect(201);
    format!("/checkout/{}", made["client_secret"].as_str().unwrap())
}

pub async fn checkout(shop: &Shop, price: Value) -> String {
    checkout_of(shop, json!({"prices": [price]}), json!({})).await
}

pub fn once(cents: i64) -> Value {
    json!({"type": "one_time", "amount_type": "fixed", "price_amount": cents})
}

fn free() -> Value {
    json!({"type": "one_time", "amount_type": "free"})
}

/// What a buyer fills in who pays with this card.
pub fn filled(card: &str) -> Vec<(&'static str, String)> {
    let mut fields = buyer();
    fields.extend([("card.number", card.to_owned()), ("card.expiry", String::from("12 / 40"))]);
    fields.push(("card.cvc", String::from("123")));
    fields
}

pub fn buyer() -> Vec<(&'static str, String)> {
    let fields = [
        ("customer_email", "ada@example.com"),
        ("customer_name", "Ada"),
        ("customer_billing_address.country", "FR"),
    ];
    fields.map(|(name, value)| (name, value.to_owned())).to_vec()
}

pub async fn send(shop: &Shop, path: &str, action: &str, fields: &[(&str, String)]) -> Answer {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(fields.iter().map(|(name, value)| (*name, value.as_str())));
    form.append_pair("action", action);
    let client = shop.anonymous.with("content-type", "application/x-www-form-urlencoded");
    client.send_bytes("POST", path, form.finish()).await
}

/// Presses the button of the page that was shown last.
pub async fn pay(shop: &Shop, path: &str, fields: &[(&'static str, String)], seen: &str) -> Answer {
    let mut fields = fields.to_vec();
    fields.push(("seen_total", seen.to_owned()));
    send(shop, path, "pay", &fields).await
}

/// The page that an answer leads to.
pub async fn follow(shop: &Shop, answer: &Answer) -> Answer {
    assert_eq!(answer.status, 303, "{}", answer.text());
    shop.anonymous.get(answer.header("location").unwrap()).await
}

pub async fn status(shop: &Shop, path: &str) -> String {
    let secret = path.rsplit('/').next().unwrap();
    let seen = shop.anonymous.get(&format!("/v1/checkouts/custom/client/{secret}")).await.expect(200);
    seen["status"].as_str().unwrap().to_owned()
}

async fn count(shop: &Shop, sql: &'static str) -> i64 {
    shop.write(move |tx| Ok(tx.one(sql, &[])?)).await.unwrap()
}

/// A product that a license key comes with.
async fn sold_with_keys(shop: &Shop, price: Value) -> Value {
    let body = json!({"type": "license_keys", "description": "The application", "properties": {}, "organization_id": shop.organization.id});
    let benefit = shop.merchant.post("/v1/benefits/", body).await.expect(201);
    let product = json!({"name": "App", "prices": [price], "organization_id": shop.organization.id});
    let product = shop.merchant.post("/v1/products/", product).await.expect(201);
    let id = product["id"].as_str().unwrap();
    let body = json!({"benefits": [benefit["id"]]});
    shop.merchant.post(&format!("/v1/products/{id}/benefits"), body).await.expect(200)
}

/// Begins a checkout of a product.
async fn checkout_for(shop: &Shop, product: &Value, more: Value) -> String {
    let mut body = json!({"product_id": product["id"]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = shop.merchant.post("/v1/checkouts/custom/", body).await.expect(201);
    format!("/checkout/{}", made["client_secret"].as_str().unwrap())
}

/// Says yes to the bank that a page leads to. Where it leads back to.
async fn approve(shop: &Shop, page: &str) -> String {
    let bank = page
        .split("href=\"")
        .find_map(|rest| rest.split('"').next().filter(|url| url.starts_with("/sandbox/")));
    let client = shop.anonymous.with("content-type", "application/x-www-form-urlencoded");
    let answered = client.send_bytes("POST", bank.unwrap(), "verdict=approve").await;
    answered.header("location").unwrap().to_owned()
}

/// A browser that was given this cookie.
fn with_cookie(shop: &Shop, cookie: &str) -> Client {
    shop.anonymous.with("cookie", cookie.split(';').next().unwrap())
}

/// Looks at a page until it says this.
pub async fn until(shop: &Shop, path: &str, words: &str) -> String {
    until_by(&shop.anonymous, path, words).await
}

async fn until_by(client: &Client, path: &str, words: &str) -> String {
    let begun = Instant::now();
    loop {
        let text = client.get(path).await.text();
        if text.contains(words) {
            return text;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{words} is not in {text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub fn has_problem(text: &str, field: &str) -> bool {
    text.contains(&format!("id=\"field-{field}-problem\""))
        && text.contains(&format!("href=\"#field-{field}\""))
}

scenarios! {
    async fn a_card_buys_without_javascript(shop) {
        let path = checkout(shop, once(1999)).await;
        let shown = shop.anonymous.get(&path).await;
        assert_eq!((shown.status, shown.header("content-type")), (200, Some("text/html; charset=utf-8")));
        for words in ["Fjord Editor", "Pay $19.99", "<form method=\"post\"", "name=\"seen_total\" value=\"1999\"", "4000 0025 0000 3155"] {
            assert!(shown.text().contains(words), "{words}: {}", shown.text());
        }
        assert_eq!((shown.header("cache-control"), shown.header("referrer-policy")), (Some("no-store"), Some("no-referrer")));
        let bought = pay(shop, &path, &filled(CARD), "1999").await;
        let location = bought.header("location").unwrap().to_owned();
        assert!(location.starts_with(&format!("{path}/confirmation?customer_session_token=polar_cst_")), "{location}");
        let page = until(shop, &location, "Thank you").await;
        assert!(page.contains("ada@example.com") && page.contains("View your purchases"), "{page}");
        assert!(page.contains("/fjordsoft/portal?customer_session_token=polar_cst_"), "{page}");
        assert_eq!(count(shop, "SELECT count(*) FROM orders").await, 1);
        // It is over: the form leads on, and nothing is bought twice.
        assert_eq!(shop.anonymous.get(&path).await.header("location").unwrap(), format!("{path}/confirmation"));
        assert_eq!(pay(shop, &path, &filled(CARD), "1999").await.status, 303);
        assert_eq!(count(shop, "SELECT count(*) FROM orders").await, 1);
        // Without the token nobody sees more than that it was bought.
        let page = until(shop, &format!("{path}/confirmation?customer_session_token=polar_cst_wrong"), "Thank you").await;
        assert!(page.contains("Sign in to view your purchases") && !page.contains("polar_cst_wrong&") , "{page}");
    }

    async fn a_declined_card_is_told_and_another_one_buys(shop) {
        let path = checkout(shop, once(1999)).await;
        let declined = pay(shop, &path, &filled(DECLINED), "1999").await;
        assert_eq!(declined.status, 400);
        let text = declined.text();
        assert!(text.contains("role=\"alert\"") && text.contains("Your card was declined."), "{text}");
        assert!(text.contains("value=\"ada@example.com\"") && text.contains("value=\"FR\" selected"), "{text}");
        assert_eq!(status(shop, &path).await, "open");
        let bought = pay(shop, &path, &filled(CARD), "1999").await;
        assert!(follow(shop, &bought).await.text().contains("Thank you"));
        assert_eq!(status(shop, &path).await, "succeeded");
    }

    async fn a_bank_that_asks_is_answered_on_its_page(shop) {
        for (verdict, end, orders) in [("approve", "Thank you", 1), ("fail", "The payment failed", 1)] {
            let path = checkout(shop, once(1999)).await;
            let held = pay(shop, &path, &filled(ASKS), "1999").await;
            let page = follow(shop, &held).await.text();
            assert!(page.contains("Confirm with your bank"), "{page}");
            let bank = page.split("href=\"").find_map(|rest| rest.split('"').next().filter(|url| url.starts_with("/sandbox/")));
            let bank = bank.unwrap().to_owned();
            assert!(page.contains(&format!("content=\"0; url={bank}\"")), "it goes there by itself: {page}");
            let client = shop.anonymous.with("content-type", "application/x-www-form-urlencoded");
            let answered = client.send_bytes("POST", &bank, format!("verdict={verdict}")).await;
            let back = answered.header("location").unwrap();
            assert!(back.ends_with(&format!("{path}/confirmation")), "{back}");
            until(shop, &format!("{path}/confirmation"), end).await;
            assert_eq!(count(shop, "SELECT count(*) FROM orders").await, orders);
        }
    }

    // A browser without scripts keeps nothing but cookies while it is at the bank.
    async fn who_comes_back_from_the_bank_without_a_script_has_what_they_bought(shop) {
        let product = sold_with_keys(shop, once(1999)).await;
        let path = checkout_for(shop, &product, json!({})).await;
        let held = pay(shop, &path, &filled(ASKS), "1999").await;
        let cookie = held.header("set-cookie").unwrap().to_owned();
        let rules = format!("; Path={path}/confirmation; Max-Age=3600; HttpOnly; SameSite=Lax");
        assert!(cookie.starts_with("merak_customer_session=polar_cst_") && cookie.ends_with(&rules), "{cookie}");
        let back = approve(shop, &follow(shop, &held).await.text()).await;
        assert!(back.ends_with(&format!("{path}/confirmation")), "{back}");
        let confirmation = format!("{path}/confirmation");
        let mut ada = with_cookie(shop, &cookie);
        let page = until_by(&ada, &confirmation, "License key").await;
        let keys = shop.merchant.get("/v1/license-keys/").await.items("key");
        assert!(page.contains(&keys[0]) && page.contains("View your purchases"), "{page}");
        // It leads on into the portal, signed in.
        let (_, rest) = page.split_once("href=\"/fjordsoft/portal?customer_session_token=").unwrap();
        let token = rest.split_once('"').unwrap().0;
        let entered = shop.anonymous.get(&format!("/fjordsoft/portal?customer_session_token={token}")).await;
        ada = with_cookie(shop, entered.header("set-cookie").unwrap());
        assert!(ada.get("/fjordsoft/portal").await.text().contains(&keys[0]));
        // Nobody else sees them, and the cookie of another purchase's page shows nothing here.
        let stranger = shop.anonymous.get(&confirmation).await.text();
        assert!(!stranger.contains(&keys[0]) && stranger.contains("Sign in to view your purchases"), "{stranger}");
        let other = checkout(shop, free()).await;
        let got = pay(shop, &other, &[("customer_email", String::from("eve@example.com"))], "").await;
        let eve = with_cookie(shop, got.header("set-cookie").unwrap());
        assert!(!eve.get(&confirmation).await.text().contains(&keys[0]));
        // An hour later it is as good as none.
        shop.advance(3601);
        assert!(!ada.get(&confirmation).await.text().contains(&keys[0]));
    }

    async fn the_keys_shown_are_those_of_this_purchase(shop) {
        let product = sold_with_keys(shop, once(1999)).await;
        let mut pages = Vec::new();
        for _ in 0..3 {
            let path = checkout_for(shop, &product, json!({})).await;
            let bought = pay(shop, &path, &filled(CARD), "1999").await;
            pages.push(until(shop, bought.header("location").unwrap(), "License key").await);
        }
        let keys = shop.merchant.get("/v1/license-keys/").await.items("key");
        assert_eq!(keys.len(), 3);
        for (at, page) in pages.iter().enumerate() {
            let shown = keys.iter().filter(|key| page.contains(key.as_str())).count();
            assert_eq!(shown, 1, "page {at}: {page}");
        }
        assert!(keys.iter().all(|key| pages.iter().any(|page| page.contains(key.as_str()))));
    }

    // spec 30 §1.9: a seller's own page is gone to once it is bought, and not while the bank is being asked.
    async fn a_page_of_the_seller_is_gone_to_once_it_is_bought(shop) {
        let more = json!({"success_url": "https://seller.example/ok"});
        let path = checkout_of(shop, json!({"prices": [once(1999)]}), more).await;
        let held = pay(shop, &path, &filled(ASKS), "1999").await;
        let client = with_cookie(shop, held.header("set-cookie").unwrap());
        let page = follow(shop, &held).await.text();
        assert_eq!(status(shop, &path).await, "confirmed");
        let leads = |page: &str| page.contains("href=\"https://seller.example/ok") || page.contains("url=https://seller.example/ok");
        assert!(!leads(&page) && page.contains("data-outcome=\"bank\""), "{page}");
        approve(shop, &page).await;
        let page = until_by(&client, &format!("{path}/confirmation"), "data-outcome=\"leaving\"").await;
        assert!(leads(&page) && page.contains("https://seller.example/ok?customer_session_token=polar_cst_"), "{page}");
    }

    async fn what_is_free_needs_an_address_for_mail_only(shop) {
        let path = checkout(shop, free()).await;
        let shown = shop.anonymous.get(&path).await.text();
        assert!(shown.contains(">Get it</button>") && !shown.contains("card.number") && !shown.contains("customer_name"), "{shown}");
        let missing = pay(shop, &path, &[], "").await;
        assert_eq!(missing.status, 422);
        assert!(has_problem(&missing.text(), "customer_email"), "{}", missing.text());
        let wrong = pay(shop, &path, &[("customer_email", String::from("ada"))], "").await;
        assert!(has_problem(&wrong.text(), "customer_email") && wrong.text().contains("value=\"ada\""), "{}", wrong.text());
        let got = pay(shop, &path, &[("customer_email", String::from("ada@example.com"))], "").await;
        assert!(follow(shop, &got).await.text().contains("Thank you"));
    }

    async fn a_buyer_pays_what_they_want(shop) {
        let chosen = json!({"type": "one_time", "amount_type": "custom", "minimum_amount": 1000, "maximum_amount": 5000});
        let path = checkout(shop, chosen).await;
        let shown = shop.anonymous.get(&path).await.text();
        assert!(shown.contains("From $10.00 to $50.00.") && shown.contains("name=\"chosen_amount\" value=\"10.00\""), "{shown}");
        let amount = |text: &str| ("chosen_amount", text.to_owned());
        for wrong in ["9.99", "50.01", "much", ""] {
            let told = send(shop, &path, "update", &[amount(wrong)]).await;
            assert_eq!(told.status, 422, "{wrong}");
            assert!(has_problem(&told.text(), "chosen_amount"), "{}", told.text());
        }
        // Who changes the amount and pays at once sees the new total first.
        let mut fields = filled(CARD);
        fields.push(amount("25,50"));
        let again = pay(shop, &path, &fields, "1000").await;
        assert_eq!(again.status, 200);
        assert!(again.text().contains("The total is now $25.50."), "{}", again.text());
        assert!(again.text().contains("value=\"4242 4242 4242 4242\""), "the test card is not typed again");
        assert_eq!(count(shop, "SELECT count(*) FROM payments").await, 0);
        assert_eq!(pay(shop, &path, &fields, "2550").await.status, 303);
        assert_eq!(count(shop, "SELECT CAST(amount AS bigint) FROM payments").await, 2550);
    }

    async fn a_code_reduces_the_price(shop) {
        let body = json!({"type": "fixed", "duration": "once", "amount": 500, "name": "Spring", "code": "SPRING",
            "organization_id": shop.organization.id});
        shop.merchant.post("/v1/discounts/", body).await.expect(201);
        let path = checkout(shop, once(1999)).await;
        let code = |text: &str| [("discount_code", text.to_owned())];
        let wrong = send(shop, &path, "apply", &code("NONE")).await;
        assert_eq!(wrong.status, 422);
        assert!(has_problem(&wrong.text(), "discount_code") && wrong.text().contains("value=\"NONE\""), "{}", wrong.text());
        let applied = send(shop, &path, "apply", &code("spring")).await.text();
        assert!(applied.contains("Spring") && applied.contains("−$5.00") && applied.contains("Pay $14.99"), "{applied}");
        let removed = send(shop, &path, "remove", &[]).await.text();
        assert!(removed.contains("Pay $19.99") && !removed.contains("Spring"), "{removed}");
        // A code that is only typed counts when the button is pressed.
        let mut fields = filled(CARD);
        fields.extend(code("SPRING"));
        assert!(pay(shop, &path, &fields, "1999").await.text().contains("The total is now $14.99"));
        assert_eq!(pay(shop, &path, &filled(CARD), "1499").await.status, 303);
        let closed = checkout_of(shop, json!({"prices": [once(1999)]}), json!({"allow_discount_codes": false})).await;
        assert!(!shop.anonymous.get(&closed).await.text().contains("discount_code"));
    }

    async fn questions_are_answered_in_place(shop) {
        let mut attached = Vec::new();
        for (slug, kind, properties, required) in [
            ("company", "text", json!({"form_label": "Company", "form_help_text": "As on your papers.", "min_length": 2}), true),
            ("seats", "number", json!({"ge": 1, "le": 10}), true),
            ("start", "date", json!({}), false),
            ("terms", "checkbox", json!({"form_label": "I accept the terms"}), true),
            ("size", "select", json!({"options": [{"value": "s", "label": "Small"}, {"value": "l", "label": "Large"}]}), true),
        ] {
            let body = json!({"type": kind, "slug": slug, "name": slug, "properties": properties, "organization_id": shop.organization.id});
            let field = shop.merchant.post("/v1/custom-fields/", body).await.expect(201);
            attached.push(json!({"custom_field_id": field["id"], "required": required}));
        }
        let path = checkout_of(shop, json!({"prices": [free()], "attached_custom_fields": attached}), json!({})).await;
        let shown = shop.anonymous.get(&path).await.text();
        for words in ["As on your papers.", "I accept the terms", "Large", "type=\"date\""] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        let fields = |seats: &str, company: &str, is_accepted: bool| {
            let mut fields = vec![
                ("customer_email", String::from("ada@example.com")),
                ("custom_field_data.company", company.to_owned()),
                ("custom_field_data.seats", seats.to_owned()),
                ("custom_field_data.start", String::from("2030-05-01")),
                ("custom_field_data.size", String::from("l")),
            ];
            if is_accepted {
                fields.push(("custom_field_data.terms", String::from("true")));
            }
            fields
        };
        let wrong = pay(shop, &path, &fields("11", "", false), "").await;
        assert_eq!(wrong.status, 422);
        let text = wrong.text();
        for field in ["company", "seats", "terms"] {
            assert!(has_problem(&text, &format!("custom_field_data-{field}")), "{field}: {text}");
        }
        assert!(text.contains("value=\"11\"") && text.contains("value=\"l\" selected") && text.contains("value=\"2030-05-01\""), "{text}");
        assert!(text.contains("aria-describedby=\"field-custom_field_data-company-hint field-custom_field_data-company-problem\""), "{text}");
        assert_eq!(pay(shop, &path, &fields("3", "Acme", true), "").await.status, 303);
        let secret = path.rsplit('/').next().unwrap();
        let seen = shop.anonymous.get(&format!("/v1/checkouts/custom/client/{secret}")).await.expect(200);
        assert_eq!(seen["custom_field_data"]["seats"], 3);
        assert_eq!(seen["custom_field_data"]["terms"], true);
    }

    async fn an_address_of_the_united_states_is_complete(shop) {
        let path = checkout(shop, once(1999)).await;
        let mut fields = filled(CARD);
        fields[2].1 = String::from("US");
        let wrong = pay(shop, &path, &fields, "1999").await;
        assert_eq!(wrong.status, 422);
        for line in ["line1", "city", "state", "postal_code"] {
            assert!(has_problem(&wrong.text(), &format!("customer_billing_address-{line}")), "{line}");
        }
        assert!(!wrong.text().contains(">Cuba<") && wrong.text().contains(">California<"));
        for (name, value) in [("line1", "1 Main St"), ("city", "Albany"), ("state", "US-NY"), ("postal_code", "12207")] {
            let name: &'static str = match name {
                "line1" => "customer_billing_address.line1",
                "city" => "customer_billing_address.city",
                "state" => "customer_billing_address.state",
                _ => "customer_billing_address.postal_code",
            };
            fields.push((name, value.to_owned()));
        }
        assert_eq!(pay(shop, &path, &fields, "1999").await.status, 303);
    }

    async fn a_price_is_chosen(shop) {
        let recurring = |interval: &str, cents: i64| json!({"type": "recurring", "recurring_interval": interval, "amount_type": "fixed", "price_amount": cents});
        let prices = json!({"prices": [recurring("month", 900), recurring("year", 9000)]});
        let path = checkout_of(shop, prices, json!({})).await;
        let shown = shop.anonymous.get(&path).await.text();
        assert!(shown.contains("$9.00 a month") && shown.contains("$90.00 a year") && shown.contains("Renews every month"), "{shown}");
        let year = shown.split("name=\"product_price_id\" value=\"").nth(2).unwrap().split('"').next().unwrap().to_owned();
        let changed = send(shop, &path, "update", &[("product_price_id", year)]).await.text();
        assert!(changed.contains("Pay $90.00") && changed.contains("Renews every year"), "{changed}");
    }

    async fn the_address_fills_the_form_in(shop) {
        let path = checkout(shop, once(1999)).await;
        let query = "customer_email=a%40b.example&customer_billing_address.country=DE&customer_name=%22%3E%3Cscript%3E&theme=dark";
        let shown = shop.anonymous.get(&format!("{path}?{query}")).await.text();
        assert!(shown.contains("value=\"a@b.example\"") && shown.contains("value=\"DE\" selected"), "{shown}");
        assert!(shown.contains("data-theme=\"dark\"") && shown.contains("data-prefilled") && !shown.contains("\"><script>"), "{shown}");
        assert!(!shop.anonymous.get(&path).await.text().contains("data-prefilled"));
    }

    async fn hostile_words_stay_words(shop) {
        let hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
        let product = json!({"name": hostile, "description": hostile, "prices": [free()]});
        let path = checkout_of(shop, product, json!({"embed_origin": "https://x.example; script-src *"})).await;
        let shown = shop.anonymous.get(&path).await;
        let text = shown.text();
        assert!(!text.contains("<script>") && !text.contains("<img src=x"), "{text}");
        let policy = shown.header("content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("script-src 'self';"), "{policy}");
        let got = pay(shop, &path, &[("customer_email", String::from("ada@example.com"))], "").await;
        let page = follow(shop, &got).await.text();
        assert!(!page.contains("<script>alert") && page.contains("&#60;script&#62;"), "{page}");
    }

    async fn nothing_stands_inline_and_only_the_named_origin_frames_it(shop) {
        let path = checkout_of(shop, json!({"prices": [once(1999)]}), json!({"embed_origin": "https://seller.example"})).await;
        let shown = shop.anonymous.get(&format!("{path}?embed=true")).await;
        let policy = shown.header("content-security-policy").unwrap();
        for rule in ["default-src 'none'", "script-src 'self';", "style-src 'self';", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'self' https://seller.example"] {
            assert!(policy.contains(rule), "{rule}: {policy}");
        }
        let text = shown.text();
        assert!(!text.contains("style=\"") && !text.contains("<style") && !text.contains("onclick") && !text.contains("<script>"), "{text}");
        assert!(text.contains("data-embed-origin=\"https://seller.example\"") && text.contains("?embed=true\""), "{text}");
    }

    async fn the_bank_stands_where_the_checkout_may_stand(shop) {
        for (origin, ancestors) in [
            (json!("https://seller.example"), "frame-ancestors 'self' https://seller.example"),
            (json!("https://x.example; script-src *"), "frame-ancestors 'none'"),
            (Value::Null, "frame-ancestors 'none'"),
        ] {
            let path = checkout_of(shop, json!({"prices": [once(1999)]}), json!({"embed_origin": origin})).await;
            let got = pay(shop, &path, &filled(ASKS), "1999").await;
            let text = follow(shop, &got).await.text();
            let (_, bank) = text.split_once("href=\"/sandbox/authenticate/").unwrap();
            let bank = format!("/sandbox/authenticate/{}", bank.split('"').next().unwrap());
            let shown = shop.anonymous.get(&bank).await;
            assert_eq!(shown.status, 200);
            let policy = shown.header("content-security-policy").unwrap();
            assert!(policy.ends_with(ancestors), "{policy}");
        }
    }

    async fn what_is_over_is_not_found_and_what_was_bought_leads_on(shop) {
        let path = checkout_of(shop, json!({"prices": [free()]}), json!({"success_url": "https://seller.example/ok?id={CHECKOUT_ID}"})).await;
        let got = pay(shop, &path, &[("customer_email", String::from("ada@example.com"))], "").await;
        let page = follow(shop, &got).await;
        assert_eq!(page.status, 200, "a form cannot lead to another site");
        let text = page.text();
        assert!(text.contains("https://seller.example/ok?id=") && text.contains("&#38;customer_session_token=polar_cst_"), "{text}");
        let onward = shop.anonymous.get(&path).await;
        assert!(onward.header("location").unwrap().starts_with("https://seller.example/ok?id="));
        let open = checkout(shop, free()).await;
        assert_eq!(shop.anonymous.get(&format!("{open}/confirmation")).await.header("location"), Some(open.as_str()));
        shop.advance(1801);
        for path in [open.as_str(), "/checkout/polar_c_wrong", "/checkout/polar_c_wrong/confirmation"] {
            let gone = shop.anonymous.get(path).await;
            assert_eq!(gone.status, 404);
            assert!(gone.text().contains("no longer available") && gone.header("content-type").unwrap().starts_with("text/html"));
        }
        assert_eq!(pay(shop, &open, &buyer(), "").await.status, 404);
    }

    async fn keys_are_shown_to_who_bought_them(shop) {
        let product = sold_with_keys(shop, free()).await;
        let path = checkout_for(shop, &product, json!({})).await;
        assert!(shop.anonymous.get(&path).await.text().contains("The application"));
        let got = pay(shop, &path, &[("customer_email", String::from("ada@example.com"))], "").await;
        let page = until(shop, got.header("location").unwrap(), "License key").await;
        let keys = shop.merchant.get("/v1/license-keys/").await.items("key");
        assert!(page.contains(&keys[0]) && !page.contains("data-pending"), "{page}");
        let stranger = shop.anonymous.get(&format!("{path}/confirmation")).await.text();
        assert!(!stranger.contains(&keys[0]), "{stranger}");
    }

    async fn an_address_is_asked_for_as_people_write_it(shop) {
        let path = checkout(shop, once(1999)).await;
        let shown = async |country: &str, more: &[(&'static str, &str)]| {
            let mut fields = vec![("customer_billing_address.country", country.to_owned())];
            fields.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
            send(shop, &path, "update", &fields).await.text()
        };
        let state = ("customer_billing_address.state", "Victoria");
        let page = shown("AU", &[state]).await;
        for words in ["State or territory", "value=\"Victoria\"", "ABN", "Add an address or a tax ID"] {
            assert!(page.contains(words), "{words}: {page}");
        }
        let secret = path.rsplit('/').next().unwrap();
        let seen = shop.anonymous.get(&format!("/v1/checkouts/custom/client/{secret}")).await.expect(200);
        assert_eq!(seen["customer_billing_address"]["state"], "Victoria");
        let page = shown("US", &[]).await;
        assert!(page.contains("EIN") && page.contains("<option value=\"US-NY\""), "{page}");
        // No number of theirs could be right.
        let page = shown("AE", &[]).await;
        assert!(!page.contains("customer_tax_id") && page.contains("Add an address<"), "{page}");
        // Who moves with a number can take it away.
        let page = shown("FR", &[("customer_tax_id", "FR61954506077")]).await;
        assert!(page.contains("VAT number") && !has_problem(&page, "customer_tax_id"), "{page}");
        let page = shown("AE", &[("customer_tax_id", "FR61954506077")]).await;
        assert!(has_problem(&page, "customer_tax_id"), "{page}");
        let page = shown("AE", &[("customer_tax_id", "")]).await;
        assert!(!page.contains("customer_tax_id"), "{page}");
    }

    async fn the_script_for_other_pages_knows_where_it_comes_from(shop) {
        let script = shop.anonymous.get("/embed/checkout.js").await;
        assert_eq!((script.status, script.header("content-type")), (200, Some("text/javascript; charset=utf-8")));
        assert!(script.text().contains(&format!("\"http://{}\"", shop.anonymous.address())) && !script.text().contains("MERAK_ORIGIN"));
        let tag = script.header("etag").unwrap();
        assert_eq!(shop.anonymous.with("if-none-match", tag).get("/embed/checkout.js").await.status, 304);
        assert_eq!(shop.anonymous.with("if-none-match", "\"other\"").get("/embed/checkout.js").await.status, 200);
    }
}

merak_testkit::both_engines! {
    setup = migrated;

    async fn the_form_of_stripe_is_let_in_where_stripe_takes_the_money(database: TestDatabase) {
        let options = merak_adapters::payments::stripe::Options {
            secret_key: String::from("sk_test_1"),
            publishable_key: String::from("pk_test_1"),
            webhook_secret: String::from("whsec_1"),
            url: "http://127.0.0.1:9".parse().unwrap(),
        };
        let shop = &Shop::open_with(database, Config { payments: Payments::Stripe(options), ..config() }).await;
        let path = checkout(shop, once(1999)).await;
        let shown = shop.anonymous.get(&path).await;
        assert_eq!(shown.header("x-polar-sandbox"), None, "money moves");
        let policy = shown.header("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'self' https://js.stripe.com") && policy.contains("frame-src https://js.stripe.com"), "{policy}");
        assert!(shown.text().contains("data-key=\"pk_test_1\"") && !shown.text().contains("card.number") && !shown.text().contains("sk_test"));
        let told = pay(shop, &path, &buyer(), "1999").await;
        assert_eq!(told.status, 422);
        assert!(told.text().contains("Please choose how to pay."), "{}", told.text());
        let free = checkout(shop, free()).await;
        let policy = shop.anonymous.get(&free).await;
        assert!(!policy.header("content-security-policy").unwrap().contains("stripe"));
    }

    // As the operations that anybody may call.
    async fn looking_at_checkouts_costs_budget(database: TestDatabase) {
        let shop = Shop::open_with(database, Config { rate_limit_per_address: 1, ..config() }).await;
        let mut refused = 0;
        for _ in 0..12 {
            refused += i32::from(shop.anonymous.get("/checkout/polar_c_wrong").await.status == 429);
        }
        assert!(refused > 0);
    }
}
