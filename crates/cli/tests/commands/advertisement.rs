//! `merak advertisement`.

use merak_testkit::both_engines;
use serde_json::{Value, json};

use crate::http;
use crate::installation::Installation;
use crate::shop::{Shop, text};

const NOBODY: &str = "5d8a1f2e-0000-4000-8000-000000000001";

/// A benefit of the kind ads.
fn room(shop: &Shop, url: &str) -> String {
    let body = json!({
        "type": "ads", "description": "Room for a picture", "organization_id": shop.organization_id,
        "properties": {"image_height": 100, "image_width": 200},
    });
    let answer = http::post(url, "/v1/benefits/", &shop.token, &body);
    assert_eq!(answer.status, 201, "{answer:?}");
    text(&answer.json()["id"])
}

both_engines! {
    setup = Installation::on;

    fn a_campaign_is_shown_by_a_grant(installation: Installation) {
        let shop = Shop::open(&installation);
        let (_server, url) = installation.serve(&[]);
        let (room, customer) = (room(&shop, &url), shop.customer(&url, "nora@example.com"));
        let grant = text(&installation.json(&format!("grant --benefit {room} --customer {customer}"))["id"]);
        let line = format!(
            "advertisement create --customer {customer} --image-url https://Acme.example/ad.png \
             --image-url-dark https://acme.example/dark.png --text Acme --link-url https://acme.example"
        );
        let made = installation.json(&format!("{line} --grant {grant}"));
        assert_eq!(made["image_url"], "https://acme.example/ad.png");
        assert_eq!((&made["link_url"], &made["grant_id"]), (&json!("https://acme.example/"), &json!(grant)));
        let list = http::get(&url, &format!("/v1/advertisements/?benefit_id={room}"), "").json();
        assert_eq!(list["items"][0]["id"], made["id"]);
        assert_eq!(list["items"][0]["image_url_dark"], "https://acme.example/dark.png");
        assert_eq!(list["dimensions"], json!([200, 100]));
        let grants = http::get(&url, &format!("/v1/benefits/{room}/grants"), &shop.token).json();
        assert_eq!(grants["items"][0]["properties"], json!({"advertisement_campaign_id": made["id"]}));

        let alone = installation.json(&line);
        assert_eq!(alone["grant_id"], Value::Null);
        let path = format!("/v1/advertisements/{}", text(&alone["id"]));
        assert_eq!(http::get(&url, &path, "").status, 404, "no grant shows it");

        let shown = installation.run(&line).output;
        assert!(shown.starts_with("campaign ") && shown.lines().count() == 3, "{shown}");
        assert!(shown.contains("/click\n") && shown.ends_with("/pixel\n"), "{shown}");
    }

    fn what_does_not_fit_together_is_refused(installation: Installation) {
        let shop = Shop::open(&installation);
        let (_server, url) = installation.serve(&[]);
        let (room, customer) = (room(&shop, &url), shop.customer(&url, "nora@example.com"));
        let other = shop.customer(&url, "other@example.com");
        let grant = text(&installation.json(&format!("grant --benefit {room} --customer {other}"))["id"]);
        let create = |customer: &str, link: &str, rest: &str| {
            let line = format!("advertisement create --customer {customer} --image-url https://acme.example/ad.png");
            installation.run(format!("{line} --text Acme --link-url {link} {rest}").trim_end())
        };
        let link = "https://acme.example";
        let sentence = "merak: there is no such customer with such a grant of a benefit of the kind ads";
        for done in [
            create(NOBODY, link, ""),
            create(&customer, link, &format!("--grant {grant}")),
            create(&customer, link, &format!("--grant {NOBODY}")),
        ] {
            assert_eq!(done.failure(), (Some(2), sentence));
        }
        let done = create(&customer, "javascript:alert(1)", "");
        let (code, sentence) = done.failure();
        assert_eq!(code, Some(2));
        assert!(sentence.starts_with("merak: --link-url: javascript:alert(1) is no web address"), "{sentence}");
        let list = http::get(&url, &format!("/v1/advertisements/?benefit_id={room}"), "").json();
        assert_eq!(list["pagination"]["total_count"], 0);
    }
}
