//! Finding customers by a part of their address or name: what is found follows every change, on both engines alike.

use merak_core::access::Tenancy;
use merak_core::customers::{self, Customer, CustomerSort, ListCustomers, UpdateCustomer};
use merak_core::jobs::{self, Job, Outcome};
use merak_core::kit::{Id, Page, Paged, Patch, Sort};
use merak_core::search::Totals;
use merak_core::search::{self, Noun};
use merak_store::Param;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::*;

scenarios! {
    fn letter_case_does_not_matter_in_any_script(shop) {
        for (number, name) in ["Žofie", "STRASSE", "ΟΔΥΣΣΕΥΣ", "женя", "李小龙", "İpek"].into_iter().enumerate() {
            named(shop, &format!("customer{number}@example.com"), name);
        }
        for (query, name) in [
            ("žOFIE", "Žofie"), ("straße", "STRASSE"), ("οδυσσευς", "ΟΔΥΣΣΕΥΣ"), ("ΣΣΕΥσ", "ΟΔΥΣΣΕΥΣ"), ("ЖЕН", "женя"),
            ("ж", "женя"), ("龙", "李小龙"), ("小龙", "李小龙"), ("李小龙", "李小龙"), ("i\u{307}PEK", "İpek"), ("ž", "Žofie"),
        ] {
            assert_eq!(found(shop, query), [name], "{query}");
        }
        for query in ["sofie", "ρ", "龙小", "zzz"] {
            assert!(found(shop, query).is_empty(), "{query}");
        }
    }

    fn wildcards_and_odd_letters_stand_for_themselves(shop) {
        named(shop, "first@example.com", "100%_sure A\\B 'quoted'");
        named(shop, "second@example.com", "1000 sure \" OR *");
        for (query, count) in [
            ("%_s", 1), ("0%", 1), ("_", 1), ("a\\b", 1), ("'quoted'", 1), ("\" or *", 1), ("sure", 2), ("100", 2), ("%%", 0),
            ("\"", 1), ("*", 1), ("NEAR(sure)", 0), ("marks:sure", 0), ("sure OR 100", 0),
        ] {
            assert_eq!(found(shop, query).len(), count, "{query}");
        }
    }

    // the end of an address and the beginning of a name are not one text
    fn address_and_name_are_two_texts(shop) {
        named(shop, "joe@example.com", "Nora");
        for query in ["comnora", "com nora", "com\u{1f}nora", "com\nnora", "com\tnora"] {
            assert!(found(shop, query).is_empty(), "{query:?}");
        }
        assert_eq!(found(shop, "nora"), ["Nora"]);
        assert_eq!(found(shop, ".com"), ["Nora"]);
    }

    fn a_change_is_found_and_what_was_before_is_not(shop) {
        let customer = named(shop, "before@example.com", "Before");
        let change = |command: UpdateCustomer| {
            let (tenancy, id) = (shop.tenancy(), customer.id);
            shop.write(move |tx| customers::update(tx, &tenancy, id, &command)).unwrap();
        };
        change(UpdateCustomer { email: Some(email("after@example.org")), ..UpdateCustomer::default() });
        assert_eq!((found(shop, "before@").len(), found(shop, "after@example.org").len()), (0, 1));
        change(UpdateCustomer { name: Patch::Value(String::from("Later")), ..UpdateCustomer::default() });
        assert_eq!((found(shop, "before").len(), found(shop, "later").len()), (0, 1));
        change(UpdateCustomer { name: Patch::Null, ..UpdateCustomer::default() });
        assert_eq!((found(shop, "later").len(), found(shop, "after").len()), (0, 1));
        change(UpdateCustomer { metadata: Some(customer.metadata.clone()), ..UpdateCustomer::default() });
        assert_eq!(found(shop, "after").len(), 1);
    }

    fn a_deleted_customer_is_not_found_and_leaves_nothing(shop) {
        let customer = named(shop, "gone@example.com", "Gone");
        named(shop, "stays@example.com", "Stays");
        let tenancy = shop.tenancy();
        shop.write(move |tx| customers::delete(tx, &tenancy, customer.id)).unwrap();
        assert!(found(shop, "gone").is_empty());
        assert_eq!(found(shop, "example.com"), ["Stays"]);
        assert_eq!(rows(shop, "customer_search"), 1);
        named(shop, "gone@example.com", "Gone again");
        assert_eq!(found(shop, "gone"), ["Gone again"]);
    }

    fn each_organization_finds_its_own(shop) {
        named(shop, "nora@example.com", "Ours");
        let (_, other) = shop.another_organization();
        shop.customer_of(other.id, "nora@example.org").unwrap();
        assert_eq!(found(shop, "nora"), ["Ours"]);
        let one = searched(shop, &Tenancy::of(other.id), "nora", Page::default());
        assert_eq!((one.total, one.items[0].email.as_str()), (1, "nora@example.org"));
        for query in ["nora", "no", "@"] {
            assert_eq!(searched(shop, &Tenancy::default(), query, Page::default()).total, 0);
        }
    }

    // customers that were there before the search are found after its job
    fn a_job_makes_earlier_customers_findable(shop) {
        let customers: Vec<Customer> = (0..450).map(|number| {
            named(shop, &format!("customer{number}@example.com"), &format!("Number {number:04}"))
        }).collect();
        shop.write(|tx| {
            let marks = tx.dialect("DELETE FROM customer_marks WHERE rowid > 0", "DELETE FROM customer_marks");
            tx.execute(marks, &[])?;
            Ok(tx.execute("DELETE FROM customer_search", &[])?)
        }).unwrap();
        assert!(found(shop, "0123").is_empty());
        let mut job = Job::Index { noun: Noun::Customers, after: None };
        let mut runs = 1;
        loop {
            let next = job.clone();
            match shop.write(move |tx| jobs::run(tx, &next)).unwrap() {
                Outcome::Next(next) => job = next,
                outcome => break assert_eq!(outcome, Outcome::Done),
            }
            runs += 1;
        }
        assert!(runs > 2, "{runs} runs");
        assert_eq!(found(shop, "number 0123"), ["Number 0123"]);
        assert_eq!(searched(shop, &shop.tenancy(), "number", Page::default()).total, 450);
        // Running it again changes nothing.
        let again = Job::Index { noun: Noun::Customers, after: Some(customers[440].id.uuid()) };
        shop.write(move |tx| jobs::run(tx, &again)).unwrap();
        assert_eq!(rows(shop, "customer_search"), 450);
    }

    // whatever is looked for, the answer is that of comparing every customer
    fn the_index_finds_what_comparing_all_finds(shop) {
        let mut all: Vec<Customer> = Vec::new();
        for (number, name) in [
            "Ann", "anna", "ANNABEL", "Änn", "an na", "nan", "", "Bananna", "Straße", "STRASSE 9", "na%na", "_ann_", "李安", "安",
        ].into_iter().enumerate() {
            all.push(named(shop, &format!("{}{number}@ann{}.example", ["ann", "na", "x"][number % 3], number % 4), name));
        }
        let letters = prop::sample::select(vec!["a", "n", "A", "N", "ä", "Ä", "ß", "s", "@", ".", "%", "_", " ", "0", "1", "安", "李", "ann"]);
        let query = prop::collection::vec(letters, 1..5).prop_map(|letters| letters.concat());
        let config = Config { cases: 150, failure_persistence: None, ..Config::default() };
        TestRunner::new(config).run(&query, |query| {
            let wanted = search::folded(&query);
            let mut expected: Vec<Id<Customer>> = all.iter().filter(|customer| {
                let texts = [customer.email.as_str(), customer.name.as_deref().unwrap_or_default()];
                texts.iter().any(|text| search::folded(text).contains(&wanted))
            }).map(|customer| customer.id).collect();
            expected.sort();
            let page = searched(shop, &shop.tenancy(), &query, Page::new(1, 100));
            let mut ids: Vec<Id<Customer>> = page.items.iter().map(|customer| customer.id).collect();
            ids.sort();
            prop_assert_eq!(page.total, i64::try_from(expected.len()).unwrap());
            prop_assert_eq!(ids, expected);
            Ok(())
        }).unwrap();
    }

    // pages of a search neither overlap nor leave anybody out, in every order
    fn pages_of_a_search_cover_it(shop) {
        for number in 0..25 {
            let name = (number % 3 > 0).then(|| format!("Name {}", number % 5));
            let mut command = new_customer(shop.organization.id, &format!("customer{number:02}@example.com"));
            command.name = name;
            shop.write(move |tx| customers::create(tx, &command)).unwrap();
        }
        for by in [CustomerSort::CreatedAt, CustomerSort::Email, CustomerSort::Name] {
            for sort in [Sort::asc(by), Sort::desc(by)] {
                let read = |number, limit| {
                    let wanted = ListCustomers { query: Some("CUSTOMER".into()), sorting: vec![sort], page: Page::new(number, limit) };
                    let tenancy = shop.tenancy();
                    shop.read(move |tx| customers::list(tx, &tenancy, &wanted, &Totals::default())).unwrap()
                };
                let whole: Vec<Id<Customer>> = read(1, 100).items.iter().map(|customer| customer.id).collect();
                assert_eq!(whole.len(), 25);
                let pages: Vec<Id<Customer>> = (1..=4).flat_map(|number| read(number, 7).items).map(|customer| customer.id).collect();
                assert_eq!(pages, whole, "{by:?}");
                assert_eq!((read(5, 7).items.len(), read(5, 7).total), (0, 25));
            }
        }
    }
}

