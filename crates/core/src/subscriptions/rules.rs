//! Canceling, revoking and going on after all. Decided without a database.

use merak_store::Timestamp;

use super::{CancellationReason, Subscription, SubscriptionStatus};
use crate::kit::{Kind, Refuses};

/// Why something cannot be done to a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It has ended, is to end already, or a payment of it is owed.
    #[error("This subscription is already canceled or will be at the end of the period.")]
    AlreadyCanceled,
    /// It has ended.
    #[error("This subscription has ended.")]
    Ended,
    /// It goes on anyhow.
    #[error("This subscription is not going to end.")]
    NotEnding,
    /// It is not active, so its price cannot change.
    #[error("This subscription is not active.")]
    NotActive,
    /// What costs something needs a payment first, and that did not come.
    #[error(
        "The subscription becomes a paid one, and there is no means of payment that could be charged for it."
    )]
    MissingPaymentMethod,
    /// More is charged for it, and nobody vouches that whoever wishes it is the customer.
    #[error(
        "More is charged for this, now or over a year, and anybody may have come along a link. Please sign in by the code that is \
         sent to the customer."
    )]
    NotShown,
    /// More is charged for it, and its card was typed in by somebody who had not shown to be the customer.
    #[error(
        "More is charged for this, now or over a year, and it is not known that the customer has given the card that pays. Please \
         add a card first."
    )]
    OthersCard,
}

impl Refuses for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::AlreadyCanceled => Kind::AlreadyCanceled,
            Self::Ended => Kind::Gone,
            Self::NotEnding => Kind::BadRequest,
            Self::NotActive => Kind::SubscriptionNotActive,
            Self::MissingPaymentMethod | Self::NotShown | Self::OthersCard => Kind::MissingPaymentMethod,
        }
    }
}

/// Why a customer cancels, as far as it was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cancellation {
    /// The reason.
    pub reason: Option<CancellationReason>,
    /// In the customer's words.
    pub comment: Option<String>,
}

/// Lets a subscription end with its current period. One that is free ends at once: nothing was paid that could be used
/// up.
pub fn cancel(subscription: &mut Subscription, why: Cancellation, now: Timestamp) -> Result<(), Error> {
    let is_going_on = subscription.status.is_active() && subscription.ended_at.is_none();
    if !is_going_on || subscription.cancel_at_period_end || subscription.ends_at.is_some() {
        return Err(Error::AlreadyCanceled);
    }
    note(subscription, why);
    if subscription.base_amount.is_none() {
        end(subscription, now);
    } else {
        subscription.canceled_at = Some(now);
        subscription.cancel_at_period_end = true;
        subscription.ends_at = Some(subscription.current_period_end);
    }
    Ok(())
}

/// Ends a subscription now, whether or not it was to end with its period.
pub fn revoke(subscription: &mut Subscription, why: Cancellation, now: Timestamp) -> Result<(), Error> {
    if !subscription.status.is_active() || subscription.ended_at.is_some() {
        return Err(Error::AlreadyCanceled);
    }
    note(subscription, why);
    end(subscription, now);
    Ok(())
}

/// Ends a subscription now, however it stands. Whether it had not ended before.
pub fn end_anyhow(subscription: &mut Subscription, now: Timestamp) -> bool {
    let is_over = subscription.ended_at.is_some() || subscription.status == SubscriptionStatus::Canceled;
    if !is_over {
        end(subscription, now);
    }
    !is_over
}

/// Lets a subscription go on that was to end with its period.
pub fn uncancel(subscription: &mut Subscription) -> Result<(), Error> {
    if subscription.ended_at.is_some() {
        return Err(Error::Ended);
    }
    if !subscription.status.is_active() || !subscription.cancel_at_period_end {
        return Err(Error::NotEnding);
    }
    subscription.cancel_at_period_end = false;
    subscription.canceled_at = None;
    subscription.ends_at = None;
    subscription.customer_cancellation_reason = None;
    subscription.customer_cancellation_comment = None;
    Ok(())
}

fn end(subscription: &mut Subscription, now: Timestamp) {
    subscription.status = SubscriptionStatus::Canceled;
    subscription.cancel_at_period_end = false;
    subscription.canceled_at = Some(now);
    subscription.ends_at = Some(now);
    subscription.ended_at = Some(now);
    subscription.grace_ends_at = None;
    subscription.due_at = None;
}

/// What was said stays until something else is said.
fn note(subscription: &mut Subscription, why: Cancellation) {
    if why.reason.is_some() {
        subscription.customer_cancellation_reason = why.reason;
    }
    if let Some(comment) = why.comment.filter(|comment| !comment.is_empty()) {
        subscription.customer_cancellation_comment = Some(comment);
    }
}
