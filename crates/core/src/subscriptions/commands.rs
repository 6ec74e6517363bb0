//! What sellers and customers do to subscriptions, but for changing the price.

use merak_store::Tx;

use super::rules::{self, Cancellation};
use super::{Subscription, change};
use crate::clock;
use crate::kit::Result;

/// Lets a subscription end with its current period, or at once if it is free. One that is to end or has ended is
/// refused.
pub fn cancel(tx: &mut Tx<'_>, subscription: &Subscription, why: Cancellation) -> Result<Subscription> {
    let (mut after, now) = (subscription.clone(), clock::now(tx, subscription.organization_id)?);
    rules::cancel(&mut after, why, now)?;
    change(tx, subscription, &mut after)?;
    Ok(after)
}

/// Ends a subscription now. Nothing is paid back. One that has ended, or whose payment is owed, is refused.
pub fn revoke(tx: &mut Tx<'_>, subscription: &Subscription, why: Cancellation) -> Result<Subscription> {
    let (mut after, now) = (subscription.clone(), clock::now(tx, subscription.organization_id)?);
    rules::revoke(&mut after, why, now)?;
    change(tx, subscription, &mut after)?;
    Ok(after)
}

/// Lets a subscription go on that was to end with its period. One that has ended is gone; one that goes on anyhow is a
/// bad request.
pub fn uncancel(tx: &mut Tx<'_>, subscription: &Subscription) -> Result<Subscription> {
    let mut after = subscription.clone();
    rules::uncancel(&mut after)?;
    change(tx, subscription, &mut after)?;
    Ok(after)
}
