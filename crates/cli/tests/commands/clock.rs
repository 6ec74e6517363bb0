//! `merak clock`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use merak_testkit::both_engines;
use serde_json::json;

use crate::http;
use crate::installation::Installation;
use crate::shop::Shop;

/// The dates of the mails in a folder, in the order in which they were asked for: year, month, day and time.
fn dates(folder: &Path) -> Vec<(i64, usize, i64, String)> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|name| name == "eml")).collect();
    files.sort();
    let date = |path: &PathBuf| {
        let mail = fs::read_to_string(path).unwrap();
        let line = mail.lines().find(|line| line.starts_with("Date: ")).unwrap().to_owned();
        let words: Vec<&str> = line.split_whitespace().collect();
        let month = MONTHS.find(words[3]).unwrap();
        (words[4].parse().unwrap(), month, words[2].parse().unwrap(), words[5].to_owned())
    };
    files.iter().map(date).collect()
}

both_engines! {
    setup = Installation::on;

    fn a_clock_that_is_moved_does_what_falls_due_on_its_way(installation: Installation) {
        let shop = Shop::open(&installation);
        let folder = installation.path("mails");
        let (_server, url) = installation.serve(&["--mail", &format!("folder:{}", folder.display())]);
        let monthly = json!({"type": "recurring", "recurring_interval": "month", "amount_type": "fixed", "price_amount": 500});
        shop.sell(&url, &monthly, "success");
        let before = installation.json("clock show --organization acme");
        assert_eq!((&before["organization_id"], &before["seconds_ahead"]), (&json!(shop.organization_id), &json!(0)));

        let moved = installation.run("clock advance --organization acme --by 3mo");
        assert_eq!(moved.code, Some(0), "{moved:?}");
        assert!(moved.output.trim_end().ends_with(" seconds ahead)"), "{moved:?}");
        // The mails of each step went out before the next, dated by the moved clock. On a busy machine the last may follow.
        let deadline = Instant::now() + Duration::from_secs(40);
        loop {
            let dates = dates(&folder);
            assert!(dates.is_sorted(), "{dates:?}");
            let days: BTreeSet<_> = dates.iter().map(|(year, month, day, _)| (*year, *month, *day)).collect();
            if days.len() >= 4 {
                break;
            }
            assert!(Instant::now() < deadline, "{dates:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
        let orders = http::get(&url, "/v1/orders/", &shop.token).json();
        // Three renewals: the last falls due just when the clock arrives, and may have been a moment later.
        let count = orders["pagination"]["total_count"].as_i64().unwrap();
        assert!((3..=4).contains(&count), "{orders}");
        let shown = installation.json("clock show --organization ACME");
        assert!(shown["seconds_ahead"].as_i64().unwrap() >= 88 * 86_400, "{shown}");
        assert!(shown["now"].as_str() > before["now"].as_str(), "{shown}");

        // It goes on from where it is, and nobody else's clock goes with it.
        installation.json("organization create --name Other --slug other --owner other@example.com");
        let further = installation.json("clock advance --organization acme --by 12h");
        assert!(further["seconds_ahead"].as_i64() >= shown["seconds_ahead"].as_i64().map(|ahead| ahead + 43_000), "{further}");
        assert_eq!(installation.json("clock show --organization other")["seconds_ahead"], json!(0));
        assert_eq!(installation.run("audit").code, Some(0));
    }

    fn what_is_settled_of_billing_decides_what_becomes_of_who_does_not_pay(installation: Installation) {
        let shop = Shop::open(&installation);
        let settled = "--retry-days 20,25 --grace-days 22 --unpaid-subscriptions unpaid --bill-missed-periods";
        let (_server, url) = installation.serve(&settled.split(' ').collect::<Vec<_>>());
        let monthly = json!({"type": "recurring", "recurring_interval": "month", "amount_type": "fixed", "price_amount": 500});
        for _ in 0..2 {
            shop.sell(&url, &monthly, "declined_later");
        }
        let states = || {
            let subscriptions = http::get(&url, "/v1/subscriptions/", &shop.token).json();
            let items = subscriptions["items"].as_array().unwrap();
            items.iter().map(|item| item["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let advance = |by: &str| {
            let done = installation.run(&format!("clock advance --organization acme --by {by} {settled}"));
            assert_eq!(done.code, Some(0), "{done:?}");
        };
        // By the usual settings it would all be over seven days after the month.
        advance("40d");
        assert_eq!(states(), ["past_due", "past_due"]);
        advance("20d");
        assert_eq!(states(), ["unpaid", "unpaid"]);
    }

    fn what_is_no_time_and_who_is_not_there_is_refused(installation: Installation) {
        Shop::open(&installation);
        for by in ["12", "1w", "0d", "soon", "9999y", "99999999999d"] {
            let done = installation.run(&format!("clock advance --organization acme --by {by}"));
            let sentence = format!("merak: --by: {by:?} is not a time such as 1y, 2mo, 30d or 12h");
            assert_eq!(done.failure(), (Some(2), sentence.as_str()), "{by}");
        }
        for line in ["clock show --organization nobody", "clock advance --organization nobody --by 1d"] {
            let done = installation.run(line);
            assert_eq!(done.failure(), (Some(2), "merak: there is no organization with the slug nobody"), "{line}");
        }
        for line in ["clock", "clock advance --organization acme", "clock advance --by 1d", "clock back --organization acme"] {
            assert_eq!(installation.run(line).code, Some(2), "{line}");
        }
        assert_eq!(installation.json("clock show --organization acme")["seconds_ahead"], json!(0));
    }

    fn a_clock_stands_where_real_money_moves(installation: Installation) {
        Shop::open(&installation);
        let stripe = "--payment-processor stripe --stripe-secret-key sk_test_1 --stripe-publishable-key pk_test_1 \
                      --stripe-webhook-secret whsec_1";
        let done = installation.run(&format!("clock advance --organization acme --by 1d {stripe}"));
        assert_eq!(done.failure(), (Some(2), "merak: Clocks can only be moved where payments are played by the sandbox."));
    }
}
