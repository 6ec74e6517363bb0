//! `POST /v1/integrations/github/secret-scanning`, with a stand-in for the list of public keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use merak_core::kit::ScopeSet;
use merak_server::Config;
use merak_testkit::TestDatabase;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::support::shop::config;
use crate::support::{Answer, Client, Shop, everything, migrated};

const PATH: &str = "/v1/integrations/github/secret-scanning";

/// What stands before the point in the public key of a P-256 key pair.
const HEADER: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";

/// Who finds tokens and signs reports.
struct Scanner {
    pair: EcdsaKeyPair,
    shop: Shop,
    fetched: Arc<AtomicUsize>,
}

fn new_pair() -> EcdsaKeyPair {
    let (rules, random) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(rules, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(rules, pkcs8.as_ref(), &random).unwrap()
}

fn pem(pair: &EcdsaKeyPair) -> String {
    let pairs = (0..HEADER.len()).step_by(2);
    let mut bytes: Vec<u8> = pairs.map(|at| u8::from_str_radix(&HEADER[at..at + 2], 16).unwrap()).collect();
    bytes.extend(pair.public_key().as_ref());
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(bytes))
}

impl Scanner {
    async fn on(database: TestDatabase) -> Self {
        let pair = new_pair();
        let list = json!({"public_keys": [
            {"key_identifier": "old", "key": "-----BEGIN PUBLIC KEY-----\nnone\n-----END PUBLIC KEY-----", "is_current": false},
            {"key_identifier": "current", "key": pem(&pair), "is_current": true},
        ]})
        .to_string();
        let fetched = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&fetched);
        let keys = Router::new().route(
            "/keys",
            get(move || {
                counter.fetch_add(1, Ordering::Relaxed);
                async move { list }
            }),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, keys).await });
        let settings = Config { scanning_keys_url: Some(url), ..config() };
        Self { pair, shop: Shop::open_with(database, settings).await, fetched }
    }

    fn sign(pair: &EcdsaKeyPair, text: &str) -> String {
        STANDARD.encode(pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref())
    }

    /// Sends a text with this signature.
    async fn send(&self, text: &str, name: &str, signature: &str) -> Answer {
        let client = self.shop.anonymous.with("content-type", "application/json");
        let client = client.with("github-public-key-identifier", name);
        client.with("github-public-key-signature", signature).send_bytes("POST", PATH, text.to_owned()).await
    }

    /// Sends a signed report.
    async fn report(&self, report: &Value) -> Answer {
        // Spaces that no parser keeps: it is the text that is signed.
        let text = format!(" {report} ");
        self.send(&text, "current", &Self::sign(&self.pair, &text)).await
    }

    /// Reports one token and answers its label.
    async fn label(&self, kind: &str, token: &str) -> String {
        let report = json!([{"token": token, "type": kind, "url": null, "source": "commit"}]);
        let answer = self.report(&report).await.expect(200);
        assert_eq!((&answer[0]["token_raw"], &answer[0]["token_type"]), (&json!(token), &json!(kind)));
        answer[0]["label"].as_str().unwrap().to_owned()
    }
}

