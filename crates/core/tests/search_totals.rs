//! Totals of broad searches that are remembered: always what counting would give, whoever changes what meanwhile.

use merak_core::search::Totals;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use merak_core::customers::{self, Customer, ListCustomers, UpdateCustomer};
use merak_core::kit::{Id, Page, Paged, Patch, Result};
use merak_store::Store;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::*;

/// A query that is counted by reading everything: two letters of the alphabet say too little for an index.
const BROAD: &str = "ex";

/// Says so when it is dropped.
struct WhenDropped<'a>(&'a AtomicBool);

impl Drop for WhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

scenarios! {
    // whatever happens to customers, what is remembered is what counting gives
    fn a_remembered_total_follows_every_change(shop) {
        let step = (0..4_u8, any::<prop::sample::Index>(), prop::sample::select(vec!["Exa", "Nora", "ee", ""]));
        let steps = prop::collection::vec(step, 1..25);
        let config = Config { cases: 12, failure_persistence: None, ..Config::default() };
        TestRunner::new(config).run(&steps, |steps| {
            let totals = Arc::new(Totals::default());
            let mut customers: Vec<Id<Customer>> = Vec::new();
            for (step, which, name) in steps {
                let tenancy = shop.tenancy();
                match (step, customers.len()) {
                    (0, 1..) => {
                        let id = customers.swap_remove(which.index(customers.len()));
                        shop.write(move |tx| customers::delete(tx, &tenancy, id)).unwrap();
                    }
                    (1, 1..) => {
                        let id = customers[which.index(customers.len())];
                        let name = Patch::Value(name.to_owned());
                        let command = UpdateCustomer { name, ..UpdateCustomer::default() };
                        shop.write(move |tx| customers::update(tx, &tenancy, id, &command)).unwrap();
                    }
                    _ => {
                        let domain = if step == 2 { "example.com" } else { "mail.merak" };
                        let address = format!("c{}@{domain}", shop.number());
                        customers.push(shop.customer_of(shop.organization.id, &address).unwrap().id);
                    }
                }
                for query in [BROAD, "e", "a", "EX", "é", "mail", "~"] {
                    prop_assert_eq!(total(shop, query, &totals), counted(shop, query), "{}", query);
                }
            }
            Ok(())
        }).unwrap();
    }

    fn a_remembered_total_is_not_counted_again(shop) {
        let totals = Arc::new(Totals::default());
        for _ in 0..3 {
            shop.customer();
        }
        assert_eq!(total(shop, BROAD, &totals), 3);
        // Nobody but this test takes a row away without writing it down.
        shop.write(|tx| {
            Ok(tx.execute("DELETE FROM customer_search WHERE number = (SELECT max(number) FROM customer_search)", &[])?)
        }).unwrap();
        assert_eq!((total(shop, BROAD, &totals), counted(shop, BROAD)), (3, 2));
        shop.customer();
        assert_eq!((total(shop, BROAD, &totals), counted(shop, BROAD)), (4, 3));
    }

    // what lies too far back, or ahead of what a unit sees, is counted anew
    fn a_total_of_another_time_is_not_used(shop) {
        for (change, name) in [(5001, "too old"), (-1, "from the future")] {
            let totals = Arc::new(Totals::default());
            shop.customer();
            let before = total(shop, BROAD, &totals);
            shop.write(move |tx| {
                tx.execute("UPDATE search_clocks SET changes = changes + $1", &[&change])?;
                Ok(tx.execute("DELETE FROM customer_search WHERE number = (SELECT max(number) FROM customer_search)", &[])?)
            }).unwrap();
            assert_eq!(total(shop, BROAD, &totals), before - 1, "{name}");
            shop.write(move |tx| Ok(tx.execute("UPDATE search_clocks SET changes = changes + 10", &[])?)).unwrap();
        }
    }

    // matches that stand together behind many others: which come first is remembered, and is what looking gives
    fn the_first_matches_follow_every_change(shop) {
        crowd(shop);
        let step = (0..5_u8, any::<prop::sample::Index>(), prop::sample::select(vec!["Aaron", "Yves", "Zoe", ""]));
        let steps = prop::collection::vec(step, 1..8);
        let config = Config { cases: 5, failure_persistence: None, ..Config::default() };
        TestRunner::new(config).run(&steps, |steps| {
            let totals = Arc::new(Totals::default());
            for (step, which, name) in steps {
                let tenancy = shop.tenancy();
                let first = page(shop, ("z-fold", "name", Page::new(1, 100)), &Arc::default());
                let id = first.1[which.index(first.1.len())];
                match step {
                    0 => shop.write(move |tx| customers::delete(tx, &tenancy, id)).unwrap(),
                    1 | 2 => {
                        let name = Patch::Value(name.to_owned());
                        let command = UpdateCustomer { name, ..UpdateCustomer::default() };
                        shop.write(move |tx| customers::update(tx, &tenancy, id, &command)).map(drop).unwrap();
                    }
                    _ => {
                        let start = if step == 3 { "0.z-fold" } else { "0.other" };
                        let address = format!("{start}{}@example.org", shop.number());
                        shop.customer_of(shop.organization.id, &address).unwrap();
                    }
                }
                for sorting in ["email", "name", "-created_at"] {
                    for number in [1, 2, 1] {
                        let wanted = ("z-fold", sorting, Page::new(number, 7));
                        prop_assert_eq!(page(shop, wanted, &totals), page(shop, wanted, &Arc::default()));
                    }
                }
            }
            Ok(())
        }).unwrap();
    }

    fn an_empty_name_stands_where_the_plain_list_has_it(shop) {
        let (ann, ben) = (shop.customer().id, shop.customer().id);
        for (id, name) in [(ann, Patch::Null), (ben, Patch::Value(String::from("Ben"))), (ann, Patch::Value(String::new()))] {
            let (tenancy, command) = (shop.tenancy(), UpdateCustomer { name, ..UpdateCustomer::default() });
            shop.write(move |tx| customers::update(tx, &tenancy, id, &command)).unwrap();
        }
        assert_eq!(page(shop, ("", "name", Page::new(1, 1)), &Arc::default()), (2, vec![ann]));
        assert_eq!(page(shop, (BROAD, "name", Page::new(1, 1)), &Arc::default()), (2, vec![ann]));
    }

    fn the_first_matches_are_not_looked_for_again(shop) {
        crowd(shop);
        let totals = Arc::new(Totals::default());
        let nothing = Arc::new(Totals::default());
        let wanted = ("z-fold", "email", Page::new(1, 5));
        let before = page(shop, wanted, &totals);
        assert_eq!((before.0, before.1.len()), (120, 5));
        // Nobody but this test takes a row away without writing it down.
        let gone = before.1[0];
        shop.write(move |tx| Ok(tx.execute("DELETE FROM customer_search WHERE id = $1", &[&gone])?)).unwrap();
        assert_eq!(page(shop, wanted, &totals), before);
        assert_eq!(page(shop, ("z-fold", "email", Page::new(2, 2)), &totals).1, before.1[2..4], "another page");
        shop.customer_of(shop.organization.id, "0.other@example.org").unwrap();
        assert_eq!(page(shop, wanted, &totals), before, "what does not match changes nothing");
        let newcomer = shop.customer_of(shop.organization.id, "0.z-fold@example.org").unwrap().id;
        let after = page(shop, wanted, &totals);
        assert_eq!((after.0, after.1[0]), (121, newcomer));
        assert_eq!(after.1[1..], before.1[1..], "it was looked for anew");

        // What lies too far back, or ahead of what a unit sees, is looked for anew.
        for change in [5001, -1] {
            let gone = page(shop, wanted, &totals).1[0];
            shop.write(move |tx| {
                tx.execute("UPDATE search_clocks SET changes = changes + $1", &[&change])?;
                Ok(tx.execute("DELETE FROM customer_search WHERE id = $1", &[&gone])?)
            }).unwrap();
            assert_eq!(page(shop, wanted, &totals).1, page(shop, wanted, &nothing).1, "{change}");
            assert_eq!(page(shop, wanted, &totals).1[0], before.1[if change > 0 { 1 } else { 2 }]);
        }
    }

    // units that add and remove what stands first, seen by another node
    fn the_first_matches_are_those_of_the_unit_that_asks(shop) {
        crowd(shop);
        let nodes = [shop.store.clone(), shop.another_node()];
        let totals = Arc::new(Totals::default());
        let is_over = AtomicBool::new(false);
        let tenancy = shop.tenancy();
        let organization_id = shop.organization.id;
        at_once(3, |number| {
            if number > 0 {
                let mut asked = 0;
                while !is_over.load(Ordering::Relaxed) || asked < 20 {
                    let (tenancy, totals) = (tenancy.clone(), Arc::clone(&totals));
                    let wanted = sorted_list("z-fold", "email", Page::new(1, 5));
                    let found = read(&nodes[number as usize % 2], move |tx| {
                        let seen = customers::list(tx, &tenancy, &wanted, &totals)?;
                        let counted = customers::list(tx, &tenancy, &wanted, &Totals::default())?;
                        let ids = |page: Paged<Customer>| page.map(|customer| customer.id);
                        Ok((ids(seen), ids(counted)))
                    }).unwrap();
                    assert_eq!(found.0, found.1);
                    asked += 1;
                }
                return;
            }
            // Also if it ends badly, or the others would go on for ever.
            let _over = WhenDropped(&is_over);
            for turn in 0..12 {
                let address = format!("0.z-fold{turn}@example.org");
                let made: Result<Customer> = nodes[0]
                    .write_blocking(move |tx| customers::create(tx, &new_customer(organization_id, &address)));
                let (tenancy, id) = (tenancy.clone(), made.unwrap().id);
                if turn % 2 == 0 {
                    let gone: Result<()> = nodes[0].write_blocking(move |tx| customers::delete(tx, &tenancy, id));
                    gone.unwrap();
                }
            }
        });
    }

    fn few_changes_are_kept(shop) {
        let organization_id = shop.organization.id;
        shop.customer();
        shop.write(move |tx| {
            tx.execute("UPDATE search_clocks SET changes = 5498", &[])?;
            tx.execute("UPDATE search_changes SET number = 498", &[])?;
            for number in 0..3 {
                let address = format!("many{number}@example.com");
                customers::create(tx, &new_customer(organization_id, &address))?;
            }
            Ok(())
        }).unwrap();
        let kept: Vec<i64> =
            shop.read(|tx| Ok(tx.all("SELECT number FROM search_changes ORDER BY number", &[])?)).unwrap();
        assert_eq!(kept, [5499, 5500, 5501]);
    }

    fn each_organization_has_its_own_total(shop) {
        let totals = Arc::new(Totals::default());
        let member = shop.member.id;
        let command = new_organization("second");
        let second = shop.write(move |tx| merak_core::organizations::create(tx, member, &command)).unwrap().id;
        let (_, foreign) = shop.another_organization();
        shop.customer();
        shop.customer_of(foreign.id, "foreign@example.com").unwrap();
        for expected in 1..5 {
            assert_eq!(total(shop, BROAD, &totals), expected);
            shop.customer_of(second, &format!("second{expected}@example.com")).unwrap();
        }
        let tenancy = merak_core::access::Tenancy::of(foreign.id);
        let wanted = list_of(BROAD);
        let theirs = shop.read(move |tx| customers::list(tx, &tenancy, &wanted, &totals)).unwrap();
        assert_eq!((theirs.total, theirs.items.len()), (1, 1));
    }

    // each unit takes one away and puts another there, so that at no time there is another total
    fn a_total_is_exact_while_many_write(shop) {
        let mut customers: Vec<Id<Customer>> = (0..20).map(|_| shop.customer().id).collect();
        let mine: Vec<Vec<Id<Customer>>> = (0..4).map(|_| customers.split_off(customers.len() - 5)).collect();
        let nodes = [shop.store.clone(), shop.another_node()];
        let totals = [Arc::new(Totals::default()), Arc::new(Totals::default())];
        let is_over = AtomicBool::new(false);
        let tenancy = shop.tenancy();
        let asked = at_once(6, |number| {
            let node = number as usize % 2;
            if number >= 4 {
                let mut asked = 0;
                while !is_over.load(Ordering::Relaxed) || asked < 20 {
                    let (tenancy, wanted, totals) = (tenancy.clone(), list_of(BROAD), Arc::clone(&totals[node]));
                    let page = read(&nodes[node], move |tx| customers::list(tx, &tenancy, &wanted, &totals));
                    assert_eq!(page.unwrap().total, 20);
                    asked += 1;
                }
                return asked;
            }
            for (turn, id) in mine[number as usize].iter().enumerate() {
                let (tenancy, id, organization_id) = (tenancy.clone(), *id, shop.organization.id);
                let address = format!("new{number}.{turn}@example.org");
                let exchanged: Result<()> = nodes[node].write_blocking(move |tx| {
                    customers::delete(tx, &tenancy, id)?;
                    customers::create(tx, &new_customer(organization_id, &address))?;
                    Ok(())
                });
                exchanged.unwrap();
            }
            is_over.store(true, Ordering::Relaxed);
            0
        });
        assert!(asked.iter().sum::<i32>() >= 40);
        assert_eq!(counted(shop, BROAD), 20);
        let numbers: (i64, i64, i64) = shop.read(|tx| Ok(tx.one(
            "SELECT count(*), min(number), max(number) FROM search_changes", &[],
        )?)).unwrap();
        assert_eq!(numbers, (60, 1, 60), "there is no gap");
    }
}

