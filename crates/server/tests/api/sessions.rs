//! Sign-in links, the session cookie and `/v1/auth/logout`.

use merak_core::login_links;
use merak_server::Config;
use merak_testkit::Engine;
use serde_json::json;

use crate::support::shop::config;
use crate::support::{Answer, Client, Shop, everything, migrated};

const CUSTOMERS: &str = "/v1/customers/";

/// The path of a new sign-in link of the shop's member.
async fn link(shop: &Shop) -> String {
    let (secret, id) = (shop.secret.clone(), shop.member.id);
    let (_, token) = shop.write(move |tx| login_links::create(tx, &secret, id)).await.unwrap();
    format!("/login?token={}", token.as_str())
}

/// The caller with the cookie that an answer sets.
fn with_cookie_of(client: &Client, answer: &Answer) -> Client {
    let cookie = answer.header("set-cookie").unwrap();
    client.with("cookie", cookie.split(';').next().unwrap())
}

fn is_refused_by_page(answer: &Answer) {
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(answer.text().contains("This link is invalid or has expired"));
    assert_eq!(answer.header("set-cookie"), None);
}

scenarios! {
    // spec 10 §10.9 lines 105 and 107: a valid link gives 303 and a cookie
    async fn a_link_signs_its_user_in(shop) {
        let answer = shop.anonymous.with("user-agent", "Testfox/1").get(&link(shop).await).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{}", answer.text());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        let cookie = answer.header("set-cookie").unwrap();
        let (value, attributes) = cookie.split_once("; ").unwrap();
        assert!(value.starts_with("polar_session=polar_us_") && value.len() == 14 + 52, "{value}");
        assert_eq!(attributes, "Path=/; Max-Age=2678400; HttpOnly; SameSite=Lax");
        let browser = with_cookie_of(&shop.anonymous, &answer);
        let customer = shop.customer().await;
        assert_eq!(browser.get(CUSTOMERS).await.items("id"), [customer.id.to_string()]);
        let rows = &shop.tables().await["user_sessions"];
        assert!(rows.len() == 1 && rows[0].contains("Testfox/1"), "{rows:?}");
    }

    // spec 10 §10.9 line 105: a link works once
    async fn a_link_is_used_up(shop) {
        let link = link(shop).await;
        assert_eq!(shop.anonymous.send("HEAD", &link, None).await.status, 200, "looking does not use it up");
        assert_eq!(shop.anonymous.get(&link).await.status, 303);
        is_refused_by_page(&shop.anonymous.get(&link).await);
        assert!(shop.tables().await["login_links"].is_empty());
    }

    // spec 10 §10.9 line 105: who is signed in already keeps the session and the link
    async fn a_signed_in_browser_leaves_the_link_alone(shop) {
        let link = link(shop).await;
        let browser = shop.browser(shop.member.id).await;
        let answer = browser.get(&link).await;
        assert_eq!((answer.status, answer.header("location"), answer.header("set-cookie")), (303, Some("/"), None));
        assert_eq!(shop.anonymous.get(&link).await.status, 303, "it is still good");
    }

    // spec 10 §10.9 line 106: unknown, ended in the past or exactly now
    async fn a_link_ends_after_a_quarter_of_an_hour(shop) {
        let (first, second) = (link(shop).await, link(shop).await);
        shop.advance(899);
        assert_eq!(shop.anonymous.get(&first).await.status, 303);
        shop.advance(1);
        is_refused_by_page(&shop.anonymous.get(&second).await);
        for path in ["/login", "/login?token=", "/login?token=polar_ml_x", "/login?other=1"] {
            is_refused_by_page(&shop.anonymous.get(path).await);
        }
    }

    // spec 10 §9: blocked and deleted people are not signed in
    async fn a_link_of_somebody_who_was_blocked_is_no_good(shop) {
        for column in ["blocked_at", "deleted_at"] {
            let link = link(shop).await;
            let (id, now) = (shop.member.id, merak_store::Source::now(&*shop.source));
            let sql = if column == "blocked_at" {
                "UPDATE users SET blocked_at = $2 WHERE id = $1"
            } else {
                "UPDATE users SET blocked_at = NULL, deleted_at = $2 WHERE id = $1"
            };
            shop.sql(sql, vec![Box::new(id), Box::new(now)]).await;
            is_refused_by_page(&shop.anonymous.get(&link).await);
        }
        assert!(shop.tables().await["user_sessions"].is_empty());
    }

    // spec 10 §1.4: no token of any kind is in the database
    async fn tokens_of_links_and_sessions_are_not_stored(shop) {
        let link = link(shop).await;
        let answer = shop.anonymous.get(&self::link(shop).await).await;
        let session = answer.header("set-cookie").unwrap().split(['=', ';']).nth(1).unwrap();
        let token = link.split('=').nth(1).unwrap();
        for (name, rows) in shop.tables().await {
            assert!(!rows.iter().any(|row| row.contains(token) || row.contains(session)), "{name} holds a token");
        }
    }

    // spec 10 §1.3: 31 days, not renewed by use; what ended is removed
    async fn a_session_lasts_a_month(shop) {
        let browser = shop.browser(shop.member.id).await;
        shop.advance(31 * 24 * 3600 - 1);
        browser.get(CUSTOMERS).await.expect(200);
        shop.advance(1);
        browser.get(CUSTOMERS).await.refused(401, "Unauthorized");
    }

    // spec 10 §9: logout works with and without a session, by GET and POST
    async fn signing_out_ends_the_session(shop) {
        for method in ["GET", "POST"] {
            let (browser, other) = (shop.browser(shop.member.id).await, shop.browser(shop.member.id).await);
            for client in [&browser, &browser, &shop.anonymous] {
                let answer = client.send(method, "/v1/auth/logout", None).await;
                assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
                assert_eq!(
                    answer.header("set-cookie"),
                    Some("polar_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
                );
            }
            browser.get(CUSTOMERS).await.refused(401, "Unauthorized");
            other.get(CUSTOMERS).await.expect(200);
        }
    }

    // spec 10 §10.1 line 12, T-11: a good cookie beats the header
    async fn a_good_cookie_beats_any_bearer(shop) {
        let customer = shop.customer().await;
        let browser = shop.browser(shop.member.id).await;
        let stranger = shop.tenant().await.organization;
        let token = shop.organization_token(stranger.id, everything()).await;
        for header in ["Bearer nope", "Bearer ", "Basic bm9yYTp4", "nope", &format!("Bearer {token}")] {
            let answer = browser.with("authorization", header).get(CUSTOMERS).await;
            assert_eq!(answer.items("id"), [customer.id.to_string()], "{header}");
        }
    }

    // spec 10 §10.1 line 13
    async fn a_bad_cookie_counts_as_none(shop) {
        let customer = shop.customer().await;
        let token = shop.user_token(shop.member.id, everything()).await;
        for cookie in ["polar_session=nope", "polar_session=", "polar_session", "other=1"] {
            let client = shop.anonymous.with("cookie", cookie);
            client.get(CUSTOMERS).await.refused(401, "Unauthorized");
            let both = client.with("authorization", format!("Bearer {token}"));
            assert_eq!(both.get(CUSTOMERS).await.items("id"), [customer.id.to_string()], "{cookie}");
            // A bad cookie with a bad token is a bad token.
            let answer = client.with("authorization", "Bearer nope").get(CUSTOMERS).await;
            assert_eq!(answer.expect(401)["error"], "invalid_token");
        }
    }

    // spec 10 §1.2: a session token is no bearer token, and a bearer token is no cookie
    async fn tokens_work_only_where_they_belong(shop) {
        let session = shop.session(shop.member.id).await;
        let answer = shop.anonymous.bearer(&session).get(CUSTOMERS).await;
        assert_eq!(answer.expect(401)["error"], "invalid_token");
        let token = shop.user_token(shop.member.id, everything()).await;
        let answer = shop.anonymous.with("cookie", format!("polar_session={token}")).get(CUSTOMERS).await;
        answer.refused(401, "Unauthorized");
    }

    // SECURITY.md: a page of another site cannot change anything with somebody's session
    async fn pages_of_other_sites_change_nothing(shop) {
        let browser = shop.browser(shop.member.id).await;
        let body = json!({"email": "new@example.com", "organization_id": shop.organization.id});
        let before = shop.tables().await;
        for headers in [
            &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")][..],
            &[("sec-fetch-site", "same-site"), ("origin", "https://evil.shop.example")],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
        ] {
            let client = headers.iter().fold(browser.clone(), |client, (name, value)| client.with(name, *value));
            client.post(CUSTOMERS, body.clone()).await.refused(403, "NotPermitted");
            client.delete(&format!("/v1/customers/{}", shop.member.id)).await.refused(403, "NotPermitted");
            client.get(CUSTOMERS).await.expect(200);
        }
        assert_eq!(shop.tables().await, before);
    }

    // SECURITY.md: our pages, configured front ends and programs do
    async fn our_own_pages_and_front_ends_may_act(shop) {
        let browser = shop.browser(shop.member.id).await;
        let own = format!("http://{}", shop.anonymous.address());
        for headers in [
            &[][..],
            &[("sec-fetch-site", "same-origin"), ("origin", own.as_str())],
            &[("origin", own.as_str())],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://shop.example")],
        ] {
            let client = headers.iter().fold(browser.clone(), |client, (name, value)| client.with(name, *value));
            let email = format!("customer{}@example.com", shop.number());
            let body = json!({"email": email, "organization_id": shop.organization.id});
            client.post(CUSTOMERS, body).await.expect(201);
        }
    }

    // a token needs no such proof: only its owner's program has it
    async fn a_bearer_token_works_from_any_page(shop) {
        let client = shop.merchant.with("origin", "https://anywhere.example").with("sec-fetch-site", "cross-site");
        let body = json!({"email": "new@example.com", "organization_id": shop.organization.id});
        client.post(CUSTOMERS, body).await.expect(201);
    }
}

// spec 10 §9: `Secure` where people come by https
#[test]
fn behind_https_the_cookie_never_travels_in_the_clear() {
    merak_testkit::run(async {
        let settings = Config { public_url: Some(String::from("https://merak.example")), ..config() };
        let shop = Shop::open_with(migrated(Engine::Sqlite), settings).await;
        let answer = shop.anonymous.get(&link(&shop).await).await;
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
        shop.server.stop().await;
    });
}
