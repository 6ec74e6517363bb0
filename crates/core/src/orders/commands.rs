//! What makes orders.

use merak_store::Tx;

use super::Order;
use super::counts::{self, Keys};
use crate::benefits::grants::{self, BenefitGrant};
use crate::customers::{self, Customer};
use crate::kit::{Id, Imported, Refusal, Result};
use crate::products::{self, Product};

/// Writes a new order and counts it. What follows from it (grants, mails, events) is the caller's.
pub fn record(tx: &mut Tx<'_>, order: &Order) -> Result<()> {
    let Keys { price_type, customer_email, is_first } = counts::keys(tx, order)?;
    tx.insert_with(order, &[("price_type", &price_type), ("customer_email", &customer_email)])?;
    if is_first {
        customers::note_first_purchase(tx, order.customer_id, (order.organization_id, order.created_at))?;
    }
    counts::add(tx, order, price_type)
}

/// Gives a product to a customer of the same organization for nothing, by the seller's hand: records a one-time order
/// and grants everything that comes with the product.
pub fn give(
    tx: &mut Tx<'_>,
    product_id: Id<Product>,
    customer_id: Id<Customer>,
) -> Result<(Order, Vec<BenefitGrant>)> {
    let product = products::find(tx, product_id)?.ok_or_else(Refusal::not_found)?;
    let customer = customers::find(tx, customer_id)?.ok_or_else(Refusal::not_found)?;
    if product.organization_id != customer.organization_id {
        return Err(Refusal::not_found());
    }
    let price_id = products::first_price(tx, product_id)?;
    let order = Order::of_nothing(Id::new(tx), &product, price_id, customer_id, tx.now());
    record(tx, &order)?;
    customers::outgrow(tx, customer_id, None)?;
    let grants = grants::grant_purchase(tx, &order.purchase())?;
    Ok((order, grants))
}

/// Takes an order over that was made elsewhere, without granting anything: grants come over by themselves.
pub fn import(tx: &mut Tx<'_>, order: &Order) -> Result<Imported<Order>> {
    const BUYER: &str = "SELECT customer_id FROM orders WHERE id = $1";
    let mut order = order.clone();
    match tx.find::<Id<Customer>>(BUYER, &[&order.id])? {
        Some(buyer) if buyer == order.customer_id => return Ok(Imported::Found(order.id)),
        Some(_) => order.id = Id::new(tx),
        None => {}
    }
    record(tx, &order)?;
    Ok(Imported::New(order.id))
}
