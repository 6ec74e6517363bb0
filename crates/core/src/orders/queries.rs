//! What is read of orders.

use const_format::concatcp;
use merak_store::{PartitionedPage, ReadTx, Sql};
use uuid::Uuid;

use super::{Order, OrderSort, counts};
use crate::access::Tenancy;
use crate::customers::Customer;
use crate::discounts::Discount;
use crate::kit::{Id, Page, Paged, Refusal, Result, Sort, order};
use crate::products::{PriceType, Product};

/// The order, if there is one; says nothing about who may see it.
pub fn find(tx: &mut ReadTx<'_>, id: Id<Order>) -> Result<Option<Order>> {
    const SQL: &str = concatcp!("SELECT ", Order::COLUMNS, " FROM orders WHERE id = $1");
    Ok(tx.find(SQL, &[&id])?)
}

/// The order, if the caller may see it; else not found.
pub fn get(tx: &mut ReadTx<'_>, tenancy: &Tenancy, id: Id<Order>) -> Result<Order> {
    find(tx, id)?.filter(|found| tenancy.contains(found.organization_id)).ok_or_else(Refusal::not_found)
}

/// A list of orders.
#[derive(Clone, Debug)]
pub struct ListOrders {
    /// Only those of these products; empty is no filter, here and below.
    pub product_ids: Vec<Id<Product>>,
    /// Only those at prices of these types.
    pub price_types: Vec<PriceType>,
    /// Only those with these discounts.
    pub discount_ids: Vec<Id<Discount>>,
    /// Only those of these customers.
    pub customer_ids: Vec<Id<Customer>>,
    /// In which order.
    pub sorting: Vec<Sort<OrderSort>>,
    /// Which page.
    pub page: Page,
}

/// Lists the orders of the given organizations.
pub fn list(tx: &mut ReadTx<'_>, tenancy: &Tenancy, wanted: &ListOrders) -> Result<Paged<Order>> {
    if tenancy.ids().is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let filter = |sql: &mut Sql| push_filter(sql, tenancy, wanted);
    let total = if wanted.customer_ids.is_empty() && wanted.discount_ids.is_empty() {
        counts::total(tx, tenancy, &wanted.product_ids, &wanted.price_types)?
    } else {
        let mut count = Sql::new("SELECT count(*) FROM orders WHERE TRUE");
        filter(&mut count);
        tx.count(&count)?
    };
    let order = order(&wanted.sorting, "orders.id");
    let mut select = Sql::new(concatcp!("SELECT ", Order::COLUMNS, " FROM orders"));
    let joins = joins(&wanted.sorting);
    if joins.is_empty() {
        let (column, partitions) = partitions(tenancy, wanted);
        let (limit, offset) = (wanted.page.rows(), wanted.page.offset());
        PartitionedPage { table: "orders", column, filter: &filter, order: &order, limit, offset }
            .push(&mut select, &partitions);
    } else {
        select.push(&joins).push(" WHERE TRUE");
        filter(&mut select);
        select.push(&merak_store::Order::clause(&order)).push(" LIMIT ").bind(wanted.page.rows());
        select.push(" OFFSET ").bind(wanted.page.offset());
    }
    Ok(Paged::new(tx.list(&select)?, total))
}

/// The most specific column that the filters name, and its values: each has an index in the list's usual order.
fn partitions(tenancy: &Tenancy, wanted: &ListOrders) -> (&'static str, Vec<Uuid>) {
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

/// What belongs to an order and the list's order looks at.
fn joins(sorting: &[Sort<OrderSort>]) -> String {
    let mut joins = String::new();
    let mut need = |property, join| {
        if sorting.iter().any(|sort| sort.by == property) {
            joins.push_str(join);
        }
    };
    need(OrderSort::Customer, " JOIN customers ON customers.id = orders.customer_id");
    need(OrderSort::Product, " JOIN products ON products.id = orders.product_id");
    need(OrderSort::Discount, " LEFT JOIN discounts ON discounts.id = orders.discount_id");
    joins
}

fn push_filter(sql: &mut Sql, tenancy: &Tenancy, wanted: &ListOrders) {
    sql.push(" AND orders.organization_id IN ").bind_list(tenancy.ids().iter().copied());
    if !wanted.product_ids.is_empty() {
        sql.push(" AND orders.product_id IN ").bind_list(wanted.product_ids.iter().copied());
    }
    if !wanted.customer_ids.is_empty() {
        sql.push(" AND orders.customer_id IN ").bind_list(wanted.customer_ids.iter().copied());
    }
    if !wanted.discount_ids.is_empty() {
        sql.push(" AND orders.discount_id IN ").bind_list(wanted.discount_ids.iter().copied());
    }
    push_types(sql, &wanted.price_types);
}

/// Only orders at prices of these types. What was given without a price counts as paid once.
pub(super) fn push_types(sql: &mut Sql, types: &[PriceType]) {
    if types.is_empty() {
        return;
    }
    sql.push(" AND coalesce((SELECT product_prices.type FROM product_prices WHERE product_prices.id = orders.product_price_id), 'one_time') IN ");
    sql.bind_list(types.iter().copied());
}
