//! How long a connection may be held, and how many.

use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Ping, Reason, RecvStream};
use merak_server::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::limits::on_one_engine;
use crate::support::Shop;
use crate::support::shop::config;

/// What the server is patient for in these tests.
const SHORT: Duration = Duration::from_secs(1);

/// How long it may take to do what it does after that.
const SOON: Duration = Duration::from_secs(20);

const HEALTH: &str = "/healthz";
const HEALTH_ANSWER: &str = r#"{"status":"ok"}"#;
/// An answer that is larger than any window here.
const LARGE: &str = "/openapi.json";
const STREAM: &str = "/v1/customer-portal/customers/stream";

/// An HTTP/2 connection, with so many bytes of an answer on their way at once.
async fn http2(shop: &Shop, window: u32) -> (SendRequest<Bytes>, h2::PingPong, JoinHandle<()>) {
    let stream = TcpStream::connect(shop.anonymous.address()).await.unwrap();
    let (sender, mut connection) =
        h2::client::Builder::new().initial_window_size(window).handshake(stream).await.unwrap();
    let pings = connection.ping_pong().unwrap();
    // How it ends is seen by who has something to ask.
    let driving = tokio::spawn(async move { drop(connection.await) });
    (sender, pings, driving)
}

async fn ask(sender: &mut SendRequest<Bytes>, path: &str, token: Option<&str>) -> RecvStream {
    let mut request = http::Request::get(format!("http://x{path}"));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let (answer, _) = sender.send_request(request.body(()).unwrap(), true).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.into_body()
}

/// Reads an answer as it comes.
async fn read(body: &mut RecvStream) -> Result<String, h2::Error> {
    let mut text = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece?;
        body.flow_control().release_capacity(piece.len()).unwrap();
        text.extend_from_slice(&piece);
    }
    Ok(String::from_utf8(text).unwrap())
}

#[test]
fn an_http2_connection_without_a_request_ends() {
    on_one_engine(Config { idle_timeout: SHORT, ..config() }, async |shop| {
        let (mut sender, mut pings, driving) = http2(shop, 65_535).await;
        let begun = Instant::now();
        assert_eq!(read(&mut ask(&mut sender, HEALTH, None).await).await.unwrap(), HEALTH_ANSWER);
        // Answering and asking is no request.
        while pings.ping(Ping::opaque()).await.is_ok() {
            assert!(begun.elapsed() < SOON, "pings hold a connection");
            sleep(Duration::from_millis(20)).await;
        }
        assert!(begun.elapsed() >= SHORT, "{:?}", begun.elapsed());
        let end = sender.ready().await.unwrap_err();
        assert!(end.is_go_away() && end.is_remote() && end.reason() == Some(Reason::NO_ERROR), "{end:?}");
        timeout(SOON, driving).await.expect("it is closed").unwrap();
    });
}

