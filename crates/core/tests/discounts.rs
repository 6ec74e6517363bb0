//! Discounts: their codes, their products, what of them can change, and who sees them.

use merak_core::search::Totals;
use std::time::Duration;

use merak_core::access::Subject;
use merak_core::discounts::{
    self, CreateDiscount, Discount, DiscountDuration, DiscountType, ListDiscounts, Reduction, Span,
    UpdateDiscount, rules,
};
use merak_core::kit::{Cents, Currency, Id, Kind, Metadata, Page, Paged, Patch, Result};
use merak_core::organizations::{self, Organization};
use merak_core::products::{self, Product};
use uuid::Uuid;

use crate::support::{self, *};

scenarios! {
    // spec 20 §5.1
    fn each_shape_is_stored_as_given(shop) {
        for (reduction, span) in [
            (fixed(500), Span::Once),
            (fixed(0), Span::Months(3)),
            (percentage(1), Span::Forever),
            (percentage(10_000), Span::Months(1)),
        ] {
            let mut command = new_discount(shop.organization.id);
            (command.reduction, command.span) = (reduction, span);
            command.starts_at = Some(shop.now());
            command.ends_at = Some(shop.now().add_seconds(1));
            command.max_redemptions = Some(5);
            command.metadata = serde_json::from_str(r#"{"a":1}"#).unwrap();
            let made = create(shop, command).unwrap();
            let stored = get(shop, made.id).unwrap();
            assert_eq!(stored, made);
            assert_eq!((stored.reduction(), stored.span()), (reduction, span));
            assert_eq!((stored.starts_at, stored.max_redemptions), (Some(shop.now()), Some(5)));
            assert_eq!((stored.redemptions_count, stored.metadata.len(), stored.modified_at), (0, 1, None));
        }
    }

    /// D7
    fn a_code_is_found_in_any_letter_case_and_shown_as_it_was_given(shop) {
        let made = coded(shop, "FooBarÉ").unwrap();
        let organization_id = shop.organization.id;
        for typed in ["FooBarÉ", "foobaré", "FOOBARÉ", " FoObArÉ "] {
            let code = typed.parse().unwrap();
            let found = shop.read(move |tx| discounts::find_by_code(tx, organization_id, &code)).unwrap().unwrap();
            assert_eq!((found.id, found.code.unwrap().as_str()), (made.id, "FooBarÉ"));
        }
        let (_, other) = shop.another_organization();
        for (organization_id, code) in [(other.id, "FooBarÉ"), (organization_id, "FooBar")] {
            let code = code.parse().unwrap();
            assert!(shop.read(move |tx| discounts::find_by_code(tx, organization_id, &code)).unwrap().is_none());
        }
    }

    /// D8 and D13
    fn a_code_belongs_to_one_live_discount_in_any_letter_case(shop) {
        let first = coded(shop, "Sale10é").unwrap();
        let taken = ("value_error", "body.code".into(), "A discount with this code already exists.".into());
        for code in ["Sale10é", "SALE10É"] {
            assert_eq!(field_problem(coded(shop, code)), taken);
        }
        let second = coded(shop, "other").unwrap();
        let rename = |code: &str| UpdateDiscount { code: Patch::Value(code.parse().unwrap()), ..no_change() };
        assert_eq!(field_problem(update(shop, second.id, rename("sale10é"))), taken);
        assert_eq!(update(shop, first.id, rename("SALE10É")).unwrap().code.unwrap().as_str(), "SALE10É");
        delete(shop, first.id).unwrap();
        assert_eq!(update(shop, second.id, rename("Sale10É")).unwrap().code.unwrap().as_str(), "Sale10É");
        assert_eq!(field_problem(coded(shop, "sale10é")), taken);
        let cleared = update(shop, second.id, UpdateDiscount { code: Patch::Null, ..no_change() }).unwrap();
        assert_eq!(cleared.code, None);
        coded(shop, "sale10é").unwrap();
        for _ in 0..2 {
            create(shop, new_discount(shop.organization.id)).unwrap();
        }
        let (_, other) = shop.another_organization();
        let command = CreateDiscount { code: Some("sale10é".parse().unwrap()), ..new_discount(other.id) };
        shop.write(move |tx| discounts::create(tx, &command)).unwrap();
    }

    /// D10
    fn a_discount_starts_before_it_ends(shop) {
        let now = shop.now();
        let with = |reduction, span, starts_at, ends_at| {
            create(shop, CreateDiscount { reduction, span, starts_at, ends_at, ..new_discount(shop.organization.id) })
        };
        for (reduction, span, place) in [
            (fixed(1), Span::Once, "body.fixed.once_forever"),
            (fixed(1), Span::Months(1), "body.fixed.repeat"),
            (percentage(1), Span::Forever, "body.percentage.once_forever"),
            (percentage(1), Span::Months(1), "body.percentage.repeat"),
        ] {
            let problem = field_problem(with(reduction, span, Some(now), Some(now)));
            assert_eq!((problem.0, problem.1.as_str()), ("value_error", place));
        }
        let past = now.add_seconds(-5);
        assert_eq!(with(fixed(1), Span::Once, None, Some(past)).unwrap().ends_at, Some(past));
    }

    /// D10
    fn a_discount_is_for_products_of_its_organization(shop) {
        let (_, other) = shop.another_organization();
        let (app, book) = (product(shop, shop.organization.id), product(shop, shop.organization.id));
        let foreign = product(shop, other.id);
        let with = |products: &[Id<Product>]| {
            create(shop, CreateDiscount { products: products.to_vec(), ..new_discount(shop.organization.id) })
        };
        assert_eq!(field_problem(with(&[foreign.id])).1, "body.products.0");
        assert_eq!(field_problem(with(&[app.id, Id::from_uuid(Uuid::from_u128(1))])).1, "body.products.1");
        let made = with(&[book.id, app.id, book.id]).unwrap();
        assert_eq!(products_of(shop, &made), [book.id, app.id]);
        let change = |products: &[Id<Product>]| {
            update(shop, made.id, UpdateDiscount { products: Some(products.to_vec()), ..no_change() })
        };
        assert_eq!(field_problem(change(&[foreign.id])).1, "body.products.0");
        assert_eq!(products_of(shop, &made), [book.id, app.id]);
        change(&[app.id]).unwrap();
        assert_eq!(products_of(shop, &made), [app.id]);
        let is_for = |product: &Product| {
            let (id, product) = (made.id, product.clone());
            shop.read(move |tx| discounts::is_for_product(tx, id, &product)).unwrap()
        };
        assert_eq!((is_for(&app), is_for(&book), is_for(&foreign)), (true, false, false));
        // D3
        change(&[]).unwrap();
        assert!(products_of(shop, &made).is_empty());
        assert_eq!((is_for(&app), is_for(&book), is_for(&foreign)), (true, true, false));
        delete(shop, made.id).unwrap();
        assert!(!is_for(&app));
    }

    /// D1
    fn type_and_duration_never_change(shop) {
        let command = CreateDiscount { span: Span::Months(3), ..new_discount(shop.organization.id) };
        let made = create(shop, command).unwrap();
        let change = |r#type, duration| update(shop, made.id, UpdateDiscount { r#type, duration, ..no_change() });
        let problem = field_problem(change(None, Some(DiscountDuration::Once)));
        assert_eq!((problem.0, problem.1.as_str()), ("value_error", "body.duration"));
        assert_eq!(field_problem(change(Some(DiscountType::Fixed), None)).1, "body.type");
        let both = change(Some(DiscountType::Fixed), Some(DiscountDuration::Once));
        assert_eq!(field_problem(both).1, "body.duration", "the duration is looked at first");
        let same = change(Some(DiscountType::Percentage), Some(DiscountDuration::Repeating)).unwrap();
        assert_eq!(same.modified_at, None);
    }

    /// D2
    fn what_was_redeemed_keeps_its_worth(shop) {
        for (reduction, field) in [(fixed(500), "body.amount"), (percentage(1000), "body.basis_points")] {
            let command = CreateDiscount { reduction, ..new_discount(shop.organization.id) };
            let made = create(shop, command).unwrap();
            let to = |number: i64| UpdateDiscount {
                amount: Some(Cents::new(number)),
                basis_points: Some(number),
                ..no_change()
            };
            update(shop, made.id, to(700)).unwrap();
            redeem(shop, made.id);
            let problem = field_problem(update(shop, made.id, to(701)));
            assert_eq!((problem.0, problem.1.as_str()), ("value_error", field));
            let renamed = UpdateDiscount { name: Some(String::from("Still")), ..to(700) };
            assert_eq!(update(shop, made.id, renamed).unwrap().name, "Still");
            let raised = UpdateDiscount { max_redemptions: Patch::Value(1), ..no_change() };
            assert_eq!(update(shop, made.id, raised).unwrap().max_redemptions, Some(1));
        }
    }

    /// D12
    fn members_of_other_shapes_are_passed_over(shop) {
        let percent = create(shop, new_discount(shop.organization.id)).unwrap();
        let everything = UpdateDiscount {
            name: Some(String::from("x")),
            amount: Some(Cents::new(5)),
            currency: Some(Currency::Usd),
            duration_in_months: Some(5),
            ..no_change()
        };
        let changed = update(shop, percent.id, everything.clone()).unwrap();
        assert_eq!((changed.name.as_str(), changed.reduction(), changed.span()), ("x", percentage(1000), Span::Once));
        redeem(shop, percent.id);
        update(shop, percent.id, everything).unwrap();
        let command = CreateDiscount { reduction: fixed(5), ..new_discount(shop.organization.id) };
        let amount = create(shop, command).unwrap();
        let change = UpdateDiscount { basis_points: Some(7), ..no_change() };
        assert_eq!(update(shop, amount.id, change).unwrap(), amount);
    }

    /// D3, D4 and D11
    fn an_end_in_the_past_is_refused_only_while_the_terms_change(shop) {
        let (yesterday, tomorrow) = (shop.now().add_seconds(-86_400), shop.now().add_seconds(86_400));
        let command = CreateDiscount {
            starts_at: Some(yesterday.add_seconds(-60)),
            ends_at: Some(yesterday),
            ..new_discount(shop.organization.id)
        };
        let ended = create(shop, command).unwrap();
        let again = UpdateDiscount {
            name: Some(String::from("Over")),
            starts_at: Patch::Value(yesterday.add_seconds(-60)),
            ends_at: Patch::Value(yesterday),
            ..no_change()
        };
        assert_eq!(update(shop, ended.id, again).unwrap().name, "Over");
        for change in [
            UpdateDiscount { max_redemptions: Patch::Value(3), ..no_change() },
            UpdateDiscount { basis_points: Some(3), ..no_change() },
            UpdateDiscount { starts_at: Patch::Null, ..no_change() },
            UpdateDiscount { ends_at: Patch::Value(yesterday.add_seconds(1)), ..no_change() },
        ] {
            let problem = field_problem(update(shop, ended.id, change));
            assert_eq!((problem.0, problem.1.as_str()), ("value_error", "body.ends_at"));
        }
        let reopened = UpdateDiscount { ends_at: Patch::Value(tomorrow), ..no_change() };
        assert_eq!(update(shop, ended.id, reopened).unwrap().ends_at, Some(tomorrow));
        let crossed = UpdateDiscount { starts_at: Patch::Value(tomorrow), ends_at: Patch::Value(tomorrow), ..no_change() };
        assert_eq!(field_problem(update(shop, ended.id, crossed)).1, "body");
        let cleared = UpdateDiscount {
            starts_at: Patch::Null,
            ends_at: Patch::Null,
            max_redemptions: Patch::Null,
            ..no_change()
        };
        let cleared = update(shop, ended.id, cleared).unwrap();
        assert_eq!((cleared.starts_at, cleared.ends_at, cleared.max_redemptions), (None, None, None));
    }

    /// D5, and spec 30, scenario 72
    fn a_discount_is_redeemed_within_its_time_only(shop) {
        let start = shop.now().add_seconds(60);
        let command = CreateDiscount {
            starts_at: Some(start),
            ends_at: Some(start.add_seconds(60)),
            ..new_discount(shop.organization.id)
        };
        let made = create(shop, command).unwrap();
        let mut number = 0;
        let mut try_it = || {
            number += 1;
            let (id, checkout_id) = (made.id, Uuid::from_u128(number));
            let redeemed = shop.write(move |tx| discounts::redeem(tx, id, checkout_id)).unwrap();
            let rule = rules::is_redeemable(&get(shop, made.id).unwrap(), shop.now());
            assert_eq!(redeemed, rule, "the statement says what the rule says");
            redeemed
        };
        assert!(!try_it());
        shop.advance(just_under(Duration::from_mins(1)));
        assert!(!try_it());
        shop.advance(Duration::from_micros(1));
        assert!(try_it());
        shop.advance(Duration::from_mins(1));
        assert!(try_it());
        shop.advance(Duration::from_micros(1));
        assert!(!try_it());
        assert_eq!(get(shop, made.id).unwrap().redemptions_count, 2);
    }

    /// Spec 30, scenario 72: it was redeemed as often as it can be.
    fn a_limit_may_be_set_below_what_was_redeemed(shop) {
        let made = limited(shop, 5);
        redeem(shop, made.id);
        redeem(shop, made.id);
        let lowered = UpdateDiscount { max_redemptions: Patch::Value(1), ..no_change() };
        let lowered = update(shop, made.id, lowered).unwrap();
        assert_eq!((lowered.max_redemptions, lowered.redemptions_count), (Some(1), 2));
        assert!(!rules::is_redeemable(&lowered, shop.now()));
    }

    fn a_deleted_discount_is_gone_but_goes_on_being_shown_by_what_has_it(shop) {
        let made = limited(shop, 5);
        delete(shop, made.id).unwrap();
        for answer in [get(shop, made.id), update(shop, made.id, no_change())] {
            assert_eq!(refusal(answer).0, Kind::NotFound);
        }
        assert_eq!(refusal(delete(shop, made.id)).0, Kind::NotFound);
        assert_eq!(list(shop, wanted(&["name"])).total, 0);
        let (id, ids) = (made.id, [made.id, Id::from_uuid(Uuid::from_u128(1))]);
        assert!(!shop.write(move |tx| discounts::redeem(tx, id, Uuid::from_u128(1))).unwrap());
        let shown = shop.read(move |tx| discounts::find_many(tx, &ids)).unwrap();
        assert_eq!(shown.into_iter().map(|shown| shown.id).collect::<Vec<_>>(), [made.id]);
    }

    fn a_stranger_finds_no_discount(shop) {
        let made = coded(shop, "secret").unwrap();
        let (stranger, other) = shop.another_organization();
        for subject in [Subject::Anonymous, Subject::User(stranger.id), Subject::Organization(other.id)] {
            let tenancy = shop.tenancy_of(&actor(subject));
            let (own, id) = (tenancy.clone(), made.id);
            assert_eq!(refusal(shop.read(move |tx| discounts::get(tx, &own, id))).0, Kind::NotFound);
            let (own, asked) = (tenancy.clone(), wanted(&["name"]));
            assert_eq!(shop.read(move |tx| discounts::list(tx, &own, &asked, &Totals::default())).unwrap().total, 0);
            let (own, change) = (tenancy.clone(), UpdateDiscount { name: Some("Mine".into()), ..no_change() });
            assert_eq!(refusal(shop.write(move |tx| discounts::update(tx, &own, id, &change))).0, Kind::NotFound);
            assert_eq!(refusal(shop.write(move |tx| discounts::delete(tx, &tenancy, id))).0, Kind::NotFound);
        }
        assert_eq!(get(shop, made.id).unwrap(), made);
    }

    // spec 20 §5.3
    fn a_list_is_sorted_and_searched_as_asked(shop) {
        let member = shop.member.id;
        let second =
            shop.write(move |tx| organizations::create(tx, member, &new_organization("second-shop"))).unwrap().id;
        for (organization_id, name, code, redemptions) in [
            (shop.organization.id, "Zoe", None, 1),
            (second, "adam", Some("bbb"), 0),
            (shop.organization.id, "Éva 5%", Some("Aaa"), 3),
            (second, "Bea", None, 2),
            (shop.organization.id, "ada", Some("ccc"), 2),
        ] {
            let code = code.map(|code: &str| code.parse().unwrap());
            let made = create(shop, CreateDiscount { name: name.into(), code, ..new_discount(organization_id) }).unwrap();
            for _ in 0..redemptions {
                redeem(shop, made.id);
            }
            shop.advance(Duration::from_millis(1));
        }
        for (sorting, names) in [
            (&["created_at"][..], ["Zoe", "adam", "Éva 5%", "Bea", "ada"]),
            (&["-created_at"], ["ada", "Bea", "Éva 5%", "adam", "Zoe"]),
            (&["name"], ["ada", "adam", "Bea", "Zoe", "Éva 5%"]),
            (&["-name"], ["Éva 5%", "Zoe", "Bea", "adam", "ada"]),
            (&["code"], ["Éva 5%", "adam", "ada", "Zoe", "Bea"]),
            (&["-code"], ["Bea", "Zoe", "ada", "adam", "Éva 5%"]),
            (&["redemptions_count"], ["adam", "Zoe", "Bea", "ada", "Éva 5%"]),
            (&["-redemptions_count", "name"], ["Éva 5%", "ada", "Bea", "Zoe", "adam"]),
        ] {
            let mut found = Vec::new();
            for number in 1..=3 {
                let page = list(shop, ListDiscounts { page: Page::new(number, 2), ..wanted(sorting) });
                assert_eq!(page.total, 5);
                found.extend(page.items.into_iter().map(|discount| discount.name));
            }
            assert_eq!(found, names, "{sorting:?}");
        }
        for (query, names) in [
            ("ADA", &["ada", "adam"][..]),
            ("aa", &["Éva 5%"]),
            ("CC", &["ada"]),
            ("é", &["Éva 5%"]),
            ("%", &["Éva 5%"]),
            ("_", &[]),
            ("", &["ada", "adam", "Bea", "Zoe", "Éva 5%"]),
        ] {
            let page = list(shop, ListDiscounts { query: Some(query.into()), ..wanted(&["name"]) });
            let found: Vec<&str> = page.items.iter().map(|discount| discount.name.as_str()).collect();
            assert_eq!((found.as_slice(), page.total), (names, count(names)), "{query:?}");
        }
    }

    fn two_creations_of_one_code_at_once_make_one_discount(shop) {
        let answers = at_once(8, |number| coded(shop, if number % 2 == 0 { "sale" } else { "SALE" }));
        let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(made.len(), 1);
        for answer in refused {
            assert_eq!(field_problem(answer).1, "body.code");
        }
        assert_eq!(list(shop, wanted(&["name"])).total, 1);
    }
}

fn fixed(amount: i64) -> Reduction {
    Reduction::Fixed { amount: Cents::new(amount), currency: Currency::Usd }
}

fn percentage(basis_points: i64) -> Reduction {
    Reduction::Percentage { basis_points }
}

fn new_discount(organization_id: Id<Organization>) -> CreateDiscount {
    CreateDiscount {
        organization_id,
        name: String::from("Sale"),
        reduction: percentage(1000),
        span: Span::Once,
        code: None,
        starts_at: None,
        ends_at: None,
        max_redemptions: None,
        products: Vec::new(),
        metadata: Metadata::default(),
    }
}

fn no_change() -> UpdateDiscount {
    UpdateDiscount::default()
}

fn wanted(sorting: &[&str]) -> ListDiscounts {
    let sorting = sorting.iter().map(|text| text.parse().unwrap()).collect();
    ListDiscounts { query: None, sorting, page: Page::default() }
}

fn create(shop: &Shop, command: CreateDiscount) -> Result<Discount> {
    shop.write(move |tx| discounts::create(tx, &command))
}

fn coded(shop: &Shop, code: &str) -> Result<Discount> {
    create(shop, CreateDiscount { code: Some(code.parse().unwrap()), ..new_discount(shop.organization.id) })
}

/// A discount that can be redeemed so often.
pub fn limited(shop: &Shop, most: i64) -> Discount {
    create(shop, CreateDiscount { max_redemptions: Some(most), ..new_discount(shop.organization.id) })
        .unwrap()
}

/// Redeems a discount for a checkout of its own.
fn redeem(shop: &Shop, id: Id<Discount>) {
    let checkout_id = Uuid::from_u64_pair(0x4000, shop.number());
    assert!(shop.write(move |tx| discounts::redeem(tx, id, checkout_id)).unwrap());
}

/// The discount as its seller sees it.
pub fn get(shop: &Shop, id: Id<Discount>) -> Result<Discount> {
    let tenancy = shop.tenancy();
    shop.read(move |tx| discounts::get(tx, &tenancy, id))
}

/// Changes a discount as its seller.
pub fn update(shop: &Shop, id: Id<Discount>, command: UpdateDiscount) -> Result<Discount> {
    let tenancy = shop.tenancy();
    shop.write(move |tx| discounts::update(tx, &tenancy, id, &command))
}

fn delete(shop: &Shop, id: Id<Discount>) -> Result<()> {
    let tenancy = shop.tenancy();
    shop.write(move |tx| discounts::delete(tx, &tenancy, id))
}

fn list(shop: &Shop, wanted: ListDiscounts) -> Paged<Discount> {
    let tenancy = shop.tenancy();
    shop.read(move |tx| discounts::list(tx, &tenancy, &wanted, &Totals::default())).unwrap()
}

fn products_of(shop: &Shop, discount: &Discount) -> Vec<Id<Product>> {
    let discount = discount.clone();
    let complete = shop.read(move |tx| discounts::complete_one(tx, discount.clone())).unwrap();
    complete.products.into_iter().map(|product| product.id).collect()
}

fn product(shop: &Shop, organization_id: Id<Organization>) -> Product {
    let command = new_product(organization_id, "The app", &[support::fixed(None, 1999)]);
    shop.write(move |tx| products::create(tx, &command)).unwrap()
}
