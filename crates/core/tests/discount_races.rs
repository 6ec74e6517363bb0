//! Discounts under many checkouts at once: a limit holds under any interleaving, on any number of nodes.

use merak_core::discounts::{self, Discount, Redemption};
use merak_core::kit::{Id, Patch, Result};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use crate::discounts::{get, limited, update};
use crate::support::*;

scenarios! {
    /// D6, and spec 30, scenario 72
    fn two_checkouts_want_the_only_use(shop) {
        let discount = limited(shop, 1);
        let answers = at_once(2, |number| redeem(shop, discount.id, checkout(number)).unwrap());
        assert_eq!(answers.iter().filter(|redeemed| **redeemed).count(), 1);
        assert_eq!(counts(shop, discount.id), (1, 1));
    }

    fn forty_checkouts_want_the_last_five_uses(shop) {
        let discount = limited(shop, 7);
        for number in 100..102 {
            assert!(redeem(shop, discount.id, checkout(number)).unwrap());
        }
        let answers = at_once(40, |number| redeem(shop, discount.id, checkout(number)).unwrap());
        assert_eq!(answers.iter().filter(|redeemed| **redeemed).count(), 5);
        assert_eq!(counts(shop, discount.id), (7, 7));
        assert!(!redeem(shop, discount.id, checkout(200)).unwrap());
    }

    fn two_nodes_share_ten_uses(shop) {
        let discount = limited(shop, 10);
        let (nodes, id) = ([shop.store.clone(), shop.another_node()], discount.id);
        let answers = at_once(24, |number| {
            let redeemed: Result<bool> = nodes[number as usize % 2]
                .write_blocking(move |tx| discounts::redeem(tx, id, checkout(number)));
            redeemed.unwrap()
        });
        assert_eq!(answers.iter().filter(|redeemed| **redeemed).count(), 10);
        assert_eq!(counts(shop, discount.id), (10, 10));
    }

    fn one_checkout_that_confirms_many_times_redeems_once(shop) {
        let discount = limited(shop, 3);
        let answers = at_once(12, |_| redeem(shop, discount.id, checkout(1)).unwrap());
        assert!(answers.iter().all(|redeemed| *redeemed));
        assert_eq!(counts(shop, discount.id), (1, 1));
    }

    fn a_limit_that_is_lowered_meanwhile_is_never_passed_afterwards(shop) {
        let discount = limited(shop, 30);
        at_once(30, |number| {
            if number == 7 {
                let command = discounts::UpdateDiscount { max_redemptions: Patch::Value(5), ..Default::default() };
                update(shop, discount.id, command).unwrap();
            } else {
                redeem(shop, discount.id, checkout(number)).unwrap();
            }
        });
        let (counted, rows) = counts(shop, discount.id);
        assert_eq!(counted, rows);
        // What came before the change stays; from then on there are five, or none are left.
        assert!(counted >= 5, "{counted}");
        assert!(!redeem(shop, discount.id, checkout(100)).unwrap());
        assert_eq!(counts(shop, discount.id), (counted, rows));
    }

    fn a_deletion_stops_every_redemption_that_starts_after_it(shop) {
        let discount = limited(shop, 100);
        let (tenancy, id) = (shop.tenancy(), discount.id);
        at_once(12, |number| {
            if number == 5 {
                let tenancy = tenancy.clone();
                shop.write(move |tx| discounts::delete(tx, &tenancy, id)).unwrap();
                assert!(!redeem(shop, id, checkout(100)).unwrap());
            } else {
                redeem(shop, id, checkout(number)).unwrap();
            }
        });
        let (counted, rows) = counts(shop, discount.id);
        assert_eq!(counted, rows);
        assert!(counted <= 11);
    }

    fn any_sequence_of_redemptions_ends_at_the_limit(shop) {
        let mut runner = TestRunner::new(Config { cases: 12, ..Config::default() });
        runner
            .run(&(1i64..8, proptest::collection::vec(0u32..12, 0..24)), |(most, checkouts)| {
                let discount = limited(shop, most);
                let mut known = std::collections::BTreeSet::new();
                for number in &checkouts {
                    let has_room = i64::try_from(known.len()).unwrap() < most;
                    let expected = known.contains(number) || has_room;
                    prop_assert_eq!(redeem(shop, discount.id, checkout(*number)).unwrap(), expected);
                    if expected {
                        known.insert(*number);
                    }
                }
                let count = i64::try_from(known.len()).unwrap();
                prop_assert_eq!(counts(shop, discount.id), (count, count));
                Ok(())
            })
            .unwrap();
    }
}

fn checkout(number: u32) -> Uuid {
    Uuid::from_u128(0x4000_8000_0000_0000_0000 | u128::from(number))
}

fn redeem(shop: &Shop, id: Id<Discount>, checkout_id: Uuid) -> Result<bool> {
    shop.write(move |tx| discounts::redeem(tx, id, checkout_id))
}

/// What the discount counts, and how many redemptions there are.
fn counts(shop: &Shop, id: Id<Discount>) -> (i64, i64) {
    let sql = format!("SELECT {} FROM discount_redemptions WHERE discount_id = $1", Redemption::COLUMNS);
    let rows = shop.read(move |tx| Ok(tx.all::<Redemption>(&sql, &[&id])?)).unwrap();
    let ids = [id];
    let found = shop.read(move |tx| discounts::find_many(tx, &ids)).unwrap();
    if found[0].deleted_at.is_none() {
        assert_eq!(get(shop, id).unwrap().redemptions_count, found[0].redemptions_count);
    }
    (found[0].redemptions_count, count(&rows))
}
