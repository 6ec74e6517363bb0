//! What follows from a payment that failed.

use merak_store::{Timestamp, Tx};

use super::outcome::Failure;
use super::rules::GivenUp;
use super::{BillingReason, CANCELED, Invoice, InvoiceStatus, Rules, invoices, methods, payments};
use crate::clock;
use crate::emails::{self, Email, Money, PortalLink};
use crate::kit::{Id, Refusal, Result};
use crate::subscriptions::{self, Subscription, SubscriptionStatus};

/// How long there is at least between two tries, in seconds, however late they are.
pub(super) const LEAST_PAUSE: i64 = 12 * 3600;

/// The reason if there is nothing to pay with.
pub(super) fn no_method() -> Failure {
    Failure {
        code: String::from("no_payment_method"),
        message: String::from("There is no payment method."),
        is_final: true,
        needs_customer: true,
    }
}

/// Follows up an open invoice of a subscription's current period that there is nothing to pay with: the subscription is
/// past due at once.
pub fn without_method(tx: &mut Tx<'_>, rules: &Rules, invoice: &Invoice) -> Result<()> {
    let Some(id) = invoice.subscription_id else { return Ok(()) };
    let Some(subscription) = subscriptions::find(tx, id)? else { return Ok(()) };
    let product_name: String = tx.one("SELECT name FROM products WHERE id = $1", &[&invoice.product_id])?;
    let (mut invoice, now) = (invoice.clone(), clock::now(tx, invoice.organization_id)?);
    let owed = Owed { invoice: &mut invoice, subscription, product_name: &product_name, now };
    failed(tx, rules, &no_method(), owed).map(drop)
}

/// What has to be known of an invoice whose payment failed.
pub(super) struct Owed<'o> {
    pub(super) invoice: &'o mut Invoice,
    pub(super) subscription: Subscription,
    pub(super) product_name: &'o str,
    pub(super) now: Timestamp,
}

/// Follows up a payment of a subscription's invoice that failed: the subscription is past due, and it is decided when
/// the payment is tried again. Returns the subscription as it is then.
pub(super) fn failed(
    tx: &mut Tx<'_>,
    rules: &Rules,
    failure: &Failure,
    owed: Owed<'_>,
) -> Result<Subscription> {
    let Owed { invoice, subscription: before, product_name, now } = owed;
    let is_for_change = invoice.period.is_some_and(|period| period > before.period);
    if is_for_change || before.status == SubscriptionStatus::Canceled {
        if before.ended_at.is_some() {
            // The last invoice: there is nothing left to take back.
            invoices::close(tx, invoice, InvoiceStatus::Uncollectible)?;
            return Ok(before);
        }
        // Nothing was given for it yet, or will be.
        invoices::void(tx, invoice.id)?;
        invoice.status = InvoiceStatus::Void;
        return Ok(before);
    }
    let mut after = before.clone();
    match before.status {
        SubscriptionStatus::PastDue => {}
        SubscriptionStatus::Unpaid => return Ok(before),
        _ => {
            after.status = SubscriptionStatus::PastDue;
            after.past_due_since = Some(now);
            // What was never paid, such as another plan, is not left to anybody.
            let is_renewal = invoice.billing_reason == BillingReason::SubscriptionCycle;
            after.grace_ends_at = rules.grace_end(now).filter(|_| is_renewal);
            after.retries = 0;
        }
    }
    after.grace_ends_at = after.grace_ends_at.filter(|end| now < *end);
    let since = after.past_due_since.unwrap_or(now);
    // Somebody who was not asked for long is not asked for all of it at once.
    let soonest = now.add_seconds(LEAST_PAUSE);
    // Without the customer it would come to the same end again.
    let is_up_to_customer = failure.is_final || failure.needs_customer;
    let retry = if is_up_to_customer { None } else { rules.next_retry(since, after.retries) };
    let retry = retry.map(|at| at.max(soonest));
    if is_up_to_customer {
        after.retries = i64::try_from(rules.retry_days.len()).unwrap_or(i64::MAX);
    }
    // The customer has the same time to approve it, or to name another method.
    let mut look_at = retry.or_else(|| Some(rules.last_retry(since)).filter(|last| now < *last));
    // Who gave up a payment themselves is about to make another one.
    let is_given_up = failure.code == CANCELED;
    if is_given_up {
        look_at = look_at.or(Some(soonest));
    }
    let Some(look_at) = look_at else {
        give_up(tx, rules, invoice, &before, after, now)?;
        return Ok(before);
    };
    after.due_at = Some(after.grace_ends_at.map_or(look_at, |end| end.min(look_at)));
    if before.status == after.status && before.grace_ends_at == after.grace_ends_at {
        note(tx, after.id, after.retries, after.due_at)?;
    } else {
        subscriptions::change(tx, &before, &mut after)?;
    }
    if is_given_up {
        return Ok(after);
    }
    let email = Email::PaymentFailed {
        product_name: product_name.to_owned(),
        amount: Money { amount: invoice.due(), currency: invoice.currency },
        next_attempt_at: retry,
        kept_until: after.grace_ends_at,
        awaits_approval: failure.needs_customer && !failure.is_final,
        portal: PortalLink { customer_id: after.customer_id, shows: Some(after.id.uuid()) },
    };
    emails::enqueue(tx, Some(invoice.organization_id), invoice.customer_email.as_str(), &email)?;
    Ok(after)
}

