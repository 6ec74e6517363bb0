//! What holds for any sequence of changes of a product's prices and benefits.

use std::collections::BTreeSet;

use merak_core::benefits::BenefitType;
use merak_core::kit::{Id, Refusal};
use merak_core::products::{self, Price, PriceChange, RecurringInterval, UpdateProduct};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use crate::support::*;

/// An item of a list of prices, before it is known which prices there are.
#[derive(Clone, Copy, Debug)]
enum Item {
    /// The price that was made as the nth.
    Known(usize),
    /// A new one.
    New(Option<RecurringInterval>, i64),
}

fn item() -> impl Strategy<Value = Item> {
    let interval =
        prop_oneof![Just(None), Just(Some(RecurringInterval::Month)), Just(Some(RecurringInterval::Year))];
    prop_oneof![
        3 => (0usize..12).prop_map(Item::Known),
        2 => (interval, prop_oneof![Just(0), 50i64..5000]).prop_map(|(interval, cents)| Item::New(interval, cents)),
    ]
}

scenarios! {
    /// Issue 3, price archiving: kept prices are untouched, archived ones never come back, what results obeys the
    /// rules, and a refused change changes nothing.
    fn prices_are_kept_added_or_archived_for_good(shop) {
        let updates = proptest::collection::vec(proptest::collection::vec(item(), 0..4), 1..10);
        let mut runner = TestRunner::new(Config { cases: 24, ..Config::default() });
        runner
            .run(&updates, |updates| {
                let product = shop.product_with("Cloud", &[fixed(Some(RecurringInterval::Month), 900)]);
                let mut known: Vec<Price> = shop.complete(product.id).public.prices;
                let mut archived = BTreeSet::new();
                for update in updates {
                    let before = shop.complete(product.id).public.prices;
                    let changes: Vec<PriceChange> = update.iter().filter_map(|item| change(*item, &known)).collect();
                    let command = UpdateProduct { prices: Some(changes.clone()), ..UpdateProduct::default() };
                    let result = shop.change_product(product.id, &command);
                    let after = shop.complete(product.id).public;
                    let Ok(changed) = result else {
                        prop_assert!(matches!(result, Err(Refusal::Invalid(_))), "{result:?}");
                        prop_assert_eq!(after.prices, before);
                        continue;
                    };
                    prop_assert_eq!(changed.is_recurring, after.product.is_recurring);
                    prop_assert_eq!(products::check_prices(&after.prices), Ok(()));
                    prop_assert!(after.prices.iter().all(|price| !archived.contains(&price.id)));
                    prop_assert!(after.prices.is_sorted_by_key(|price| price.position));
                    let kept: Vec<&Price> =
                        before.iter().filter(|price| changes.contains(&PriceChange::Keep(price.id))).collect();
                    prop_assert_eq!(after.prices.iter().take(kept.len()).collect::<Vec<_>>(), kept);
                    let new = changes.iter().filter(|change| matches!(change, PriceChange::Add(_))).count();
                    let kept = after.prices.len() - new;
                    known.extend(after.prices.iter().skip(kept).cloned());
                    archived.extend(before.iter().filter(|price| !after.prices.contains(price)).map(|price| price.id));
                    prop_assert_eq!(
                        after.product.is_recurring,
                        after.prices.iter().all(|price| price.recurring_interval.is_some())
                    );
                }
                let ids: Vec<Id<Price>> = known.iter().map(|price| price.id).collect();
                let stored = shop.read(move |tx| products::find_prices(tx, &ids)).unwrap();
                prop_assert_eq!(stored.len(), known.len(), "no price is ever lost");
                for price in stored {
                    let first = known.iter().find(|known| known.id == price.id).unwrap();
                    prop_assert_eq!(price.is_archived, archived.contains(&price.id));
                    let as_made = Price { is_archived: false, modified_at: None, ..price };
                    prop_assert_eq!(&as_made, first, "a price never changes");
                }
                Ok(())
            })
            .unwrap();
    }

    /// Issue 3, benefit ordering: benefits stand as the last accepted list has them, repetitions left out.
    fn benefits_stand_as_the_last_list_has_them(shop) {
        let benefits: Vec<_> = (0..6).map(|_| shop.benefit(BenefitType::Custom, json!({})).unwrap().id).collect();
        let (_, other) = shop.another_organization();
        let foreign = shop.benefit_of(other.id, BenefitType::Custom, json!({})).unwrap().id;
        let lists = proptest::collection::vec(proptest::collection::vec(0usize..7, 0..8), 1..8);
        let mut runner = TestRunner::new(Config { cases: 24, ..Config::default() });
        runner
            .run(&lists, |lists| {
                let product = shop.product();
                let mut expected = Vec::new();
                for list in lists {
                    let wanted: Vec<_> =
                        list.iter().map(|n| benefits.get(*n).copied().unwrap_or(foreign)).collect();
                    let result = shop.set_benefits(product.id, &wanted);
                    prop_assert_eq!(result.is_ok(), !wanted.contains(&foreign));
                    if result.is_ok() {
                        let mut seen = BTreeSet::new();
                        expected = wanted.into_iter().filter(|id| seen.insert(*id)).collect();
                    }
                    let now: Vec<_> =
                        shop.complete(product.id).public.benefits.into_iter().map(|benefit| benefit.id).collect();
                    prop_assert_eq!(&now, &expected);
                }
                Ok(())
            })
            .unwrap();
    }
}

fn change(item: Item, known: &[Price]) -> Option<PriceChange> {
    match item {
        Item::Known(n) => known.get(n).map(|price| PriceChange::Keep(price.id)),
        Item::New(interval, 0) => Some(PriceChange::Add(free(interval))),
        Item::New(interval, cents) => Some(PriceChange::Add(fixed(interval, cents))),
    }
}
