//! What is told of subscriptions: events for the shop, mails for the customer and the members, and a message for the
//! page of the checkout.
//!
//! | event | when | mail |
//! |---|---|---|
//! | `created` | it is new, or a checkout took it over | confirmation; notice to the members |
//! | `updated` | it changed | |
//! | `active` | it is new and active, or became active | confirmation; notice to the members |
//! | `canceled` | it is to end, or has ended, at another time than before | canceled, unless it is over |
//! | `uncanceled` | it was to end, and is not | uncanceled |
//! | `revoked` | what came with it is taken back: it became overdue, or its grace is over, or it ended | ended, unless it is only overdue |
//!
//! The events come in this order, and each mail at most once. That a payment is overdue is told by the billing.

use merak_store::{ReadTx, Tx};
use serde_json::json;

use super::{Subscription, SubscriptionStatus};
use crate::customers::Customer;
use crate::emails::{self, Email, PortalLink, Receipt, RecurringPrice};
use crate::events::{self, EventType};
use crate::kit::Result;
use crate::organizations;
use crate::streams::{self, Channel};

/// Tells of a new subscription.
pub(super) fn created(tx: &mut Tx<'_>, subscription: &Subscription, paid: Option<Receipt>) -> Result<()> {
    publish_created(tx, subscription)?;
    emit(tx, subscription, EventType::SubscriptionCreated)?;
    if subscription.status.is_active() {
        emit(tx, subscription, EventType::SubscriptionActive)?;
        welcome(tx, subscription, paid)?;
    }
    Ok(())
}

/// Tells of a subscription that has changed.
pub(super) fn changed(
    tx: &mut Tx<'_>,
    before: &Subscription,
    after: &Subscription,
    paid: Option<Receipt>,
) -> Result<()> {
    let told = Told::of(before, after);
    if told.is_taken_over {
        publish_created(tx, after)?;
    }
    for (is_told, event) in [
        (told.is_taken_over, EventType::SubscriptionCreated),
        (true, EventType::SubscriptionUpdated),
        (told.is_activated, EventType::SubscriptionActive),
        (told.is_canceled, EventType::SubscriptionCanceled),
        (told.is_uncanceled, EventType::SubscriptionUncanceled),
        (told.is_revoked, EventType::SubscriptionRevoked),
    ] {
        if is_told {
            emit(tx, after, event)?;
        }
    }
    if is_confirmed(before, after) {
        welcome(tx, after, paid)?;
    }
    mail_end(tx, after, &told)
}

/// Whether a change is confirmed to the customer, by a mail that lists what comes with the subscription. Who had it all
/// along, because of a grace, is not told anew.
pub(super) fn is_confirmed(before: &Subscription, after: &Subscription) -> bool {
    let told = Told::of(before, after);
    told.is_activated && !before.gives() || told.is_taken_over && after.status.is_active()
}

/// What is to be told of a change.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a line of the table above, and they go together freely"
)]
struct Told {
    is_taken_over: bool,
    is_activated: bool,
    is_canceled: bool,
    is_uncanceled: bool,
    is_revoked: bool,
    is_over: bool,
}

impl Told {
    fn of(before: &Subscription, after: &Subscription) -> Self {
        let is_canceled = after.ends_at.is_some() && after.canceled_at.is_some();
        Self {
            is_taken_over: after.checkout_id.is_some() && before.checkout_id != after.checkout_id,
            is_activated: after.status.is_active() && !before.status.is_active(),
            is_canceled: is_canceled && before.ends_at != after.ends_at,
            is_uncanceled: before.ends_at.is_some() && !is_canceled,
            is_revoked: after.is_withdrawn() && !before.is_withdrawn(),
            is_over: is_over(after.status) && !is_over(before.status),
        }
    }
}

/// Whether no payment is tried any more.
const fn is_over(status: SubscriptionStatus) -> bool {
    matches!(status, SubscriptionStatus::Canceled | SubscriptionStatus::Unpaid)
}