merak_testkit::both_engines! {
    setup = migrated;

    // spec 10 §10.6 line 71
    async fn an_unknown_token_is_none_of_ours(database: TestDatabase) {
        let scanner = Scanner::on(database).await;
        let before = scanner.shop.tables().await;
        for kind in [
            "polar_client_secret", "polar_client_registration_token", "polar_authorization_code",
            "polar_access_token", "polar_refresh_token", "polar_personal_access_token",
            "polar_customer_session_token", "polar_user_session_token",
        ] {
            assert_eq!(scanner.label(kind, "polar_pat_nobodys").await, "false_positive", "{kind}");
        }
        assert_eq!(scanner.shop.tables().await, before);
        assert_eq!(scanner.fetched.load(Ordering::Relaxed), 1, "the list of keys is kept");
    }

    // spec 10 §10.6 lines 72 and 73, §1.10
    async fn a_known_token_ends_at_once(database: TestDatabase) {
        let scanner = Scanner::on(database).await;
        let shop = &scanner.shop;
        let personal = shop.user_token(shop.member.id, everything()).await;
        let access = shop.organization_token(shop.organization.id, everything()).await;
        for (mails, kind, token) in
            [(1, "polar_personal_access_token", &personal), (2, "POLAR_ACCESS_TOKEN", &access)]
        {
            let client = shop.anonymous.bearer(token);
            client.get("/v1/customers/").await.expect(200);
            assert_eq!(scanner.label(kind, token).await, "true_positive");
            assert_eq!(client.get("/v1/customers/").await.expect(401)["error"], "invalid_token", "{kind}");
            shop.work_done().await;
            assert_eq!(shop.tables().await["emails"].len(), mails, "its owner is told");
            let tables = shop.tables().await;
            assert_eq!(scanner.label(kind, token).await, "true_positive", "ended before");
            assert_eq!(shop.tables().await, tables, "a second report changes nothing");
        }
        shop.merchant.get("/v1/customers/").await.expect(200);
    }

    // spec 10 §1.10: the rows of sessions are removed
    async fn a_known_session_ends_at_once(database: TestDatabase) {
        let scanner = Scanner::on(database).await;
        let shop = &scanner.shop;
        let customer = shop.customer().await;
        let token = shop.buyer_token(customer.id).await;
        let (buyer, path) = (shop.anonymous.bearer(&token), format!("/v1/customer-portal/customers/{}", customer.id));
        buyer.get(&path).await.expect(200);
        assert_eq!(scanner.label("polar_customer_session_token", &token).await, "true_positive");
        buyer.get(&path).await.expect(401);
        assert_eq!(scanner.label("polar_customer_session_token", &token).await, "false_positive", "no row is left");
        let token = shop.session(shop.member.id).await;
        let browser = shop.anonymous.with("cookie", format!("polar_session={token}"));
        browser.get("/v1/customers/").await.expect(200);
        assert_eq!(scanner.label("polar_user_session_token", &token).await, "true_positive");
        browser.get("/v1/customers/").await.expect(401);
        let tables = shop.tables().await;
        assert!(tables["user_sessions"].is_empty() && tables["customer_sessions"].is_empty());
    }

    // spec 10 §1.10: a token is looked for among those of its type
    async fn the_type_decides_where_a_token_is_looked_for(database: TestDatabase) {
        let scanner = Scanner::on(database).await;
        let token = scanner.shop.user_token(scanner.shop.member.id, ScopeSet::EMPTY).await;
        assert_eq!(scanner.label("polar_access_token", &token).await, "false_positive");
        let report = json!([
            {"token": token, "type": "polar_personal_access_token", "source": "commit"},
            {"token": "x", "type": "polar_access_token", "source": "issue", "url": "https://example.com/1"},
        ]);
        let answer = scanner.report(&report).await;
        let expected = json!([
            {"token_raw": token, "token_type": "polar_personal_access_token", "label": "true_positive"},
            {"token_raw": "x", "token_type": "polar_access_token", "label": "false_positive"},
        ]);
        assert_eq!((answer.status, answer.text()), (200, expected.to_string()));
        assert_eq!(scanner.report(&json!([])).await.expect(200), json!([]));
    }

    // spec 10 §10.6 line 74: wrong or foreign signature
    async fn what_is_not_signed_does_nothing(database: TestDatabase) {
        let scanner = Scanner::on(database).await;
        let shop = &scanner.shop;
        let token = shop.user_token(shop.member.id, everything()).await;
        let text = json!([{"token": token, "type": "polar_personal_access_token", "source": "commit"}]).to_string();
        let good = Scanner::sign(&scanner.pair, &text);
        shop.work_done().await;
        let before = shop.tables().await;
        for (name, signature) in [
            ("current", String::new()),
            ("current", String::from("no base64!")),
            ("current", Scanner::sign(&new_pair(), &text)),
            ("current", Scanner::sign(&scanner.pair, &format!("{text} "))),
        ] {
            scanner.send(&text, name, &signature).await.refused(403, "NotPermitted");
        }
        for name in ["", "nobody", "old"] {
            scanner.send(&text, name, &good).await.refused(400, "BadRequest");
        }
        assert_eq!(shop.tables().await, before);
        assert_eq!(scanner.send(&text, "current", &good).await.status, 200);
    }

    // spec 50 R13: a header that is missing is a mistake of the request
    async fn what_lacks_a_header_is_told(database: TestDatabase) {
        let scanner = Scanner::on(database).await;
        let shop = &scanner.shop;
        let token = shop.user_token(shop.member.id, everything()).await;
        let text = json!([{"token": token, "type": "polar_personal_access_token", "source": "commit"}]).to_string();
        let (name, signature) = ("github-public-key-identifier", "github-public-key-signature");
        let bare = shop.anonymous.with("content-type", "application/json");
        let named = bare.with(name, "current");
        let signed = bare.with(signature, Scanner::sign(&scanner.pair, &text));
        shop.work_done().await;
        let before = shop.tables().await;
        for (client, missing) in [(&named, vec![signature]), (&signed, vec![name]), (&bare, vec![name, signature])] {
            let answer = client.send_bytes("POST", PATH, text.clone()).await;
            let problems: Vec<String> = missing.iter().map(|header| format!("missing header.{header}")).collect();
            assert_eq!(answer.schema_problems(), problems);
        }
        assert_eq!(shop.tables().await, before);
        assert_eq!(scanner.fetched.load(Ordering::Relaxed), 0, "nobody was asked for a key");
    }

    // spec 10 §10.6 line 74: a payload without type, with an unknown or null one
    async fn a_report_that_says_too_little_is_told(database: TestDatabase) {
        let scanner = Scanner::on(database).await;
        for (entry, problem) in [
            (json!({"token": "x", "source": "commit"}), "missing body.0.type"),
            (json!({"token": "x", "type": null, "source": "commit"}), "string_type body.0.type"),
            (json!({"type": "polar_access_token", "source": "commit"}), "missing body.0.token"),
            (json!({"token": "x", "type": "polar_access_token"}), "missing body.0.source"),
        ] {
            assert_eq!(scanner.report(&json!([entry])).await.schema_problems(), [problem]);
        }
        let entry = json!({"token": "x", "type": "github_token", "source": "commit"});
        assert_eq!(scanner.report(&json!([entry])).await.rule_problems(), ["enum body.0.type"]);
        assert_eq!(scanner.report(&json!({})).await.schema_problems(), ["list_type body"]);
    }

    // an installation that takes no reports has no such place
    async fn without_a_list_of_keys_there_are_no_reports(database: TestDatabase) {
        let shop = Shop::open(database).await;
        shop.anonymous.post(PATH, json!([])).await.refused(404, "ResourceNotFound");
    }

    // the list cannot be fetched: come back later
    async fn without_the_keys_nothing_is_believed(database: TestDatabase) {
        let settings = Config { scanning_keys_url: Some(String::from("http://127.0.0.1:9/")), ..config() };
        let shop = Shop::open_with(database, settings).await;
        let answer = unverified(&shop).post(PATH, json!([])).await;
        assert_eq!(answer.status, 503, "{}", answer.text());
    }

    // a list that could not be fetched is not tried again by each who asks
    async fn a_list_that_cannot_be_fetched_is_left_alone_for_a_minute(database: TestDatabase) {
        let fetched = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&fetched);
        let settings = keys_at(move || {
            counter.fetch_add(1, Ordering::Relaxed);
            async { http::StatusCode::INTERNAL_SERVER_ERROR }
        })
        .await;
        let shop = Shop::open_with(database, settings).await;
        for n in 0..5 {
            let answer = unverified(&shop).post(PATH, json!([])).await;
            answer.refused(503, "ServiceUnavailable");
            let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!(if n == 0 { seconds == 1 } else { (50..=60).contains(&seconds) }, "{n}: {seconds}");
        }
        assert_eq!(fetched.load(Ordering::Relaxed), 1);
    }

    // anybody can send a report, so only a few may wait for a list that does not come
    async fn few_wait_for_a_list(database: TestDatabase) {
        let (let_go, held) = tokio::sync::watch::channel(false);
        let settings = keys_at(move || {
            let mut held = held.clone();
            async move {
                held.wait_for(|go| *go).await.unwrap();
                json!({"public_keys": []}).to_string()
            }
        })
        .await;
        let shop = Shop::open_with(database, settings).await;
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..30 {
            let client = unverified(&shop);
            calls.spawn(async move { client.post(PATH, json!([])).await });
        }
        for _ in 0..22 {
            let answer = tokio::time::timeout(Duration::from_secs(5), calls.join_next()).await;
            let answer = answer.expect("not all wait").unwrap().unwrap();
            answer.refused(503, "ServiceUnavailable");
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
        let_go.send(true).unwrap();
        for answer in calls.join_all().await {
            answer.refused(400, "BadRequest");
        }
    }
}

/// Who sends both headers, with a signature that nobody gets to verify.
fn unverified(shop: &Shop) -> Client {
    let client = shop.anonymous.with("github-public-key-identifier", "current");
    client.with("github-public-key-signature", "bm90aGluZw==")
}

/// Settings with a list of keys that is answered so.
async fn keys_at<F, A>(answer: impl Fn() -> F + Clone + Send + Sync + 'static) -> Config
where
    F: Future<Output = A> + Send,
    A: axum::response::IntoResponse + 'static,
{
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/keys", get(answer))).await });
    Config { scanning_keys_url: Some(url), ..config() }
}
