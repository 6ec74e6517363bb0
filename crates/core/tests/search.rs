//! Finding products, discounts and custom fields by a part of their texts: what is found follows every change, on both
//! engines alike. Customers have a file of their own.

use merak_core::access::Tenancy;
use merak_core::custom_fields::{
    self, CreateCustomField, CustomField, CustomFieldSort, CustomFieldType, ListCustomFields, Properties,
    UpdateCustomField,
};
use merak_core::discounts::{self, CreateDiscount, Discount, ListDiscounts, Reduction, Span, UpdateDiscount};
use merak_core::jobs::Job;
use merak_core::kit::{Id, Metadata, Page, Paged, Patch, Sort};
use merak_core::organizations::Organization;
use merak_core::products::{self, ListProducts, Product, ProductSort, RecurringInterval, UpdateProduct};
use merak_core::search::Totals;
use merak_core::search::{self, Noun};
use merak_store::Tx;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use crate::support::*;

scenarios! {
    fn letter_case_and_wildcards_are_as_everywhere(shop) {
        for name in ["STRASSE 10", "100%_sure", "Žofie's", "李小龙", "A\\B \"c\""] {
            shop.product_with(name, &[fixed(None, 100)]);
            discount(shop, name, None);
            field(shop, name, &format!("field-{}", shop.number()), CustomFieldType::Text);
        }
        for (query, name) in [
            ("straße", "STRASSE 10"), ("e 1", "STRASSE 10"), ("%", "100%_sure"), ("0%_S", "100%_sure"), ("žOFIE", "Žofie's"),
            ("ž", "Žofie's"), ("龙", "李小龙"), ("小龙", "李小龙"), ("\\b", "A\\B \"c\""), ("\"C\"", "A\\B \"c\""), ("'", "Žofie's"),
        ] {
            assert_eq!(found_products(shop, query), [name], "{query}");
            assert_eq!(found_discounts(shop, query), [name], "{query}");
            assert_eq!(found_fields(shop, query), [name], "{query}");
        }
        for query in ["sofie", "龙小", "zzz", "s_r", "10 OR 100", "*"] {
            assert!(found_products(shop, query).is_empty(), "{query}");
            assert!(found_discounts(shop, query).is_empty(), "{query}");
            assert!(found_fields(shop, query).is_empty(), "{query}");
        }
        assert_eq!(found_products(shop, "").len(), 5);
    }

    fn a_long_query_is_compared_to_its_end(shop) {
        let name: String = (b'a'..=b'z').cycle().step_by(7).take(300).map(char::from).collect();
        shop.product_with(&name, &[fixed(None, 100)]);
        assert_eq!(found_products(shop, &name), [name.as_str()]);
        assert_eq!(found_products(shop, &name[1..]), [name.as_str()]);
        assert!(found_products(shop, &format!("{name}!")).is_empty());
        assert!(found_products(shop, &format!("{}!", &name[..299])).is_empty());
        assert!(found_products(shop, &"a".repeat(5000)).is_empty());
    }

    fn a_product_is_found_by_the_name_it_has(shop) {
        let product = shop.product_with("Before", &[fixed(None, 100)]);
        let named = |name: &str| UpdateProduct { name: Some(name.to_owned()), ..UpdateProduct::default() };
        shop.change_product(product.id, &named("After")).unwrap();
        assert_eq!((found_products(shop, "before").len(), found_products(shop, "after").len()), (0, 1));
        let archived = UpdateProduct { is_archived: Some(true), ..UpdateProduct::default() };
        shop.change_product(product.id, &archived).unwrap();
        assert_eq!(found_products(shop, "AFTER"), ["After"]);
        shop.change_product(product.id, &named("AFTER")).unwrap();
        assert_eq!(found_products(shop, "after"), ["AFTER"]);
    }

    fn a_discount_is_found_by_name_and_code(shop) {
        let sale = discount(shop, "Spring sale", Some("BLOOM10"));
        assert_eq!(found_discounts(shop, "bloom"), ["Spring sale"]);
        assert_eq!(found_discounts(shop, "RING S"), ["Spring sale"]);
        assert!(found_discounts(shop, "salebloom").is_empty(), "they are two texts");
        let change = |command: UpdateDiscount| {
            let (tenancy, id) = (shop.tenancy(), sale.id);
            shop.write(move |tx| discounts::update(tx, &tenancy, id, &command)).unwrap();
        };
        change(UpdateDiscount { code: Patch::Value("FROST20".parse().unwrap()), ..UpdateDiscount::default() });
        assert_eq!((found_discounts(shop, "bloom").len(), found_discounts(shop, "frost").len()), (0, 1));
        change(UpdateDiscount { code: Patch::Null, ..UpdateDiscount::default() });
        assert_eq!((found_discounts(shop, "frost").len(), found_discounts(shop, "spring").len()), (0, 1));
        change(UpdateDiscount { max_redemptions: Patch::Value(7), ..UpdateDiscount::default() });
        assert_eq!(found_discounts(shop, "spring").len(), 1);
        let (tenancy, id) = (shop.tenancy(), sale.id);
        shop.write(move |tx| discounts::delete(tx, &tenancy, id)).unwrap();
        assert!(found_discounts(shop, "spring").is_empty());
        assert_eq!(rows(shop, "discount_search"), 0);
    }

    fn a_field_is_found_by_name_and_slug(shop) {
        let vat = field(shop, "Tax number", "vat-id", CustomFieldType::Text);
        assert_eq!(found_fields(shop, "VAT-"), ["Tax number"]);
        assert_eq!(found_fields(shop, "x num"), ["Tax number"]);
        let (tenancy, id) = (shop.tenancy(), vat.id);
        let command = UpdateCustomField {
            r#type: CustomFieldType::Text,
            slug: Some("company".parse().unwrap()),
            name: None,
            properties: None,
            metadata: None,
        };
        shop.write(move |tx| custom_fields::update(tx, &tenancy, id, &command)).unwrap();
        assert_eq!((found_fields(shop, "vat").len(), found_fields(shop, "comp").len()), (0, 1));
        let tenancy = shop.tenancy();
        shop.write(move |tx| custom_fields::delete(tx, &tenancy, id)).unwrap();
        assert!(found_fields(shop, "tax").is_empty());
        assert_eq!(rows(shop, "custom_field_search"), 0);
    }

    fn each_organization_finds_its_own(shop) {
        let (_, other) = shop.another_organization();
        shop.product_with("Pencil", &[fixed(None, 100)]);
        discount(shop, "Pencil", None);
        field(shop, "Pencil", "pencil", CustomFieldType::Text);
        assert_eq!(products_of(shop, &Tenancy::of(other.id), "pencil"), (0, Vec::new()));
        let command = new_product(other.id, "Pencil case", &[fixed(None, 100)]);
        shop.write(move |tx| products::create(tx, &command)).unwrap();
        for query in ["pencil", "pe", "p", "case"] {
            let theirs = products_of(shop, &Tenancy::of(other.id), query);
            assert_eq!(theirs, (1, vec![String::from("Pencil case")]), "{query}");
            assert_eq!(products_of(shop, &Tenancy::default(), query), (0, Vec::new()));
        }
        assert_eq!(found_products(shop, "pencil"), ["Pencil"]);
        assert_eq!(found_discounts(shop, "pe"), ["Pencil"]);
        assert_eq!(found_fields(shop, "pe"), ["Pencil"]);
    }

    // who works for several finds in all of them
    fn several_organizations_are_searched_together(shop) {
        let second = second_organization(shop);
        for number in 0..8 {
            let organization_id = if number % 2 == 0 { shop.organization.id } else { second };
            let command = new_product(organization_id, &format!("Pen {number}"), &[fixed(None, 100)]);
            shop.write(move |tx| products::create(tx, &command)).unwrap();
            let command = new_field(organization_id, &format!("Pen {number}"), &format!("pen-{number}"), CustomFieldType::Text);
            shop.write(move |tx| custom_fields::create(tx, &command)).unwrap();
        }
        for query in ["pen", "pe", "n", "en "] {
            let (total, names) = products_of(shop, &shop.tenancy(), query);
            assert_eq!(total, 8, "{query}");
            assert_eq!(names, (0..8).map(|number| format!("Pen {number}")).collect::<Vec<_>>(), "{query}");
            assert_eq!(found_fields(shop, query).len(), 8, "{query}");
        }
        assert_eq!(found_products(shop, "n 5"), ["Pen 5"]);
        assert_eq!(found_fields(shop, "-5"), ["Pen 5"]);
    }

    // what was there before the search is found after its job
    fn jobs_make_earlier_things_findable(shop) {
        for number in 0..230 {
            field(shop, &format!("Field {number:03}"), &format!("f-{number}"), CustomFieldType::Text);
        }
        let (product, sale) = (shop.product_with("Early product", &[fixed(None, 1)]), discount(shop, "Early sale", Some("EARLY")));
        shop.write(|tx| {
            for noun in ["product", "discount", "custom_field"] {
                let rows = tx.dialect(" WHERE rowid > 0", "").to_owned();
                tx.execute(&format!("DELETE FROM {noun}_marks{rows}"), &[])?;
                tx.execute(&format!("DELETE FROM {noun}_search"), &[])?;
            }
            Ok(())
        }).unwrap();
        assert!(found_products(shop, "early").is_empty());
        assert!(found_fields(shop, "field").is_empty());
        for _ in 0..2 {
            // Running them again changes nothing.
            shop.write(|tx| {
                for noun in [Noun::Products, Noun::Discounts, Noun::CustomFields] {
                    merak_core::jobs::enqueue(tx, &Job::Index { noun, after: None })?;
                }
                Ok(())
            }).unwrap();
            shop.run_jobs();
            assert_eq!(found_products(shop, "early"), [product.name.as_str()]);
            assert_eq!(found_discounts(shop, "early"), [sale.name.as_str()]);
            assert_eq!(found_fields(shop, "field 229"), ["Field 229"]);
            assert_eq!(rows(shop, "custom_field_search"), 230);
        }
    }

    // filters beside a search leave what both leave, with the right total
    fn filters_and_a_search_go_together(shop) {
        let note = shop.benefit(merak_core::benefits::BenefitType::Custom, json!({})).unwrap().id;
        let monthly = Some(RecurringInterval::Month);
        for number in 0..24 {
            let interval = if number % 2 == 0 { monthly } else { None };
            let name = format!("{} {number}", if number % 3 == 0 { "Lamp" } else { "Desk" });
            let product = shop.product_with(&name, &[fixed(interval, 100)]);
            if number % 4 == 0 {
                shop.change_product(product.id, &UpdateProduct { is_archived: Some(true), ..UpdateProduct::default() }).unwrap();
            }
            if number % 6 == 0 {
                shop.set_benefits(product.id, &[note]).unwrap();
            }
            let kind = if number % 2 == 0 { CustomFieldType::Number } else { CustomFieldType::Text };
            field(shop, &name, &format!("f-{number}"), kind);
        }
        for query in ["lamp", "La", "m"] {
            let wanted = |is_archived, is_recurring, benefit_ids: &[_]| ListProducts {
                query: Some(query.to_owned()), is_archived, is_recurring, benefit_ids: benefit_ids.to_vec(), ..every()
            };
            for (wanted, expected) in [
                (wanted(None, None, &[]), 8),
                (wanted(Some(true), None, &[]), 2),
                (wanted(Some(false), None, &[]), 6),
                (wanted(None, Some(true), &[]), 4),
                (wanted(Some(false), Some(true), &[]), 2),
                (wanted(None, None, &[note]), 4),
                (wanted(Some(true), None, &[note]), 2),
            ] {
                let page = list(shop, &wanted);
                assert_eq!((page.total, count(&page.items)), (expected, expected), "{wanted:?}");
            }
            for (types, expected) in [
                (vec![CustomFieldType::Number], 4),
                (vec![CustomFieldType::Number, CustomFieldType::Text], 8),
                (vec![CustomFieldType::Date], 0),
            ] {
                let page = fields(shop, query, &types, Page::new(1, 100));
                assert_eq!((page.total, count(&page.items)), (expected, expected), "{query} {types:?}");
            }
        }
    }

    // the ways to a page (along the list, from the matches, with or without marks) give the same page
    fn every_way_to_a_page_gives_the_same(shop) {
        let organization_id = shop.organization.id;
        // What matches `late` stands together at one end of every order, what matches `even` is spread.
        shop.write(move |tx| {
            for number in 0..1300 {
                let place = if number < 1240 { "early" } else { "late" };
                let kind = if number % 2 == 0 { "even" } else { "odd" };
                let name = format!("{place} {number:04} {kind}@e.org");
                make_field(tx, &new_field(organization_id, &name, &format!("f-{number:04}"), CustomFieldType::Text))?;
            }
            Ok(())
        }).unwrap();
        for (query, total) in [
            ("late", 60), ("even", 650), ("early", 1240), ("ev", 650), ("la", 60), ("f-000", 10), ("early 0", 1000), ("0", 1138),
            ("-", 1300), ("late 1299", 1), ("a", 1300), ("rl", 1240), ("early 0123 odd", 1), ("early 0123 even", 0), ("0122 even@e.org", 1), ("even@e.org", 650), ("early@e.org", 0),
        ] {
            for by in [CustomFieldSort::CreatedAt, CustomFieldSort::Name, CustomFieldSort::Slug, CustomFieldSort::Type] {
                for sort in [Sort::asc(by), Sort::desc(by)] {
                    let read = |number, limit| {
                        let wanted = ListCustomFields {
                            query: Some(query.to_owned()), types: Vec::new(), sorting: vec![sort], page: Page::new(number, limit),
                        };
                        let tenancy = shop.tenancy();
                        shop.read(move |tx| custom_fields::list(tx, &tenancy, &wanted, &Totals::default())).unwrap()
                    };
                    let first = read(1, 100);
                    assert_eq!((first.total, count(&first.items)), (total, total.min(100)), "{query} {by:?}");
                    let tens: Vec<Id<CustomField>> = (1..=3).flat_map(|page| read(page, 10).items).map(|field| field.id).collect();
                    let expected: Vec<Id<CustomField>> = first.items.iter().take(30).map(|field| field.id).collect();
                    assert_eq!(tens, expected, "{query} {by:?}");
                    assert!(first.items.iter().all(|field| field.name.contains(query) || field.slug.as_str().contains(query)));
                }
            }
        }
    }

    // whatever is looked for, the answer is that of comparing every product
    fn the_index_finds_what_comparing_all_finds(shop) {
        let names = ["Ann", "anna", "ANNABEL", "Änn", "an na", "nan ", "Bananna", "Straße", "STRASSE 9", "na%na", "_ann_", "李安", "安安安"];
        for name in names {
            shop.product_with(name, &[fixed(None, 100)]);
        }
        let letters = prop::sample::select(vec!["a", "n", "A", "N", "ä", "Ä", "ß", "s", ".", "%", "_", " ", "9", "安", "李", "ann"]);
        let query = prop::collection::vec(letters, 1..5).prop_map(|letters| letters.concat());
        let config = Config { cases: 120, failure_persistence: None, ..Config::default() };
        TestRunner::new(config).run(&query, |query| {
            let wanted = search::folded(&query);
            let expected: Vec<String> =
                names.iter().filter(|name| search::folded(name).contains(&wanted)).map(|name| (*name).to_owned()).collect();
            prop_assert_eq!(found_products(shop, &query), expected);
            Ok(())
        }).unwrap();
    }
}

