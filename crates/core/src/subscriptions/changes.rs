//! The two ways in which a subscription is written, and everything that follows from what changed in it.

use merak_store::Tx;

use super::{Subscription, announce, counts};
use crate::emails::Receipt;
use crate::jobs::{self, Job};
use crate::kit::Result;

/// Writes a new subscription. One that is active gives what comes with it, and its customer gets a confirmation with
/// the receipt of what was paid at its start.
pub fn create(tx: &mut Tx<'_>, subscription: &Subscription, paid: Option<Receipt>) -> Result<()> {
    let email: String =
        tx.one("SELECT lower(email) FROM customers WHERE id = $1", &[&subscription.customer_id])?;
    tx.insert_with(subscription, &[("customer_email", &email)])?;
    counts::add(tx, subscription)?;
    if subscription.status.is_active() {
        jobs::enqueue(tx, &Job::UpdateGrantsOfPurchase { purchase: subscription.purchase() })?;
    }
    announce::created(tx, subscription, paid)
}

/// Writes a subscription that has changed from `before`, and tells everybody whom it concerns. What comes with it is
/// given or taken back when it became active or ceased to be, or is of another product now.
///
/// It is announced as changed even if only its period or its amount is another, so once for each thing that happens.
pub fn change(tx: &mut Tx<'_>, before: &Subscription, after: &mut Subscription) -> Result<()> {
    change_paid(tx, before, after, None)
}

/// As [`change`], of one that comes with a payment: should the customer get a confirmation because the subscription
/// became active or was taken over by a checkout, then the receipt is in it.
pub fn change_paid(
    tx: &mut Tx<'_>,
    before: &Subscription,
    after: &mut Subscription,
    paid: Option<Receipt>,
) -> Result<()> {
    after.modified_at = Some(tx.now());
    save(tx, after)?;
    counts::shift(tx, before, after)?;
    let is_other = before.product_id != after.product_id
        || before.status.is_active() != after.status.is_active()
        || before.status.is_revoked() != after.status.is_revoked();
    if is_other {
        let purchase = after.purchase();
        let job = if announce::is_confirmed(before, after) {
            Job::UpdateGrantsOfPurchase { purchase }
        } else {
            Job::UpdateUntoldGrantsOfPurchase { purchase }
        };
        jobs::enqueue(tx, &job)?;
    }
    announce::changed(tx, before, after, paid)
}

fn save(tx: &mut Tx<'_>, subscription: &Subscription) -> Result<()> {
    tx.changed_one(
        "UPDATE subscriptions SET product_id = $2, price_id = $3, discount_id = $4, checkout_id = $5, status = $6, \
         base_amount = $7, amount = $8, currency = $9, recurring_interval = $10, current_period_start = $11, \
         current_period_end = $12, cancel_at_period_end = $13, canceled_at = $14, started_at = $15, ends_at = $16, \
         ended_at = $17, customer_cancellation_reason = $18, customer_cancellation_comment = $19, metadata = $20, \
         custom_field_data = $21, payment_method_id = $22, anchor_at = $23, anchor_period = $24, period = $25, \
         discount_since = $26, due_at = $27, is_held = FALSE, past_due_since = $28, retries = $29, modified_at = $30 \
         WHERE id = $1",
        &[
            &subscription.id,
            &subscription.product_id,
            &subscription.price_id,
            &subscription.discount_id,
            &subscription.checkout_id,
            &subscription.status,
            &subscription.base_amount,
            &subscription.amount,
            &subscription.currency,
            &subscription.recurring_interval,
            &subscription.current_period_start,
            &subscription.current_period_end,
            &subscription.cancel_at_period_end,
            &subscription.canceled_at,
            &subscription.started_at,
            &subscription.ends_at,
            &subscription.ended_at,
            &subscription.customer_cancellation_reason,
            &subscription.customer_cancellation_comment,
            &subscription.metadata,
            &subscription.custom_field_data,
            &subscription.payment_method_id,
            &subscription.anchor_at,
            &subscription.anchor_period,
            &subscription.period,
            &subscription.discount_since,
            &subscription.due_at,
            &subscription.past_due_since,
            &subscription.retries,
            &subscription.modified_at,
        ],
    )?;
    Ok(())
}
