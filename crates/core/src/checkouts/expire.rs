//! Checkouts whose time is up.

use merak_store::{Sql, Tx};

use crate::clock;
use crate::kit::Result;

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
