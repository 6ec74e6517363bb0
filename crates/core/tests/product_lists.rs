//! Lists of products: filters, orders, totals, pages, and the indexes they are read from.

use std::sync::Arc;

use merak_core::access::Subject;
use merak_core::benefits::{self, Benefit, BenefitType};
use merak_core::kit::{Id, Page, Paged, Sort, SortProperty};
use merak_core::products::{
    self, ListProducts, PriceChange, Product, ProductSort, RecurringInterval, UpdateProduct,
};
use merak_core::search::Totals;
use serde_json::json;

use crate::support::*;

const MONTH: Option<RecurringInterval> = Some(RecurringInterval::Month);

scenarios! {
    /// P2: a caller sees the products of their own organizations.
    fn each_caller_lists_their_own(shop) {
        let product = shop.product();
        let (stranger, other) = shop.another_organization();
        for (subject, expected) in [
            (Subject::User(shop.member.id), 1),
            (Subject::Organization(shop.organization.id), 1),
            (Subject::User(stranger.id), 0),
            (Subject::Organization(other.id), 0),
            (Subject::Anonymous, 0),
        ] {
            let tenancy = shop.tenancy_of(&actor(subject));
            for wanted in [every(), ListProducts { ids: vec![product.id], ..every() }] {
                let (tenancy, wanted) = (tenancy.clone(), wanted.clone());
                let found = shop.read(move |tx| products::list(tx, &tenancy, &wanted, &Totals::default())).unwrap();
                assert_eq!((found.total, found.items.len()), (expected, usize::try_from(expected).unwrap()), "{subject:?}");
            }
        }
    }

    /// P4, P5, T-4: sorts of products, alone and together, with totals that are right.
    fn archived_and_recurring_products_are_told_apart(shop) {
        let once = shop.product();
        let monthly = shop.product_with("Monthly", &[fixed(MONTH, 900)]);
        let old = shop.product_with("Old", &[free(MONTH)]);
        archive(shop, old.id);
        for (is_archived, is_recurring, expected) in [
            (None, None, vec![once.id, monthly.id, old.id]),
            (Some(false), None, vec![once.id, monthly.id]),
            (Some(true), None, vec![old.id]),
            (None, Some(true), vec![monthly.id, old.id]),
            (None, Some(false), vec![once.id]),
            (Some(false), Some(true), vec![monthly.id]),
            (Some(true), Some(false), vec![]),
        ] {
            let wanted = ListProducts { is_archived, is_recurring, ..every() };
            assert_eq!(ids(shop, &wanted), expected, "{wanted:?}");
        }
        let change = UpdateProduct { prices: Some(vec![PriceChange::Add(fixed(MONTH, 1))]), ..UpdateProduct::default() };
        shop.change_product(once.id, &change).unwrap();
        assert_eq!(ids(shop, &ListProducts { is_recurring: Some(false), ..every() }), []);
        assert_eq!(ids(shop, &ListProducts { is_recurring: Some(true), ..every() }), [once.id, monthly.id, old.id]);
    }

    /// P6, T-5: products of any of the benefits, each counted once.
    fn products_of_benefits_are_counted_once(shop) {
        let (a, b, c) = (note(shop), note(shop), note(shop));
        let (one, two, three) = (shop.product(), shop.product(), shop.product());
        shop.set_benefits(one.id, &[a, b]).unwrap();
        shop.set_benefits(two.id, &[b, a]).unwrap();
        shop.set_benefits(three.id, &[b]).unwrap();
        archive(shop, two.id);
        for (benefits, expected) in [
            (vec![a], vec![one.id, two.id]),
            (vec![b], vec![one.id, two.id, three.id]),
            (vec![a, b], vec![one.id, two.id, three.id]),
            (vec![c], vec![]),
        ] {
            let wanted = ListProducts { benefit_ids: benefits, ..every() };
            assert_eq!(ids(shop, &wanted), expected, "{wanted:?}");
        }
        let live = ListProducts { benefit_ids: vec![a], is_archived: Some(false), ..every() };
        assert_eq!(ids(shop, &live), [one.id]);
        let named = ListProducts { benefit_ids: vec![a], ids: vec![one.id, three.id], ..every() };
        assert_eq!(ids(shop, &named), [one.id]);
        let called = ListProducts { benefit_ids: vec![b], query: Some(three.name.clone()), ..every() };
        assert_eq!(ids(shop, &called), [three.id]);
    }

    /// T-5 for a benefit that comes with very many products, whose list is read in another way.
    fn products_of_a_common_benefit_are_found_too(shop) {
        let (common, rare) = (note(shop), note(shop));
        let first = shop.product();
        copies(shop, &first, 1200);
        shop.set_benefits(first.id, &[common, rare]).unwrap();
        let organization_id = shop.organization.id;
        shop.write(move |tx| {
            tx.execute(
                "INSERT INTO product_benefits (product_id, benefit_id, position) SELECT id, $1, 0 FROM products \
                 WHERE organization_id = $2 AND id <> $3",
                &[&common, &organization_id, &first.id],
            )?;
            let count = "UPDATE product_benefit_counts SET products = 1201 WHERE benefit_id = $1";
            Ok(tx.execute(count, &[&common])?)
        })
        .unwrap();
        let wanted = ListProducts { benefit_ids: vec![common], page: Page::new(1, 2), ..every() };
        let found = list(shop, &wanted);
        assert_eq!((found.total, found.items[0].id, found.items.len()), (1201, first.id, 2));
        let both = list(shop, &ListProducts { benefit_ids: vec![common, rare], page: Page::new(13, 100), ..every() });
        assert_eq!((both.total, both.items.len()), (1201, 1));
        let archived = list(shop, &ListProducts { benefit_ids: vec![common], is_archived: Some(true), ..every() });
        assert_eq!((archived.total, archived.items.len()), (0, 0));
        assert_eq!(ids(shop, &ListProducts { benefit_ids: vec![rare], ..every() }), [first.id]);
        let (stranger, _) = shop.another_organization();
        let tenancy = shop.tenancy_of(&actor(Subject::User(stranger.id)));
        let theirs = shop.read(move |tx| products::list(tx, &tenancy, &wanted, &Totals::default())).unwrap();
        assert_eq!((theirs.total, theirs.items.len()), (0, 0));
    }

    /// The total of several benefits of very many is remembered, and is what counting gives whatever changes.
    fn the_total_of_several_benefits_follows_every_change(shop) {
        let (common, rare, third) = (note(shop), note(shop), note(shop));
        let first = shop.product();
        let outsider = shop.product();
        copies(shop, &first, 1100);
        let organization_id = shop.organization.id;
        shop.write(move |tx| {
            tx.execute(
                "INSERT INTO product_benefits (product_id, benefit_id, position) SELECT id, $1, 0 FROM products \
                 WHERE organization_id = $2 AND id <> $3",
                &[&common, &organization_id, &outsider.id],
            )?;
            let count = "INSERT INTO product_benefit_counts (benefit_id, is_archived, is_recurring, products) \
                         VALUES ($1, FALSE, FALSE, 1101)";
            Ok(tx.execute(count, &[&common])?)
        })
        .unwrap();
        let totals = Arc::new(Totals::default());
        let both = ListProducts { benefit_ids: vec![common, rare], ..every() };
        let turned = ListProducts { benefit_ids: vec![rare, common, rare], ..every() };
        let sold = ListProducts { is_archived: Some(false), ..both.clone() };
        let others = ListProducts { benefit_ids: vec![common, rare, third], ..every() };
        let all = [&both, &turned, &sold, &others];
        let known = |totals: &Arc<Totals>| all.map(|wanted| list_with(shop, wanted, totals).total);
        let check = |expected| {
            assert_eq!((known(&totals), known(&Arc::default())), (expected, expected));
            assert_eq!(known(&totals), expected, "as it is remembered");
        };
        check([1101; 4]);
        shop.set_benefits(outsider.id, &[third]).unwrap();
        check([1101, 1101, 1101, 1102]);
        shop.set_benefits(outsider.id, &[third, rare]).unwrap();
        check([1102; 4]);
        archive(shop, first.id);
        check([1102, 1102, 1101, 1102]);
        shop.set_benefits(first.id, &[]).unwrap();
        check([1101; 4]);
        shop.product();
        check([1101; 4]);
        let last = ListProducts { page: Page::new(12, 100), ..both.clone() };
        assert_eq!(list_with(shop, &last, &totals).items.len(), 1);
        let beyond = ListProducts { page: Page::new(13, 100), ..both.clone() };
        let beyond = list_with(shop, &beyond, &totals);
        assert_eq!((beyond.total, beyond.items.len()), (1101, 0));

        // Nobody but this test takes a row away without the clock.
        shop.write(move |tx| {
            Ok(tx.execute("DELETE FROM product_benefits WHERE product_id = $1", &[&outsider.id])?)
        })
        .unwrap();
        assert_eq!((known(&totals), known(&Arc::default())), ([1101; 4], [1100; 4]), "it is not counted again");
        shop.set_benefits(outsider.id, &[third]).unwrap();
        check([1100, 1100, 1100, 1101]);

        let tenancy = shop.tenancy();
        shop.write(move |tx| benefits::delete(tx, &tenancy, common)).unwrap();
        check([0, 0, 0, 1]);
        let (stranger, _) = shop.another_organization();
        let tenancy = shop.tenancy_of(&actor(Subject::User(stranger.id)));
        let theirs = shop.read(move |tx| products::list(tx, &tenancy, &both, &totals)).unwrap();
        assert_eq!((theirs.total, theirs.items.len()), (0, 0));
    }

    /// P3 and spec 20 §2.3: every sort key in both directions, equals by id.
    fn every_order_is_right(shop) {
        let mut products = Vec::new();
        for (name, prices) in [
            ("Zebra", vec![fixed(None, 1999)]),
            ("apple", vec![free(None)]),
            ("Élan", vec![chosen(None)]),
            ("mango", vec![chosen(Some(500))]),
            ("Beta", vec![fixed(MONTH, 900)]),
            ("alpha", vec![free(MONTH)]),
        ] {
            products.push(shop.product_with(name, &prices).id);
            shop.advance(hours(1));
        }
        let without = shop.product();
        shop.write(move |tx| {
            tx.execute("UPDATE product_prices SET is_archived = TRUE WHERE product_id = $1", &[&without.id])?;
            let greatest = i64::MAX;
            Ok(tx.execute(
                "UPDATE products SET name = 'zz', first_price_type = $2, first_price_amount_type = $2, \
                 first_price_amount = $2 WHERE id = $1",
                &[&without.id, &greatest],
            )?)
        })
        .unwrap();
        products.push(without.id);
        let order = |sorting: &str| -> Vec<usize> {
            let wanted = ListProducts { sorting: sorted(sorting), ..every() };
            ids(shop, &wanted).iter().map(|id| products.iter().position(|known| known == id).unwrap()).collect()
        };
        assert_eq!(order("created_at"), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(order("-created_at"), [6, 5, 4, 3, 2, 1, 0]);
        assert_eq!(order("name"), [5, 1, 4, 3, 0, 6, 2]);
        assert_eq!(order("-name"), [2, 6, 0, 3, 4, 1, 5]);
        assert_eq!(order("price_type"), [0, 1, 2, 3, 4, 5, 6], "what has no price stands last");
        assert_eq!(order("-price_type"), [6, 5, 4, 3, 2, 1, 0]);
        assert_eq!(order("price_amount_type"), [1, 5, 2, 3, 0, 4, 6]);
        assert_eq!(order("-price_amount_type"), [6, 4, 0, 3, 2, 5, 1]);
        assert_eq!(order("price_amount"), [1, 5, 2, 3, 4, 0, 6]);
        assert_eq!(order("-price_amount"), [6, 0, 4, 3, 2, 5, 1]);
    }

    fn a_query_finds_a_part_of_the_name(shop) {
        for name in ["Desktop app", "50% off_all", "ÉLAN"] {
            shop.product_with(name, &[fixed(None, 100)]);
        }
        for (query, expected) in
            [("DESK", 1), ("p a", 1), ("%", 1), ("_", 1), ("élan", 1), ("", 3), ("zzz", 0), ("d_s", 0)]
        {
            let found = list(shop, &ListProducts { query: Some(query.to_owned()), ..every() });
            assert_eq!((found.total, count(&found.items)), (expected, expected), "{query}");
        }
    }

    fn pages_cover_the_list_without_overlap_in_every_order(shop) {
        let second = {
            let member = shop.member.id;
            shop.write(move |tx| merak_core::organizations::create(tx, member, &new_organization("second"))).unwrap()
        };
        for n in 0..9 {
            let prices = if n % 3 == 0 { [fixed(MONTH, 900)] } else { [fixed(None, 100 * (n % 2) + 100)] };
            let organization_id = if n % 2 == 0 { shop.organization.id } else { second.id };
            let command = new_product(organization_id, if n < 4 { "same" } else { "other" }, &prices);
            let product = shop.write(move |tx| products::create(tx, &command)).unwrap();
            if n == 5 {
                archive(shop, product.id);
            }
        }
        for sorting in ProductSort::SPELLINGS {
            let whole = list(shop, &ListProducts { sorting: sorted(sorting), page: Page::new(1, 100), ..every() });
            assert_eq!((whole.total, whole.items.len()), (9, 9));
            let mut pages = Vec::new();
            for number in 1..=5 {
                let wanted = ListProducts { sorting: sorted(sorting), page: Page::new(number, 2), ..every() };
                pages.extend(list(shop, &wanted).items.into_iter().map(|product| product.id));
            }
            assert_eq!(pages, whole.items.iter().map(|product| product.id).collect::<Vec<_>>(), "{sorting}");
        }
    }

    /// The totals that commands keep are what counting would give.
    fn totals_are_what_counting_gives(shop) {
        let benefit = note(shop);
        for n in 0..6 {
            let product = shop.product_with("One", &if n % 2 == 0 { [fixed(MONTH, 900)] } else { [fixed(None, 900)] });
            if n > 3 {
                archive(shop, product.id);
            }
            shop.set_benefits(product.id, &[benefit]).unwrap();
            if n == 0 {
                archive(shop, product.id);
            }
            if n == 1 {
                let prices = Some(vec![PriceChange::Add(fixed(MONTH, 1))]);
                shop.change_product(product.id, &UpdateProduct { prices, ..UpdateProduct::default() }).unwrap();
            }
            if n == 2 {
                shop.set_benefits(product.id, &[]).unwrap();
            }
        }
        let counts = "SELECT (SELECT CAST(sum(products) AS bigint) FROM product_counts) - (SELECT count(*) FROM products), \
             (SELECT CAST(sum(products) AS bigint) FROM product_benefit_counts) - (SELECT count(*) FROM product_benefits), \
             (SELECT count(*) FROM product_counts WHERE products <> (SELECT count(*) FROM products \
              WHERE products.is_archived = product_counts.is_archived \
              AND products.is_recurring = product_counts.is_recurring)), \
             (SELECT count(*) FROM product_benefit_counts AS counts WHERE counts.products <> (SELECT count(*) \
              FROM product_benefits JOIN products ON products.id = product_benefits.product_id \
              WHERE product_benefits.benefit_id = counts.benefit_id AND products.is_archived = counts.is_archived \
              AND products.is_recurring = counts.is_recurring))";
        let differences: (i64, i64, i64, i64) = shop.read(move |tx| Ok(tx.one(counts, &[])?)).unwrap();
        assert_eq!(differences, (0, 0, 0, 0));
    }
}

fn every() -> ListProducts {
    ListProducts {
        ids: Vec::new(),
        query: None,
        is_archived: None,
        is_recurring: None,
        benefit_ids: Vec::new(),
        sorting: sorted("created_at"),
        page: Page::default(),
    }
}

fn sorted(text: &str) -> Vec<Sort<ProductSort>> {
    vec![text.parse().unwrap()]
}

fn list(shop: &Shop, wanted: &ListProducts) -> Paged<Product> {
    list_with(shop, wanted, &Arc::default())
}

fn list_with(shop: &Shop, wanted: &ListProducts, totals: &Arc<Totals>) -> Paged<Product> {
    let (tenancy, wanted, totals) = (shop.tenancy(), wanted.clone(), Arc::clone(totals));
    shop.read(move |tx| products::list(tx, &tenancy, &wanted, &totals)).unwrap()
}

/// The ids of a page that must be the whole list.
#[track_caller]
fn ids(shop: &Shop, wanted: &ListProducts) -> Vec<Id<Product>> {
    let found = list(shop, wanted);
    assert_eq!(found.total, count(&found.items), "{wanted:?}");
    found.items.into_iter().map(|product| product.id).collect()
}

fn archive(shop: &Shop, id: Id<Product>) {
    shop.change_product(id, &UpdateProduct { is_archived: Some(true), ..UpdateProduct::default() }).unwrap();
}

fn note(shop: &Shop) -> Id<Benefit> {
    shop.benefit(BenefitType::Custom, json!({})).unwrap().id
}

/// Makes so many products like this one, an hour later each.
fn copies(shop: &Shop, product: &Product, count: i64) {
    let command = new_product(product.organization_id, "A copy", &[fixed(None, 100)]);
    shop.advance(hours(1));
    shop.write(move |tx| {
        for _ in 0..count {
            products::create(tx, &command)?;
        }
        Ok(())
    })
    .unwrap();
}
