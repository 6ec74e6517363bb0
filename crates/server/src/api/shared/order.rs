//! Orders as their seller sees them, and as their buyer does.

use merak_core::billing::BillingReason;
use merak_core::checkouts::Checkout;
use merak_core::customers;
use merak_core::discounts::Discount;
use merak_core::kit::{Address, Cents, Currency, Id, Metadata, Result};
use merak_core::orders::{self, CompleteOrder, OrderOfBuyer};
use merak_core::products::{self, Price};
use merak_core::subscriptions;
use merak_store::{Json, Timestamp};
use serde_json::{Value, json};

use super::subscription::{CustomerAsUser, CustomerOrderSubscription, OrderSubscription};
use super::{Customer, DiscountMinimal, DiscountProduct, PortalProduct, ProductPrice};
use crate::state::House;
use crate::wire::{Components, Described, answer, one_of_named};

impl Described for BillingReason {
    fn schema(components: &mut Components) -> Value {
        one_of_named(
            components,
            "OrderBillingReason",
            |_| json!({"type": "string", "enum": Self::TEXTS, "description": "What an order is for."}),
        )
    }
}

answer! {
    /// One purchase, and what was paid for it.
    pub struct Order {
        /// When the order was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// The order's id.
        pub id: Id<orders::Order>,
        /// The organization's own notes, from the checkout or the subscription.
        pub metadata: Metadata,
        /// What the buyer answered to the product's custom fields, by slug.
        pub custom_field_data: Json = {"required": false},
        /// What was paid, less discount, before tax; negative if more was given back than charged.
        pub amount: Cents,
        /// The tax on it.
        pub tax_amount: Cents,
        /// In which currency.
        pub currency: Currency,
        /// What it is for.
        pub billing_reason: BillingReason,
        /// Where the buyer was billed.
        pub billing_address: Option<Address>,
        /// Who bought.
        pub customer_id: Id<customers::Customer>,
        /// What was bought.
        pub product_id: Id<products::Product>,
        /// At which price.
        pub product_price_id: Id<Price>,
        /// The discount that reduced it.
        pub discount_id: Option<Id<Discount>>,
        /// The subscription that it pays for.
        pub subscription_id: Option<Id<subscriptions::Subscription>>,
        /// The checkout that it came from.
        pub checkout_id: Option<Id<Checkout>>,
        /// Who bought.
        pub customer: Customer,
        /// The same as `customer_id`.
        pub user_id: Id<customers::Customer> = {"deprecated": true},
        /// Who bought, in an old form.
        pub user: CustomerAsUser = {"deprecated": true},
        /// What was bought.
        pub product: DiscountProduct,
        /// At which price. It may be archived by now.
        pub product_price: ProductPrice,
        /// The discount that reduced it. It may be deleted by now.
        pub discount: Option<DiscountMinimal>,
        /// The subscription that it pays for.
        pub subscription: Option<OrderSubscription>,
    }

    /// An order as its buyer sees it.
    pub struct CustomerOrder {
        /// When the order was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// The order's id.
        pub id: Id<orders::Order>,
        /// What was paid, less discount, before tax; negative if more was given back than charged.
        pub amount: Cents,
        /// The tax on it.
        pub tax_amount: Cents,
        /// In which currency.
        pub currency: Currency,
        /// Who bought.
        pub customer_id: Id<customers::Customer>,
        /// What was bought.
        pub product_id: Id<products::Product>,
        /// At which price.
        pub product_price_id: Id<Price>,
        /// The subscription that it pays for.
        pub subscription_id: Option<Id<subscriptions::Subscription>>,
        /// The same as `customer_id`.
        pub user_id: Id<customers::Customer> = {"deprecated": true},
        /// What was bought.
        pub product: PortalProduct,
        /// At which price. It may be archived by now.
        pub product_price: ProductPrice,
        /// The subscription that it pays for.
        pub subscription: Option<CustomerOrderSubscription>,
    }

    /// Where the invoice of an order is.
    pub struct OrderInvoice {
        /// The address of the invoice. Whoever has it can read it; it ends after a while.
        pub url: String,
    }
}

impl From<CompleteOrder> for Order {
    fn from(complete: CompleteOrder) -> Self {
        let CompleteOrder { order, customer, product, price, discount, subscription } = complete;
        Self {
            created_at: order.created_at,
            modified_at: order.modified_at,
            id: order.id,
            metadata: order.metadata,
            custom_field_data: order.custom_field_data,
            amount: order.amount,
            tax_amount: order.tax_amount,
            currency: order.currency,
            billing_reason: order.billing_reason,
            billing_address: order.billing_address,
            customer_id: order.customer_id,
            product_id: order.product_id,
            product_price_id: price.id,
            discount_id: order.discount_id,
            subscription_id: order.subscription_id,
            checkout_id: order.checkout_id,
            user_id: order.customer_id,
            user: CustomerAsUser::from(&customer),
            customer: customer.into(),
            product: product.into(),
            product_price: price.into(),
            discount: discount.map(DiscountMinimal::from),
            subscription: subscription.map(OrderSubscription::from),
        }
    }
}

impl OrderInvoice {
    /// Where the invoice of an order is, from now on for a while.
    pub fn of(order: &orders::Order, house: &House, now: Timestamp) -> Result<Self> {
        let token = orders::invoice_token(&house.secret, order, now)?;
        Ok(Self { url: format!("{}/invoices/{token}", house.public_url) })
    }
}

impl CustomerOrder {
    /// An order of the core, with pictures where they are in this house's storage.
    pub fn new(of: OrderOfBuyer, house: &House) -> Self {
        let OrderOfBuyer { order, product, organization, price, subscription } = of;
        Self {
            created_at: order.created_at,
            modified_at: order.modified_at,
            id: order.id,
            amount: order.amount,
            tax_amount: order.tax_amount,
            currency: order.currency,
            customer_id: order.customer_id,
            product_id: order.product_id,
            product_price_id: price.id,
            subscription_id: order.subscription_id,
            user_id: order.customer_id,
            product: PortalProduct::new(product, organization, house),
            product_price: price.into(),
            subscription: subscription.map(CustomerOrderSubscription::from),
        }
    }
}
