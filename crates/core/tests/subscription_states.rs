//! What each status of a subscription gives. spec 30 §3.1, §3.3 and scenarios 62, 64 and 66

use merak_core::benefits::{Benefit, BenefitType};
use merak_core::discounts::{self, CreateDiscount, Reduction, Span};
use merak_core::kit::{Id, Metadata};
use merak_core::products::{Product, RecurringInterval};
use merak_core::subscriptions::{self, Subscription, SubscriptionStatus};
use serde_json::json;

use crate::subscriptions::{create, new_subscription, plan, subscribe};
use crate::support::*;

/// A product that a note comes with.
fn noted(shop: &Shop, name: &str) -> (Product, Benefit) {
    let product = plan(shop, name, RecurringInterval::Month, 1000);
    let note = shop.benefit(BenefitType::Custom, json!({"note": null})).unwrap();
    shop.set_benefits(product.id, &[note.id]).unwrap();
    shop.run_jobs();
    (product, note)
}

/// Whether the customer has the note by this subscription; none if nobody has ever asked.
fn held(shop: &Shop, note: &Benefit, subscription: &Subscription) -> Option<bool> {
    let (benefit, id) = (note.id, subscription.id.uuid());
    let sql =
        "SELECT granted_at IS NOT NULL FROM benefit_grants WHERE benefit_id = $1 AND subscription_id = $2";
    shop.read(move |tx| Ok(tx.find(sql, &[&benefit, &id])?)).unwrap()
}

fn change(shop: &Shop, before: &Subscription, how: impl Fn(&mut Subscription)) -> Subscription {
    let (before, mut after) = (before.clone(), before.clone());
    how(&mut after);
    let changed = shop.write(move |tx| {
        let mut after = after.clone();
        subscriptions::change(tx, &before, &mut after)?;
        Ok(after)
    });
    shop.run_jobs();
    changed.unwrap()
}

scenarios! {
    // Scenario 66: at the beginning.
    fn what_begins_gives_by_its_status(shop) {
        let (product, note) = noted(shop, "Pro plan");
        for (status, expected) in [
            (SubscriptionStatus::Incomplete, None),
            (SubscriptionStatus::IncompleteExpired, None),
            (SubscriptionStatus::Trialing, Some(true)),
            (SubscriptionStatus::Active, Some(true)),
        ] {
            let subscription = Subscription { status, ..new_subscription(shop, &product, &shop.customer()) };
            create(shop, &subscription);
            shop.run_jobs();
            assert_eq!(held(shop, &note, &subscription), expected, "{status:?}");
        }
    }

    // Scenario 66: on the way, and I10.
    fn what_goes_on_gives_by_its_status(shop) {
        let (product, note) = noted(shop, "Pro plan");
        let mut subscription = subscribe(shop, &product);
        shop.run_jobs();
        for (status, expected) in [
            (SubscriptionStatus::PastDue, false),
            (SubscriptionStatus::Active, true),
            (SubscriptionStatus::Unpaid, false),
            (SubscriptionStatus::Trialing, true),
            (SubscriptionStatus::Active, true),
            (SubscriptionStatus::Canceled, false),
        ] {
            subscription = change(shop, &subscription, |after| after.status = status);
            assert_eq!(held(shop, &note, &subscription), Some(expected), "{status:?}");
        }
    }

    // Scenario 66: a change of what comes with a product is none of other products' business.
    fn another_product_is_left_alone(shop) {
        let (product, note) = noted(shop, "Pro plan");
        let (other, kept) = noted(shop, "Other plan");
        let (one, two) = (subscribe(shop, &product), subscribe(shop, &other));
        shop.run_jobs();
        shop.set_benefits(product.id, &[]).unwrap();
        shop.run_jobs();
        assert_eq!((held(shop, &note, &one), held(shop, &kept, &two)), (Some(false), Some(true)));
    }

    // Scenario 64: a discount that appears is there, and changes nothing else.
    fn a_discount_appears(shop) {
        let (product, note) = noted(shop, "Pro plan");
        let subscription = subscribe(shop, &product);
        shop.run_jobs();
        let command = CreateDiscount {
            organization_id: shop.organization.id,
            name: String::from("Less"),
            code: None,
            reduction: Reduction::Percentage { basis_points: 1000 },
            span: Span::Forever,
            starts_at: None,
            ends_at: None,
            max_redemptions: None,
            products: Vec::new(),
            metadata: Metadata::default(),
        };
        let discount: Id<_> = shop.write(move |tx| discounts::create(tx, &command)).unwrap().id;
        let after = change(shop, &subscription, |after| after.discount_id = Some(discount));
        let stored = shop.read(move |tx| subscriptions::find(tx, after.id)).unwrap().unwrap();
        assert_eq!((stored.discount_id, stored.started_at), (Some(discount), subscription.started_at));
        assert_eq!((stored.status, held(shop, &note, &stored)), (SubscriptionStatus::Active, Some(true)));
    }
}
