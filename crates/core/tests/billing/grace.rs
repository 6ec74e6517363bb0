//! Who is past due keeps what they have for as long as it is settled. spec 30 §3.8, T-22

use super::*;
use merak_core::benefits::BenefitType;
use merak_core::billing::GivenUp;
use merak_core::clock::advance::{self, Step};
use merak_core::license_keys::{self, LicenseKey};
use serde_json::json;

const DAY: i64 = 86_400;

fn graceful(grace_days: u32) -> Rules {
    Rules { grace_days, ..rules() }
}

/// A subscription that comes with a license key, and whose second period was declined.
fn overdue(shop: &Shop, grace_days: u32) -> Subscription {
    let subscription = shop.subscribed(fixed(MONTH, 1000));
    let keys = shop.benefit(BenefitType::LicenseKeys, json!({})).unwrap();
    shop.set_benefits(subscription.product_id, &[keys.id]).unwrap();
    shop.run_jobs();
    assert_eq!(key(shop, &subscription).status, license_keys::Status::Granted);
    shop.go_to(subscription.current_period_end);
    let batch = shop.open_due_by(graceful(grace_days));
    shop.settle_by(&batch.payments[0], declined(false), graceful(grace_days));
    shop.run_jobs();
    shop.subscription(subscription.id)
}

/// The newest key of the subscription's customer.
fn key(shop: &Shop, subscription: &Subscription) -> LicenseKey {
    let sql = format!(
        "SELECT {} FROM license_keys WHERE customer_id = $1 ORDER BY id DESC LIMIT 1",
        LicenseKey::COLUMNS
    );
    let id = subscription.customer_id;
    shop.read(move |tx| Ok(tx.one(&sql, &[&id])?)).unwrap()
}

fn has_key(shop: &Shop, subscription: &Subscription) -> bool {
    shop.run_jobs();
    key(shop, subscription).status == license_keys::Status::Granted
}

/// Opens what is due and lets each payment be answered so.
fn sweep(shop: &Shop, grace_days: u32, answer: &Answer) -> usize {
    let batch = shop.open_due_by(graceful(grace_days));
    for payment in &batch.payments {
        shop.settle_by(payment, answer.clone(), graceful(grace_days));
    }
    batch.payments.len()
}

fn revocations(shop: &Shop) -> usize {
    shop.events().into_iter().filter(|event| *event == EventType::SubscriptionRevoked).count()
}

/// What the mails about failed payments say of how long everything stays.
fn told(shop: &Shop) -> Vec<Option<Timestamp>> {
    shop.mails_of_failures()
        .into_iter()
        .map(|email| match email {
            Email::PaymentFailed { kept_until, .. } => kept_until,
            other => panic!("{other:?}"),
        })
        .collect()
}

