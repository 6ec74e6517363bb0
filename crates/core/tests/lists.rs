//! Lists over several tenants: every order, page and filter gives what a plain sort of all rows would give.

use merak_core::search::Totals;
use std::time::Duration;

use merak_core::customers::{self, Customer, ListCustomers};
use merak_core::kit::{Page, Sort};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::*;

scenarios! {
    fn any_page_of_any_order_is_a_slice_of_the_sorted_whole(shop) {
        let (organizations, rows) = fill(shop);
        let sortings = proptest::sample::subsequence(vec!["created_at", "-created_at", "email", "-email", "name", "-name"], 1..=3);
        let some = proptest::sample::subsequence((0..organizations.len()).collect::<Vec<_>>(), 0..=organizations.len());
        let mut runner = TestRunner::new(Config { cases: 60, ..Config::default() });
        runner
            .run(&(sortings.prop_shuffle(), some, 1u32..8, 1u32..12, 0usize..4), |(sorting, some, number, limit, query)| {
                let query = [None, Some("a"), Some("X"), Some("@")][query];
                let filter: Vec<_> = some.iter().map(|index| organizations[*index]).collect();
                let tenancy = shop.tenancy().narrowed(&filter);
                let mut expected: Vec<&Customer> = rows
                    .iter()
                    .filter(|row| tenancy.contains(row.organization_id) && matches(row, query))
                    .collect();
                expected.sort_by(|one, other| compare(one, other, &sorting));
                let page = Page::new(number, limit);
                let wanted = ListCustomers {
                    query: query.map(String::from),
                    sorting: sorting.iter().map(|text| text.parse().unwrap()).collect::<Vec<Sort<_>>>(),
                    page,
                };
                let listed = shop.read(move |tx| customers::list(tx, &tenancy, &wanted, &Totals::default())).unwrap();
                prop_assert_eq!(listed.total, count(&expected));
                let slice: Vec<_> = expected
                    .iter()
                    .skip(usize::try_from(page.offset()).unwrap())
                    .take(limit as usize)
                    .map(|row| row.id)
                    .collect();
                prop_assert_eq!(listed.items.iter().map(|row| row.id).collect::<Vec<_>>(), slice);
                Ok(())
            })
            .unwrap();
    }

    fn a_member_of_very_many_organizations_gets_the_same_lists(shop) {
        let member = shop.member.id;
        let ids = shop
            .write(move |tx| {
                let mut ids = Vec::new();
                for number in 0..70 {
                    let made = merak_core::organizations::create(tx, member, &new_organization(&format!("shop-{number}")))?;
                    let command = new_customer(made.id, &format!("c{:02}@example.com", 69 - number));
                    ids.push(customers::create(tx, &command)?.id);
                }
                Ok(ids)
            })
            .unwrap();
        let mut listed = Vec::new();
        for number in 1..=3 {
            let (tenancy, page) = (shop.tenancy(), Page::new(number, 30));
            let wanted = ListCustomers { query: None, sorting: vec!["email".parse().unwrap()], page };
            let page = shop.read(move |tx| customers::list(tx, &tenancy, &wanted, &Totals::default())).unwrap();
            assert_eq!(page.total, 70);
            listed.extend(page.items.into_iter().map(|customer| customer.id));
        }
        assert_eq!(listed, ids.into_iter().rev().collect::<Vec<_>>());
    }
}

/// Three organizations of the member with customers whose times, names and addresses are equal here and there.
fn fill(shop: &Shop) -> (Vec<merak_core::kit::Id<merak_core::organizations::Organization>>, Vec<Customer>) {
    let mut organizations = vec![shop.organization.id];
    for slug in ["second-shop", "third-shop"] {
        let member = shop.member.id;
        let made = shop
            .write(move |tx| merak_core::organizations::create(tx, member, &new_organization(slug)))
            .unwrap();
        organizations.push(made.id);
    }
    let names = [None, Some("alpha"), Some("Alpha"), Some("xenon"), None, Some("Beta"), Some("")];
    let mut rows = Vec::new();
    for number in 0..26 {
        let address = format!("{}{number}@example.com", if number % 4 == 0 { "A" } else { "b" });
        let mut command = new_customer(organizations[number % 7 % 3], &address);
        command.name = names[number % names.len()].map(String::from);
        rows.push(shop.write(move |tx| customers::create(tx, &command)).unwrap());
        if number % 3 == 0 {
            shop.advance(Duration::from_millis(1));
        }
    }
    (organizations, rows)
}

fn matches(row: &Customer, query: Option<&str>) -> bool {
    let Some(query) = query.map(str::to_lowercase) else { return true };
    row.email.lower().contains(&query)
        || row.name.as_ref().is_some_and(|name| name.to_lowercase().contains(&query))
}

/// Nulls last going up and first going down; equals by id in the direction of the first criterion.
fn compare(one: &Customer, other: &Customer, sorting: &[&str]) -> std::cmp::Ordering {
    let lower = |row: &Customer| row.name.as_ref().map(|name| name.to_lowercase());
    let mut order = std::cmp::Ordering::Equal;
    for criterion in sorting {
        let ascending = match criterion.trim_start_matches('-') {
            "created_at" => one.created_at.cmp(&other.created_at),
            "email" => one.email.lower().cmp(&other.email.lower()),
            _ => (lower(one).is_none(), lower(one)).cmp(&(lower(other).is_none(), lower(other))),
        };
        order = order.then(if criterion.starts_with('-') { ascending.reverse() } else { ascending });
    }
    let by_id = one.id.cmp(&other.id);
    order.then(if sorting[0].starts_with('-') { by_id.reverse() } else { by_id })
}