fn every() -> ListProducts {
    ListProducts {
        ids: Vec::new(),
        query: None,
        is_archived: None,
        is_recurring: None,
        benefit_ids: Vec::new(),
        sorting: vec![Sort::asc(ProductSort::CreatedAt)],
        page: Page::new(1, 100),
    }
}

fn list(shop: &Shop, wanted: &ListProducts) -> Paged<Product> {
    let (tenancy, wanted) = (shop.tenancy(), wanted.clone());
    shop.read(move |tx| products::list(tx, &tenancy, &wanted, &Totals::default())).unwrap()
}

/// The total, and the names in order.
fn products_of(shop: &Shop, tenancy: &Tenancy, query: &str) -> (i64, Vec<String>) {
    let (tenancy, wanted) = (tenancy.clone(), ListProducts { query: Some(query.to_owned()), ..every() });
    let page = shop.read(move |tx| products::list(tx, &tenancy, &wanted, &Totals::default())).unwrap();
    (page.total, page.items.into_iter().map(|product| product.name).collect())
}

/// The names of the products that a query finds.
fn found_products(shop: &Shop, query: &str) -> Vec<String> {
    let (total, names) = products_of(shop, &shop.tenancy(), query);
    assert_eq!(total, count(&names), "{query}");
    names
}

