//! The rows of products and of what belongs to them: prices, benefits, links.

use anyhow::Result;

use super::rows::{Findable, count, findable, total};
use crate::{
    keys::{self, Kind},
    seed::{Field, Sink, moment},
};

/// The benefit of one product in a hundred.
const RARE_BENEFIT: u64 = 0;
/// The benefit of all products.
const COMMON_BENEFIT: u64 = 1;
/// The benefit of every second product.
const SECOND_BENEFIT: u64 = 2;
/// The benefit of every third product. What other benefits there are, no product has.
const THIRD_BENEFIT: u64 = 3;
/// The product that has half of the links. What the bench names one by one has an odd number.
const LINKED_PRODUCT: u64 = 4;

/// One product in ten is no longer sold.
pub const fn is_archived(number: u64) -> bool {
    number % 10 == 9
}

/// One product in four is a subscription.
pub const fn is_recurring(number: u64) -> bool {
    number % 4 == 1
}

/// Whether archived, whether recurring.
pub const SORTS: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

/// The sort of a product.
pub const fn sort_of(number: u64) -> (bool, bool) {
    (is_archived(number), is_recurring(number))
}

/// One product in a hundred has the rare benefit.
pub const fn has_rare_benefit(number: u64) -> bool {
    number.is_multiple_of(100)
}

/// Every second product has a benefit of its own.
pub const fn has_second_benefit(number: u64) -> bool {
    number.is_multiple_of(2)
}

/// Every third product has a benefit of its own.
pub const fn has_third_benefit(number: u64) -> bool {
    number.is_multiple_of(3)
}

/// Half of the links are to one product; the others are each to another one.
pub const fn is_of_linked_product(number: u64) -> bool {
    number.is_multiple_of(2)
}

/// The id of the benefit of one product in a hundred.
pub fn rare_benefit_id() -> String {
    keys::id(Kind::Benefit, RARE_BENEFIT)
}

/// The id of the benefit of all products.
pub fn common_benefit_id() -> String {
    keys::id(Kind::Benefit, COMMON_BENEFIT)
}

/// The id of the benefit of every second product.
pub fn second_benefit_id() -> String {
    keys::id(Kind::Benefit, SECOND_BENEFIT)
}

/// The id of the benefit of every third product.
pub fn third_benefit_id() -> String {
    keys::id(Kind::Benefit, THIRD_BENEFIT)
}

/// The id of the product that has half of the links.
pub fn linked_product_id() -> String {
    product_id(LINKED_PRODUCT)
}

/// The id of a product.
pub fn product_id(number: u64) -> String {
    keys::id(Kind::Product, number)
}

/// Whether the product of a number is meant.
pub type IsMeant = fn(u64) -> bool;

/// The benefits that products have, in their order, and which products have each.
pub fn attached() -> [(String, IsMeant); 4] {
    [
        (common_benefit_id(), |_| true),
        (rare_benefit_id(), has_rare_benefit),
        (second_benefit_id(), has_second_benefit),
        (third_benefit_id(), has_third_benefit),
    ]
}

/// What stands in a product's row and in the row of its price.
struct Price {
    kind: &'static str,
    amount_type: &'static str,
    amount: Option<u64>,
    minimum: Option<u64>,
    /// How the lists sort it: by kind, by kind of amount, by amount.
    order: [Field; 3],
}

fn price(number: u64) -> Price {
    let amount = 500 + number % 1000 * 100;
    let kind = if is_recurring(number) { "recurring" } else { "one_time" };
    let (amount_type, amount, minimum, place) = match number % 4 {
        0 | 1 => ("fixed", Some(amount), None, Field::Integer(amount)),
        2 => ("custom", None, Some(100), Field::Integer(100)),
        _ => ("free", None, None, Field::Negative(-2)),
    };
    let rank = match amount_type {
        "fixed" => 2,
        "custom" => 1,
        _ => 0,
    };
    let order = [Field::Integer(u64::from(is_recurring(number))), Field::Integer(rank), place];
    Price { kind, amount_type, amount, minimum, order }
}

