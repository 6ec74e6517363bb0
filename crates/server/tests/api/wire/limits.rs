//! How often, how much, how long.

use std::time::Duration;

use merak_core::login_links;
use merak_server::config::local;
use merak_server::{Config, Server, Storage};
use merak_testkit::{Engine, TestDatabase};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::shop::{config, naming};
use crate::support::{Answer, Shop, migrated};

const VALIDATE: &str = "/v1/customer-portal/license-keys/validate";

/// Limits are kept before the database is asked, so one engine shows them.
pub fn on_one_engine(config: Config, test: impl AsyncFnOnce(&Shop)) {
    let database: TestDatabase = migrated(Engine::Sqlite);
    merak_testkit::run(async move { test(&Shop::open_with(database, config).await).await });
}

fn slow_down(answer: &Answer) {
    answer.refused(429, "TooManyRequests");
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&seconds), "{seconds}");
}

/// Sends bytes as they are and reads until the server is done.
async fn raw(shop: &Shop, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(shop.anonymous.address()).await.unwrap();
    // It may end the connection before it has read all of what it refuses.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer));
    // A server may also end a connection it wants nothing more of by a reset.
    let _ = reading.await.expect("the server ends the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_license_key_is_asked_for_only_so_often() {
    on_one_engine(Config { rate_limit_per_key: 1, ..config() }, async |shop| {
        let (key, other) = (shop.key(json!({})).await, shop.key(json!({})).await);
        let client = shop.anonymous.with("origin", "https://anywhere.example");
        let mut answers = Vec::new();
        for _ in 0..10 {
            answers.push(client.post(VALIDATE, naming(&key)).await);
        }
        assert!(answers[..4].iter().all(|answer| answer.status == 200), "four seconds' worth at once");
        let last = answers.last().unwrap();
        slow_down(last);
        assert_eq!(last.header("access-control-allow-origin"), Some("*"));
        client.post(VALIDATE, naming(&other)).await.expect(200);
        shop.merchant.get(&format!("/v1/license-keys/{}", key.id)).await.expect(200);
    });
}

#[test]
fn an_address_asks_only_so_often() {
    on_one_engine(Config { rate_limit_per_address: 1, ..config() }, async |shop| {
        let mut statuses = Vec::new();
        for _ in 0..10 {
            statuses.push(shop.anonymous.post(VALIDATE, json!({"key": "NOPE"})).await);
        }
        assert!(statuses[..4].iter().all(|answer| answer.status == 422));
        slow_down(statuses.last().unwrap());
        for _ in 0..10 {
            shop.merchant.get("/v1/organizations/").await.expect(200);
        }
    });
}

#[test]
fn callers_behind_a_trusted_proxy_are_told_apart() {
    for is_trusted in [true, false] {
        let config = Config { rate_limit_per_address: 1, trust_proxy: is_trusted, ..config() };
        on_one_engine(config, async |shop| {
            let mut refused = 0;
            for n in 0..10 {
                let client = shop.anonymous.with("x-forwarded-for", format!("203.0.113.7, 198.51.100.{n}"));
                let status = client.post(VALIDATE, json!({"key": "NOPE"})).await.status;
                refused += usize::from(status == 429);
            }
            assert_eq!(refused > 0, !is_trusted);
        });
    }
}

#[test]
fn a_redirect_keeps_the_scheme_that_a_trusted_proxy_names() {
    for (is_trusted, scheme) in [(true, "https"), (false, "http")] {
        on_one_engine(Config { trust_proxy: is_trusted, ..config() }, async |shop| {
            let answer = shop.anonymous.with("x-forwarded-proto", "https").get("/v1/customers").await;
            let place = format!("{scheme}://{}/v1/customers/", shop.anonymous.address());
            assert_eq!(answer.header("location"), Some(place.as_str()));
        });
    }
}

#[test]
fn a_body_has_a_size() {
    on_one_engine(Config { body_limit: 1000, ..config() }, async |shop| {
        let body = |length| json!({"key": "x".repeat(length)});
        let answer = shop.anonymous.post(VALIDATE, body(2000)).await;
        assert_eq!(answer.expect(413), json!({"detail": "Request Entity Too Large"}));
        shop.anonymous.post(VALIDATE, body(900)).await.expect(422);
        // Nobody announced this one.
        let chunk = format!("200\r\n{}\r\n", "x".repeat(0x200));
        let head = format!(
            "POST {VALIDATE} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
        );
        let answer = raw(shop, format!("{head}{}0\r\n\r\n", chunk.repeat(3)).as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    });
}

#[test]
fn bodies_of_all_requests_have_so_much_memory() {
    let config = Config { memory_for_bodies: 1000, ..config() };
    on_one_engine(config, async |shop| {
        let head =
            "POST /v1/customers/ HTTP/1.1\r\nhost: x\r\ncontent-length: 600\r\nconnection: close\r\n\r\n";
        let mut slow = TcpStream::connect(shop.anonymous.address()).await.unwrap();
        slow.write_all(format!("{head}{}", " ".repeat(500)).as_bytes()).await.unwrap();
        let body = json!({"key": "x".repeat(600)});
        // When the server reads what was sent to it is its own affair. Beside another body this one would be refused.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let crowded = async {
            loop {
                let answer = shop.anonymous.post(VALIDATE, body.clone()).await;
                if answer.status != 422 {
                    break answer;
                }
            }
        };
        let answer = tokio::time::timeout(Duration::from_secs(8), crowded).await.expect("memory runs out");
        answer.refused(503, "ServiceUnavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
        slow.write_all(" ".repeat(100).as_bytes()).await.unwrap();
        let mut text = String::new();
        slow.read_to_string(&mut text).await.unwrap();
        assert!(
            text.starts_with("HTTP/1.1 422 "),
            "a body that cannot be read, before anybody is asked: {text}"
        );
        shop.anonymous.post(VALIDATE, body).await.expect(422);
    });
}

/// The memory of small bodies is their own, and forms take of the same as the API.
#[test]
fn large_bodies_leave_room_for_small_ones() {
    let config = Config { memory_for_bodies: 40_000, ..config() };
    on_one_engine(config, async |shop| {
        let head =
            "POST /checkout/x HTTP/1.1\r\nhost: x\r\ncontent-length: 30000\r\nconnection: close\r\n\r\n";
        let mut slow = TcpStream::connect(shop.anonymous.address()).await.unwrap();
        slow.write_all(format!("{head}{}", "x".repeat(29_000)).as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let crowded = async {
            while shop.anonymous.post(VALIDATE, json!({"key": "x".repeat(29_000)})).await.status != 503 {}
        };
        tokio::time::timeout(Duration::from_secs(8), crowded).await.expect("memory runs out");
        shop.anonymous.post(VALIDATE, json!({"key": "x".repeat(5000)})).await.expect(422);
        slow.write_all("x".repeat(1000).as_bytes()).await.unwrap();
        let mut text = String::new();
        slow.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 404 "), "{text}");
        shop.anonymous.post(VALIDATE, json!({"key": "x".repeat(29_000)})).await.expect(422);
    });
}

#[test]
fn a_form_does_not_take_for_ever() {
    let config = Config { body_timeout: Duration::from_millis(200), ..config() };
    on_one_engine(config, async |shop| {
        let head = "POST /checkout/x HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\nconnection: close\r\n\r\na";
        let answer = raw(shop, head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    });
}

#[test]
fn who_shows_nothing_knocks_only_so_often() {
    on_one_engine(Config { rate_limit_per_address: 1, ..config() }, async |shop| {
        let mut answers = Vec::new();
        for _ in 0..10 {
            answers.push(shop.anonymous.post("/v1/customers/", json!({})).await);
        }
        assert!(answers[..4].iter().all(|answer| answer.status == 401));
        slow_down(answers.last().unwrap());
        shop.merchant.get("/v1/customers/").await.expect(200);
    });
}

#[test]
fn a_full_server_can_be_stopped() {
    on_one_engine(config(), async |shop| {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::Local(local::Settings { directory: folder.path().to_owned() });
        let config = Config { connections: 1, storage, ..config() };
        let server = Server::start(config, shop.store.clone(), shop.secret.clone()).await.unwrap();
        let mut only = TcpStream::connect(server.address()).await.unwrap();
        only.write_all(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut begun = [0; 12];
        only.read_exact(&mut begun).await.unwrap();
        assert_eq!(&begun, b"HTTP/1.1 200");
        // The answer is longer than what the system holds of it: who has begun to read goes on.
        let mut rest = Vec::new();
        let ended = async { tokio::join!(server.stop(), only.read_to_end(&mut rest)) };
        let ((), read) =
            tokio::time::timeout(Duration::from_secs(10), ended).await.expect("it hears that it is to stop");
        read.unwrap();
        assert!(rest.ends_with(b"}"), "what was begun is sent whole");
    });
}

#[test]
fn a_body_does_not_take_for_ever() {
    let config = Config { body_timeout: Duration::from_millis(200), ..config() };
    on_one_engine(config, async |shop| {
        let head = format!(
            "POST {VALIDATE} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\nconnection: close\r\n\r\n{{"
        );
        let answer = raw(shop, head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.ends_with("{\"detail\":\"Request Timeout\"}"), "{answer}");
    });
}

#[test]
fn an_answer_does_not_take_for_ever() {
    on_one_engine(Config { request_timeout: Duration::from_millis(500), ..config() }, async |shop| {
        let (let_go, held) = std::sync::mpsc::channel::<()>();
        let store = shop.store.clone();
        // The writer of this engine is one, so whoever holds it keeps all others waiting.
        let holding = tokio::spawn(async move {
            let unit = move |_: &mut merak_store::Tx<'_>| {
                held.recv().unwrap();
                Ok::<(), merak_store::Error>(())
            };
            store.write(unit).await
        });
        tokio::task::yield_now().await;
        let body = json!({"email": "a@example.com", "organization_id": shop.organization.id});
        let answer = shop.merchant.post("/v1/customers/", body).await;
        // Not 503, which says that nothing was done: what was asked for may still happen.
        assert_eq!(answer.expect(504), json!({"detail": "Gateway Timeout"}));
        assert_eq!(answer.header("retry-after"), None);
        shop.merchant.get("/v1/customers/").await.expect(200);
        let_go.send(()).unwrap();
        holding.await.unwrap().unwrap();
    });
}

#[test]
fn a_page_does_not_take_for_ever_and_who_guesses_links_only_reads() {
    on_one_engine(Config { request_timeout: Duration::from_millis(500), ..config() }, async |shop| {
        let (secret, id) = (shop.secret.clone(), shop.member.id);
        let (_, token) = shop.write(move |tx| login_links::create(tx, &secret, id)).await.unwrap();
        let (let_go, held) = std::sync::mpsc::channel::<()>();
        let (start, has_begun) = tokio::sync::oneshot::channel::<()>();
        let store = shop.store.clone();
        let holding = tokio::spawn(async move {
            let mut start = Some(start);
            let unit = move |_: &mut merak_store::Tx<'_>| {
                if let Some(start) = start.take() {
                    start.send(()).unwrap();
                }
                held.recv().unwrap();
                Ok::<(), merak_store::Error>(())
            };
            store.write(unit).await
        });
        has_begun.await.unwrap();
        let guessed = shop.anonymous.get("/login?token=polar_ml_x").await;
        assert_eq!(guessed.status, 400, "{}", guessed.text());
        let known = shop.anonymous.get(&format!("/login?token={}", token.as_str())).await;
        assert_eq!(known.expect(504), json!({"detail": "Gateway Timeout"}));
        let_go.send(()).unwrap();
        holding.await.unwrap().unwrap();
    });
}

#[test]
fn sign_in_links_cannot_be_tried_without_end() {
    on_one_engine(Config { rate_limit_per_address: 1, ..config() }, async |shop| {
        let mut last = shop.anonymous.get("/login?token=polar_ml_x").await;
        assert_eq!(last.status, 400, "{}", last.text());
        for _ in 0..20 {
            last = shop.anonymous.get("/login?token=polar_ml_x").await;
        }
        slow_down(&last);
        shop.anonymous.get("/healthz").await.expect(200);
    });
}

#[test]
fn a_head_does_not_take_for_ever() {
    let config = Config { idle_timeout: Duration::from_secs(1), ..config() };
    on_one_engine(config, async |shop| {
        for begun in [&b"GET /healthz HTTP/1.1\r\nhost: x\r\n"[..], b"PRI * HTTP/2", b""] {
            let answer = raw(shop, begun).await;
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        }
        shop.anonymous.get("/healthz").await.expect(200);
    });
}

#[test]
fn what_is_no_http_is_refused() {
    on_one_engine(config(), async |shop| {
        for bytes in
            [&b"nonsense\r\n\r\n"[..], b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x00\xa5\x01\x00\x00\r\n\r\n"]
        {
            let answer = raw(shop, bytes).await;
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        }
        let head = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx-big: {}\r\n\r\n", "x".repeat(1_000_000));
        let answer = raw(shop, head.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        shop.anonymous.get("/healthz").await.expect(200);
    });
}