#[test]
fn an_event_stream_that_is_read_goes_on() {
    let config = Config {
        idle_timeout: SHORT,
        transfer_timeout: SHORT,
        stream_ping: Duration::from_millis(50),
        ..config()
    };
    on_one_engine(config, async |shop| {
        let token = shop.buyer_token(shop.customer().await.id).await;
        let (mut sender, _, driving) = http2(shop, 20).await;
        let mut body = ask(&mut sender, STREAM, Some(&token)).await;
        let mut http1 = TcpStream::connect(shop.anonymous.address()).await.unwrap();
        let head = format!("GET {STREAM} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
        http1.write_all(head.as_bytes()).await.unwrap();
        let begun = Instant::now();
        while begun.elapsed() < 4 * SHORT {
            let piece = body.data().await.expect("it goes on").unwrap();
            body.flow_control().release_capacity(piece.len()).unwrap();
            assert!(http1.read(&mut [0; 1024]).await.unwrap() > 0, "it goes on");
        }
        // And ends when nobody reads any more.
        let (text, _) = timeout(SOON, async {
            sleep(4 * SHORT).await;
            (read(&mut body).await, driving.await)
        })
        .await
        .expect("it ends");
        assert_eq!(text.unwrap_err().reason(), Some(Reason::CANCEL));
    });
}

#[test]
fn an_http2_answer_that_is_not_taken_ends_alone() {
    on_one_engine(Config { transfer_timeout: SHORT, ..config() }, async |shop| {
        let (mut sender, _, _) = http2(shop, 20).await;
        let mut large = ask(&mut sender, LARGE, None).await;
        assert_eq!(large.data().await.unwrap().unwrap().len(), 20, "as much as there is room for");
        // One that takes as long as it wants, but takes.
        let mut slow = ask(&mut sender, LARGE, None).await;
        let begun = Instant::now();
        while begun.elapsed() < 3 * SHORT {
            let piece = slow.data().await.unwrap().unwrap();
            slow.flow_control().release_capacity(piece.len()).unwrap();
            sleep(SHORT / 5).await;
        }
        let end = timeout(SOON, large.data()).await.expect("it ends").unwrap().unwrap_err();
        assert_eq!((end.is_reset(), end.is_remote(), end.reason()), (true, true, Some(Reason::CANCEL)));
        assert_eq!(read(&mut ask(&mut sender, HEALTH, None).await).await.unwrap(), HEALTH_ANSWER);
        // A small one, of which all is on its way but for the reader's room.
        let (mut sender, _, _) = http2(shop, 1).await;
        let mut small = ask(&mut sender, HEALTH, None).await;
        assert_eq!(small.data().await.unwrap().unwrap().len(), 1);
        let end = timeout(SOON, small.data()).await.expect("it ends").unwrap().unwrap_err();
        assert_eq!((end.is_reset(), end.reason()), (true, Some(Reason::CANCEL)));
    });
}

#[test]
fn a_connection_that_is_not_read_ends() {
    on_one_engine(Config { transfer_timeout: SHORT, connections: 1, ..config() }, async |shop| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut silent = socket.connect(shop.anonymous.address()).await.unwrap();
        let request = format!("GET {LARGE} HTTP/1.1\r\nhost: x\r\n\r\n");
        silent.write_all(request.repeat(100).as_bytes()).await.unwrap();
        // The only place is free again.
        timeout(SOON, shop.anonymous.get(HEALTH)).await.expect("it gives its place back").expect(200);
        drop(silent);
    });
}

#[test]
fn a_slow_reader_is_not_a_silent_one() {
    on_one_engine(Config { transfer_timeout: Duration::from_secs(2), ..config() }, async |shop| {
        const ANSWERS: usize = 60;
        let length = shop.anonymous.get(LARGE).await.text().len();
        let socket = TcpSocket::new_v4().unwrap();
        // A system that holds tens of megabytes for a reader asks for more only once some of them are gone.
        socket.set_recv_buffer_size(1 << 20).unwrap();
        let mut reader = socket.connect(shop.anonymous.address()).await.unwrap();
        let request = format!("GET {LARGE} HTTP/1.1\r\nhost: x\r\n\r\n");
        reader.write_all(request.repeat(ANSWERS).as_bytes()).await.unwrap();
        let (mut part, mut taken) = (vec![0; 40_000], 0);
        // The system holds much for who was quick at first.
        while taken < ANSWERS * length / 3 {
            taken += reader.read_exact(&mut part).await.expect("it goes on");
        }
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(8) {
            taken += reader.read_exact(&mut part).await.expect("it goes on");
            sleep(Duration::from_millis(100)).await;
        }
        assert!(taken < ANSWERS * length, "there was not enough to be slow with");
        while taken < ANSWERS * length {
            let count = reader.read(&mut part).await.unwrap();
            assert!(count > 0, "all of it comes, and not only what was on its way");
            taken += count;
        }
    });
}

#[test]
fn one_address_has_its_share_of_the_connections() {
    let limited = Config { connections_per_address: 2, rate_limit_per_address: 1000, ..config() };
    on_one_engine(limited.clone(), async |shop| {
        let mut held = vec![held(shop).await.unwrap(), held(shop).await.unwrap()];
        assert!(self::held(shop).await.is_none(), "a third");
        held.pop();
        let again = async {
            while self::held(shop).await.is_none() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(SOON, again).await.expect("there is a place again");
    });
    // Where an address stands for all callers, it has all.
    for config in
        [Config { trust_proxy: true, ..limited.clone() }, Config { rate_limit_per_address: 0, ..limited }]
    {
        on_one_engine(config, async |shop| {
            let mut all = Vec::new();
            for _ in 0..5 {
                all.push(held(shop).await.unwrap());
            }
        });
    }
}

/// A connection that was answered and stays; nothing if the server does not want it.
async fn held(shop: &Shop) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(shop.anonymous.address()).await.ok()?;
    stream.write_all(format!("GET {HEALTH} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    while !answer.ends_with(HEALTH_ANSWER.as_bytes()) {
        let mut part = [0; 1024];
        match stream.read(&mut part).await {
            Ok(count @ 1..) => answer.extend_from_slice(&part[..count]),
            _ => return None,
        }
    }
    Some(stream)
}
