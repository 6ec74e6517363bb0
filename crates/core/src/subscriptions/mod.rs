//! Subscriptions: what is paid again and again, and held for as long as it is.
//!
//! The shop's own record decides; a payment processor only moves money. Period `n` begins `n - anchor_period` intervals
//! of the calendar after `anchor_at`, whatever was done when.

mod announce;
mod buyers;
mod changes;
mod commands;
mod contents;
mod counts;
mod export;
pub mod payers;
mod preview;
pub mod price_change;
pub mod proration;
mod queries;
pub mod rules;

use merak_store::{Json, Timestamp, row};

pub use self::buyers::{ListSubscriptionsOfBuyer, find_of_buyer, list_of_buyer};
pub use self::changes::{change, change_paid, create};
pub use self::commands::{cancel, end, end_all_of, revoke, uncancel};
pub use self::contents::{CompleteSubscription, SubscriptionOfBuyer, complete, complete_one, listed};
pub use self::export::{ExportCursor, Subscriber, export};
pub use self::queries::{ListSubscriptions, find, find_many, get, list};

use crate::benefits::grants::{Purchase, Scope};
use crate::billing::PaymentMethod;
use crate::checkouts::Checkout;
use crate::customers::Customer;
use crate::discounts::Discount;
use crate::kit::{Cents, Currency, Id, Metadata, sort_properties, text_enum};
use crate::organizations::Organization;
use crate::products::{Price, Product, RecurringInterval};

text_enum! {
    /// How a subscription stands, in the order of lists.
    pub enum SubscriptionStatus {
        /// The first payment is on its way. Does not arise here: a checkout pays before.
        Incomplete = "incomplete",
        /// The first payment never came.
        IncompleteExpired = "incomplete_expired",
        /// Nothing is paid yet. Reserved.
        Trialing = "trialing",
        /// It is paid for, or free.
        Active = "active",
        /// A payment is owed and will be tried again.
        PastDue = "past_due",
        /// It has ended.
        Canceled = "canceled",
        /// A payment is owed and will not be tried again.
        Unpaid = "unpaid",
    }
}

impl SubscriptionStatus {
    /// Whether it is paid for.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Trialing | Self::Active)
    }

    /// Whether it is not paid for any more. What came with it may stay for a while, see [`Subscription::is_in_grace`].
    pub const fn is_revoked(self) -> bool {
        matches!(self, Self::PastDue | Self::Canceled | Self::Unpaid)
    }
}

text_enum! {
    /// Why a customer cancels.
    pub enum CancellationReason {
        /// The service to customers.
        CustomerService = "customer_service",
        /// The quality.
        LowQuality = "low_quality",
        /// Something is not in it.
        MissingFeatures = "missing_features",
        /// Another product is used.
        SwitchedService = "switched_service",
        /// It is not easy enough.
        TooComplex = "too_complex",
        /// The price.
        TooExpensive = "too_expensive",
        /// It is not used.
        Unused = "unused",
        /// Something else.
        Other = "other",
    }
}

row! {
    /// One subscription.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Subscription in "subscriptions" {
        /// The subscription's id.
        pub id: Id<Subscription>,
        /// Who sells.
        pub organization_id: Id<Organization>,
        /// Who pays.
        pub customer_id: Id<Customer>,
        /// For what.
        pub product_id: Id<Product>,
        /// At which price. It may be archived by now.
        pub price_id: Id<Price>,
        /// The discount. It may have lapsed by now.
        pub discount_id: Option<Id<Discount>>,
        /// The checkout that it came from last.
        pub checkout_id: Option<Id<Checkout>>,
        /// How it stands.
        pub status: SubscriptionStatus,
        /// What a period costs as it was agreed, before discount and tax; none if it is free.
        pub base_amount: Option<Cents>,
        /// What the current period costs, less discount, before tax; none if it is free.
        pub amount: Option<Cents>,
        /// In which currency; none if it is free.
        pub currency: Option<Currency>,
        /// How long a period is.
        pub recurring_interval: RecurringInterval,
        /// When the current period began.
        pub current_period_start: Timestamp,
        /// When it ends and the next begins.
        pub current_period_end: Timestamp,
        /// Whether it ends then.
        pub cancel_at_period_end: bool,
        /// When the customer or the seller canceled.
        pub canceled_at: Option<Timestamp>,
        /// When it was active for the first time.
        pub started_at: Option<Timestamp>,
        /// When it will end, or ended.
        pub ends_at: Option<Timestamp>,
        /// When it ended.
        pub ended_at: Option<Timestamp>,
        /// Why the customer canceled.
        pub customer_cancellation_reason: Option<CancellationReason>,
        /// In the customer's words.
        pub customer_cancellation_comment: Option<String>,
        /// Notes, from the checkout; each order gets a copy.
        pub metadata: Metadata,
        /// What the buyer answered, by slug: an object. Each order gets a copy.
        pub custom_field_data: Json,
        /// What pays; none if it is free or the method was removed.
        pub payment_method_id: Option<Id<PaymentMethod>>,
        /// When the period `anchor_period` began.
        pub anchor_at: Timestamp,
        /// The number of a period whose beginning is exact.
        pub anchor_period: i64,
        /// The number of the current period, from zero over the whole life.
        pub period: i64,
        /// Since when the discount runs.
        pub discount_since: Option<Timestamp>,
        /// When the billing engine has to look at it next, by the organization's clock.
        pub due_at: Option<Timestamp>,
        /// Since when the payment of the current period is owed.
        pub past_due_since: Option<Timestamp>,
        /// Until when the customer keeps what comes with it although that payment is owed; none if they do not, or not any
        /// more.
        pub grace_ends_at: Option<Timestamp>,
        /// How often that payment was tried again.
        pub retries: i64,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
    }
}

