//! What an organization shows to everybody.

use merak_core::customers::{self, Customer, UpdateCustomer};
use merak_core::kit::{Id, Kind, Metadata, Patch};
use merak_core::orders;
use merak_core::organizations::{self, Organization, ProfileSettingsPatch, UpdateOrganization};
use merak_core::products::{self, Product, RecurringInterval, UpdateProduct};
use merak_core::storefronts::{self, Storefront};
use serde_json::json;

use crate::support::*;

scenarios! {
    // spec 20 §2.7 and SF1
    fn a_storefront_is_there_once_it_is_enabled(shop) {
        assert_eq!(refusal(look(shop)).0, Kind::NotFound, "by default it is not");
        enable(shop, false);
        assert_eq!(refusal(look(shop)).0, Kind::NotFound);
        enable(shop, true);
        let front = look(shop).unwrap();
        assert_eq!((front.organization.id, front.products.len(), front.buyers, front.initials.len()), (shop.organization.id, 0, 0, 0));
        assert_eq!(refusal(shop.read(|tx| storefronts::get(tx, "nowhere"))).0, Kind::NotFound);
        shop.read(|tx| storefronts::get(tx, "FjordSoft")).unwrap();
        for column in ["blocked_at", "deleted_at"] {
            set(shop, column, true);
            assert_eq!(refusal(look(shop)).0, Kind::NotFound, "{column}");
            set(shop, column, false);
        }
        look(shop).unwrap();
    }

    fn the_newest_products_that_are_for_sale_are_shown(shop) {
        enable(shop, true);
        let (other, archived) = (shop.product(), shop.product());
        let command = UpdateProduct { is_archived: Some(true), ..UpdateProduct::default() };
        shop.change_product(archived.id, &command).unwrap();
        let mut newest = vec![other.id];
        for number in 0..3 {
            shop.advance(std::time::Duration::from_secs(1));
            let interval = (number % 2 == 0).then_some(RecurringInterval::Month);
            newest.insert(0, shop.product_with("Plan", &[fixed(interval, 900)]).id);
        }
        assert_eq!(ids(&look(shop).unwrap()), newest);
        let front = look(shop).unwrap();
        assert_eq!(front.products[0].prices.len(), 1);
        assert!(front.donation_product().is_none());

        // The newest of those that are marked; a text is no mark.
        for (id, mark) in [(newest[3], json!(true)), (newest[1], json!(true)), (newest[0], json!("true"))] {
            let metadata = Metadata::from_json(&json!({"donation_product": mark})).unwrap();
            let command = UpdateProduct { metadata: Some(metadata), ..UpdateProduct::default() };
            shop.change_product(id, &command).unwrap();
        }
        let front = look(shop).unwrap();
        assert_eq!(front.donation_product().map(|marked| marked.product.id), Some(newest[1]));

        // There is an end to it.
        let organization_id = shop.organization.id;
        shop.write(move |tx| {
            for number in 0..105 {
                let interval = (number % 2 == 0).then_some(RecurringInterval::Month);
                let command = new_product(organization_id, "Many", &[fixed(interval, 900)]);
                products::create(tx, &command)?;
            }
            Ok(())
        }).unwrap();
        let front = look(shop).unwrap();
        assert_eq!(front.products.len(), 100);
        assert!(front.products.windows(2).all(|two| two[0].product.created_at >= two[1].product.created_at));
    }

    fn buyers_are_counted_once_and_hinted_at(shop) {
        enable(shop, true);
        let product = shop.product();
        let (first, second, third, fourth, looker) =
            (shop.customer(), shop.customer(), shop.customer(), shop.customer(), shop.customer());
        rename(shop, &first, Some("Ada"));
        rename(shop, &third, Some("Łukasz"));
        rename(shop, &looker, Some("Zoe"));
        for customer in [&first, &second, &first, &third, &first, &fourth] {
            shop.advance(hours(1));
            buy(shop, &product, customer);
        }
        assert_eq!(hints(shop), (4, vec![String::from("A"), String::from("c"), String::from("Ł")]));

        // Who is deleted is neither counted nor hinted at, and buying again is no first time.
        delete(shop, &looker);
        assert_eq!(hints(shop).0, 4);
        delete(shop, &first);
        assert_eq!(hints(shop), (3, vec![String::from("c"), String::from("Ł"), String::from("c")]));
        buy(shop, &product, &second);
        assert_eq!(hints(shop).0, 3);

        // What others sell is theirs.
        let (_, other) = shop.another_organization();
        assert_eq!(shop.read(move |tx| customers::count_buyers(tx, other.id)).unwrap(), 0);
        assert!(shop.read(move |tx| customers::first_buyers(tx, other.id, 3)).unwrap().is_empty());
    }

    // What moves in from elsewhere counts, too, but for customers who are gone.
    fn imported_orders_make_buyers(shop) {
        enable(shop, true);
        let product = shop.product();
        let (here, gone) = (shop.customer(), shop.customer());
        delete(shop, &gone);
        for customer in [&here, &gone, &here] {
            let (id, product) = (customer.id, product.clone());
            shop.write(move |tx| {
                let order = orders::Order::of_nothing(Id::new(tx), &product, None, id, tx.now());
                orders::import(tx, &order)
            }).unwrap();
        }
        assert_eq!(hints(shop).0, 1);
    }
}

