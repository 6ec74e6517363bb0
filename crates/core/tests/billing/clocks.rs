//! Clocks that are moved ahead. spec 30 §6.4, 7

use super::*;
use merak_core::benefits::BenefitType;
use merak_core::benefits::grants::BenefitGrant;
use merak_core::clock;
use merak_core::clock::advance::{self, Step};
use merak_core::emails::{self, Opened};
use merak_core::jobs;
use serde_json::json;

scenarios! {
    fn a_year_is_twelve_renewals_each_at_its_time(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let other = shop.subscribed(fixed(YEAR, 1000));
        let id = shop.organization.id;
        let target = shop.now().add_seconds(366 * 86_400);
        shop.write(move |tx| advance::advance(tx, id, target, "sandbox")).unwrap();
        assert_eq!(shop.read(|tx| advance::moving(tx, 10)).unwrap(), [id]);
        loop {
            let batch = shop.write(move |tx| renewal::open_due_of(tx, &rules(), id, 100)).unwrap();
            for payment in batch.payments {
                shop.settle(&payment, paid(&format!("r{}", shop.number())));
            }
            match shop.write(move |tx| advance::step(tx, id)).unwrap() {
                Some(Step::Arrived(at)) => {
                    assert_eq!(at, target);
                    break;
                }
                Some(Step::Due(_) | Step::Moved(_)) => {}
                None => panic!("the clock stood still"),
            }
        }
        assert_eq!(shop.read(move |tx| clock::now(tx, id)).unwrap(), target);
        assert_eq!(shop.write(move |tx| advance::step(tx, id)).unwrap(), None);
        assert_eq!(shop.subscription(subscription.id).period, 12);
        assert_eq!(shop.subscription(other.id).period, 1);
        let orders = shop.orders();
        assert_eq!(orders.len(), 15);
        let renewals: Vec<_> = orders.iter().filter(|order| order.subscription_id == Some(subscription.id)).skip(1).collect();
        let one = &shop.subscription(subscription.id);
        for (order, period) in renewals.iter().zip(1..) {
            assert_eq!(Some(order.created_at), billing::rules::start_of(one, period));
        }
        // Each beginning is told to both, before the clock was moved; then each renewal, when it happens and in its turn.
        let mails = shop.read(|tx| emails::list_newest(tx, 100)).unwrap();
        let told: Vec<_> = mails.iter().rev().map(|mail| (mail.kind.as_str(), mail.recipient.as_str(), mail.occurred_at)).collect();
        let (buyer, owner) = ("ada@example.com", "nora@fjordsoft.example");
        let begun = [("subscription_confirmation", buyer, None), ("new_subscription", owner, None)];
        let renewed = orders.iter().skip(2).map(|order| ("subscription_renewed", buyer, Some(order.created_at)));
        assert_eq!(told, begun.into_iter().chain(begun).chain(renewed).collect::<Vec<_>>());
        assert!(told.is_sorted_by_key(|(_, _, at)| *at));
    }

    fn a_clock_goes_ahead_only_and_for_one_organization(shop) {
        let (_, other) = shop.another_organization();
        let id = shop.organization.id;
        let now = shop.now();
        assert!(shop.write(move |tx| advance::advance(tx, id, now, "sandbox")).is_err());
        let target = now.add_seconds(60);
        shop.write(move |tx| advance::advance(tx, id, target, "sandbox")).unwrap();
        assert_eq!(shop.write(move |tx| advance::step(tx, id)).unwrap(), Some(Step::Arrived(target)));
        assert_eq!(shop.read(move |tx| clock::now(tx, other.id)).unwrap(), now);
        shop.subscribed(fixed(MONTH, 1000));
        shop.write(|tx| Ok(tx.execute("UPDATE payments SET processor = 'stripe'", &[])?)).unwrap();
        let later = target.add_seconds(60);
        assert!(shop.write(move |tx| advance::advance(tx, id, later, "sandbox")).is_err());
    }

    /// What is due by a clock that is ahead is found by the sweep of all, too.
    fn the_sweep_finds_what_is_due_by_any_clock(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let id = shop.organization.id;
        let ahead = 40_i64 * 86_400 * 1_000_000;
        let now = shop.now();
        shop.write(move |tx| Ok(tx.execute(
            "INSERT INTO organization_clocks (organization_id, ahead_us, created_at) VALUES ($1, $2, $3)",
            &[&id, &ahead, &now],
        )?)).unwrap();
        assert!(shop.read(renewal::is_any_due).unwrap());
        assert_eq!(shop.open_due().payments.len(), 1);
        assert_eq!(shop.subscription(subscription.id).period, 1);
    }

    /// What happens is dated by the moved clock; what lets somebody in is good by the real one.
    fn mails_and_grants_are_dated_by_the_moved_clock(shop) {
        let id = shop.organization.id;
        let target = shop.now().add_seconds(300 * 86_400);
        shop.write(move |tx| advance::advance(tx, id, target, "sandbox")).unwrap();
        assert_eq!(shop.write(move |tx| advance::step(tx, id)).unwrap(), Some(Step::Arrived(target)));
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let note = shop.benefit(BenefitType::Custom, json!({"note": null})).unwrap();
        shop.set_benefits(subscription.product_id, &[note.id]).unwrap();
        assert!(shop.read(move |tx| jobs::is_any_of(tx, id, 0)).unwrap());
        let (_, other) = shop.another_organization();
        assert!(!shop.read(move |tx| jobs::is_any_of(tx, other.id, 0)).unwrap());
        shop.run_jobs();
        assert!(!shop.read(move |tx| jobs::is_any_of(tx, id, 0)).unwrap());
        let grant = || -> BenefitGrant {
            let sql = format!("SELECT {} FROM benefit_grants", BenefitGrant::COLUMNS);
            shop.read(move |tx| Ok(tx.one(&sql, &[])?)).unwrap()
        };
        assert_eq!((grant().created_at, grant().granted_at), (target, Some(target)));
        shop.write(move |tx| subscriptions::end(tx, &subscription)).unwrap();
        shop.run_jobs();
        assert_eq!((grant().granted_at, grant().revoked_at), (None, Some(target)));
        let mails = shop.read(|tx| emails::list_newest(tx, 10)).unwrap();
        assert_eq!(mails.len(), 3);
        for mail in mails {
            assert_eq!((mail.created_at, mail.occurred_at), (shop.now(), Some(target)));
            let secret = shop.secret.clone();
            match shop.write(move |tx| emails::open(tx, &secret, mail.id)).unwrap() {
                Opened::Draft(draft) => {
                    assert_eq!(draft.date, target);
                    let is_to_customer = draft.recipient.starts_with("ada");
                    assert_eq!(draft.portal.is_some_and(|portal| portal.token.is_some()), is_to_customer);
                }
                other => panic!("{other:?}"),
            }
        }
        let ends: Vec<Timestamp> =
            shop.read(|tx| Ok(tx.all("SELECT expires_at FROM customer_sessions", &[])?)).unwrap();
        assert!(!ends.is_empty() && ends.iter().all(|end| end.since(shop.now()) <= hours(1)));
    }

    fn a_mail_where_no_clock_was_moved_has_one_date(shop) {
        shop.subscribed(fixed(MONTH, 1000));
        let mails = shop.read(|tx| emails::list_newest(tx, 10)).unwrap();
        assert!(!mails.is_empty() && mails.iter().all(|mail| mail.occurred_at.is_none()));
    }
}