impl Subscription {
    /// What it is held through.
    pub fn purchase(&self) -> Purchase {
        let scope = Scope::Subscription(self.id.uuid());
        Purchase { customer_id: self.customer_id, product_id: self.product_id, scope }
    }

    /// Whether a payment is owed and the customer keeps what comes with it meanwhile. The billing ends the grace in time.
    pub fn is_in_grace(&self) -> bool {
        self.status == SubscriptionStatus::PastDue && self.grace_ends_at.is_some()
    }

    /// Whether the customer has what comes with it.
    pub fn gives(&self) -> bool {
        self.status.is_active() || self.is_in_grace()
    }

    /// Whether the customer has what came with it no more.
    pub fn is_withdrawn(&self) -> bool {
        self.status.is_revoked() && !self.is_in_grace()
    }
}

sort_properties! {
    /// What a list of subscriptions can be sorted by.
    pub enum SubscriptionSort {
        /// The customer's address, whatever its letter case.
        Customer = "customer" => "subscriptions.customer_email",
        /// How it stands; what is to end stands after what is not.
        Status = "status" => "CASE subscriptions.status WHEN 'incomplete' THEN 1 WHEN 'incomplete_expired' THEN 2 WHEN 'trialing' THEN 3 WHEN 'active' THEN CASE WHEN subscriptions.cancel_at_period_end THEN 5 ELSE 4 END WHEN 'past_due' THEN 6 WHEN 'canceled' THEN 7 ELSE 8 END",
        /// When it began.
        StartedAt = "started_at" => "subscriptions.started_at",
        /// When the current period ends.
        CurrentPeriodEnd = "current_period_end" => "subscriptions.current_period_end",
        /// What a year costs; what is free stands last, in both directions.
        Amount = "amount" => "coalesce(CASE subscriptions.recurring_interval WHEN 'year' THEN subscriptions.amount ELSE subscriptions.amount * 12 END, 9223372036854775807)",
        /// The product's name, whatever its letter case.
        Product = "product" => "(SELECT lower(products.name) FROM products WHERE products.id = subscriptions.product_id)",
        /// The discount's name, whatever its letter case.
        Discount = "discount" => nullable "(SELECT lower(discounts.name) FROM discounts WHERE discounts.id = subscriptions.discount_id)",
    }
}

sort_properties! {
    /// What a buyer's list of subscriptions can be sorted by.
    pub enum SubscriptionOfBuyerSort {
        /// When it began.
        StartedAt = "started_at" => "subscriptions.started_at",
        /// What a year costs; what is free stands first, in both directions.
        Amount = "amount" => "coalesce(CASE subscriptions.recurring_interval WHEN 'year' THEN subscriptions.amount ELSE subscriptions.amount * 12 END, -1)",
        /// How it stands; what is to end stands after what is not.
        Status = "status" => "CASE subscriptions.status WHEN 'incomplete' THEN 1 WHEN 'incomplete_expired' THEN 2 WHEN 'trialing' THEN 3 WHEN 'active' THEN CASE WHEN subscriptions.cancel_at_period_end THEN 5 ELSE 4 END WHEN 'past_due' THEN 6 WHEN 'canceled' THEN 7 ELSE 8 END",
        /// The organization's slug.
        Organization = "organization" => "organizations.slug",
        /// The product's name, whatever its letter case.
        Product = "product" => "lower(products.name)",
    }
}
