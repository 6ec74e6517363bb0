//! `merak refund`.

use merak_testkit::both_engines;
use serde_json::{Value, json};

use crate::http;
use crate::installation::{Installation, outcome};
use crate::shop::Shop;

const NOTHING: &str = "5d8a1f2e-0000-4000-8000-000000000001";

fn once() -> Value {
    json!({"type": "one_time", "amount_type": "fixed", "price_amount": 1000})
}

both_engines! {
    setup = Installation::on;

    fn a_part_goes_back_and_then_the_rest(installation: Installation) {
        let shop = Shop::open(&installation);
        let (server, url) = installation.serve(&[]);
        let order = shop.sell(&url, &once(), "success");
        let part = installation.json(&format!("refund {order} --amount 300"));
        assert_eq!(
            (&part["order_id"], &part["amount"], &part["currency"], &part["status"]),
            (&json!(order), &json!(300), &json!("usd"), &json!("succeeded"))
        );
        assert_eq!((&part["revokes_benefits"], &part["failure"]), (&json!(false), &Value::Null));
        let too_much = installation.run(&format!("refund {order} --amount 701"));
        assert_eq!(too_much.failure(), (Some(2), "merak: At most 700 can be given back."));
        // Money goes back without a server as well.
        server.stop();
        let arguments = ["refund", &order, "--reason", "It did not fit"];
        let rest = outcome(&mut installation.merak(arguments));
        assert_eq!(rest.code, Some(0), "{rest:?}");
        let words: Vec<&str> = rest.output.split_whitespace().collect();
        assert_eq!((words[0], &words[2..]), ("refund", &["of", "700", "usd", "succeeded"][..]), "{rest:?}");
        let again = installation.run(&format!("refund {order}"));
        assert_eq!(again.failure(), (Some(2), "merak: Nothing is left to be given back."));
        assert_eq!(installation.run("audit").code, Some(0));
    }

    fn what_came_with_an_order_goes_or_stays_as_was_said(installation: Installation) {
        let shop = Shop::open(&installation);
        let (_server, url) = installation.serve(&[]);
        for (options, takes_back) in [("", true), (" --keep-benefits", false), (" --amount 1 --revoke-benefits", true)] {
            let order = shop.sell(&url, &once(), "success");
            let refund = installation.json(&format!("refund {order}{options}"));
            assert_eq!(refund["revokes_benefits"], json!(takes_back), "{options}");
        }
        // An order of a subscription comes with it, and ends it only if that is said.
        let monthly = json!({"type": "recurring", "recurring_interval": "month", "amount_type": "fixed", "price_amount": 500});
        let order = shop.sell(&url, &monthly, "success");
        assert_eq!(installation.json(&format!("refund {order} --amount 100"))["revokes_benefits"], json!(false));
        installation.json(&format!("refund {order} --revoke-benefits"));
        let list = http::get(&url, "/v1/subscriptions/", &shop.token).json();
        assert_eq!(list["items"][0]["status"], "canceled", "{list}");
    }

    fn a_bank_that_takes_its_time_is_told_of(installation: Installation) {
        let shop = Shop::open(&installation);
        let (_server, url) = installation.serve(&[]);
        let order = shop.sell(&url, &once(), "refund_pending");
        let pending = installation.run(&format!("refund {order}"));
        assert_eq!(pending.code, Some(0), "{pending:?}");
        assert!(pending.output.trim_end().ends_with("of 1000 usd pending"), "{pending:?}");
    }

    fn what_cannot_be_given_back_is_refused(installation: Installation) {
        let shop = Shop::open(&installation);
        let (_server, url) = installation.serve(&[]);
        let missing = installation.run(&format!("refund {NOTHING}"));
        let sentence = format!("merak: there is no order with the id {NOTHING}");
        assert_eq!(missing.failure(), (Some(2), sentence.as_str()));
        let order = shop.sell(&url, &once(), "success");
        for amount in ["0", "-5"] {
            let done = installation.run(&format!("refund {order} --amount={amount}"));
            assert_eq!(done.failure(), (Some(2), "merak: A refund is more than nothing."), "{amount}");
        }
        for line in [
            "refund".to_owned(),
            "refund no-uuid".to_owned(),
            format!("refund {order} --amount 3.50"),
            format!("refund {order} --keep-benefits --revoke-benefits"),
        ] {
            assert_eq!(installation.run(&line).code, Some(2), "{line}");
        }
        let given = installation.json(&format!("grant --product {} --customer {}", shop.product(&url, &[]), shop.customer(&url, "nora@example.com")));
        let free = installation.run(&format!("refund {}", given["order_id"].as_str().unwrap()));
        assert_eq!(free.failure(), (Some(2), "merak: This order was not paid with money, so there is nothing to give back."));
        // Nothing of all this gave anything back.
        assert_eq!(installation.json(&format!("refund {order}"))["amount"], json!(1000));
    }
}