fn found_discounts(shop: &Shop, query: &str) -> Vec<String> {
    let sorting = vec!["created_at".parse().unwrap()];
    let wanted = ListDiscounts { query: Some(query.to_owned()), sorting, page: Page::new(1, 100) };
    let tenancy = shop.tenancy();
    let page = shop.read(move |tx| discounts::list(tx, &tenancy, &wanted, &Totals::default())).unwrap();
    assert_eq!(page.total, count(&page.items), "{query}");
    page.items.into_iter().map(|discount| discount.name).collect()
}

fn fields(shop: &Shop, query: &str, types: &[CustomFieldType], page: Page) -> Paged<CustomField> {
    let sorting = vec![Sort::asc(CustomFieldSort::CreatedAt)];
    let wanted = ListCustomFields { query: Some(query.to_owned()), types: types.to_vec(), sorting, page };
    let tenancy = shop.tenancy();
    shop.read(move |tx| custom_fields::list(tx, &tenancy, &wanted, &Totals::default())).unwrap()
}

fn found_fields(shop: &Shop, query: &str) -> Vec<String> {
    let page = fields(shop, query, &[], Page::new(1, 100));
    assert_eq!(page.total.min(100), count(&page.items), "{query}");
    page.items.into_iter().map(|field| field.name).collect()
}

