//! What belongs to orders, read for a whole page of them by one statement a kind.

use merak_store::ReadTx;

use super::Order;
use crate::customers::{self, Customer};
use crate::discounts::{self, Discount};
use crate::kit::{ById, Id, Result, distinct};
use crate::organizations::{self, Organization};
use crate::products::{self, AmountType, Price, PriceType, Product, PublicProduct};
use crate::subscriptions::{self, Subscription};

/// An order with everything that its seller sees of it.
#[derive(Clone, Debug)]
pub struct CompleteOrder {
    /// The order.
    pub order: Order,
    /// Who bought; may be deleted.
    pub customer: Customer,
    /// What was bought.
    pub product: Product,
    /// At which price; of what was given without one, a free one that is archived.
    pub price: Price,
    /// The discount; may be deleted.
    pub discount: Option<Discount>,
    /// The subscription that it pays for.
    pub subscription: Option<Subscription>,
}

/// An order with everything that its buyer sees of it.
#[derive(Clone, Debug)]
pub struct OrderOfBuyer {
    /// The order.
    pub order: Order,
    /// What was bought.
    pub product: PublicProduct,
    /// Who sold it.
    pub organization: Organization,
    /// At which price; of what was given without one, a free one that is archived.
    pub price: Price,
    /// The subscription that it pays for.
    pub subscription: Option<Subscription>,
}

/// Reads everything that belongs to these orders.
pub fn complete(tx: &mut ReadTx<'_>, orders: Vec<Order>) -> Result<Vec<CompleteOrder>> {
    let customers =
        ById::new(customers::find_with_deleted(tx, &distinct(&orders, |of| of.customer_id))?, |of| of.id);
    let products = products_of(tx, &orders)?;
    let products = ById::new(products, |product| product.id);
    let prices = prices_of(tx, &orders)?;
    let named: Vec<Id<Discount>> = orders.iter().filter_map(|of| of.discount_id).collect();
    let discounts = ById::new(discounts::find_many(tx, &named)?, |discount| discount.id);
    let subscriptions = subscriptions_of(tx, &orders)?;
    let with_contents = |order: Order| {
        Ok(CompleteOrder {
            customer: customers.get(order.customer_id)?,
            product: products.get(order.product_id)?,
            price: price_of(&order, &prices)?,
            discount: order.discount_id.map(|id| discounts.get(id)).transpose()?,
            subscription: order.subscription_id.and_then(|id| subscriptions.find(id)),
            order,
        })
    };
    orders.into_iter().map(with_contents).collect()
}

/// Reads everything that belongs to this order.
pub fn complete_one(tx: &mut ReadTx<'_>, order: Order) -> Result<CompleteOrder> {
    let completed = complete(tx, vec![order])?.pop();
    Ok(completed.expect("one order was given and so one is complete"))
}

/// Reads what their buyer sees of these orders.
pub(super) fn complete_of_buyer(tx: &mut ReadTx<'_>, orders: Vec<Order>) -> Result<Vec<OrderOfBuyer>> {
    let products = products_of(tx, &orders)?;
    let products = ById::new(products::public(tx, products)?, |public| public.product.id);
    let organizations = distinct(&orders, |of| of.organization_id);
    let organizations = ById::new(organizations::find_many(tx, &organizations)?, |found| found.id);
    let prices = prices_of(tx, &orders)?;
    let subscriptions = subscriptions_of(tx, &orders)?;
    let with_contents = |order: Order| {
        Ok(OrderOfBuyer {
            product: products.get(order.product_id)?,
            organization: organizations.get(order.organization_id)?,
            price: price_of(&order, &prices)?,
            subscription: order.subscription_id.and_then(|id| subscriptions.find(id)),
            order,
        })
    };
    orders.into_iter().map(with_contents).collect()
}

fn products_of(tx: &mut ReadTx<'_>, orders: &[Order]) -> Result<Vec<Product>> {
    products::find_with_deleted(tx, &distinct(orders, |of| of.product_id))
}

fn prices_of(tx: &mut ReadTx<'_>, orders: &[Order]) -> Result<ById<Price, Price>> {
    let mut named: Vec<Id<Price>> = orders.iter().filter_map(|of| of.product_price_id).collect();
    named.sort_unstable();
    named.dedup();
    Ok(ById::new(products::find_prices(tx, &named)?, |price| price.id))
}

/// The order of a subscription that only another server knows shows none.
fn subscriptions_of(tx: &mut ReadTx<'_>, orders: &[Order]) -> Result<ById<Subscription, Subscription>> {
    let named: Vec<Id<Subscription>> = orders.iter().filter_map(|of| of.subscription_id).collect();
    Ok(ById::new(subscriptions::find_many(tx, &named)?, |subscription| subscription.id))
}

/// The price of an order. What was given of a product that never had a price shows one that nobody can buy at: free,
/// paid once, with the order's own id, because clients must find a price in every order.
fn price_of(order: &Order, prices: &ById<Price, Price>) -> Result<Price> {
    match order.product_price_id {
        Some(id) => prices.get(id),
        None => Ok(Price {
            id: order.id.cast(),
            product_id: order.product_id,
            position: 0,
            r#type: PriceType::OneTime,
            amount_type: AmountType::Free,
            recurring_interval: None,
            price_currency: None,
            price_amount: None,
            minimum_amount: None,
            maximum_amount: None,
            preset_amount: None,
            is_archived: true,
            created_at: order.created_at,
            modified_at: None,
        }),
    }
}
