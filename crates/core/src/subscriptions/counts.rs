//! The totals of lists: how many subscriptions that have begun a product has, by how they stand.

use merak_store::{ReadTx, Sql, Tx};

use super::{Subscription, SubscriptionStatus};
use crate::access::Tenancy;
use crate::kit::{Id, Result};
use crate::products::Product;

/// Where a subscription is counted: nowhere as long as it has not begun.
fn place(subscription: &Subscription) -> Option<(Id<Product>, &'static str)> {
    subscription.started_at?;
    Some((subscription.product_id, column(subscription.status)))
}

const fn column(status: SubscriptionStatus) -> &'static str {
    if status.is_active() {
        "active"
    } else if status.is_revoked() {
        "revoked"
    } else {
        "other"
    }
}

/// Counts a new subscription.
pub(super) fn add(tx: &mut Tx<'_>, subscription: &Subscription) -> Result<()> {
    place(subscription).map_or(Ok(()), |place| count(tx, subscription, place, 1))
}

/// Counts a subscription that has changed where it belongs now.
pub(super) fn shift(tx: &mut Tx<'_>, before: &Subscription, after: &Subscription) -> Result<()> {
    let (from, to) = (place(before), place(after));
    if from == to {
        return Ok(());
    }
    if let Some(from) = from {
        count(tx, after, from, -1)?;
    }
    to.map_or(Ok(()), |to| count(tx, after, to, 1))
}

fn count(
    tx: &mut Tx<'_>,
    subscription: &Subscription,
    (product_id, column): (Id<Product>, &str),
    change: i64,
) -> Result<()> {
    tx.execute(
        "INSERT INTO subscription_counts (organization_id, product_id, active, revoked, other) \
         VALUES ($1, $2, 0, 0, 0) ON CONFLICT (organization_id, product_id) DO NOTHING",
        &[&subscription.organization_id, &product_id],
    )?;
    let sql = format!(
        "UPDATE subscription_counts SET {column} = {column} + $3 WHERE organization_id = $1 AND product_id = $2"
    );
    Ok(tx.changed_one(&sql, &[&subscription.organization_id, &product_id, &change])?)
}

/// How many subscriptions of these organizations have begun: all, or those of some products, and of those only the
/// active or the revoked ones.
pub(super) fn total(
    tx: &mut ReadTx<'_>,
    tenancy: &Tenancy,
    product_ids: &[Id<Product>],
    is_active: Option<bool>,
) -> Result<i64> {
    let counted = match is_active {
        Some(true) => "active",
        Some(false) => "revoked",
        None => "active + revoked + other",
    };
    let mut sql = Sql::new("SELECT CAST(coalesce(sum(");
    sql.push(counted).push("), 0) AS bigint) FROM subscription_counts WHERE organization_id IN ");
    sql.bind_list(tenancy.ids().iter().copied());
    if !product_ids.is_empty() {
        sql.push(" AND product_id IN ").bind_list(product_ids.iter().copied());
    }
    Ok(tx.count(&sql)?)
}
