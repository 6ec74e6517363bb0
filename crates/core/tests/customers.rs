//! Customers: one address, one customer of a shop; who sees them; and what their deletion ends.

use merak_core::search::Totals;
use std::time::Duration;

use merak_core::access::Subject;
use merak_core::benefits::BenefitType;
use merak_core::benefits::grants::Scope;
use merak_core::customers::{self, Customer, ListCustomers, UpdateCustomer};
use merak_core::kit::{
    Address, Country, Id, Imported, Kind, Metadata, Page, Paged, Patch, Result, TaxId, TaxIdFormat,
};
use merak_core::license_keys::Status;
use merak_core::{access, customer_sessions};
use serde_json::json;
use uuid::Uuid;

use crate::support::*;

scenarios! {
    // an index of PostgreSQL takes no text of any length
    fn a_name_from_elsewhere_that_fits_into_no_index_is_refused(shop) {
        let template = shop.customer();
        for (n, length) in [(1, 512), (2, 513), (3, 3000)] {
            let customer = Customer {
                id: Id::from_uuid(Uuid::from_u128(n)),
                email: format!("c{n}@example.com").parse().unwrap(),
                name: Some(noise(length)),
                ..template.clone()
            };
            let imported = shop.write(move |tx| customers::import(tx, customer.clone())).unwrap();
            assert_eq!(matches!(imported, Imported::Refused(_)), length > 512, "{imported:?}");
        }
    }

    fn a_customer_is_stored_as_given(shop) {
        let address: Address =
            serde_json::from_value(json!({ "country": "fr", "city": " ", "line1": " 1 rue de la Paix " })).unwrap();
        let metadata: Metadata = serde_json::from_str(r#"{"z":"5","a":5,"vip":true}"#).unwrap();
        let mut command = new_customer(shop.organization.id, "Éva.Lind@BÜCHER.example");
        command.name = Some(String::new());
        command.billing_address = Some(address);
        command.tax_id = Some(TaxId("zzz".into(), TaxIdFormat::UsEin));
        command.metadata = metadata.clone();
        let made = shop.write(move |tx| customers::create(tx, &command)).unwrap();
        let stored = get(shop, made.id).unwrap();
        assert_eq!(stored.email.as_str(), "Éva.Lind@bücher.example");
        assert_eq!((stored.name.as_deref(), stored.email_verified), (Some(""), false));
        let address = stored.billing_address.unwrap();
        assert_eq!((address.country, address.city), (Country::parse("FR").unwrap(), None));
        assert_eq!(address.line1.as_deref(), Some("1 rue de la Paix"));
        assert_eq!(stored.tax_id, Some(TaxId("zzz".into(), TaxIdFormat::UsEin)));
        assert_eq!(stored.metadata, metadata);
        assert_eq!((stored.created_at, stored.modified_at), (shop.now(), None));
    }

    fn an_address_belongs_to_one_customer_of_a_shop_in_any_letter_case(shop) {
        shop.customer_of(shop.organization.id, "nora@example.com").unwrap();
        for same in ["nora@example.com", "NORA@Example.COM", " Nora <nora@example.com>"] {
            let problem = field_problem(shop.customer_of(shop.organization.id, same));
            let sentence = "A customer with this email address already exists.";
            assert_eq!(problem, ("value_error", "body.email".into(), sentence.into()));
        }
        shop.customer_of(shop.organization.id, "nora.l@example.com").unwrap();
        let (_, other) = shop.another_organization();
        shop.customer_of(other.id, "nora@example.com").unwrap();
        assert_eq!(list(shop, None, &[], Page::default()).total, 2);
    }

    fn an_address_with_accents_belongs_to_one_customer_too(shop) {
        shop.customer_of(shop.organization.id, "ÉVA@example.com").unwrap();
        let problem = field_problem(shop.customer_of(shop.organization.id, "éva@example.com"));
        assert_eq!(problem.1, "body.email");
    }

    fn a_new_address_must_be_free_and_is_not_verified(shop) {
        let first = shop.customer_of(shop.organization.id, "first@example.com").unwrap();
        shop.customer_of(shop.organization.id, "second@example.com").unwrap();
        let id = first.id;
        shop.write(move |tx| {
            Ok(tx.changed_one("UPDATE customers SET email_verified = $2 WHERE id = $1", &[&id, &true])?)
        })
        .unwrap();
        let to = |address: &str| UpdateCustomer { email: Some(email(address)), ..UpdateCustomer::default() };
        let problem = field_problem(update(shop, first.id, to("SECOND@example.com")));
        assert_eq!((problem.0, problem.1.as_str()), ("value_error", "body.email"));
        let same = update(shop, first.id, to("First@Example.com")).unwrap();
        assert_eq!((same.email.as_str(), same.email_verified), ("First@example.com", true));
        shop.advance(hours(1));
        let command =
            UpdateCustomer { name: Patch::Value(String::from("Nora")), ..to("third@example.com") };
        let changed = update(shop, first.id, command).unwrap();
        assert_eq!((changed.email.as_str(), changed.email_verified), ("third@example.com", false));
        assert_eq!((changed.name.as_deref(), changed.modified_at), (Some("Nora"), Some(shop.now())));
        assert_eq!(get(shop, first.id).unwrap().email.as_str(), "third@example.com");
    }

    fn null_clears_and_what_is_left_out_stays(shop) {
        let customer = shop.customer();
        let address = Address::in_country(Country::parse("US").unwrap());
        let filled = UpdateCustomer {
            email: None,
            name: Patch::Value(String::from("Nora")),
            billing_address: Patch::Value(address.clone()),
            tax_id: Patch::Value(TaxId("1".into(), TaxIdFormat::EuVat)),
            metadata: Some(serde_json::from_str(r#"{"a":1}"#).unwrap()),
        };
        update(shop, customer.id, filled).unwrap();
        let cleared = UpdateCustomer { name: Patch::Null, tax_id: Patch::Null, ..UpdateCustomer::default() };
        update(shop, customer.id, cleared).unwrap();
        let stored = get(shop, customer.id).unwrap();
        assert_eq!((stored.name, stored.tax_id, stored.billing_address), (None, None, Some(address)));
        assert_eq!(stored.metadata.len(), 1);
    }

    fn an_empty_change_is_no_change(shop) {
        let customer = shop.customer();
        update(shop, customer.id, UpdateCustomer::default()).unwrap();
        assert_eq!(get(shop, customer.id).unwrap().modified_at, None);
    }

    fn a_deleted_customer_is_gone_and_its_address_free(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).unwrap();
        let customer = shop.customer_of(shop.organization.id, "nora@example.com").unwrap();
        let key = shop.key_of_grant(&shop.grant(&benefit, &customer, Scope::ByHand));
        let (secret, id) = (shop.secret.clone(), customer.id);
        let token = shop.write(move |tx| customer_sessions::create(tx, &secret, id)).unwrap().1;
        delete(shop, customer.id).unwrap();
        assert_eq!(refusal(get(shop, customer.id)).0, Kind::NotFound);
        assert_eq!(refusal(update(shop, customer.id, UpdateCustomer::default())).0, Kind::NotFound);
        assert_eq!(refusal(delete(shop, customer.id)).0, Kind::NotFound);
        assert_eq!(list(shop, None, &[], Page::default()).total, 0);
        let hash = shop.secret.hash(token.as_str());
        assert!(shop.read(move |tx| access::authenticate(tx, &hash, true)).unwrap().is_none());
        shop.run_jobs();
        assert_eq!(shop.find_key(key.id).status, Status::Revoked);
        shop.customer_of(shop.organization.id, "Nora@example.com").unwrap();
        assert_eq!(list(shop, None, &[], Page::default()).total, 1);
    }

    fn a_stranger_finds_no_customer(shop) {
        let customer = shop.customer();
        let (stranger, organization) = shop.another_organization();
        for subject in [
            Subject::Anonymous,
            Subject::User(stranger.id),
            Subject::Organization(organization.id),
            Subject::Customer(customer.id),
        ] {
            let tenancy = shop.tenancy_of(&actor(subject));
            let (own, id) = (tenancy.clone(), customer.id);
            assert_eq!(refusal(shop.read(move |tx| customers::get(tx, &own, id))).0, Kind::NotFound);
            assert_eq!(refusal(shop.write(move |tx| customers::delete(tx, &tenancy, id))).0, Kind::NotFound);
        }
        let tenancy = shop.tenancy_of(&actor(Subject::Organization(shop.organization.id)));
        let id = customer.id;
        shop.read(move |tx| customers::get(tx, &tenancy, id)).unwrap();
    }

    fn customers_are_listed_newest_first_unless_asked_otherwise(shop) {
        let mut ids = Vec::new();
        for (address, name) in [
            ("b@example.com", Some("Zoe")),
            ("A@example.com", None),
            ("c@example.com", Some("adam")),
            ("d@example.com", None),
        ] {
            let mut command = new_customer(shop.organization.id, address);
            command.name = name.map(String::from);
            ids.push(shop.write(move |tx| customers::create(tx, &command)).unwrap().id);
            shop.advance(Duration::from_millis(1));
        }
        let order = |sorting: &[&str]| {
            let page = list(shop, None, sorting, Page::default());
            page.items.iter().map(|customer| ids.iter().position(|id| *id == customer.id).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(order(&["-created_at"]), [3, 2, 1, 0]);
        assert_eq!(order(&["created_at"]), [0, 1, 2, 3]);
        assert_eq!(order(&["email"]), [1, 0, 2, 3]);
        assert_eq!(order(&["-email"]), [3, 2, 0, 1]);
        assert_eq!(order(&["name"]), [2, 0, 1, 3], "no name stands last going up");
        assert_eq!(order(&["-name"]), [3, 1, 0, 2], "and first going down");
        assert_eq!(order(&["name", "-created_at"]), [2, 0, 3, 1]);
    }

    fn pages_cover_a_list_without_overlap_in_every_order(shop) {
        for number in 0..7 {
            let mut command = new_customer(shop.organization.id, &format!("c{number}@example.com"));
            command.name = (number % 3 == 0).then(|| String::from("same"));
            shop.write(move |tx| customers::create(tx, &command)).unwrap();
        }
        for sorting in ["created_at", "-created_at", "email", "-email", "name", "-name"] {
            let whole = list(shop, None, &[sorting], Page::new(1, 100));
            assert_eq!((whole.total, whole.items.len()), (7, 7));
            let mut pages = Vec::new();
            for number in 1..=4 {
                pages.extend(list(shop, None, &[sorting], Page::new(number, 2)).items.into_iter().map(|c| c.id));
            }
            assert_eq!(pages, whole.items.iter().map(|c| c.id).collect::<Vec<_>>(), "{sorting}");
        }
        let beyond = list(shop, None, &["name"], Page::new(u32::MAX, 100));
        assert_eq!((beyond.total, beyond.items.len()), (7, 0));
    }

    fn lists_of_two_organizations_are_merged_in_order(shop) {
        let member = shop.member.id;
        let second = shop
            .write(move |tx| merak_core::organizations::create(tx, member, &new_organization("second-shop")))
            .unwrap();
        for (number, name) in [None, Some("b"), Some("a"), None, Some("c")].into_iter().enumerate() {
            let organization_id = if number % 2 == 0 { shop.organization.id } else { second.id };
            let mut command = new_customer(organization_id, &format!("c{number}@example.com"));
            command.name = name.map(String::from);
            shop.write(move |tx| customers::create(tx, &command)).unwrap();
            shop.advance(Duration::from_secs(1));
        }
        for (sorting, expected) in [
            ("-created_at", ["c4", "c3", "c2", "c1", "c0"]),
            ("name", ["c2", "c1", "c4", "c0", "c3"]),
            ("-name", ["c3", "c0", "c4", "c1", "c2"]),
            ("email", ["c0", "c1", "c2", "c3", "c4"]),
        ] {
            let mut found = Vec::new();
            for number in 1..=3 {
                let page = list(shop, None, &[sorting], Page::new(number, 2));
                assert_eq!(page.total, 5);
                found.extend(page.items.iter().map(|c| c.email.local().to_owned()));
            }
            assert_eq!(found, expected, "{sorting}");
        }
    }

    fn a_query_finds_address_or_name_in_any_letter_case(shop) {
        for (address, name) in [
            ("joe@example.com", None),
            ("x@example.com", Some("Big JOE Smith")),
            ("y@example.com", Some("100%_sure")),
            ("z@example.com", Some("ÉLODIE")),
        ] {
            let mut command = new_customer(shop.organization.id, address);
            command.name = name.map(String::from);
            shop.write(move |tx| customers::create(tx, &command)).unwrap();
        }
        for (query, found) in [
            ("JOE", 2),
            ("joe", 2),
            ("", 4),
            ("%", 1),
            ("_", 1),
            ("0%_S", 1),
            ("\\", 0),
            ("nobody", 0),
            ("élod", 1),
            ("' OR 1=1 --", 0),
        ] {
            let page = list(shop, Some(query), &[], Page::default());
            assert_eq!((page.total, count(&page.items)), (found, found), "{query:?}");
        }
    }

    fn a_portal_caller_acts_for_own_customers_only(shop) {
        let (own, other) = (shop.customer(), shop.customer());
        let (stranger, _) = shop.another_organization();
        let get = |subject, id| {
            let caller = actor(subject);
            shop.read(move |tx| customers::find_of_buyer(tx, &caller, id))
        };
        get(Subject::Customer(own.id), own.id).unwrap();
        assert_eq!(refusal(get(Subject::Customer(own.id), other.id)).0, Kind::NotFound);
        assert_eq!(refusal(get(Subject::User(stranger.id), own.id)).0, Kind::NotFound);
        let (customer, user) = (own.id, stranger.id);
        shop.write(move |tx| customers::link_user(tx, customer, user)).unwrap();
        get(Subject::User(stranger.id), own.id).unwrap();
        assert_eq!(refusal(get(Subject::Organization(shop.organization.id), own.id)).0, Kind::NotFound);
        let unknown = Id::from_uuid(Uuid::from_u128(1));
        assert_eq!(refusal(get(Subject::Customer(own.id), unknown)).0, Kind::NotFound);
    }

    fn two_creations_of_one_address_at_once_make_one_customer(shop) {
        let answers: Vec<Result<Customer>> = std::thread::scope(|scope| {
            let started: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| shop.customer_of(shop.organization.id, "nora@example.com")))
                .collect();
            started.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(made.len(), 1);
        for answer in refused {
            assert_eq!(field_problem(answer).1, "body.email");
        }
        assert_eq!(list(shop, None, &[], Page::default()).total, 1);
    }
}

fn get(shop: &Shop, id: Id<Customer>) -> Result<Customer> {
    let tenancy = shop.tenancy();
    shop.read(move |tx| customers::get(tx, &tenancy, id))
}

fn update(shop: &Shop, id: Id<Customer>, command: UpdateCustomer) -> Result<Customer> {
    let tenancy = shop.tenancy();
    shop.write(move |tx| customers::update(tx, &tenancy, id, &command))
}

fn delete(shop: &Shop, id: Id<Customer>) -> Result<()> {
    let tenancy = shop.tenancy();
    shop.write(move |tx| customers::delete(tx, &tenancy, id))
}

fn list(shop: &Shop, query: Option<&str>, sorting: &[&str], page: Page) -> Paged<Customer> {
    let tenancy = shop.tenancy();
    let sorting = sorting.iter().map(|text| text.parse().unwrap()).collect();
    let wanted = ListCustomers { query: query.map(String::from), sorting, page };
    shop.read(move |tx| customers::list(tx, &tenancy, &wanted, &Totals::default())).unwrap()
}

/// So many characters of four bytes each in which nothing repeats, so that no database can make them shorter.
fn noise(length: usize) -> String {
    let mut state = 1_u32;
    let letters = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from_u32(0x2_0000 + (state >> 16) % 0xa000).unwrap()
    });
    letters.take(length).collect()
}
