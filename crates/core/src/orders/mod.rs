//! Orders: who bought what. A one-time order is the scope in which its buyer holds what comes with the product.

mod audit;
mod buyers;
mod commands;
mod contents;
mod counts;
mod invoice;
mod queries;

use merak_store::{Json, Timestamp, row};

pub(crate) use self::audit::CHECK as AUDIT;
pub use self::buyers::{ListOrdersOfBuyer, find_of_buyer, list_of_buyer};
pub use self::commands::{give, import, record};
pub use self::contents::{CompleteOrder, OrderOfBuyer, complete, complete_one};
pub(crate) use self::invoice::has_document;
pub use self::invoice::{Buyer, InvoiceData, invoice_data, invoice_token, read_invoice_token};
pub use self::queries::{ListOrders, find, get, list};
use crate::benefits::grants::{Purchase, Scope};
use crate::billing::{BillingReason, Invoice};
use crate::checkouts::Checkout;
use crate::customers::Customer;
use crate::discounts::Discount;
use crate::kit::{Address, Cents, Currency, Id, Metadata, sort_properties};
use crate::organizations::Organization;
use crate::products::{Price, Product};
use crate::subscriptions::Subscription;

row! {
    /// One purchase, and what was paid for it. It is written by [`record`], which keeps the totals of lists.
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
        /// The invoice's number, counted without gaps in each organization. What it is shown by is
        /// [`document_number`](Order::document_number).
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

sort_properties! {
    /// What a list of orders can be sorted by.
    pub enum OrderSort {
        /// When the order was made.
        CreatedAt = "created_at" => "orders.created_at",
        /// What was paid, less discount, before tax.
        Amount = "amount" => "orders.amount",
        /// The customer's address, whatever its letter case.
        Customer = "customer" => "orders.customer_email",
        /// The product's name, whatever its letter case.
        Product = "product" => "(SELECT lower(products.name) FROM products WHERE products.id = orders.product_id)",
        /// The discount's name, whatever its letter case.
        Discount = "discount" => nullable "(SELECT lower(discounts.name) FROM discounts WHERE discounts.id = orders.discount_id)",
        /// The subscription that it pays for; what pays for none stands after the greatest.
        Subscription = "subscription" => "coalesce(orders.subscription_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')",
    }
}

sort_properties! {
    /// What a buyer's list of orders can be sorted by.
    pub enum OrderOfBuyerSort {
        /// When the order was made.
        CreatedAt = "created_at" => "orders.created_at",
        /// What was paid, less discount, before tax.
        Amount = "amount" => "orders.amount",
        /// The organization's slug.
        Organization = "organization" => "organizations.slug",
        /// The product's name, whatever its letter case.
        Product = "product" => "lower(products.name)",
        /// The subscription that it pays for.
        Subscription = "subscription" => nullable "orders.subscription_id",
    }
}
