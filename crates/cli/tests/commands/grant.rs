//! `merak grant`.

use merak_testkit::both_engines;
use serde_json::Value;

use crate::http;
use crate::installation::Installation;
use crate::shop::{Shop, activate, text};

const ORDER: &str = "5d8a1f2e-0000-4000-8000-000000000001";

both_engines! {
    setup = Installation::on;

    fn the_same_grant_twice_is_one_key(installation: Installation) {
        let shop = Shop::open(&installation);
        let (_server, url) = installation.serve(&[]);
        let line = format!(
            "grant --benefit {} --customer {}",
            shop.benefit(&url),
            shop.customer(&url, "nora@example.com")
        );
        let first = installation.json(&line);
        assert_eq!((&first["is_granted"], &first["is_revoked"]), (&Value::from(true), &Value::from(false)));
        assert_eq!(first["properties"]["license_key_id"], first["license_key"]["id"]);
        let again = installation.json(&line);
        assert_eq!((&first["id"], &first["license_key"]), (&again["id"], &again["license_key"]));
        let ordered = installation.json(&format!("{line} --order {ORDER}"));
        assert_ne!(first["license_key"]["key"], ordered["license_key"]["key"], "an order has a key of its own");
        let key = text(&ordered["license_key"]["key"]);
        assert_eq!(activate(&url, &shop.organization_id, &key, "laptop").status, 403, "it has no limit to activate in");
        assert_eq!(shop.validate(&url, &key).status, 200);

        let shown = installation.run(&line).output;
        assert_eq!(shown.lines().nth(1), Some(format!("license key {} (granted)", text(&first["license_key"]["key"])).as_str()));

        let revoked = installation.json(&format!("{line} --order {ORDER} --revoke"));
        assert_eq!((&revoked["id"], &revoked["is_revoked"]), (&ordered["id"], &Value::from(true)));
        assert_eq!(revoked["license_key"]["status"], "revoked");
        assert_eq!(shop.validate(&url, &key).status, 404, "at once");
        let kept = shop.validate(&url, &text(&first["license_key"]["key"]));
        assert_eq!(kept.status, 200, "the other grant stands: {kept:?}");
    }

    fn what_belongs_to_different_shops_is_refused(installation: Installation) {
        let shop = Shop::open(&installation);
        let (_server, url) = installation.serve(&[]);
        let benefit = shop.benefit(&url);
        let other = installation.json("organization create --name Other --slug other --owner owner@example.com");
        let stranger = Shop { organization_id: text(&other["id"]), token: shop.token.clone() }
            .customer(&url, "stranger@example.com");
        for (benefit, customer) in [(benefit.as_str(), stranger.as_str()), (ORDER, &stranger), (&benefit, ORDER)] {
            let done = installation.run(&format!("grant --benefit {benefit} --customer {customer}"));
            assert_eq!(done.failure(), (Some(2), "merak: there is no such benefit and customer in one organization"));
        }
        let keys = http::get(&url, "/v1/license-keys/", &shop.token);
        assert_eq!(keys.json()["pagination"]["total_count"], 0);
    }

    fn a_product_is_given_with_everything_that_comes_with_it(installation: Installation) {
        let shop = Shop::open(&installation);
        let (_server, url) = installation.serve(&[]);
        let (benefit, customer) = (shop.benefit(&url), shop.customer(&url, "nora@example.com"));
        let product = shop.product(&url, &[&benefit]);
        let line = format!("grant --product {product} --customer {customer}");
        let first = installation.json(&line);
        let key = text(&first["grants"][0]["license_key"]["key"]);
        assert_eq!((&first["grants"][0]["benefit_id"], &first["grants"][0]["is_granted"]), (&Value::from(benefit), &Value::from(true)));
        assert_eq!(shop.validate(&url, &key).status, 200);
        let again = installation.json(&line);
        assert_ne!(again["order_id"], first["order_id"], "each gift is an order of its own");
        assert_ne!(text(&again["grants"][0]["license_key"]["key"]), key);

        let order = text(&first["order_id"]);
        let shown = installation.run(&format!("{line} --order {order}")).output;
        assert_eq!(shown.lines().next(), Some(format!("order {order}").as_str()));
        assert_eq!(shown.lines().nth(2), Some(format!("license key {key} (granted)").as_str()), "nothing is given twice");
        let revoked = installation.json(&format!("{line} --order {order} --revoke"));
        assert_eq!(revoked["grants"][0]["license_key"]["status"], "revoked");
        assert_eq!(shop.validate(&url, &key).status, 404);

        let missing = "merak: there is no such product, customer and order in one organization";
        for wrong in [
            format!("grant --product {ORDER} --customer {customer}"),
            format!("grant --product {product} --customer {ORDER}"),
            format!("{line} --order {ORDER}"),
        ] {
            assert_eq!(installation.run(&wrong).failure(), (Some(2), missing), "{wrong}");
        }
        let without_order = installation.run(&format!("{line} --revoke"));
        assert_eq!(without_order.failure().0, Some(2));
    }
}
