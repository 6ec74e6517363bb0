//! `/v1/customer-portal/customer-session/`: signing in by a code that comes by mail.

use std::sync::Arc;

use merak_adapters::mail::Memory;
use merak_server::{Config, Mail};
use merak_testkit::TestDatabase;
use serde_json::{Value, json};

use crate::support::shop::config;
use crate::support::{Answer, Shop, migrated};

const REQUEST: &str = "/v1/customer-portal/customer-session/request";
const AUTHENTICATE: &str = "/v1/customer-portal/customer-session/authenticate";

async fn shop_with_mail(database: TestDatabase, config: Config) -> (Shop, Arc<Memory>) {
    let memory = Arc::new(Memory::default());
    let config = Config { mail: Mail::Memory(Arc::clone(&memory)), ..config };
    (Shop::open_with(database, config).await, memory)
}

fn is_accepted(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (202, "null"), "{}", answer.text());
}

fn code_in(text: &str) -> String {
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.lines().find(is_code).unwrap_or_else(|| panic!("no code in {text}")).to_owned()
}

merak_testkit::both_engines! {
    setup = migrated;

    // spec 40 §7.9: code used once gives 200, again 401; `email_verified` is true afterwards
    async fn a_code_comes_by_mail_and_signs_in_once(database: TestDatabase) {
        let (shop, mail) = shop_with_mail(database, config()).await;
        let customer = shop.customer().await;
        let wanted = customer.email.as_str().to_uppercase();
        let body = json!({"email": format!(" {wanted} "), "organization_id": shop.organization.id});
        is_accepted(&shop.anonymous.post(REQUEST, body).await);
        shop.work_done().await;
        let sent = mail.drain();
        assert_eq!(sent.len(), 1);
        assert_eq!((sent[0].to.as_str(), sent[0].from.name.as_str()), (customer.email.as_str(), "The fjordsoft via Merak"));
        assert_eq!(sent[0].subject, "Your sign-in code for The fjordsoft");
        assert!(sent[0].text.contains("/fjordsoft/portal/authenticate"), "{}", sent[0].text);
        let code = code_in(&sent[0].text);
        for (name, rows) in shop.tables().await {
            assert!(!rows.iter().any(|row| row.contains(&code)), "{name} holds the code");
        }
        let answer = shop.anonymous.post(AUTHENTICATE, json!({"code": code.to_lowercase()})).await;
        let token = answer.expect(200)["token"].as_str().unwrap().to_owned();
        assert!(token.starts_with("polar_cst_"), "{token}");
        let path = format!("/v1/customer-portal/customers/{}", customer.id);
        let seen = shop.anonymous.bearer(&token).get(&path).await.expect(200);
        assert_eq!(seen["email_verified"], true);
        let again = shop.anonymous.post(AUTHENTICATE, json!({"code": code})).await;
        again.refused(401, "CustomerSessionCodeInvalidOrExpired");
        assert_eq!(again.json()["detail"], "This customer session code is invalid or has expired.");
        assert_eq!(again.header("www-authenticate"), None);
    }

    // spec 50 §7.5 N4; spec 40 §4.3: the same answer whether or not there is such a customer
    async fn who_is_unknown_gets_the_same_answer_and_no_mail(database: TestDatabase) {
        let (shop, mail) = shop_with_mail(database, config()).await;
        let (customer, tenant) = (shop.customer().await, shop.tenant().await);
        for body in [
            json!({"email": "nobody@example.com", "organization_id": shop.organization.id}),
            json!({"email": customer.email.as_str(), "organization_id": tenant.organization.id}),
            json!({"email": customer.email.as_str(), "organization_id": crate::support::UNKNOWN}),
        ] {
            is_accepted(&shop.anonymous.post(REQUEST, body).await);
        }
        shop.work_done().await;
        assert!(mail.drain().is_empty());
        let answer = shop.anonymous.post(REQUEST, json!({"email": "nobody", "organization_id": shop.organization.id})).await;
        answer.expect(422);
        assert_eq!(answer.json()["detail"][0]["loc"], json!(["body", "email"]));
        for code in ["AAAAAA", "", "ÄÖÜ", "0123456789"] {
            shop.anonymous.post(AUTHENTICATE, json!({"code": code})).await.refused(401, "CustomerSessionCodeInvalidOrExpired");
        }
    }

    // spec 40 §4.3, Merak: limits per address and per e-mail
    async fn neither_mails_nor_guesses_are_without_limit(database: TestDatabase) {
        let limited = Config { rate_limit_per_address: 1000, ..config() };
        let (shop, mail) = shop_with_mail(database, limited).await;
        let customer = shop.customer().await;
        let address = customer.email.as_str();
        // Whatever is written around it, it is the same address.
        let spellings = [address.to_owned(), address.to_uppercase(), format!(" {address}"), format!("Zoe <{address}>")];
        let mut answers: Vec<Answer> = Vec::new();
        for number in 0..8 {
            let body = json!({"email": spellings[number % 4], "organization_id": shop.organization.id});
            answers.push(shop.anonymous.post(REQUEST, body).await);
        }
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [202, 202, 202, 202, 202, 429, 429, 429]);
        assert!(answers[5].header("retry-after").is_some());
        shop.work_done().await;
        assert_eq!(mail.drain().len(), 5);
        let mut statuses = Vec::new();
        for _ in 0..12 {
            statuses.push(shop.anonymous.post(AUTHENTICATE, json!({"code": "AAAAAA"})).await.status);
        }
        assert_eq!(statuses, [[401; 10].as_slice(), &[429; 2]].concat());
    }

    // spec 10 §9: a sign-in link by mail; only a press of the button uses it up
    async fn a_sign_in_link_comes_by_mail(database: TestDatabase) {
        let (shop, mail) = shop_with_mail(database, config()).await;
        let wanted = shop.member.email.as_str().to_uppercase();
        for email in [wanted.as_str(), "nobody@example.com"] {
            is_accepted(&shop.anonymous.post("/v1/magic_link/request", json!({"email": email, "return_to": "/"})).await);
        }
        shop.work_done().await;
        let sent = mail.drain();
        assert_eq!((sent.len(), sent[0].to.as_str(), sent[0].subject.as_str()), (1, shop.member.email.as_str(), "Sign in to Merak"));
        let text = &sent[0].text;
        let path = &text[text.find("/login/by-mail?token=").unwrap()..];
        let path = path.split_whitespace().next().unwrap();
        for _ in 0..2 {
            let page = shop.anonymous.get(path).await;
            assert_eq!((page.status, page.header("set-cookie")), (200, None), "looking uses nothing up");
            assert!(page.text().contains("<form method=\"post\" action=\"/login/by-mail\">"), "{}", page.text());
            assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        }
        let form = path.split_once('?').unwrap().1;
        let pressed = shop.anonymous.send_bytes("POST", "/login/by-mail", form.to_owned()).await;
        assert_eq!((pressed.status, pressed.header("location")), (303, Some("/")), "{}", pressed.text());
        assert!(pressed.header("set-cookie").unwrap().starts_with("polar_session=polar_us_"));
        let again = shop.anonymous.send_bytes("POST", "/login/by-mail", form.to_owned()).await;
        assert_eq!((again.status, again.header("set-cookie")), (400, None));
        assert_eq!(shop.anonymous.get("/login/by-mail").await.status, 400);
        let huge = format!("token={}", "x".repeat(2000));
        assert_eq!(shop.anonymous.send_bytes("POST", "/login/by-mail", huge).await.status, 413);
    }
}

// spec 40 §4.3: a code is looked up across the whole installation, and the session is its customer's
#[test]
fn bodies_that_are_none_are_refused_by_the_schema() {
    merak_testkit::run(async {
        let shop = Shop::open(migrated(merak_testkit::Engine::Sqlite)).await;
        for body in [json!({}), json!({"code": null}), json!({"code": 7}), Value::Null] {
            shop.anonymous.post(AUTHENTICATE, body).await.expect(422);
        }
    });
}
