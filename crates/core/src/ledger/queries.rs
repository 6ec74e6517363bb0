//! What is read of a ledger.

use const_format::concatcp;
use merak_store::{FromRow, ReadTx, Row};
use uuid::Uuid;

use super::{Account, Entry, Line};
use crate::kit::{Cents, Currency, Id, Result};
use crate::organizations::Organization;

/// What an account holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Which account.
    pub account: Account,
    /// In which currency.
    pub currency: Currency,
    /// How much; above zero is debit.
    pub amount: Cents,
}

impl FromRow for Balance {
    const WIDTH: usize = 3;

    fn from_row(row: &Row<'_>, at: usize) -> merak_store::Result<Self> {
        Ok(Self { account: row.get(at)?, currency: row.get(at + 1)?, amount: row.get(at + 2)? })
    }
}

impl FromRow for Line {
    const WIDTH: usize = 3;

    fn from_row(row: &Row<'_>, at: usize) -> merak_store::Result<Self> {
        let Balance { account, currency, amount } = row.get(at)?;
        Ok(Self { account, amount, currency })
    }
}

/// The accounts that were ever moved, in the order of their declaration. All lines of the organization are summed, so that
/// there is no total that could be wrong.
pub fn balances(tx: &mut ReadTx<'_>, organization_id: Id<Organization>) -> Result<Vec<Balance>> {
    let sql = "SELECT account, currency, sum(amount) FROM ledger_lines WHERE organization_id = $1 \
               GROUP BY account, currency";
    let mut balances: Vec<Balance> = tx.all(sql, &[&organization_id])?;
    balances.sort_unstable_by_key(|balance| (balance.currency, balance.account));
    Ok(balances)
}

/// Where the chain of an organization ends: the last number and its hash; none if there are no entries. Who notes it down
/// can tell later that nothing up to there was written anew.
pub fn head(tx: &mut ReadTx<'_>, organization_id: Id<Organization>) -> Result<Option<(i64, String)>> {
    let sql = "SELECT sequence, hash FROM ledger_heads WHERE organization_id = $1";
    Ok(tx.find(sql, &[&organization_id])?)
}

/// The entries about an order, the oldest first, each with its lines.
pub fn list_of_order(
    tx: &mut ReadTx<'_>,
    organization_id: Id<Organization>,
    order_id: Uuid,
) -> Result<Vec<(Entry, Vec<Line>)>> {
    const ENTRIES: &str = concatcp!(
        "SELECT ",
        Entry::COLUMNS,
        " FROM ledger_entries WHERE order_id = $1 AND organization_id = $2 ORDER BY sequence"
    );
    const LINES: &str = "SELECT ledger_lines.sequence, account, currency, amount FROM ledger_lines \
                         JOIN ledger_entries ON ledger_entries.organization_id = ledger_lines.organization_id \
                         AND ledger_entries.sequence = ledger_lines.sequence \
                         WHERE ledger_entries.order_id = $1 AND ledger_entries.organization_id = $2 \
                         ORDER BY ledger_lines.sequence, position";
    let entries: Vec<Entry> = tx.all(ENTRIES, &[&order_id, &organization_id])?;
    let mut lines: Vec<(i64, Line)> = tx.all(LINES, &[&order_id, &organization_id])?;
    let with_lines = |entry: Entry| {
        let own =
            lines.extract_if(.., |(sequence, _)| *sequence == entry.sequence).map(|(_, line)| line).collect();
        (entry, own)
    };
    Ok(entries.into_iter().map(with_lines).collect())
}

/// Everybody who may have a ledger, also those that are blocked or deleted: what happened stays.
pub fn list_organizations(tx: &mut ReadTx<'_>) -> Result<Vec<(Id<Organization>, String)>> {
    Ok(tx.all("SELECT id, slug FROM organizations ORDER BY id", &[])?)
}