fn look(shop: &Shop) -> Result<Storefront> {
    shop.read(|tx| storefronts::get(tx, "fjordsoft"))
}

fn ids(front: &Storefront) -> Vec<Id<Product>> {
    front.products.iter().map(|shown| shown.product.id).collect()
}

fn hints(shop: &Shop) -> (i64, Vec<String>) {
    let front = look(shop).unwrap();
    let counted: i64 = shop
        .read(|tx| {
            Ok(tx.one(
                "SELECT count(DISTINCT customer_id) FROM orders JOIN customers ON customers.id = customer_id \
                 WHERE deleted_at IS NULL",
                &[],
            )?)
        })
        .unwrap();
    assert_eq!(front.buyers, counted);
    (front.buyers, front.initials)
}

fn enable(shop: &Shop, enabled: bool) {
    let (id, tenancy) = (shop.organization.id, shop.tenancy());
    let patch = ProfileSettingsPatch { enabled: Patch::Value(enabled), ..ProfileSettingsPatch::default() };
    let command = UpdateOrganization { profile_settings: Some(patch), ..UpdateOrganization::default() };
    shop.write(move |tx| organizations::update(tx, &tenancy, id, &command)).unwrap();
}

/// Sets or clears an instant of the organization.
fn set(shop: &Shop, column: &str, is_set: bool) {
    let (id, sql): (Id<Organization>, _) =
        (shop.organization.id, format!("UPDATE organizations SET {column} = $2 WHERE id = $1"));
    shop.write(move |tx| {
        let now = is_set.then_some(tx.now());
        Ok(tx.execute(&sql, &[&id, &now])?)
    })
    .unwrap();
}

fn buy(shop: &Shop, product: &Product, customer: &Customer) {
    let (product_id, customer_id) = (product.id, customer.id);
    shop.write(move |tx| orders::give(tx, product_id, customer_id)).unwrap();
}

fn rename(shop: &Shop, customer: &Customer, name: Option<&str>) {
    let (id, tenancy) = (customer.id, shop.tenancy());
    let name = name.map_or(Patch::Null, |name| Patch::Value(name.to_owned()));
    let command = UpdateCustomer { name, ..UpdateCustomer::default() };
    shop.write(move |tx| customers::update(tx, &tenancy, id, &command)).unwrap();
}

fn delete(shop: &Shop, customer: &Customer) {
    let (id, tenancy) = (customer.id, shop.tenancy());
    shop.write(move |tx| customers::delete(tx, &tenancy, id)).unwrap();
}
