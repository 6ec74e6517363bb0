//! Subscriptions: the members that every answer about one has, and what some answers add.

use merak_core::checkouts::Checkout;
use merak_core::customers;
use merak_core::discounts::Discount;
use merak_core::kit::{Cents, Currency, Email, Id, Metadata, Result, avatar};
use merak_core::products::{self, Price, RecurringInterval};
use merak_core::subscriptions::{self, CancellationReason, CompleteSubscription, SubscriptionStatus};
use merak_store::{Json, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Customer, DiscountMinimal, PortalProduct, Product, ProductPrice};
use crate::state::House;
use crate::wire::{Components, Described, answer, one_of_named, reference};

impl Described for SubscriptionStatus {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "SubscriptionStatus", |_| json!({"type": "string", "enum": Self::TEXTS}))
    }
}

impl Described for CancellationReason {
    fn schema(components: &mut Components) -> Value {
        one_of_named(
            components,
            "CustomerCancellationReason",
            |_| json!({"type": "string", "enum": Self::TEXTS, "description": "Why a customer cancels."}),
        )
    }
}

answer! {
    /// A customer in the form of the days when customers were users. Deprecated.
    pub struct CustomerAsUser {
        /// The customer's id.
        pub id: Id<customers::Customer>,
        /// The customer's address.
        pub email: Email = {"format": null},
        /// The first letter of the customer's name or address.
        pub public_name: String,
        /// Always null.
        pub avatar_url: Option<String> = {"required": false},
        /// Always null.
        pub github_username: Option<String> = {"required": false},
    }
}

impl From<&customers::Customer> for CustomerAsUser {
    fn from(customer: &customers::Customer) -> Self {
        Self {
            id: customer.id,
            email: customer.email.clone(),
            public_name: avatar::public_name(customer.name.as_deref(), customer.email.as_str()),
            avatar_url: None,
            github_username: None,
        }
    }
}

/// A price that is paid again and again.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct RecurringPrice(pub ProductPrice);

impl Described for RecurringPrice {
    fn schema(components: &mut Components) -> Value {
        ProductPrice::schema(components);
        reference("ProductPriceRecurring")
    }
}

