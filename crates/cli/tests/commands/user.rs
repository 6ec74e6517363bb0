//! `merak user`.

use merak_testkit::both_engines;
use serde_json::Value;

use crate::http::{self, Connection};
use crate::installation::{Installation, outcome};
use crate::shop::{Shop, text};

both_engines! {
    setup = Installation::on;

    fn a_link_signs_a_browser_in_once(installation: Installation) {
        Shop::open(&installation);
        let (_server, url) = installation.serve(&[]);
        let made = installation.json(&format!("user login-link --user owner@example.com --public-url {url}"));
        let link = text(&made["url"]);
        let path = link.strip_prefix(&url).unwrap_or_else(|| panic!("{link} does not lead to {url}"));
        let head = http::head(&url, path);
        assert!(head.starts_with("HTTP/1.1 303 "), "{head}");
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        let mut connection = Connection::open(&url);
        connection.send(&format!(
            "GET /v1/organizations/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {}\r\n\r\n",
            cookie.split(';').next().unwrap(),
        ));
        let organizations = connection.receive();
        assert_eq!(organizations.status, 200, "{organizations:?}");
        assert_eq!(organizations.json()["items"][0]["slug"], "acme");
        assert!(http::head(&url, path).starts_with("HTTP/1.1 400 "), "a link works once");
    }
}

#[test]
fn the_link_leads_to_the_public_address() {
    let installation = Installation::new();
    let line = |arguments: &str| {
        let done = installation.run(&format!("user login-link --user new@example.com{arguments}"));
        assert_eq!(done.code, Some(0), "{done:?}");
        done.output
    };
    assert!(line("").starts_with("http://127.0.0.1:8000/login?token=polar_ml_"));
    let public = line(" --public-url https://merak.example/");
    assert!(public.starts_with("https://merak.example/login?token=polar_ml_"), "{public}");
    let made: Value = installation.json("user login-link --user new@example.com");
    let names: Vec<&String> = made.as_object().unwrap().keys().collect();
    assert_eq!(names, ["url", "user_id", "expires_at"]);
}

#[test]
fn a_wrong_address_is_answered_with_what_to_do() {
    let installation = Installation::new();
    let done = outcome(&mut installation.merak(["user", "login-link", "--user", "nobody"]));
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.remarks.contains("--user: nobody is no e-mail address"), "{done:?}");
    assert!(!installation.data_dir().exists(), "nothing was made");
}
