//! Addresses beside the API: health, the document, numbers.

use std::time::{Duration, Instant};

use merak_server::Config;
use merak_testkit::Engine;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::shop::{config, naming};
use crate::support::{Client, Shop, migrated};

scenarios! {
    // spec 50 §1.1
    async fn a_healthy_server_says_so(shop) {
        for path in ["/healthz", "/readyz"] {
            let answer = shop.anonymous.get(path).await;
            assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"status":"ok"}"#));
        }
    }

    async fn a_browser_is_shown_a_page_where_a_program_is_told_a_line(shop) {
        let browser = shop.anonymous.with("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        let html = Some("text/html; charset=utf-8");
        for path in ["/nothing", "/invoices/nothing", "/sandbox/authenticate/nothing"] {
            let page = browser.get(path).await;
            assert_eq!((page.status, page.header("content-type")), (404, html), "{path}");
            assert!(page.text().contains("Page not found"), "{}", page.text());
            let line = shop.anonymous.get(path).await;
            assert_eq!(line.status, 404, "{path}");
            assert_ne!(line.header("content-type"), html, "{path}");
        }
        assert_eq!(browser.get("/v1/nothing").await.header("content-type"), Some("application/json"));
    }

    async fn who_asks_for_health_does_not_make_the_database_work(shop) {
        let written = || shop.store.statistics().writes;
        let (before, begun) = (written(), Instant::now());
        let asking: Vec<_> = (0..100)
            .map(|number| {
                let client = shop.anonymous.clone();
                let path = if number % 2 == 0 { "/healthz" } else { "/readyz" };
                tokio::spawn(async move { client.get(path).await.status })
            })
            .collect();
        for status in asking {
            assert_eq!(status.await.unwrap(), 200);
        }
        for _ in 0..50 {
            shop.anonymous.get("/readyz").await.expect(200);
        }
        // The workers of the server look for work beside.
        let most = 10 * (begun.elapsed().as_secs() + 2);
        assert!(written() - before < most, "{} units", written() - before);
    }

    async fn a_database_that_goes_is_missed_soon(shop) {
        shop.anonymous.get("/healthz").await.expect(200);
        shop.store.shutdown().await;
        let begun = Instant::now();
        while shop.anonymous.get("/healthz").await.status == 200 {
            assert!(begun.elapsed() < Duration::from_secs(5), "what was known of it is too old");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        shop.anonymous.get("/readyz").await.expect(503);
    }

    // spec 50 §1.1
    async fn a_server_without_its_database_says_so(shop) {
        shop.store.shutdown().await;
        for path in ["/healthz", "/readyz"] {
            assert_eq!(shop.anonymous.get(path).await.expect(503), json!({"detail": "Database is not available"}));
        }
        let answer = shop.merchant.get("/v1/organizations/").await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.text());
        let answer = shop.merchant.post("/v1/customers/", json!({"email": "a@example.com"})).await;
        assert_eq!(answer.status, 503);
    }
}

// spec 50 §7.1 C1
#[test]
fn the_document_names_every_operation_and_the_scopes() {
    merak_testkit::run(async {
        let shop = Shop::open(migrated(Engine::Sqlite)).await;
        let answer = shop.anonymous.get("/openapi.json").await;
        let document = answer.expect(200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(document["info"]["version"], "0.1.0");
        assert_eq!(document["servers"][0]["url"], format!("http://{}", shop.anonymous.address()));
        let scope = &document["components"]["schemas"]["Scope"];
        assert_eq!(
            (scope["enum"].as_array().unwrap().len(), scope["enumNames"].as_object().unwrap().len()),
            (40, 38)
        );
        let ids: Vec<&Value> = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|item| item.as_object().unwrap().values())
            .map(|operation| &operation["operationId"])
            .collect();
        let documented = merak_server::api::operations().into_iter().filter(|operation| !operation.is_hidden);
        assert_eq!(ids.len(), documented.count());
        assert!(!document.to_string().contains("/v1/auth/logout"), "hidden operations are not in it");
        shop.server.stop().await;
    });
}

#[test]
fn numbers_are_served_on_an_address_of_their_own() {
    merak_testkit::run(async {
        let config = Config { metrics_listen: Some(([127, 0, 0, 1], 0).into()), ..config() };
        let shop = Shop::open_with(migrated(Engine::Sqlite), config).await;
        let key = shop.key(json!({})).await;
        for _ in 0..3 {
            shop.anonymous.post("/v1/customer-portal/license-keys/validate", naming(&key)).await.expect(200);
        }
        let metrics = Client::new(shop.server.metrics_address().unwrap());
        let answer = metrics.get("/metrics").await;
        assert_eq!(answer.status, 200);
        let line =
            "merak_requests_total{operation=\"customer_portal:license_keys:validate\",status=\"2xx\"} 3";
        assert!(answer.text().contains(line), "{}", answer.text());
        assert!(!answer.text().contains(&key.key));
        assert_eq!(metrics.get("/v1/organizations/").await.status, 404);
        assert_eq!(shop.anonymous.get("/metrics").await.status, 404);
    });
}

#[test]
fn a_server_that_stops_answers_what_it_began() {
    merak_testkit::run(async {
        let shop = Shop::open(migrated(Engine::Sqlite)).await;
        let key = shop.key(json!({})).await;
        let body = naming(&key).to_string();
        let address = shop.anonymous.address();
        let mut client = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /v1/customer-portal/license-keys/validate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nexpect: 100-continue\r\n\r\n",
            body.len(),
        );
        client.write_all(head.as_bytes()).await.unwrap();
        let mut go_on = [0; 25];
        client.read_exact(&mut go_on).await.unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n", "it has begun");
        let answered = async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            // Nobody listens any more.
            client.write_all(body.as_bytes()).await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        };
        let all = async { tokio::join!(shop.server.stop(), answered) };
        tokio::time::timeout(Duration::from_secs(15), all).await.expect("it stops once it has answered");
    });
}