fn emit(tx: &mut Tx<'_>, subscription: &Subscription, event: EventType) -> Result<()> {
    events::emit(tx, subscription.organization_id, event, subscription.id.uuid())
}

fn publish_created(tx: &mut Tx<'_>, subscription: &Subscription) -> Result<()> {
    let Some(checkout_id) = subscription.checkout_id else { return Ok(()) };
    streams::publish(tx, &Channel::Checkout(checkout_id.uuid()), "checkout.subscription_created", &json!({}))
}

/// Confirms it to the customer and tells the members.
fn welcome(tx: &mut Tx<'_>, subscription: &Subscription, paid: Option<Receipt>) -> Result<()> {
    let Some(told) = Reader::of(tx, subscription)? else { return Ok(()) };
    let price = recurring_price(subscription);
    let benefits = emails::benefit_lines(tx, subscription.product_id)?;
    let confirmation = Email::SubscriptionConfirmation {
        product_name: told.product_name.clone(),
        price,
        receipt: paid,
        trial_ends_at: None,
        benefits,
        portal: portal(subscription),
    };
    told.mail(tx, subscription, &confirmation)?;
    let notice = Email::NewSubscription {
        product_name: told.product_name,
        price,
        customer_email: told.customer.email.to_string(),
        customer_name: told.customer.name,
    };
    for member in organizations::addresses_of_members(tx, subscription.organization_id)? {
        emails::enqueue(tx, Some(subscription.organization_id), member.as_str(), &notice)?;
    }
    Ok(())
}

/// Writes to the customer that it ends, has ended, or does not end after all: one mail at most.
fn mail_end(tx: &mut Tx<'_>, subscription: &Subscription, told: &Told) -> Result<()> {
    if !told.is_over && !told.is_canceled && !told.is_uncanceled {
        return Ok(());
    }
    let Some(reader) = Reader::of(tx, subscription)? else { return Ok(()) };
    let (product_name, portal) = (reader.product_name.clone(), portal(subscription));
    let email = if told.is_over {
        Email::SubscriptionEnded { product_name, portal }
    } else if told.is_uncanceled {
        Email::SubscriptionUncanceled {
            product_name,
            renews_at: Some(subscription.current_period_end),
            portal,
        }
    } else {
        let ends_at = subscription.ends_at.unwrap_or(subscription.current_period_end);
        let benefits = emails::benefit_lines(tx, subscription.product_id)?;
        Email::SubscriptionCanceled { product_name, ends_at, benefits, portal }
    };
    reader.mail(tx, subscription, &email)
}

/// Who reads the mails about a subscription, and what it is called in them.
struct Reader {
    customer: Customer,
    product_name: String,
}

impl Reader {
    /// None if the customer was deleted: nobody is written to then.
    fn of(tx: &mut ReadTx<'_>, subscription: &Subscription) -> Result<Option<Self>> {
        let Some(customer) = crate::customers::find(tx, subscription.customer_id)? else { return Ok(None) };
        let product_name = tx.one("SELECT name FROM products WHERE id = $1", &[&subscription.product_id])?;
        Ok(Some(Self { customer, product_name }))
    }

    fn mail(&self, tx: &mut Tx<'_>, subscription: &Subscription, email: &Email) -> Result<()> {
        emails::enqueue(tx, Some(subscription.organization_id), self.customer.email.as_str(), email)?;
        Ok(())
    }
}

fn portal(subscription: &Subscription) -> PortalLink {
    PortalLink { customer_id: subscription.customer_id, shows: Some(subscription.id.uuid()) }
}

/// What it costs by its price; none if it is free.
fn recurring_price(subscription: &Subscription) -> Option<RecurringPrice> {
    let (amount, currency) = (subscription.base_amount?, subscription.currency?);
    Some(RecurringPrice { amount, currency, interval: subscription.recurring_interval })
}