fn named(shop: &Shop, address: &str, name: &str) -> Customer {
    let mut command = new_customer(shop.organization.id, address);
    command.name = Some(name.to_owned());
    shop.write(move |tx| customers::create(tx, &command)).unwrap()
}

fn searched(shop: &Shop, tenancy: &Tenancy, query: &str, page: Page) -> Paged<Customer> {
    let sorting = vec![Sort::asc(CustomerSort::CreatedAt)];
    let (tenancy, wanted) = (tenancy.clone(), ListCustomers { query: Some(query.to_owned()), sorting, page });
    shop.read(move |tx| customers::list(tx, &tenancy, &wanted, &Totals::default())).unwrap()
}

/// The names of the shop's customers that a query finds.
fn found(shop: &Shop, query: &str) -> Vec<String> {
    let page = searched(shop, &shop.tenancy(), query, Page::new(1, 100));
    assert_eq!(page.total, i64::try_from(page.items.len()).unwrap(), "{query}");
    page.items.into_iter().map(|customer| customer.name.unwrap_or_default()).collect()
}

fn rows(shop: &Shop, table: &'static str) -> i64 {
    shop.read(move |tx| Ok(tx.one(&format!("SELECT count(*) FROM {table}"), &[] as &[&dyn Param])?)).unwrap()
}
