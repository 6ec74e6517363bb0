//! When the time of checkouts is up.

use std::time::Duration;

use merak_core::checkouts::{CheckoutStatus, LIFETIME};
use merak_core::events;
use merak_core::jobs::{self, Job, Outcome};
use merak_core::kit::Kind;

use super::*;

fn lifetime() -> Duration {
    Duration::from_secs(LIFETIME.unsigned_abs())
}

scenarios! {
    // spec 30 §7.7.47, T-21
    fn open_checkouts_expire_and_others_do_not(shop) {
        let product = shop.product();
        let past = create(shop, &of_product(&product)).unwrap();
        let paid = create(shop, &of_product(&product)).unwrap();
        let confirming = create(shop, &of_product(&product)).unwrap();
        let (paid_id, confirming_id) = (paid.id, confirming.id);
        shop.write(move |tx| {
            tx.execute("UPDATE checkouts SET status = 'succeeded' WHERE id = $1", &[&paid_id])?;
            Ok(tx.execute("UPDATE checkouts SET confirming_payment_id = $1 WHERE id = $1", &[&confirming_id])?)
        }).unwrap();
        shop.advance(lifetime());
        let young = create(shop, &of_product(&product)).unwrap();
        let owner = shop.organization.id;
        let told = shop.read(move |tx| events::after(tx, owner, None, 100)).unwrap().len();
        shop.write(|tx| jobs::run(tx, &Job::ExpireCheckouts)).unwrap();
        for (checkout, status) in [
            (past, "expired"), (paid, "succeeded"), (confirming, "open"), (young, "open"),
        ] {
            let id = checkout.id;
            let stored = shop.read(move |tx| Ok(tx.one::<String>("SELECT status FROM checkouts WHERE id = $1", &[&id])?));
            assert_eq!(stored.unwrap(), status);
        }
        assert_eq!(shop.read(move |tx| events::after(tx, owner, None, 100)).unwrap().len(), told, "nobody is told");
    }

    // spec 30 §2.1: before the sweep comes along, too
    fn an_expired_checkout_is_seen_as_such_at_once(shop) {
        let made = create(shop, &of_product(&shop.product())).unwrap();
        shop.advance(just_under(lifetime()));
        assert_eq!(get(shop, made.id).unwrap().checkout.status, CheckoutStatus::Open);
        fill(shop, &made, &ClientUpdate::default()).unwrap();
        shop.advance(Duration::from_secs(1));
        assert_eq!(get(shop, made.id).unwrap().checkout.status, CheckoutStatus::Expired);
        let (kind, sentence) = refusal(update(shop, made.id, &UpdateCheckout::default()));
        assert_eq!(kind, Kind::CheckoutNotOpen);
        assert!(sentence.contains("expired"), "{sentence}");
        assert_eq!(refusal(fill(shop, &made, &ClientUpdate::default())).0, Kind::NotFound);
    }

    fn what_nobody_confirmed_is_gone_after_a_week(shop) {
        let (one, other) = (shop.product(), shop.product());
        for product in [&one, &one, &other] {
            create(shop, &of_product(product)).unwrap();
        }
        let bought = create(shop, &of_product(&other)).unwrap();
        let id = bought.id;
        shop.write(move |tx| Ok(tx.execute("UPDATE checkouts SET status = 'succeeded' WHERE id = $1", &[&id])?)).unwrap();
        let counts = || {
            let sql = "SELECT (SELECT count(*) FROM checkouts), CAST((SELECT sum(checkouts) FROM checkout_counts) AS bigint)";
            shop.read(|tx| Ok(tx.one::<(i64, i64)>(sql, &[])?)).unwrap()
        };
        shop.advance(lifetime());
        shop.write(|tx| jobs::run(tx, &Job::ExpireCheckouts)).unwrap();
        shop.write(|tx| checkouts::purge(tx, 100)).unwrap();
        assert_eq!(counts(), (4, 4));
        shop.advance(Duration::from_hours(7 * 24));
        assert_eq!(shop.write(|tx| checkouts::purge(tx, 2)).unwrap(), 2);
        assert_eq!(counts(), (2, 2));
        assert_eq!(shop.write(|tx| checkouts::purge(tx, 2)).unwrap(), 1);
        // What was bought stays.
        assert_eq!(shop.write(|tx| checkouts::purge(tx, 2)).unwrap(), 0);
        assert_eq!(counts(), (1, 1));
    }

    // SALE.md: everything falls due by the organization's own clock
    fn an_organization_with_its_own_clock_has_its_own_expiry(shop) {
        let made = create(shop, &of_product(&shop.product())).unwrap();
        let (id, ahead) = (shop.organization.id, LIFETIME * 1_000_000);
        shop.write(move |tx| {
            let now = tx.now();
            Ok(tx.execute(
                "INSERT INTO organization_clocks (organization_id, ahead_us, created_at) VALUES ($1, $2, $3)",
                &[&id, &ahead, &now],
            )?)
        }).unwrap();
        assert_eq!(get(shop, made.id).unwrap().checkout.status, CheckoutStatus::Expired);
        let young = create(shop, &of_product(&shop.product())).unwrap();
        assert_eq!(young.expires_at, shop.now().add_seconds(2 * LIFETIME));
        assert_eq!(shop.write(|tx| checkouts::expire(tx, 100)).unwrap(), 1);
        assert_eq!(shop.write(|tx| checkouts::expire(tx, 100)).unwrap(), 0);
        assert_eq!(get(shop, young.id).unwrap().checkout.status, CheckoutStatus::Open);
    }

    fn a_sweep_takes_so_many_and_comes_back_for_more(shop) {
        let product = shop.product();
        for _ in 0..5 {
            create(shop, &of_product(&product)).unwrap();
        }
        shop.advance(lifetime());
        let swept: Vec<u64> = (0..3).map(|_| shop.write(|tx| checkouts::expire(tx, 2)).unwrap()).collect();
        assert_eq!(swept, [2, 2, 1]);
        let outcome = shop.write(|tx| jobs::run(tx, &Job::ExpireCheckouts)).unwrap();
        assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    }
}
