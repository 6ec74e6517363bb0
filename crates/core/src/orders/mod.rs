//! Orders: who bought what. A one-time order is the scope in which its buyer holds what comes with the product.

use const_format::concatcp;
use merak_store::{Json, ReadTx, Timestamp, Tx, row};

use crate::benefits::grants::{self, BenefitGrant, Purchase, Scope};
use crate::billing::{BillingReason, Invoice};
use crate::checkouts::Checkout;
use crate::customers::{self, Customer};
use crate::discounts::Discount;
use crate::kit::{Address, Cents, Currency, Id, Imported, Metadata, Refusal, Result};
use crate::organizations::Organization;
use crate::products::{self, Price, Product};
use crate::subscriptions::Subscription;

row! {
    /// One purchase, and what was paid for it.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Order in "orders" {
        /// The order's id.
        pub id: Id<Order>,
        /// Who sold.
        pub organization_id: Id<Organization>,
        /// Who bought.
        pub customer_id: Id<Customer>,
        /// What was bought.
        pub product_id: Id<Product>,
        /// At which price; none if it was given and the product never had one.
        pub product_price_id: Option<Id<Price>>,
        /// The subscription it pays for; the benefits are then held through that.
        pub subscription_id: Option<Id<Subscription>>,
        /// The checkout it came from.
        pub checkout_id: Option<Id<Checkout>>,
        /// The discount that reduced it.
        pub discount_id: Option<Id<Discount>>,
        /// The invoice that was paid; none if it was given.
        pub invoice_id: Option<Id<Invoice>>,
        /// The invoice's number, counted without gaps in each organization.
        pub invoice_number: Option<i64>,
        /// What it is for.
        pub billing_reason: BillingReason,
        /// What was paid, less discount, before tax; negative if more was given back than charged.
        pub amount: Cents,
        /// The tax on it.
        pub tax_amount: Cents,
        /// In which currency.
        pub currency: Currency,
        /// Where the buyer was billed.
        pub billing_address: Option<Address>,
        /// Notes, from the checkout or the subscription.
        pub metadata: Metadata,
        /// What the buyer answered, by slug: an object.
        pub custom_field_data: Json,
        /// How much of it went back, with tax.
        pub refunded_amount: Cents,
        /// When it was made, by the organization's clock.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
    }
}

impl Order {
    /// The purchase that the order is.
    pub fn purchase(&self) -> Purchase {
        let scope = match self.subscription_id {
            Some(id) => Scope::Subscription(id.uuid()),
            None => Scope::Order(self.id.uuid()),
        };
        Purchase { customer_id: self.customer_id, product_id: self.product_id, scope }
    }

    /// An order of no amount: what a seller gives, or what was recorded elsewhere without its money.
    pub fn of_nothing(
        id: Id<Order>,
        product: &Product,
        price_id: Option<Id<Price>>,
        customer_id: Id<Customer>,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            organization_id: product.organization_id,
            customer_id,
            product_id: product.id,
            product_price_id: price_id,
            subscription_id: None,
            checkout_id: None,
            discount_id: None,
            invoice_id: None,
            invoice_number: None,
            billing_reason: BillingReason::Purchase,
            amount: Cents::default(),
            tax_amount: Cents::default(),
            currency: Currency::default(),
            billing_address: None,
            metadata: Metadata::default(),
            custom_field_data: Json::default(),
            refunded_amount: Cents::default(),
            created_at,
            modified_at: None,
        }
    }
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
    tx.insert(&order)?;
    let grants = grants::grant_purchase(tx, &order.purchase())?;
    Ok((order, grants))
}

/// The order, if there is one; says nothing about who may see it.
pub fn find(tx: &mut ReadTx<'_>, id: Id<Order>) -> Result<Option<Order>> {
    const SQL: &str = concatcp!("SELECT ", Order::COLUMNS, " FROM orders WHERE id = $1");
    Ok(tx.find(SQL, &[&id])?)
}

/// Takes an order over that was made elsewhere, without granting anything: grants come over by themselves.
pub fn import(tx: &mut Tx<'_>, order: &Order) -> Result<Imported<Order>> {
    const BUYER: &str = "SELECT customer_id FROM orders WHERE id = $1";
    let mut order = order.clone();
    if !tx.insert_new(&order)? {
        if tx.find::<Id<Customer>>(BUYER, &[&order.id])? == Some(order.customer_id) {
            return Ok(Imported::Found(order.id));
        }
        order.id = Id::new(tx);
        tx.insert(&order)?;
    }
    Ok(Imported::New(order.id))
}
