//! What is read of orders.

use const_format::concatcp;
use merak_store::ReadTx;

use super::{Order, OrderSort, counts};
use crate::access::Tenancy;
use crate::customers::Customer;
use crate::discounts::Discount;
use crate::kit::{Id, Page, Paged, Refusal, Result, Sort, order};
use crate::products::{PriceType, Product};
use crate::sold::{self, Filters};

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
    const ID: &str = "orders.id";
    let filters = Filters {
        products: &wanted.product_ids,
        discounts: &wanted.discount_ids,
        customers: &wanted.customer_ids,
        sorts: counts::sorts(&wanted.price_types),
    };
    let Some(scope) = sold::Scope::of(tx, tenancy, filters)? else { return Ok(Paged::new(Vec::new(), 0)) };
    sold::page(tx, &scope, (&order(&wanted.sorting, ID), ID), wanted.page)
}
