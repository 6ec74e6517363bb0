//! `merak demo`.

use std::process::Command;

use merak_testkit::both_engines;
use serde_json::Value;

use crate::http;
use crate::installation::{Installation, outcome, start};
use crate::shop::{activate, text};

both_engines! {
    setup = Installation::on;

    fn what_it_prints_is_enough_to_call_it(installation: Installation) {
        let (server, shop) = installation.demo();
        let names: Vec<&String> = shop.as_object().unwrap().keys().collect();
        for name in ["url", "organization_id", "organization_slug", "access_token", "customer_id",
            "customer_session_token", "benefit_id", "license_keys", "product_ids", "discount_code",
            "checkout_link_secret", "file_ids", "order_ids", "subscription_ids", "seconds_ahead", "checkout_link_url",
            "portal_url", "sign_in_url", "orders_url"]
        {
            assert!(names.contains(&&name.to_owned()), "{name} is not in {names:?}");
        }
        let (url, key) = (text(&shop["url"]), &shop["license_keys"][0]);
        assert_eq!(key["status"], "granted");
        let answer = activate(&url, &text(&shop["organization_id"]), &text(&key["key"]), "my laptop");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["license_key"]["id"], key["id"]);
        let listed = http::get(&url, "/v1/license-keys/", &text(&shop["access_token"]));
        assert_eq!(listed.json()["pagination"]["total_count"], shop["license_keys"].as_array().unwrap().len());
        let seen = http::get(
            &url,
            "/v1/customer-portal/license-keys/",
            &text(&shop["customer_session_token"]),
        );
        assert_eq!(seen.status, 200, "{seen:?}");
        let products = http::get(&url, "/v1/products/", &text(&shop["access_token"])).json();
        assert_eq!(products["pagination"]["total_count"], shop["product_ids"].as_array().unwrap().len());
        for product in products["items"].as_array().unwrap() {
            let address = text(&product["medias"][0]["public_url"]);
            let picture = http::get(&url, address.strip_prefix(&url).unwrap(), "");
            assert_eq!((picture.status, picture.body.starts_with("<svg ")), (200, true), "{picture:?}");
        }
        assert_eq!(server.stop().code, Some(0));
    }

    fn something_was_sold_and_a_month_went_by(installation: Installation) {
        let (server, shop) = installation.demo();
        let (url, token) = (text(&shop["url"]), text(&shop["access_token"]));
        let listed = http::get(&url, "/v1/subscriptions/?active=true&limit=100", &token).json();
        let standing = |status: &str, ends: bool| {
            let all = listed["items"].as_array().unwrap().iter();
            all.filter(|one| one["status"] == status && one["cancel_at_period_end"] == ends).count()
        };
        assert_eq!((standing("active", false), standing("active", true)), (1, 1), "{listed}");
        let all = http::get(&url, "/v1/subscriptions/?limit=100", &token).json();
        let due: Vec<&Value> =
            all["items"].as_array().unwrap().iter().filter(|one| one["status"] == "past_due").collect();
        assert_eq!(due.len(), 1, "{all}");
        let sold = http::get(&url, "/v1/orders/?limit=100", &token).json();
        let paid: Vec<i64> =
            sold["items"].as_array().unwrap().iter().filter_map(|one| one["amount"].as_i64()).filter(|cents| *cents > 0).collect();
        // Five sales, and a renewal of the one whose card was good for it.
        assert_eq!(paid.len(), 6, "{paid:?}");
        assert_eq!(sold["pagination"]["total_count"], shop["order_ids"].as_array().unwrap().len());
        assert!(shop["seconds_ahead"].as_i64().unwrap() > 27 * 24 * 3600);
        let path = |name: &str| text(&shop[name]).strip_prefix(&url).unwrap().to_owned();
        assert_eq!(http::get(&url, &path("portal_url"), "").status, 303, "into the portal, with a cookie");
        assert_ne!(http::get(&url, &path("orders_url"), "").status, 200, "only for who is signed in");
        let signed_in = http::get(&url, &path("sign_in_url"), "");
        assert_eq!(signed_in.status, 303, "{signed_in:?}");
        let link = http::get(&url, &path("checkout_link_url"), "");
        assert!((300..400).contains(&link.status), "{link:?}");
        assert_eq!(server.stop().code, Some(0));
        let audited = installation.run("audit");
        assert_eq!(audited.code, Some(0), "{audited:?}");
    }

    fn the_second_start_keeps_the_shop_and_replaces_the_token(installation: Installation) {
        let (server, first) = installation.demo();
        assert_eq!(server.stop().code, Some(0));
        let (_server, second) = installation.demo();
        for kept in ["organization_id", "organization_slug", "customer_id", "benefit_id", "license_keys", "product_ids", "file_ids",
            "order_ids", "subscription_ids", "customer_ids"]
        {
            assert_eq!(first[kept], second[kept], "{kept}");
        }
        let url = text(&second["url"]);
        let status = |shop: &Value| http::get(&url, "/v1/organizations/", &text(&shop["access_token"])).status;
        assert_eq!((status(&first), status(&second)), (401, 200));
    }
}

#[test]
fn the_command_it_shows_works_when_it_is_pasted() {
    let installation = Installation::new();
    let mut server = start(&mut installation.merak(["demo", "--listen", "127.0.0.1:0"]));
    let mut shown = Vec::new();
    loop {
        let line = server.line();
        if line.starts_with("Stop with") {
            break;
        }
        shown.push(line);
    }
    let begin = shown.iter().position(|line| line.starts_with("curl ")).expect("a command is shown");
    let command = shown[begin..].join("\n");
    let done = outcome(Command::new("sh").args(["-c", &command.replacen("curl ", "curl -sS ", 1)]));
    assert_eq!(done.code, Some(0), "{done:?}");
    let answer: Value = serde_json::from_str(&done.output).unwrap();
    assert_eq!(answer["label"], "my-laptop");
}

#[test]
fn a_demo_that_cannot_start_leaves_the_running_one_alone() {
    let installation = Installation::new();
    let (_server, shop) = installation.demo();
    let url = text(&shop["url"]);
    let second = installation.run(&format!("demo --listen {}", url.strip_prefix("http://").unwrap()));
    assert_eq!((second.code, second.output.as_str()), (Some(1), ""));
    assert_eq!(http::get(&url, "/v1/organizations/", &text(&shop["access_token"])).status, 200);
}

#[test]
fn a_public_url_is_what_it_shows() {
    let installation = Installation::new();
    let arguments = ["demo", "--json", "--listen", "127.0.0.1:0", "--public-url", "https://shop.example/"];
    let mut server = start(&mut installation.merak(arguments));
    let shop: Value = serde_json::from_str(&server.line()).unwrap();
    assert_eq!(shop["url"], "https://shop.example");
}
