//! What a purchase gives, and how buyers follow when it changes.

use std::time::Duration;

use merak_core::benefits::grants::{self, BenefitGrant, Purchase, Scope};
use merak_core::benefits::{Benefit, BenefitType};
use merak_core::customers::{self, Customer};
use merak_core::jobs::{self, Job};
use merak_core::kit::{Id, Kind};
use merak_core::license_keys::Status;
use merak_core::orders::{self, Order};
use merak_core::products::Product;
use merak_store::Sql;
use serde_json::json;
use uuid::Uuid;

use crate::support::*;

scenarios! {
    /// G6: a purchase grants every benefit of its product in order, in the scope of the order.
    fn a_purchase_grants_everything_in_order(shop) {
        let (product, benefits) = product_with(shop, 3);
        let customer = shop.customer();
        let (order, granted) = give(shop, product.id, &customer);
        assert_eq!(granted.iter().map(|grant| grant.benefit_id).collect::<Vec<_>>(), benefits);
        for grant in &granted {
            assert!(grant.is_granted());
            assert_eq!((grant.order_id, grant.subscription_id), (Some(order.id.uuid()), None));
            assert_eq!(grant.customer_id, customer.id);
        }
        assert_eq!((order.customer_id, order.product_id, order.subscription_id), (customer.id, product.id, None));
    }

    /// G6: two purchases are two scopes, and so two license keys.
    fn each_purchase_has_a_key_of_its_own(shop) {
        let product = shop.product();
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).unwrap();
        shop.set_benefits(product.id, &[benefit.id]).unwrap();
        let customer = shop.customer();
        let keys: Vec<_> = (0..2).map(|_| key_id(&give(shop, product.id, &customer).1[0])).collect();
        assert_ne!(keys[0], keys[1]);
        let (order, granted) = give(shop, product.id, &customer);
        shop.write(move |tx| grants::revoke_purchase(tx, &order.purchase())).unwrap();
        assert_eq!(shop.find_key(key_id(&granted[0])).status, Status::Revoked);
        assert!(keys.into_iter().all(|id| shop.find_key(id).status == Status::Granted));
    }

    /// G6: with `revoke` every benefit of the product is taken back, what was never granted included.
    fn a_purchase_that_ends_gives_everything_back(shop) {
        let (product, benefits) = product_with(shop, 2);
        let customer = shop.customer();
        let subscription = Scope::Subscription(Uuid::from_u128(9));
        let purchase = Purchase { customer_id: customer.id, product_id: product.id, scope: subscription };
        shop.write(move |tx| grants::grant_purchase(tx, &purchase)).unwrap();
        let added = note(shop);
        shop.set_benefits(product.id, &[benefits[0], benefits[1], added]).unwrap();
        let revoked = shop.write(move |tx| grants::revoke_purchase(tx, &purchase)).unwrap();
        assert_eq!(revoked.iter().map(|grant| grant.benefit_id).collect::<Vec<_>>(), [benefits[0], benefits[1], added]);
        assert!(revoked.iter().all(BenefitGrant::is_revoked));
    }

    /// G7: what is granted in the scope and is on the product no more is taken back; other scopes keep it.
    fn what_is_on_the_product_no_more_is_taken_back_in_its_scope(shop) {
        let (product, benefits) = product_with(shop, 2);
        let customer = shop.customer();
        let (order, _) = give(shop, product.id, &customer);
        let (purchase, first) = (order.purchase(), benefits[0]);
        let by_hand = shop.write(move |tx| grants::grant(tx, first, customer.id, Scope::ByHand)).unwrap();
        shop.set_benefits(product.id, &benefits[1..]).unwrap();
        let changed = shop.write(move |tx| grants::grant_purchase(tx, &purchase)).unwrap();
        assert_eq!(changed.iter().map(|grant| (grant.benefit_id, grant.is_granted())).collect::<Vec<_>>(), [
            (benefits[1], true),
            (benefits[0], false),
        ]);
        assert!(find(shop, by_hand.id).is_granted());
        let again = shop.write(move |tx| grants::grant_purchase(tx, &purchase)).unwrap();
        assert_eq!(again.len(), 1, "what is revoked is not revoked again");
    }

    /// T-23: adding and removing a benefit reaches every buyer of the past, more than a batch of them.
    fn every_buyer_of_the_past_follows_what_comes_with_the_product(shop) {
        let (product, benefits) = product_with(shop, 2);
        let id = product.id;
        let buyers = i64::from(u8::MAX);
        shop.write(move |tx| {
            for n in 0..buyers {
                let organization_id = product.organization_id;
                let customer = customers::create(tx, &new_customer(organization_id, &format!("c{n}@example.com")))?;
                orders::give(tx, id, customer.id)?;
            }
            Ok(())
        })
        .unwrap();
        let (other, _) = product_with(shop, 0);
        let outsider = shop.customer();
        give(shop, other.id, &outsider);
        assert_eq!((granted(shop, benefits[0]), granted(shop, benefits[1])), (buyers, buyers));
        let added = note(shop);
        shop.set_benefits(id, &[added, benefits[1]]).unwrap();
        shop.run_jobs();
        assert_eq!((granted(shop, added), granted(shop, benefits[0]), granted(shop, benefits[1])), (buyers, 0, buyers));
        shop.set_benefits(id, &[]).unwrap();
        shop.run_jobs();
        assert_eq!((granted(shop, added), granted(shop, benefits[0]), granted(shop, benefits[1])), (0, 0, 0));
        shop.set_benefits(id, &[benefits[0]]).unwrap();
        shop.run_jobs();
        assert_eq!(granted(shop, benefits[0]), buyers);
        assert_eq!(shop.backlog(), (0, 0));
    }

    /// P22: an order alone changes nothing for buyers.
    fn a_new_order_of_benefits_changes_nothing_for_buyers(shop) {
        let (product, benefits) = product_with(shop, 2);
        let before = give(shop, product.id, &shop.customer()).1;
        shop.advance(hours(1));
        shop.set_benefits(product.id, &[benefits[1], benefits[0]]).unwrap();
        shop.run_jobs();
        for grant in before {
            let now = find(shop, grant.id);
            assert_eq!((now.granted_at, now.modified_at), (grant.granted_at, grant.modified_at));
        }
    }

    /// G12: a buyer who is gone is passed over, and nobody waits for them.
    fn deleted_buyers_are_passed_over(shop) {
        let (product, _) = product_with(shop, 0);
        let (gone, stays) = (shop.customer(), shop.customer());
        give(shop, product.id, &gone);
        let (order, _) = give(shop, product.id, &stays);
        let tenancy = shop.tenancy();
        shop.write(move |tx| customers::delete(tx, &tenancy, gone.id)).unwrap();
        let benefit = note(shop);
        shop.set_benefits(product.id, &[benefit]).unwrap();
        shop.run_jobs();
        assert_eq!(granted(shop, benefit), 1);
        let purchase = Purchase { customer_id: gone.id, ..order.purchase() };
        shop.write(move |tx| jobs::enqueue(tx, &Job::UpdateGrantsOfPurchase { purchase })).unwrap();
        shop.run_jobs();
        assert_eq!(shop.backlog(), (0, 0), "it does not come back either");
        assert_eq!(refusal(shop.write(move |tx| grants::grant_purchase(tx, &purchase))).0, Kind::NotFound);
    }

    /// D-6, G12: a purchase whose grants are refused is tried again by itself, and the others do not wait for it.
    fn a_purchase_that_is_refused_is_tried_again_by_itself(shop) {
        let (product, _) = product_with(shop, 0);
        for _ in 0..2 {
            give(shop, product.id, &shop.customer());
        }
        let lasting = json!({"expires": {"ttl": 7800, "timeframe": "year"}});
        let (before, benefit) = (note(shop), shop.benefit(BenefitType::LicenseKeys, lasting).unwrap());
        shop.set_benefits(product.id, &[before, benefit.id]).unwrap();
        // Keys made so late would outlast the calendar, so the benefit refuses.
        shop.advance(Duration::from_hours(300 * 366 * 24));
        assert!(!step(shop), "the batch is refused, and parted");
        // The walk goes on among the subscriptions, of which there are none.
        assert_eq!(shop.backlog(), (3, 0));
        assert_eq!((0..3).filter(|_| step(shop)).count(), 1);
        assert_eq!((granted(shop, benefit.id), shop.backlog()), (0, (2, 0)));
        assert_eq!(granted(shop, before), 0, "a purchase is granted as a whole or not at all");
        shop.change_benefit(&benefit, json!({}));
        shop.advance(Duration::from_mins(1));
        shop.run_jobs();
        assert_eq!((granted(shop, benefit.id), shop.backlog()), (2, (0, 0)));
        assert_eq!(granted(shop, before), 2);
    }

    /// An order is recorded once for each gift, and only within one organization.
    fn products_are_given_within_one_organization(shop) {
        let (product, _) = product_with(shop, 1);
        let (_, other) = shop.another_organization();
        let stranger = shop.customer_of(other.id, "stranger@example.com").unwrap();
        let unknown = Id::<Product>::from_uuid(Uuid::from_u128(7));
        for (product_id, customer_id) in [(product.id, stranger.id), (unknown, shop.customer().id)] {
            assert_eq!(refusal(shop.write(move |tx| orders::give(tx, product_id, customer_id))).0, Kind::NotFound);
        }
        assert_eq!(shop.read(|tx| Ok(tx.one::<i64>("SELECT count(*) FROM orders", &[])?)).unwrap(), 0);
    }
}