fn discount(shop: &Shop, name: &str, code: Option<&str>) -> Discount {
    let command = CreateDiscount {
        organization_id: shop.organization.id,
        name: name.to_owned(),
        reduction: Reduction::Percentage { basis_points: 1000 },
        span: Span::Once,
        code: code.map(|code| code.parse().unwrap()),
        starts_at: None,
        ends_at: None,
        max_redemptions: None,
        products: Vec::new(),
        metadata: Metadata::default(),
    };
    shop.write(move |tx| discounts::create(tx, &command)).unwrap()
}

fn new_field(
    organization_id: Id<Organization>,
    name: &str,
    slug: &str,
    r#type: CustomFieldType,
) -> CreateCustomField {
    let (name, slug) = (name.to_owned(), slug.parse().unwrap());
    let (properties, metadata) = (Properties::default(), Metadata::default());
    CreateCustomField { organization_id, r#type, slug, name, properties, metadata }
}

fn field(shop: &Shop, name: &str, slug: &str, r#type: CustomFieldType) -> CustomField {
    let command = new_field(shop.organization.id, name, slug, r#type);
    shop.write(move |tx| custom_fields::create(tx, &command)).unwrap()
}

fn make_field(tx: &mut Tx<'_>, command: &CreateCustomField) -> merak_core::kit::Result<()> {
    custom_fields::create(tx, command)?;
    Ok(())
}

fn second_organization(shop: &Shop) -> Id<Organization> {
    let member = shop.member.id;
    shop.write(move |tx| merak_core::organizations::create(tx, member, &new_organization("second-shop")))
        .unwrap()
        .id
}

fn rows(shop: &Shop, table: &'static str) -> i64 {
    shop.read(move |tx| Ok(tx.one(&format!("SELECT count(*) FROM {table}"), &[])?)).unwrap()
}