/// Tells the customer that a change was not made, because its payment failed after it had been under way.
pub(super) fn tell_of_change(
    tx: &mut Tx<'_>,
    invoice: &Invoice,
    subscription: &Subscription,
    product_name: &str,
) -> Result<()> {
    let email = Email::ChangeNotPaid {
        product_name: product_name.to_owned(),
        amount: Money { amount: invoice.due(), currency: invoice.currency },
        portal: PortalLink { customer_id: subscription.customer_id, shows: Some(subscription.id.uuid()) },
    };
    emails::enqueue(tx, Some(invoice.organization_id), invoice.customer_email.as_str(), &email).map(drop)
}

/// Gives up the payment of an invoice: the subscription ends, or stays unpaid.
pub(super) fn give_up(
    tx: &mut Tx<'_>,
    rules: &Rules,
    invoice: &mut Invoice,
    before: &Subscription,
    mut after: Subscription,
    now: Timestamp,
) -> Result<()> {
    (after.due_at, after.grace_ends_at) = (None, None);
    match rules.given_up {
        GivenUp::Unpaid => after.status = SubscriptionStatus::Unpaid,
        GivenUp::Canceled => {
            invoices::close(tx, invoice, InvoiceStatus::Uncollectible)?;
            // Earlier periods may be owed too; what is under way for them decides them.
            while let Some(mut other) = methods::owed(tx, &after)? {
                if payments::under_way(tx, other.id)?.is_some() {
                    break;
                }
                invoices::close(tx, &mut other, InvoiceStatus::Uncollectible)?;
            }
            after.status = SubscriptionStatus::Canceled;
            (after.ends_at, after.ended_at) = (Some(now), Some(now));
            after.canceled_at = after.canceled_at.or(Some(now));
            after.cancel_at_period_end = false;
        }
    }
    subscriptions::change(tx, before, &mut after)?;
    if after.ended_at.is_some() { invoices::end(tx, &after, false) } else { Ok(()) }
}

/// Ends a subscription whose payment is owed, for its seller or its customer: what is owed need not be paid any more. Should the money still
/// come, it goes back.
pub fn end_owed(tx: &mut Tx<'_>, id: Id<Subscription>) -> Result<Subscription> {
    let before = subscriptions::find(tx, id)?.ok_or_else(Refusal::not_found)?;
    let is_owed = matches!(before.status, SubscriptionStatus::PastDue | SubscriptionStatus::Unpaid);
    if !is_owed || before.ended_at.is_some() {
        return Err(subscriptions::rules::Error::AlreadyCanceled.into());
    }
    let (mut after, now) = (before.clone(), clock::now(tx, before.organization_id)?);
    after.status = SubscriptionStatus::Canceled;
    (after.ends_at, after.ended_at) = (Some(now), Some(now));
    after.canceled_at = after.canceled_at.or(Some(now));
    after.cancel_at_period_end = false;
    (after.due_at, after.grace_ends_at) = (None, None);
    subscriptions::change(tx, &before, &mut after)?;
    invoices::end(tx, &after, true)?;
    Ok(after)
}

/// Writes when a subscription that owes a payment is looked at next, at the latest. A grace that is over by now ends: what
/// comes with the subscription is taken back. One that is not is looked at in time.
pub(super) fn look_at(
    tx: &mut Tx<'_>,
    before: &Subscription,
    due_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<()> {
    match before.grace_ends_at {
        Some(end) if end <= now => {
            let mut after = before.clone();
            (after.grace_ends_at, after.due_at) = (None, due_at);
            subscriptions::change(tx, before, &mut after)
        }
        Some(end) => note(tx, before.id, before.retries, Some(due_at.map_or(end, |at| at.min(end)))),
        None => note(tx, before.id, before.retries, due_at),
    }
}

/// Writes when a subscription is looked at next. Nobody is told: nothing happened to it.
pub(super) fn note(
    tx: &mut Tx<'_>,
    id: Id<Subscription>,
    retries: i64,
    due_at: Option<Timestamp>,
) -> Result<()> {
    Ok(tx.changed_one(
        "UPDATE subscriptions SET retries = $2, due_at = $3, is_held = FALSE WHERE id = $1",
        &[&id, &retries, &due_at],
    )?)
}
