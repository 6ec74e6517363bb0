//! `merak serve`.

use std::net::TcpListener;

use merak_testkit::both_engines;
use rustix::process::Signal;
use serde_json::json;

use crate::http::{self, Connection};
use crate::installation::{Installation, outcome};
use crate::shop::Shop;

both_engines! {
    setup = Installation::on;

    fn it_prints_one_line_and_ends_well_when_told_to(installation: Installation) {
        let (server, url) = installation.serve(&[]);
        assert_eq!(http::get(&url, "/healthz", "").status, 200);
        let done = server.stop();
        assert_eq!((done.code, done.output.as_str()), (Some(0), ""), "{done:?}");
    }

    fn a_request_that_runs_is_finished_before_it_ends(installation: Installation) {
        let shop = Shop::open(&installation);
        let (server, url) = installation.serve(&[]);
        let body = json!({"email": "nora@example.com", "organization_id": shop.organization_id}).to_string();
        let mut connection = Connection::open(&url);
        connection.send(&format!(
            "POST /v1/customers/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            shop.token,
            body.len()
        ));
        // The server asks for the body, so it has begun with the request.
        assert_eq!(connection.receive().status, 100);
        server.signal(Signal::TERM);
        let (head, rest) = body.split_at(10);
        connection.send(head);
        connection.send(rest);
        assert_eq!(connection.receive().status, 201);
        assert_eq!(server.wait().code, Some(0));
        let (_server, url) = installation.serve(&[]);
        let listed = http::get(&url, "/v1/customers/", &shop.token);
        assert_eq!(listed.json()["pagination"]["total_count"], 1, "what was answered was kept");
    }
}

#[test]
fn ctrl_c_ends_it_too() {
    let (server, _) = Installation::new().serve(&[]);
    server.signal(Signal::INT);
    assert_eq!(server.wait().code, Some(0));
}

#[test]
fn test_cards_that_buy_real_keys_are_warned_of() {
    let installation = Installation::new();
    let stripe = [
        ["--payment-processor", "stripe"],
        ["--stripe-secret-key", "sk_test_1"],
        ["--stripe-publishable-key", "pk_test_1"],
        ["--stripe-webhook-secret", "whsec_1"],
    ]
    .concat();
    for (options, is_warned) in [(vec![], true), (stripe, false)] {
        let (server, _) = installation.serve(&options);
        let done = server.stop();
        assert_eq!(done.remarks.contains("test cards buy real license keys"), is_warned, "{done:?}");
    }
    let (server, _) = installation.demo();
    let done = server.stop();
    assert!(!done.remarks.contains("test cards"), "a demo is there for them: {done:?}");
}

#[test]
fn a_second_server_on_one_file_is_refused() {
    let installation = Installation::new();
    let (server, url) = installation.serve(&[]);
    for command in ["serve", "demo"] {
        let done = outcome(&mut installation.merak([command, "--listen", "127.0.0.1:0"]));
        assert_eq!((done.code, done.output.as_str()), (Some(1), ""));
        assert!(done.remarks.starts_with("merak: another server works with "), "{done:?}");
    }
    // Other commands work beside it, and it goes on.
    assert_eq!(installation.run("doctor").code, Some(0));
    assert_eq!(http::get(&url, "/healthz", "").status, 200);
    // However it ends, the next one may begin.
    drop(server);
    let (server, _) = installation.serve(&[]);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_port_in_use_is_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let done = outcome(&mut Installation::new().merak(["serve", "--listen", &address]));
    assert_eq!((done.code, done.output.as_str()), (Some(1), ""));
    let sentence =
        format!("merak: {address} is in use by another program; choose another port with --listen\n");
    assert!(done.remarks.ends_with(&sentence), "{done:?}");
}

#[test]
fn metrics_are_served_where_they_are_asked_for() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let installation = Installation::new();
    let (_server, url) = installation.serve(&["--metrics-listen", &free]);
    assert_eq!(http::get(&url, "/metrics", "").status, 404, "not beside the API");
    let metrics = http::get(&format!("http://{free}"), "/metrics", "");
    assert!(metrics.body.contains("merak_"), "{metrics:?}");
}

#[test]
fn a_database_that_cannot_be_reached_is_named() {
    let done = Installation::new().run("serve --database-url postgres://nobody:hush@127.0.0.1:1/shop");
    assert_eq!((done.code, done.output.as_str()), (Some(1), ""));
    assert!(done.remarks.contains("the database is unavailable: "), "{done:?}");
    assert!(done.remarks.contains("refused"), "{done:?}");
    assert!(!done.remarks.contains("hush"), "{done:?}");
}
