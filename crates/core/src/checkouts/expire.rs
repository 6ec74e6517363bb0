//! Checkouts whose time is up.

use std::collections::BTreeMap;

use merak_store::{Sql, Tx};

use super::Checkout;
use crate::clock;
use crate::kit::{Id, Result};
use crate::products::Product;

/// For how long a checkout is kept after its time was up, in seconds. Anybody can begin one, so they must not stay.
const KEPT_FOR: i64 = 7 * 24 * 60 * 60;

/// Writes down for at most `limit` open checkouts that their time is up; returns how many. One that is being confirmed
/// is left to its confirmation. Nobody is told: whoever looks at such a checkout sees it as expired all along.
pub fn expire(tx: &mut Tx<'_>, limit: i64) -> Result<u64> {
    let (now, ahead) = (tx.now(), clock::of_those_ahead(tx)?);
    let mut sql = Sql::new("UPDATE checkouts SET status = 'expired', modified_at = ");
    sql.bind(now).push(" WHERE id IN (SELECT id FROM (SELECT id FROM (");
    sql.push(
        "SELECT id FROM checkouts WHERE status = 'open' AND confirming_payment_id IS NULL AND expires_at <= ",
    );
    sql.bind(now).push(" ORDER BY expires_at LIMIT ").bind(limit).push(") AS due");
    for (organization_id, its_now) in ahead {
        sql.push(" UNION SELECT id FROM (SELECT id FROM checkouts WHERE organization_id = ")
            .bind(organization_id);
        sql.push(" AND status = 'open' AND confirming_payment_id IS NULL AND expires_at <= ").bind(its_now);
        sql.push(" ORDER BY expires_at LIMIT ").bind(limit).push(") AS due_ahead");
    }
    sql.push(") AS all_due LIMIT ").bind(limit).push(")");
    Ok(tx.apply(&sql)?)
}

/// Removes at most `limit` checkouts whose time was up a week ago, and of which no payment was tried. Returns how many.
pub fn purge(tx: &mut Tx<'_>, limit: i64) -> Result<u64> {
    let before = tx.now().add_seconds(-KEPT_FOR);
    let gone: Vec<(Id<Checkout>, Id<Product>)> = tx.returning(
        "DELETE FROM checkouts WHERE id IN (SELECT id FROM checkouts WHERE status = 'expired' AND expires_at <= $1 \
         AND NOT EXISTS (SELECT 1 FROM payments WHERE payments.checkout_id = checkouts.id) \
         ORDER BY expires_at, id LIMIT $2) RETURNING id, product_id",
        &[&before, &limit],
    )?;
    let mut products: BTreeMap<Id<Product>, i64> = BTreeMap::new();
    for (_, product_id) in &gone {
        *products.entry(*product_id).or_default() += 1;
    }
    if !products.is_empty() {
        let mut sql = Sql::new("UPDATE checkout_counts SET checkouts = checkouts - CASE product_id");
        for (product_id, removed) in &products {
            sql.push(" WHEN ").bind(*product_id).push(" THEN CAST(").bind(*removed).push(" AS bigint)");
        }
        sql.push(" ELSE 0 END WHERE product_id IN ").bind_list(products.keys().copied());
        tx.apply(&sql)?;
    }
    Ok(u64::try_from(gone.len()).unwrap_or(u64::MAX))
}
