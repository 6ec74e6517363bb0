//! Orders as their buyer sees them.

use const_format::concatcp;
use merak_store::{ReadTx, Sql};

use super::contents::{self, OrderOfBuyer};
use super::{Order, OrderOfBuyerSort, counts, queries};
use crate::access::Actor;
use crate::customers;
use crate::kit::{Id, Page, Paged, Refusal, Result, Sort, contains_pattern, order_by};
use crate::organizations::Organization;
use crate::products::{PriceType, Product};
use crate::subscriptions::Subscription;

/// A buyer's list of orders.
#[derive(Clone, Debug)]
pub struct ListOrdersOfBuyer {
    /// Only those of these organizations; empty is no filter, here and below.
    pub organization_ids: Vec<Id<Organization>>,
    /// Only those of these products.
    pub product_ids: Vec<Id<Product>>,
    /// Only those at prices of these types.
    pub price_types: Vec<PriceType>,
    /// Only those that pay for these subscriptions.
    pub subscription_ids: Vec<Id<Subscription>>,
    /// Only those of whose product's name or organization's slug this is a part, in any letter case.
    pub query: Option<String>,
    /// In which order.
    pub sorting: Vec<Sort<OrderOfBuyerSort>>,
    /// Which page.
    pub page: Page,
}

/// Lists what a buyer bought. A person has few orders, so they are simply counted and sorted.
pub fn list_of_buyer(
    tx: &mut ReadTx<'_>,
    actor: &Actor,
    wanted: &ListOrdersOfBuyer,
) -> Result<Paged<OrderOfBuyer>> {
    const FROM: &str = " FROM orders JOIN products ON products.id = orders.product_id \
         JOIN organizations ON organizations.id = orders.organization_id WHERE TRUE";
    let buyer = customers::buyer(tx, actor)?;
    if buyer.customer_ids.is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let filter = |sql: &mut Sql| {
        sql.push(" AND orders.customer_id IN ").bind_list(buyer.customer_ids.iter().copied());
        if let Some(id) = buyer.checkout_id() {
            sql.push(" AND orders.checkout_id = ").bind(id);
        }
        if !wanted.organization_ids.is_empty() {
            sql.push(" AND organizations.id IN ").bind_list(wanted.organization_ids.iter().copied());
        }
        if !wanted.product_ids.is_empty() {
            sql.push(" AND products.id IN ").bind_list(wanted.product_ids.iter().copied());
        }
        sql.push(counts::sorts(&wanted.price_types).condition);
        if !wanted.subscription_ids.is_empty() {
            sql.push(" AND orders.subscription_id IN ").bind_list(wanted.subscription_ids.iter().copied());
        }
        if let Some(text) = wanted.query.as_deref().filter(|text| !text.is_empty()) {
            let pattern = contains_pattern(text);
            sql.push(" AND (lower(products.name) LIKE ").bind(pattern.clone()).push(" ESCAPE '\\'");
            sql.push(" OR organizations.slug LIKE ").bind(pattern).push(" ESCAPE '\\')");
        }
    };
    let mut count = Sql::new(concatcp!("SELECT count(*)", FROM));
    filter(&mut count);
    let total = tx.count(&count)?;
    let mut select = Sql::new(concatcp!("SELECT ", Order::COLUMNS, FROM));
    filter(&mut select);
    select.push(&order_by(&wanted.sorting, "orders.id")).push(" LIMIT ").bind(wanted.page.rows());
    select.push(" OFFSET ").bind(wanted.page.offset());
    let found = tx.list(&select)?;
    Ok(Paged::new(contents::complete_of_buyer(tx, found)?, total))
}

/// One of a buyer's orders; else not found.
pub fn find_of_buyer(tx: &mut ReadTx<'_>, actor: &Actor, id: Id<Order>) -> Result<OrderOfBuyer> {
    let buyer = customers::buyer(tx, actor)?;
    let found = queries::find(tx, id)?
        .filter(|found| buyer.customer_ids.contains(&found.customer_id))
        .filter(|found| buyer.checkout_id().is_none_or(|id| found.checkout_id == Some(id)))
        .ok_or_else(Refusal::not_found)?;
    let completed = contents::complete_of_buyer(tx, vec![found])?.pop();
    Ok(completed.expect("one order was given and so one is complete"))
}