scenarios! {
    fn without_a_grace_everything_is_taken_back_at_once(shop) {
        let subscription = overdue(shop, 0);
        assert_eq!((subscription.status, subscription.grace_ends_at), (SubscriptionStatus::PastDue, None));
        assert!(!has_key(shop, &subscription));
        assert_eq!((revocations(shop), told(shop)), (1, vec![None]));
    }

    fn everything_stays_until_the_end_of_the_grace_and_comes_back_with_the_payment(shop) {
        let subscription = overdue(shop, 2);
        let (since, first) = (shop.now(), key(shop, &subscription));
        let end = since.add_seconds(2 * DAY);
        assert_eq!((subscription.status, subscription.grace_ends_at), (SubscriptionStatus::PastDue, Some(end)));
        assert_eq!(subscription.due_at, Some(since.add_seconds(DAY)));
        assert!(has_key(shop, &subscription));
        shop.go_to(since.add_seconds(DAY));
        assert_eq!(sweep(shop, 2, &declined(false)), 1);
        assert_eq!(shop.subscription(subscription.id).due_at, Some(end));
        assert!(has_key(shop, &subscription));
        assert_eq!((revocations(shop), told(shop)), (0, vec![Some(end), Some(end)]));

        shop.go_to(end);
        assert_eq!(sweep(shop, 2, &declined(false)), 0);
        let after = shop.subscription(subscription.id);
        assert_eq!((after.status, after.grace_ends_at, after.retries), (SubscriptionStatus::PastDue, None, 1));
        assert_eq!(after.due_at, Some(since.add_seconds(3 * DAY)));
        assert!(!has_key(shop, &subscription));
        assert_eq!(shop.open_due_by(graceful(2)), Batch::default());
        // It is not begun anew by a payment that fails later, and nothing is taken back twice.
        shop.go_to(since.add_seconds(3 * DAY));
        assert_eq!(sweep(shop, 2, &declined(false)), 1);
        assert_eq!(shop.subscription(subscription.id).grace_ends_at, None);
        assert!(!has_key(shop, &subscription));
        assert_eq!((revocations(shop), told(shop).pop()), (1, Some(None)));

        shop.go_to(since.add_seconds(5 * DAY));
        assert_eq!(sweep(shop, 2, &paid("late")), 1);
        let after = shop.subscription(subscription.id);
        assert_eq!((after.status, after.grace_ends_at), (SubscriptionStatus::Active, None));
        assert!(has_key(shop, &subscription));
        let again = key(shop, &subscription);
        assert_eq!((again.id, again.key), (first.id, first.key));
        assert_eq!(revocations(shop), 1);
        assert_eq!(shop.mails().iter().filter(|kind| *kind == "subscription_confirmation").count(), 2);
    }

    fn who_pays_in_the_grace_loses_nothing(shop) {
        let subscription = overdue(shop, 2);
        let (seen, mails) = (shop.events().len(), shop.mails().len());
        let granted: Timestamp = shop.read(|tx| Ok(tx.one("SELECT granted_at FROM benefit_grants", &[])?)).unwrap();
        shop.go_to(subscription.due_at.unwrap());
        assert_eq!(sweep(shop, 2, &paid("late")), 1);
        let after = shop.subscription(subscription.id);
        assert_eq!((after.status, after.grace_ends_at, after.past_due_since), (SubscriptionStatus::Active, None, None));
        assert_eq!(after.due_at, Some(after.current_period_end));
        assert_eq!(shop.events()[seen..], [
            EventType::SubscriptionUpdated, EventType::SubscriptionActive, EventType::OrderCreated
        ]);
        assert_eq!(shop.mails()[mails..], ["subscription_renewed"]);
        assert!(has_key(shop, &subscription));
        assert_eq!(shop.read(|tx| Ok(tx.one::<Timestamp>("SELECT granted_at FROM benefit_grants", &[])?)).unwrap(), granted);
    }

    fn a_grace_is_over_when_the_payment_is_given_up(shop) {
        for given_up in [GivenUp::Canceled, GivenUp::Unpaid] {
            let before = revocations(shop);
            let mut subscription = overdue(shop, 30);
            let since = subscription.past_due_since.unwrap();
            assert_eq!(subscription.grace_ends_at, Some(since.add_seconds(7 * DAY)));
            for _ in 0..4 {
                assert!(has_key(shop, &subscription));
                shop.go_to(subscription.due_at.unwrap());
                let rules = || Rules { given_up, ..graceful(30) };
                let batch = shop.open_due_by(rules());
                shop.settle_by(&batch.payments[0], declined(false), rules());
                subscription = shop.subscription(subscription.id);
            }
            assert_ne!(subscription.status, SubscriptionStatus::PastDue);
            assert_eq!((subscription.grace_ends_at, subscription.due_at), (None, None));
            assert!(!has_key(shop, &subscription));
            assert_eq!(revocations(shop), before + 1);
        }
    }

    fn a_try_at_the_end_of_the_grace_is_made_first(shop) {
        let subscription = overdue(shop, 3);
        let since = subscription.past_due_since.unwrap();
        shop.go_to(since.add_seconds(DAY));
        assert_eq!(sweep(shop, 3, &declined(false)), 1);
        shop.go_to(since.add_seconds(3 * DAY));
        let payment = shop.open_due_by(graceful(3)).payments.pop().unwrap();
        assert!(has_key(shop, &subscription) && revocations(shop) == 0);
        // What is being processed does not lengthen it.
        shop.settle_by(&payment, waits(Outcome::Processing), graceful(3));
        assert_eq!(shop.open_due_by(graceful(3)), Batch::default());
        shop.advance(hours(1));
        assert_eq!(sweep(shop, 3, &declined(false)), 0);
        let after = shop.subscription(subscription.id);
        assert_eq!((after.status, after.grace_ends_at), (SubscriptionStatus::PastDue, None));
        assert_eq!(after.due_at, Some(since.add_seconds(5 * DAY)));
        assert!(!has_key(shop, &subscription) && revocations(shop) == 1);
        shop.settle_by(&payment, paid("slow"), graceful(3));
        assert!(has_key(shop, &subscription));
    }

    fn a_decline_at_the_end_of_the_grace_ends_it(shop) {
        let subscription = overdue(shop, 3);
        let since = subscription.past_due_since.unwrap();
        for day in [1, 3] {
            shop.go_to(since.add_seconds(day * DAY));
            assert_eq!(sweep(shop, 3, &declined(false)), 1);
        }
        let after = shop.subscription(subscription.id);
        assert_eq!((after.grace_ends_at, after.due_at), (None, Some(since.add_seconds(5 * DAY))));
        assert!(!has_key(shop, &subscription) && revocations(shop) == 1);
        assert_eq!(told(shop).pop(), Some(None));
    }

    /// Nothing ran for a week: the tries are still made one after the other, and the grace is over with the first.
    fn a_grace_that_ended_while_nothing_ran_is_over_with_the_next_try(shop) {
        let subscription = overdue(shop, 2);
        shop.advance(hours(24 * 10));
        assert_eq!(sweep(shop, 2, &declined(false)), 1);
        assert_eq!(sweep(shop, 2, &declined(false)), 0);
        let after = shop.subscription(subscription.id);
        assert_eq!((after.status, after.retries, after.grace_ends_at), (SubscriptionStatus::PastDue, 1, None));
        assert!(!has_key(shop, &subscription) && revocations(shop) == 1);
    }

    fn who_is_ended_in_the_grace_loses_everything_at_once(shop) {
        let subscription = overdue(shop, 2);
        let id = subscription.id;
        shop.write(move |tx| billing::end_owed(tx, id)).unwrap();
        assert_eq!(shop.subscription(id).grace_ends_at, None);
        assert!(!has_key(shop, &subscription) && revocations(shop) == 1);
    }

    /// A moved clock stands where the grace ends.
    fn a_clock_stops_where_a_grace_ends(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let (id, since) = (shop.organization.id, subscription.current_period_end);
        let target = since.add_seconds(4 * DAY);
        shop.write(move |tx| advance::advance(tx, id, target, "sandbox")).unwrap();
        let mut stood = Vec::new();
        loop {
            let batch = shop.write(move |tx| renewal::open_due_of(tx, &graceful(2), id, 100)).unwrap();
            for payment in batch.payments {
                shop.settle_by(&payment, declined(false), graceful(2));
            }
            match shop.write(move |tx| advance::step(tx, id)).unwrap() {
                Some(Step::Moved(at)) => stood.push(at),
                Some(Step::Due(_)) => {}
                Some(Step::Arrived(_)) | None => break,
            }
        }
        assert!(stood.contains(&since.add_seconds(2 * DAY)), "{stood:?}");
        let after = shop.subscription(subscription.id);
        assert_eq!((after.status, after.grace_ends_at, revocations(shop)), (SubscriptionStatus::PastDue, None, 1));
    }
}
