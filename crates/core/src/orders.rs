//! Orders: who bought what. A one-time order is the scope in which its buyer holds what comes with the product.

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp, Tx, row};
use uuid::Uuid;

use crate::benefits::grants::{self, BenefitGrant, Purchase, Scope};
use crate::customers::{self, Customer};
use crate::kit::{Id, Imported, Refusal, Result};
use crate::products::{self, Product};

row! {
    /// One purchase.
    #[derive(Clone, Debug)]
    pub struct Order in "orders" {
        /// The order's id.
        pub id: Id<Order>,
        /// Who bought.
        pub customer_id: Id<Customer>,
        /// What was bought.
        pub product_id: Id<Product>,
        /// The subscription it pays for; the benefits are then held through that.
        pub subscription_id: Option<Uuid>,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
    }
}

impl Order {
    /// The purchase that the order is.
    pub fn purchase(&self) -> Purchase {
        let scope = match self.subscription_id {
            Some(id) => Scope::Subscription(id),
            None => Scope::Order(self.id.uuid()),
        };
        Purchase { customer_id: self.customer_id, product_id: self.product_id, scope }
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
    let order = Order {
        id: Id::new(tx),
        customer_id,
        product_id,
        subscription_id: None,
        created_at: tx.now(),
        modified_at: None,
    };
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
