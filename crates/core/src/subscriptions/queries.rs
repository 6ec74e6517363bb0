//! What is read of subscriptions. Those that never began are neither listed nor found by sellers.

use const_format::concatcp;
use merak_store::{Order, ReadTx, Sql};

use super::{Subscription, SubscriptionSort, counts};
use crate::access::Tenancy;
use crate::customers::Customer;
use crate::discounts::Discount;
use crate::kit::{Id, Page, Paged, Refusal, Result, Sort, SortProperty, order};
use crate::products::Product;
use crate::sold::{self, Filters};

/// The subscription, if there is one; says nothing about who may see it.
pub fn find(tx: &mut ReadTx<'_>, id: Id<Subscription>) -> Result<Option<Subscription>> {
    const SQL: &str = concatcp!("SELECT ", Subscription::COLUMNS, " FROM subscriptions WHERE id = $1");
    Ok(tx.find(SQL, &[&id])?)
}

/// These subscriptions, in no order; says nothing about who may see them.
pub fn find_many(tx: &mut ReadTx<'_>, ids: &[Id<Subscription>]) -> Result<Vec<Subscription>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(concatcp!("SELECT ", Subscription::COLUMNS, " FROM subscriptions WHERE id IN "));
    sql.bind_list(ids.iter().copied());
    Ok(tx.list(&sql)?)
}

/// The subscription, if it has begun and the caller may see it; else not found.
pub fn get(tx: &mut ReadTx<'_>, tenancy: &Tenancy, id: Id<Subscription>) -> Result<Subscription> {
    find(tx, id)?
        .filter(|found| found.started_at.is_some() && tenancy.contains(found.organization_id))
        .ok_or_else(Refusal::not_found)
}

/// A list of subscriptions.
#[derive(Clone, Debug)]
pub struct ListSubscriptions {
    /// Only those of these products; empty is no filter, here and below.
    pub product_ids: Vec<Id<Product>>,
    /// Only those of these customers.
    pub customer_ids: Vec<Id<Customer>>,
    /// Only those with these discounts.
    pub discount_ids: Vec<Id<Discount>>,
    /// Only those that entitle to something, or only those that do so no more.
    pub is_active: Option<bool>,
    /// In which order.
    pub sorting: Vec<Sort<SubscriptionSort>>,
    /// Which page.
    pub page: Page,
}

/// Lists the subscriptions of the given organizations that have begun.
pub fn list(
    tx: &mut ReadTx<'_>,
    tenancy: &Tenancy,
    wanted: &ListSubscriptions,
) -> Result<Paged<Subscription>> {
    const ID: &str = "subscriptions.id";
    let filters = Filters {
        products: &wanted.product_ids,
        discounts: &wanted.discount_ids,
        customers: &wanted.customer_ids,
        sorts: counts::sorts(wanted.is_active),
    };
    let Some(scope) = sold::Scope::of(tx, tenancy, filters)? else { return Ok(Paged::new(Vec::new(), 0)) };
    let mut sorting: Vec<Sort<SubscriptionSort>> = Vec::with_capacity(wanted.sorting.len());
    for sort in &wanted.sorting {
        // Up and down are two expressions of one property, of which the first decides.
        if !sorting.iter().any(|known| known.by == sort.by) {
            sorting.push(*sort);
        }
    }
    let order: Vec<Order> = order(&sorting, ID).into_iter().map(free_last).collect();
    sold::page(tx, &scope, (&order, ID), wanted.page)
}

/// Going down, what is free must stand last too.
fn free_last(order: Order) -> Order {
    if order.descending && order.by == SubscriptionSort::Amount.sql() {
        Order { by: counts::AMOUNT_DOWN, ..order }
    } else {
        order
    }
}

/// Only what entitles to something, or only what does so no more.
pub(super) fn push_active(sql: &mut Sql, is_active: Option<bool>) {
    match is_active {
        Some(true) => sql.push(" AND subscriptions.status IN ('trialing', 'active')"),
        Some(false) => sql.push(" AND subscriptions.status IN ('past_due', 'canceled', 'unpaid')"),
        None => sql,
    };
}
