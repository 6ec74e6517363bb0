//! What is read of subscriptions. Those that never began are neither listed nor found by sellers.

use const_format::concatcp;
use merak_store::{Order, PartitionedPage, ReadTx, Sql};
use uuid::Uuid;

use super::{Subscription, SubscriptionSort, counts};
use crate::access::Tenancy;
use crate::customers::Customer;
use crate::discounts::Discount;
use crate::kit::{Id, Page, Paged, Refusal, Result, Sort, SortProperty, order};
use crate::products::Product;

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
    if tenancy.ids().is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let filter = |sql: &mut Sql| push_filter(sql, tenancy, wanted);
    let total = if wanted.customer_ids.is_empty() && wanted.discount_ids.is_empty() {
        counts::total(tx, tenancy, &wanted.product_ids, wanted.is_active)?
    } else {
        let mut count = Sql::new("SELECT count(*) FROM subscriptions WHERE TRUE");
        filter(&mut count);
        tx.count(&count)?
    };
    let order: Vec<Order> = order(&wanted.sorting, "subscriptions.id").into_iter().map(free_last).collect();
    let mut select = Sql::new(concatcp!("SELECT ", Subscription::COLUMNS, " FROM subscriptions"));
    let joins = joins(&wanted.sorting);
    if joins.is_empty() {
        let (column, partitions) = partitions(tenancy, wanted);
        let (limit, offset) = (wanted.page.rows(), wanted.page.offset());
        PartitionedPage { table: "subscriptions", column, filter: &filter, order: &order, limit, offset }
            .push(&mut select, &partitions);
    } else {
        select.push(&joins).push(" WHERE TRUE");
        filter(&mut select);
        select.push(&Order::clause(&order)).push(" LIMIT ").bind(wanted.page.rows());
        select.push(" OFFSET ").bind(wanted.page.offset());
    }
    Ok(Paged::new(tx.list(&select)?, total))
}

/// Going down, what is free must stand last too, and that order has an index of its own.
fn free_last(order: Order) -> Order {
    const DOWN: &str = "coalesce(CASE subscriptions.recurring_interval WHEN 'year' THEN subscriptions.amount ELSE subscriptions.amount * 12 END, -1)";
    if order.descending && order.by == SubscriptionSort::Amount.sql() {
        Order { by: DOWN, ..order }
    } else {
        order
    }
}

/// The most specific column that the filters name, and its values: each has an index in the list's usual order.
fn partitions(tenancy: &Tenancy, wanted: &ListSubscriptions) -> (&'static str, Vec<Uuid>) {
    if !wanted.customer_ids.is_empty() {
        ("customer_id", wanted.customer_ids.iter().map(|id| id.uuid()).collect())
    } else if !wanted.discount_ids.is_empty() {
        ("discount_id", wanted.discount_ids.iter().map(|id| id.uuid()).collect())
    } else if !wanted.product_ids.is_empty() {
        ("product_id", wanted.product_ids.iter().map(|id| id.uuid()).collect())
    } else {
        ("organization_id", tenancy.ids().iter().map(|id| id.uuid()).collect())
    }
}

/// What belongs to a subscription and its order looks at.
fn joins(sorting: &[Sort<SubscriptionSort>]) -> String {
    let mut joins = String::new();
    let mut need = |property, join| {
        if sorting.iter().any(|sort| sort.by == property) {
            joins.push_str(join);
        }
    };
    need(SubscriptionSort::Customer, " JOIN customers ON customers.id = subscriptions.customer_id");
    need(SubscriptionSort::Product, " JOIN products ON products.id = subscriptions.product_id");
    need(SubscriptionSort::Discount, " LEFT JOIN discounts ON discounts.id = subscriptions.discount_id");
    joins
}

fn push_filter(sql: &mut Sql, tenancy: &Tenancy, wanted: &ListSubscriptions) {
    sql.push(" AND subscriptions.started_at IS NOT NULL AND subscriptions.organization_id IN ");
    sql.bind_list(tenancy.ids().iter().copied());
    if !wanted.product_ids.is_empty() {
        sql.push(" AND subscriptions.product_id IN ").bind_list(wanted.product_ids.iter().copied());
    }
    if !wanted.customer_ids.is_empty() {
        sql.push(" AND subscriptions.customer_id IN ").bind_list(wanted.customer_ids.iter().copied());
    }
    if !wanted.discount_ids.is_empty() {
        sql.push(" AND subscriptions.discount_id IN ").bind_list(wanted.discount_ids.iter().copied());
    }
    push_active(sql, wanted.is_active);
}

/// Only what entitles to something, or only what does so no more.
pub(super) fn push_active(sql: &mut Sql, is_active: Option<bool>) {
    match is_active {
        Some(true) => sql.push(" AND subscriptions.status IN ('trialing', 'active')"),
        Some(false) => sql.push(" AND subscriptions.status IN ('past_due', 'canceled', 'unpaid')"),
        None => sql,
    };
}
