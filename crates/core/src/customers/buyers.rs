//! Customers who have bought something, counted apart.

use merak_store::{ReadTx, Timestamp, Tx};

use super::Customer;
use crate::kit::{Email, Id, Result};
use crate::organizations::Organization;

/// Notes that a customer bought for the first time. Whoever did so before stays as they are.
pub(crate) fn note_first_purchase(
    tx: &mut Tx<'_>,
    id: Id<Customer>,
    (organization_id, bought_at): (Id<Organization>, Timestamp),
) -> Result<()> {
    let is_live = tx.returning::<bool>(
        "UPDATE customers SET bought_at = $2 WHERE id = $1 AND bought_at IS NULL RETURNING deleted_at IS NULL",
        &[&id, &bought_at],
    )?;
    if is_live.first() == Some(&true) {
        tx.execute(
            "INSERT INTO buyer_counts (organization_id, buyers) VALUES ($1, 1) \
             ON CONFLICT (organization_id) DO UPDATE SET buyers = buyer_counts.buyers + 1",
            &[&organization_id],
        )?;
    }
    Ok(())
}

/// Counts one buyer less.
pub(super) fn forget(tx: &mut Tx<'_>, organization_id: Id<Organization>) -> Result<()> {
    Ok(tx.changed_one(
        "UPDATE buyer_counts SET buyers = buyers - 1 WHERE organization_id = $1",
        &[&organization_id],
    )?)
}

/// How many customers of an organization have bought something.
pub fn count_buyers(tx: &mut ReadTx<'_>, organization_id: Id<Organization>) -> Result<i64> {
    let buyers =
        tx.find("SELECT buyers FROM buyer_counts WHERE organization_id = $1", &[&organization_id])?;
    Ok(buyers.unwrap_or(0))
}

/// How the first buyers of an organization are called, with their addresses; at most so many.
pub fn first_buyers(
    tx: &mut ReadTx<'_>,
    organization_id: Id<Organization>,
    limit: i64,
) -> Result<Vec<(Option<String>, Email)>> {
    const SQL: &str = "SELECT name, email FROM customers WHERE organization_id = $1 AND bought_at IS NOT NULL \
         AND deleted_at IS NULL ORDER BY bought_at, id LIMIT $2";
    Ok(tx.all(SQL, &[&organization_id, &limit])?)
}