fn note(shop: &Shop) -> Id<Benefit> {
    shop.benefit(BenefitType::Custom, json!({})).unwrap().id
}

fn product_with(shop: &Shop, benefits: usize) -> (Product, Vec<Id<Benefit>>) {
    let product = shop.product();
    let benefits: Vec<_> = (0..benefits).map(|_| note(shop)).collect();
    shop.set_benefits(product.id, &benefits).unwrap();
    shop.run_jobs();
    (product, benefits)
}

fn give(shop: &Shop, product_id: Id<Product>, customer: &Customer) -> (Order, Vec<BenefitGrant>) {
    let customer_id = customer.id;
    shop.write(move |tx| orders::give(tx, product_id, customer_id)).unwrap()
}

fn granted(shop: &Shop, benefit_id: Id<Benefit>) -> i64 {
    let counts: (i64, i64) = shop
        .read(move |tx| {
            Ok(tx.one(
                "SELECT (SELECT granted FROM benefit_counts WHERE benefit_id = $1), \
                 (SELECT count(*) FROM benefit_grants WHERE benefit_id = $1 AND granted_at IS NOT NULL)",
                &[&benefit_id],
            )?)
        })
        .unwrap();
    assert_eq!(counts.0, counts.1);
    counts.0
}

fn find(shop: &Shop, id: Id<BenefitGrant>) -> BenefitGrant {
    let mut sql = Sql::new(format!("SELECT {} FROM benefit_grants WHERE id = ", BenefitGrant::COLUMNS));
    sql.bind(id);
    shop.read(move |tx| Ok(tx.list(&sql)?)).unwrap().remove(0)
}

/// Runs the next job as a worker does. Returns whether it went well.
fn step(shop: &Shop) -> bool {
    let claimed = shop.write(jobs::claim).unwrap().expect("a job is due");
    let work = claimed.clone();
    let result = shop.write(move |tx| {
        let outcome = jobs::run(tx, &work.job)?;
        jobs::settle(tx, &work, &outcome)
    });
    let Err(refusal) = result else { return true };
    shop.write(move |tx| jobs::settle_refused(tx, &claimed, &refusal)).unwrap();
    false
}
