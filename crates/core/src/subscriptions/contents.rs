//! What belongs to subscriptions, read for a whole page of them by one statement a kind.

use merak_store::ReadTx;

use super::Subscription;
use crate::customers::{self, Customer};
use crate::discounts::{self, Discount};
use crate::kit::{ById, Cents, Id, Result, distinct};
use crate::organizations::Organization;
use crate::products::{self, CompleteProduct, Price, Product, PublicProduct};

/// A subscription with everything that its seller sees of it.
#[derive(Clone, Debug)]
pub struct CompleteSubscription {
    /// The subscription.
    pub subscription: Subscription,
    /// Who pays; may be deleted.
    pub customer: Customer,
    /// For what.
    pub product: CompleteProduct,
    /// At which price; may be archived.
    pub price: Price,
    /// The discount; may be deleted.
    pub discount: Option<Discount>,
}

/// A subscription with everything that its buyer sees of it.
#[derive(Clone, Debug)]
pub struct SubscriptionOfBuyer {
    /// The subscription.
    pub subscription: Subscription,
    /// For what.
    pub product: PublicProduct,
    /// Who sells it.
    pub organization: Organization,
    /// At which price; may be archived.
    pub price: Price,
}

/// Reads everything that belongs to these subscriptions.
pub fn complete(tx: &mut ReadTx<'_>, subscriptions: Vec<Subscription>) -> Result<Vec<CompleteSubscription>> {
    let customers = customers::find_with_deleted(tx, &distinct(&subscriptions, |of| of.customer_id))?;
    let customers = ById::new(customers, |customer| customer.id);
    let products = products_of(tx, &subscriptions)?;
    let products = ById::new(products::complete(tx, products)?, |product| product.public.product.id);
    let prices = prices_of(tx, &subscriptions)?;
    let named: Vec<Id<Discount>> = subscriptions.iter().filter_map(|of| of.discount_id).collect();
    let discounts = ById::new(discounts::find_many(tx, &named)?, |discount| discount.id);
    let with_contents = |subscription: Subscription| {
        Ok(CompleteSubscription {
            customer: customers.get(subscription.customer_id)?,
            product: products.get(subscription.product_id)?,
            price: prices.get(subscription.price_id)?,
            discount: subscription.discount_id.map(|id| discounts.get(id)).transpose()?,
            subscription,
        })
    };
    subscriptions.into_iter().map(with_contents).collect()
}

/// What a period of these subscriptions costs as prices are shown, in their order: less discount, and with the tax that
/// prices hold. None for what is free.
pub fn listed(tx: &mut ReadTx<'_>, subscriptions: &[&Subscription]) -> Result<Vec<Option<Cents>>> {
    let named: Vec<Id<Discount>> = subscriptions.iter().filter_map(|one| one.discount_id).collect();
    let discounts = ById::new(discounts::find_many(tx, &named)?, |discount| discount.id);
    let one = |one: &&Subscription| {
        let discount = one.discount_id.map(|id| discounts.get(id)).transpose()?;
        let start = one.current_period_start;
        let since = one.discount_since.or(one.started_at).unwrap_or(start);
        let off = discount.filter(|off| discounts::rules::reduces_period(off.span(), since, start));
        let less = |base: Cents| {
            let off = off.as_ref().map(|off| discounts::rules::amount_off(off.reduction(), base));
            Cents::new(base.get() - off.unwrap_or_default().get())
        };
        Ok(one.base_amount.map(less))
    };
    subscriptions.iter().map(one).collect()
}

/// Reads everything that belongs to this subscription.
pub fn complete_one(tx: &mut ReadTx<'_>, subscription: Subscription) -> Result<CompleteSubscription> {
    let completed = complete(tx, vec![subscription])?.pop();
    Ok(completed.expect("one subscription was given and so one is complete"))
}

/// Reads what its buyer sees of these subscriptions.
pub(super) fn complete_of_buyer(
    tx: &mut ReadTx<'_>,
    subscriptions: Vec<Subscription>,
) -> Result<Vec<SubscriptionOfBuyer>> {
    let products = products_of(tx, &subscriptions)?;
    let products = ById::new(products::public(tx, products)?, |public| public.product.id);
    let organizations = distinct(&subscriptions, |of| of.organization_id);
    let organizations = ById::new(crate::organizations::find_many(tx, &organizations)?, |found| found.id);
    let prices = prices_of(tx, &subscriptions)?;
    let with_contents = |subscription: Subscription| {
        Ok(SubscriptionOfBuyer {
            product: products.get(subscription.product_id)?,
            organization: organizations.get(subscription.organization_id)?,
            price: prices.get(subscription.price_id)?,
            subscription,
        })
    };
    subscriptions.into_iter().map(with_contents).collect()
}

fn products_of(tx: &mut ReadTx<'_>, subscriptions: &[Subscription]) -> Result<Vec<Product>> {
    products::find_with_deleted(tx, &distinct(subscriptions, |of| of.product_id))
}

fn prices_of(tx: &mut ReadTx<'_>, subscriptions: &[Subscription]) -> Result<ById<Price, Price>> {
    let prices = products::find_prices(tx, &distinct(subscriptions, |of| of.price_id))?;
    Ok(ById::new(prices, |price| price.id))
}
