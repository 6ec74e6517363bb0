//! What sellers and customers do to subscriptions, but for changing the price.

use merak_store::Tx;

use super::rules::{self, Cancellation};
use super::{Subscription, change};
use crate::billing::invoices;
use crate::clock;
use crate::customers::Customer;
use crate::kit::{Id, Result};

/// Lets a subscription end with its current period, or at once if it is free. One that is to end or has ended is
/// refused.
pub fn cancel(tx: &mut Tx<'_>, subscription: &Subscription, why: Cancellation) -> Result<Subscription> {
    let (mut after, now) = (subscription.clone(), clock::now(tx, subscription.organization_id)?);
    rules::cancel(&mut after, why, now)?;
    change(tx, subscription, &mut after)?;
    if after.ended_at.is_some() {
        invoices::end(tx, &after, true)?;
    }
    Ok(after)
}

/// Ends a subscription now. Nothing is paid back. One that has ended, or whose payment is owed, is refused.
pub fn revoke(tx: &mut Tx<'_>, subscription: &Subscription, why: Cancellation) -> Result<Subscription> {
    let (mut after, now) = (subscription.clone(), clock::now(tx, subscription.organization_id)?);
    rules::revoke(&mut after, why, now)?;
    change(tx, subscription, &mut after)?;
    invoices::end(tx, &after, true)?;
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

/// Ends a subscription now, even if a payment of it is owed: nothing is owed for it any more. Nothing happens to one that
/// has ended.
pub fn end(tx: &mut Tx<'_>, subscription: &Subscription) -> Result<()> {
    let (mut after, now) = (subscription.clone(), clock::now(tx, subscription.organization_id)?);
    if !rules::end_anyhow(&mut after, now) {
        return Ok(());
    }
    change(tx, subscription, &mut after)?;
    invoices::end(tx, &after, true)
}

/// Ends all subscriptions of a customer, as [`end`] does.
pub fn end_all_of(tx: &mut Tx<'_>, customer_id: Id<Customer>) -> Result<()> {
    let sql = format!(
        "SELECT {} FROM subscriptions WHERE customer_id = $1 AND status <> 'canceled' ORDER BY started_at, id",
        Subscription::COLUMNS
    );
    let running: Vec<Subscription> = tx.all(&sql, &[&customer_id])?;
    for subscription in running {
        end(tx, &subscription)?;
    }
    Ok(())
}
