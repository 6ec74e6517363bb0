//! Orders as their lists are sorted and counted.

use merak_store::{ReadTx, Tx};

use super::{Order, OrderSort};
use crate::kit::{Result, SortProperty};
use crate::products::PriceType;
use crate::sold::{self, Counts, Index, Narrowing, Owner, Place, Sold, Sorts};

impl Sold for Order {
    const TABLE: &'static str = Self::TABLE;
    const SELECTED: &'static str = Self::COLUMNS;
    const CONDITION: &'static str = "";
    const COUNTS: Counts = Counts {
        by_product: "order_counts",
        by_discount: "order_discount_counts",
        columns: &["one_time", "recurring"],
    };

    fn time() -> &'static str {
        OrderSort::CreatedAt.sql()
    }

    fn product() -> &'static str {
        OrderSort::Product.sql()
    }

    fn discount() -> &'static str {
        OrderSort::Discount.sql()
    }

    fn is_coarse(by: &str) -> bool {
        [OrderSort::Product, OrderSort::Discount].into_iter().any(|sort| sort.sql() == by)
    }

    fn indexes() -> Vec<Index> {
        let index = |of, by: OrderSort, sorts| Index { of, by: by.sql(), sorts };
        vec![
            index(Owner::Organization, OrderSort::CreatedAt, Narrowing::Stretches),
            index(Owner::Organization, OrderSort::Amount, Narrowing::Stretches),
            index(Owner::Organization, OrderSort::Subscription, Narrowing::Stretches),
            index(Owner::Organization, OrderSort::Customer, Narrowing::None),
            index(Owner::Product, OrderSort::CreatedAt, Narrowing::None),
            index(Owner::Product, OrderSort::Amount, Narrowing::None),
            index(Owner::Discount, OrderSort::CreatedAt, Narrowing::None),
            index(Owner::NoDiscount, OrderSort::CreatedAt, Narrowing::Stretches),
            index(Owner::Customer, OrderSort::CreatedAt, Narrowing::None),
        ]
    }
}

/// Orders at prices of these types; none means all.
pub(super) fn sorts(types: &[PriceType]) -> Sorts {
    const ONCE: &str = " AND orders.price_type = 'one_time'";
    const AGAIN: &str = " AND orders.price_type = 'recurring'";
    let is_wanted = |r#type| types.is_empty() || types.contains(&r#type);
    let (stretches, condition): (&[&str], &str) =
        match (is_wanted(PriceType::OneTime), is_wanted(PriceType::Recurring)) {
            (true, false) => (&[ONCE], " AND (orders.price_type = 'one_time') IS TRUE"),
            (false, true) => (&[AGAIN], " AND (orders.price_type = 'recurring') IS TRUE"),
            _ => (&[ONCE, AGAIN], ""),
        };
    let wanted = PriceType::ALL.iter().copied().filter(|r#type| is_wanted(*r#type));
    Sorts { counted: wanted.map(column).collect(), stretches, range: "", condition }
}

/// What is kept of an order for lists. What was given without a price counts as paid once.
pub(super) struct Keys {
    /// The type of its price.
    pub price_type: PriceType,
    /// The customer's address in lower case.
    pub customer_email: String,
    /// Whether the customer has not bought anything before.
    pub is_first: bool,
}

/// Reads what is kept of an order for lists.
pub(super) fn keys(tx: &mut ReadTx<'_>, order: &Order) -> Result<Keys> {
    let (price_type, customer_email, is_first) = tx.one(
        "SELECT coalesce(product_prices.type, 'one_time'), lower(customers.email), customers.bought_at IS NULL \
         FROM customers LEFT JOIN product_prices ON product_prices.id = $2 WHERE customers.id = $1",
        &[&order.customer_id, &order.product_price_id],
    )?;
    Ok(Keys { price_type, customer_email, is_first })
}

/// Counts a new order.
pub(super) fn add(tx: &mut Tx<'_>, order: &Order, r#type: PriceType) -> Result<()> {
    let place = Place {
        organization_id: order.organization_id,
        product_id: order.product_id,
        discount_id: order.discount_id,
        column: column(r#type),
    };
    sold::count::<Order>(tx, place, 1)
}

const fn column(r#type: PriceType) -> &'static str {
    match r#type {
        PriceType::OneTime => "one_time",
        PriceType::Recurring => "recurring",
    }
}