/// Very many customers, and behind them, in most orders, those whose address has `z-fold` in it.
fn crowd(shop: &Shop) {
    let organization_id = shop.organization.id;
    let addresses: Vec<String> =
        (0..1020).map(|n| format!("{}{n:04}@example.com", if n < 900 { "a" } else { "z-fold" })).collect();
    for part in addresses.chunks(255) {
        let part = part.to_vec();
        shop.write(move |tx| {
            for address in &part {
                customers::create(tx, &new_customer(organization_id, address))?;
            }
            Ok(())
        })
        .unwrap();
    }
}

fn sorted_list(query: &str, sorting: &str, page: Page) -> ListCustomers {
    ListCustomers { query: Some(query.to_owned()), sorting: vec![sorting.parse().unwrap()], page }
}

/// The total and the ids of a page.
fn page(
    shop: &Shop,
    (query, sorting, page): (&str, &str, Page),
    totals: &Arc<Totals>,
) -> (i64, Vec<Id<Customer>>) {
    let (tenancy, totals) = (shop.tenancy(), Arc::clone(totals));
    let wanted = sorted_list(query, sorting, page);
    let found = shop.read(move |tx| customers::list(tx, &tenancy, &wanted, &totals)).unwrap();
    (found.total, found.items.into_iter().map(|customer| customer.id).collect())
}

fn list_of(query: &str) -> ListCustomers {
    ListCustomers { query: Some(query.to_owned()), sorting: Vec::new(), page: Page::default() }
}

fn read<T: Send + 'static>(
    store: &Store,
    unit: impl FnMut(&mut merak_store::ReadTx<'_>) -> Result<T> + Send + 'static,
) -> Result<T> {
    store.read_blocking(unit)
}

fn total(shop: &Shop, query: &str, totals: &Arc<Totals>) -> i64 {
    let (tenancy, wanted, totals) = (shop.tenancy(), list_of(query), Arc::clone(totals));
    shop.read(move |tx| customers::list(tx, &tenancy, &wanted, &totals)).unwrap().total
}

/// The total as a program says it that remembers nothing.
fn counted(shop: &Shop, query: &str) -> i64 {
    total(shop, query, &Arc::default())
}
