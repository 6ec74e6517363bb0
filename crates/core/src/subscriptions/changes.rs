//! The two ways in which a subscription is written, and everything that follows from what changed in it.

use merak_store::{Sql, Tx};

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
/// given or taken back when it became active, when it ceased to be or the grace after that is over, or when it is of another
/// product now.
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
    save(tx, before, after)?;
    counts::shift(tx, before, after)?;
    let is_other = before.product_id != after.product_id
        || before.gives() != after.gives()
        || before.is_withdrawn() != after.is_withdrawn();
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

/// Writes what is another than before: an engine brings each index up to date whose columns a statement names, and a
/// subscription is in many. When it is looked at next and how often a payment was tried is always written, because the
/// billing writes that on its own, too.
fn save(tx: &mut Tx<'_>, before: &Subscription, after: &Subscription) -> Result<()> {
    let mut sql = Sql::new("UPDATE subscriptions SET modified_at = ");
    sql.bind(after.modified_at).push(", due_at = ").bind(after.due_at);
    sql.push(", is_held = FALSE, retries = ").bind(after.retries);
    macro_rules! set {
        ($($column:ident)*) => {
            $(if before.$column != after.$column {
                sql.push(concat!(", ", stringify!($column), " = ")).bind(&after.$column);
            })*
        };
    }
    set!(
        product_id price_id discount_id checkout_id status base_amount amount currency recurring_interval
        current_period_start current_period_end cancel_at_period_end canceled_at started_at ends_at ended_at
        customer_cancellation_reason customer_cancellation_comment metadata custom_field_data payment_method_id
        anchor_at anchor_period period discount_since past_due_since grace_ends_at
    );
    sql.push(" WHERE id = ").bind(after.id);
    Ok(tx.changed_one(sql.text(), &sql.params())?)
}
