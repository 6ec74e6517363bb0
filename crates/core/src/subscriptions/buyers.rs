//! Subscriptions as their buyer sees them.

use const_format::concatcp;
use merak_store::{Order, ReadTx, Sql};

use super::contents::{self, SubscriptionOfBuyer};
use super::queries::{self, push_active};
use super::{Subscription, SubscriptionOfBuyerSort};
use crate::access::Actor;
use crate::customers;
use crate::kit::{Id, Page, Paged, Refusal, Result, Sort, SortProperty, contains_pattern, order};
use crate::organizations::Organization;
use crate::products::Product;

/// A buyer's list of subscriptions.
#[derive(Clone, Debug)]
pub struct ListSubscriptionsOfBuyer {
    /// Only those of these organizations; empty is no filter, here and below.
    pub organization_ids: Vec<Id<Organization>>,
    /// Only those of these products.
    pub product_ids: Vec<Id<Product>>,
    /// Only those that entitle to something, or only those that do so no more.
    pub is_active: Option<bool>,
    /// Only those of whose product's name or organization's slug this is a part, in any letter case.
    pub query: Option<String>,
    /// In which order.
    pub sorting: Vec<Sort<SubscriptionOfBuyerSort>>,
    /// Which page.
    pub page: Page,
}

/// Lists what a buyer subscribed to and what has begun. A person has few subscriptions, so they are simply counted and
/// sorted.
pub fn list_of_buyer(
    tx: &mut ReadTx<'_>,
    actor: &Actor,
    wanted: &ListSubscriptionsOfBuyer,
) -> Result<Paged<SubscriptionOfBuyer>> {
    const FROM: &str = " FROM subscriptions JOIN products ON products.id = subscriptions.product_id \
         JOIN organizations ON organizations.id = subscriptions.organization_id \
         WHERE subscriptions.started_at IS NOT NULL";
    let buyer = customers::buyer(tx, actor)?;
    if buyer.customer_ids.is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let filter = |sql: &mut Sql| {
        sql.push(" AND subscriptions.customer_id IN ").bind_list(buyer.customer_ids.iter().copied());
        if let Some(id) = buyer.checkout_id() {
            sql.push(" AND subscriptions.checkout_id = ").bind(id);
        }
        if !wanted.organization_ids.is_empty() {
            sql.push(" AND organizations.id IN ").bind_list(wanted.organization_ids.iter().copied());
        }
        if !wanted.product_ids.is_empty() {
            sql.push(" AND products.id IN ").bind_list(wanted.product_ids.iter().copied());
        }
        push_active(sql, wanted.is_active);
        if let Some(text) = wanted.query.as_deref().filter(|text| !text.is_empty()) {
            let pattern = contains_pattern(text);
            sql.push(" AND (lower(products.name) LIKE ").bind(pattern.clone()).push(" ESCAPE '\\'");
            sql.push(" OR organizations.slug LIKE ").bind(pattern).push(" ESCAPE '\\')");
        }
    };
    let mut count = Sql::new(concatcp!("SELECT count(*)", FROM));
    filter(&mut count);
    let total = tx.count(&count)?;
    let mut select = Sql::new(concatcp!("SELECT ", Subscription::COLUMNS, FROM));
    filter(&mut select);
    let order: Vec<Order> = order(&wanted.sorting, "subscriptions.id").into_iter().map(free_first).collect();
    select.push(&Order::clause(&order)).push(" LIMIT ").bind(wanted.page.rows());
    select.push(" OFFSET ").bind(wanted.page.offset());
    let found = tx.list(&select)?;
    Ok(Paged::new(contents::complete_of_buyer(tx, found)?, total))
}

/// Going down, what is free must stand first too.
fn free_first(order: Order) -> Order {
    const DOWN: &str = "coalesce(CASE subscriptions.recurring_interval WHEN 'year' THEN subscriptions.amount ELSE subscriptions.amount * 12 END, 9223372036854775807)";
    if order.descending && order.by == SubscriptionOfBuyerSort::Amount.sql() {
        Order { by: DOWN, ..order }
    } else {
        order
    }
}

/// One of a buyer's subscriptions, begun or not; else not found.
pub fn find_of_buyer(
    tx: &mut ReadTx<'_>,
    actor: &Actor,
    id: Id<Subscription>,
) -> Result<SubscriptionOfBuyer> {
    let found = get_of_buyer(tx, actor, id)?;
    let completed = contents::complete_of_buyer(tx, vec![found])?.pop();
    Ok(completed.expect("one subscription was given and so one is complete"))
}

/// As [`find_of_buyer`], without what belongs to it.
pub(super) fn get_of_buyer(tx: &mut ReadTx<'_>, actor: &Actor, id: Id<Subscription>) -> Result<Subscription> {
    let buyer = customers::buyer(tx, actor)?;
    queries::find(tx, id)?
        .filter(|found| buyer.customer_ids.contains(&found.customer_id))
        .filter(|found| buyer.checkout_id().is_none_or(|id| found.checkout_id == Some(id)))
        .ok_or_else(Refusal::not_found)
}