/// The products, their prices and what comes with them.
pub fn products(sink: &mut dyn Sink, organization: &str, size: u64) -> Result<()> {
    sink.table(
        "products",
        &[
            "id",
            "organization_id",
            "name",
            "is_archived",
            "metadata",
            "is_recurring",
            "created_at",
            "first_price_type",
            "first_price_amount_type",
            "first_price_amount",
        ],
        &mut (0..size).map(|number| {
            let mut row = vec![
                product_id(number).into(),
                organization.into(),
                format!("Product {number:06}").into(),
                Field::Boolean(is_archived(number)),
                "{}".into(),
                Field::Boolean(is_recurring(number)),
                moment(number).into(),
            ];
            row.extend(price(number).order);
            row
        }),
    )?;
    sink.table(
        "product_prices",
        &[
            "id",
            "product_id",
            "position",
            "type",
            "amount_type",
            "recurring_interval",
            "price_currency",
            "price_amount",
            "minimum_amount",
            "is_archived",
            "created_at",
        ],
        &mut (0..size).map(|number| {
            let price = price(number);
            vec![
                keys::id(Kind::Price, number).into(),
                product_id(number).into(),
                Field::Integer(0),
                price.kind.into(),
                price.amount_type.into(),
                is_recurring(number).then_some("month").into(),
                (price.amount_type != "free").then_some("usd").into(),
                price.amount.map(Field::Integer).into(),
                price.minimum.map(Field::Integer).into(),
                Field::Boolean(false),
                moment(number).into(),
            ]
        }),
    )?;
    sink.table(
        "product_benefits",
        &["product_id", "benefit_id", "position"],
        &mut attached().iter().zip(0..).flat_map(|((id, has_benefit), position)| {
            (0..size).filter(|number| has_benefit(*number)).map(move |number| {
                vec![product_id(number).into(), id.as_str().into(), Field::Integer(position)]
            })
        }),
    )?;
    sink.empty("product_counts")?;
    sink.table(
        "product_counts",
        &["organization_id", "is_archived", "is_recurring", "products"],
        &mut SORTS.into_iter().map(|sort| {
            let products = (0..size).filter(|number| sort_of(*number) == sort).count();
            vec![
                organization.into(),
                Field::Boolean(sort.0),
                Field::Boolean(sort.1),
                Field::Integer(u64::try_from(products).unwrap_or_default()),
            ]
        }),
    )?;
    let texts = |number| (product_id(number), [format!("Product {number:06}"), String::new()]);
    findable(
        sink,
        organization,
        size,
        &Findable { noun: "product", texts: &texts, keys: &[], sorted: &|_| Vec::new() },
    )
}

/// The links.
pub fn checkout_links(sink: &mut dyn Sink, organization: &str, size: u64) -> Result<()> {
    let sold = |number| if is_of_linked_product(number) { linked_product_id() } else { product_id(number) };
    sink.table(
        "checkout_links",
        &[
            "id",
            "organization_id",
            "product_id",
            "payment_processor",
            "client_secret",
            "allow_discount_codes",
            "metadata",
            "created_at",
        ],
        &mut (0..size).map(|number| {
            vec![
                keys::id(Kind::CheckoutLink, number).into(),
                organization.into(),
                sold(number).into(),
                "stripe".into(),
                format!("polar_cl_{number:043}").into(),
                Field::Boolean(true),
                "{}".into(),
                moment(number).into(),
            ]
        }),
    )?;
    let others = (0..size).filter(|number| !is_of_linked_product(*number)).map(|number| (sold(number), 1));
    let most = std::iter::once((linked_product_id(), count(size, is_of_linked_product)));
    sink.table(
        "product_link_counts",
        &["product_id", "checkout_links"],
        &mut most.chain(others).map(|(id, links)| vec![id.into(), Field::Integer(links)]),
    )?;
    total(sink, "checkout_link_counts", "checkout_links", organization, size)
}
