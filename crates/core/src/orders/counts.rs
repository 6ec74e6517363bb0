//! The totals of lists: how many orders a product has, by the type of their price.

use merak_store::{ReadTx, Sql, Tx};

use super::Order;
use crate::access::Tenancy;
use crate::kit::{Id, Result};
use crate::products::{PriceType, Product};

/// Counts a new order. One that was given without a price counts as paid once.
pub(super) fn add(tx: &mut Tx<'_>, order: &Order) -> Result<()> {
    let r#type: Option<PriceType> = match order.product_price_id {
        Some(id) => tx.find("SELECT type FROM product_prices WHERE id = $1", &[&id])?,
        None => None,
    };
    // The statement is the same for every order of a type, so it is compiled once.
    let sql = match r#type.unwrap_or(PriceType::OneTime) {
        PriceType::OneTime => {
            "INSERT INTO order_counts (organization_id, product_id, one_time, recurring) VALUES ($1, $2, 1, 0) \
             ON CONFLICT (organization_id, product_id) DO UPDATE SET one_time = order_counts.one_time + 1"
        }
        PriceType::Recurring => {
            "INSERT INTO order_counts (organization_id, product_id, one_time, recurring) VALUES ($1, $2, 0, 1) \
             ON CONFLICT (organization_id, product_id) DO UPDATE SET recurring = order_counts.recurring + 1"
        }
    };
    Ok(tx.changed_one(sql, &[&order.organization_id, &order.product_id])?)
}

const fn column(r#type: PriceType) -> &'static str {
    match r#type {
        PriceType::OneTime => "one_time",
        PriceType::Recurring => "recurring",
    }
}

/// How many orders these organizations have: all, or those of some products or types of prices.
pub(super) fn total(
    tx: &mut ReadTx<'_>,
    tenancy: &Tenancy,
    product_ids: &[Id<Product>],
    types: &[PriceType],
) -> Result<i64> {
    let counted = match types {
        [] => String::from("one_time + recurring"),
        types => {
            let wanted = PriceType::ALL.iter().filter(|r#type| types.contains(r#type));
            wanted.map(|r#type| column(*r#type)).collect::<Vec<_>>().join(" + ")
        }
    };
    let mut sql = Sql::new("SELECT CAST(coalesce(sum(");
    sql.push(&counted).push("), 0) AS bigint) FROM order_counts WHERE organization_id IN ");
    sql.bind_list(tenancy.ids().iter().copied());
    if !product_ids.is_empty() {
        sql.push(" AND product_id IN ").bind_list(product_ids.iter().copied());
    }
    Ok(tx.count(&sql)?)
}