/// Declares an answer that has the members of a subscription, some before them and some after.
macro_rules! subscription_answers {
    ($(
        $(#[doc = $doc:expr])*
        $name:ident {
            $($(#[doc = $first_doc:expr])* $first:ident : $first_type:ty;)*
            ..
            $($(#[doc = $field_doc:expr])* $field:ident : $type:ty $(= $added:tt)?;)*
        }
    )*) => {
        answer! {$(
            $(#[doc = $doc])*
            pub struct $name {
                $($(#[doc = $first_doc])* pub $first: $first_type,)*
                /// When the subscription was made.
                pub created_at: Timestamp,
                /// When it last changed.
                pub modified_at: Option<Timestamp>,
                /// The subscription's id.
                pub id: Id<subscriptions::Subscription>,
                /// What the current period costs, less discount, before tax; null if it is free.
                pub amount: Option<Cents>,
                /// In which currency; null if it is free.
                pub currency: Option<Currency>,
                /// How long a period is.
                pub recurring_interval: RecurringInterval,
                /// How it stands.
                pub status: SubscriptionStatus,
                /// When the current period began.
                pub current_period_start: Timestamp,
                /// When it ends and the next begins.
                pub current_period_end: Option<Timestamp>,
                /// Whether it ends then.
                pub cancel_at_period_end: bool,
                /// When it was canceled.
                pub canceled_at: Option<Timestamp>,
                /// When it was active for the first time.
                pub started_at: Option<Timestamp>,
                /// When it will end, or ended.
                pub ends_at: Option<Timestamp>,
                /// When it ended.
                pub ended_at: Option<Timestamp>,
                /// Who pays.
                pub customer_id: Id<customers::Customer>,
                /// For what.
                pub product_id: Id<products::Product>,
                /// At which price.
                pub price_id: Id<Price>,
                /// The discount, which may have lapsed.
                pub discount_id: Option<Id<Discount>>,
                /// The checkout that it came from last.
                pub checkout_id: Option<Id<Checkout>>,
                /// Why the customer canceled.
                pub customer_cancellation_reason: Option<CancellationReason>,
                /// In the customer's words.
                pub customer_cancellation_comment: Option<String>,
                $($(#[doc = $field_doc])* pub $field: $type $(= $added)?,)*
            }
        )*}
        $(
            impl $name {
                fn with(of: subscriptions::Subscription, ($($first,)* $($field,)*): ($($first_type,)* $($type,)*)) -> Self {
                    Self {
                        $($first,)*
                        created_at: of.created_at,
                        modified_at: of.modified_at,
                        id: of.id,
                        amount: of.amount,
                        currency: of.currency,
                        recurring_interval: of.recurring_interval,
                        status: of.status,
                        current_period_start: of.current_period_start,
                        current_period_end: Some(of.current_period_end),
                        cancel_at_period_end: of.cancel_at_period_end,
                        canceled_at: of.canceled_at,
                        started_at: of.started_at,
                        ends_at: of.ends_at,
                        ended_at: of.ended_at,
                        customer_id: of.customer_id,
                        product_id: of.product_id,
                        price_id: of.price_id,
                        discount_id: of.discount_id,
                        checkout_id: of.checkout_id,
                        customer_cancellation_reason: of.customer_cancellation_reason,
                        customer_cancellation_comment: of.customer_cancellation_comment,
                        $($field,)*
                    }
                }
            }
        )*
    };
}

subscription_answers! {
    /// A subscription.
    Subscription {
        ..
        /// The organization's own notes, from the checkout.
        metadata: Metadata;
        /// What the buyer answered to the product's custom fields, by slug.
        custom_field_data: Json = {"required": false};
        /// Who pays.
        customer: Customer;
        /// The same as `customer_id`.
        user_id: Id<customers::Customer> = {"deprecated": true};
        /// Who pays, in an old form.
        user: CustomerAsUser = {"deprecated": true};
        /// For what.
        product: Product;
        /// At which price. It may be archived by now.
        price: RecurringPrice;
        /// The discount. It may have lapsed or be deleted by now.
        discount: Option<DiscountMinimal>;
    }

    /// The subscription that an order pays for.
    OrderSubscription {
        /// The organization's own notes, from the checkout.
        metadata: Metadata;
        ..
        /// The same as `customer_id`.
        user_id: Id<customers::Customer> = {"deprecated": true};
    }

    /// The subscription that an order pays for, as its buyer sees it.
    CustomerOrderSubscription {
        ..
    }

    /// A subscription as its buyer sees it.
    CustomerSubscription {
        ..
        /// The same as `customer_id`.
        user_id: Id<customers::Customer> = {"deprecated": true};
        /// For what.
        product: PortalProduct;
        /// At which price. It may be archived by now.
        price: ProductPrice;
    }
}

impl Subscription {
    /// A subscription of the core, as it is shown at this instant.
    pub fn new(complete: CompleteSubscription, house: &House, now: Timestamp) -> Result<Self> {
        let CompleteSubscription { subscription, customer, product, price, discount } = complete;
        let (metadata, answers) = (subscription.metadata.clone(), subscription.custom_field_data.clone());
        let (customer_id, user) = (customer.id, CustomerAsUser::from(&customer));
        let (product, price) = (Product::new(product, house, now)?, RecurringPrice(price.into()));
        let discount = discount.map(DiscountMinimal::from);
        let customer = customer.into();
        Ok(Self::with(
            subscription,
            (metadata, answers, customer, customer_id, user, product, price, discount),
        ))
    }
}

impl From<subscriptions::Subscription> for OrderSubscription {
    fn from(of: subscriptions::Subscription) -> Self {
        let (metadata, customer_id) = (of.metadata.clone(), of.customer_id);
        Self::with(of, (metadata, customer_id))
    }
}

impl From<subscriptions::Subscription> for CustomerOrderSubscription {
    fn from(of: subscriptions::Subscription) -> Self {
        Self::with(of, ())
    }
}

impl CustomerSubscription {
    /// A subscription of the core, with pictures where they are in this house's storage.
    pub fn new(of: subscriptions::SubscriptionOfBuyer, house: &House) -> Self {
        let customer_id = of.subscription.customer_id;
        let product = PortalProduct::new(of.product, of.organization, house);
        Self::with(of.subscription, (customer_id, product, of.price.into()))
    }
}
