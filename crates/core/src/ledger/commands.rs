//! Adding entries.

use std::collections::BTreeMap;

use merak_store::{Engine, Error, Sql, Tx};

use super::hash::hash_of;
use super::{Entry, FIRST_HASH, Line, NewEntry};
use crate::kit::{Cents, Currency, Id, Result};
use crate::organizations::Organization;

/// How many entries are inserted by one statement. On SQLite a statement is a call, and its parameters are found by name: many
/// are dearer than many statements. On PostgreSQL a statement is a way to the server and back.
const fn rows(engine: Engine) -> usize {
    match engine {
        Engine::Sqlite => 1,
        Engine::Postgres => 100,
    }
}

/// Adds an entry to the organization's ledger.
///
/// It refuses lines that do not sum to zero, which is a defect of the caller and no answer for a client; the unit then
/// leaves no trace.
pub fn post(tx: &mut Tx<'_>, organization_id: Id<Organization>, new: &NewEntry) -> Result<Entry> {
    let mut entries = post_all(tx, organization_id, std::slice::from_ref(new))?;
    Ok(entries.pop().expect("each new entry makes an entry"))
}

/// Adds entries in this order. It reads and moves the end of the chain once for all of them, so a unit that makes many
/// should hand them over together.
pub fn post_all(tx: &mut Tx<'_>, organization_id: Id<Organization>, new: &[NewEntry]) -> Result<Vec<Entry>> {
    let sql = "SELECT sequence, hash FROM ledger_heads WHERE organization_id = $1";
    let head: Option<(i64, String)> = tx.find(sql, &[&organization_id])?;
    let (mut sequence, mut hash) = head.unwrap_or_else(|| (0, FIRST_HASH.to_owned()));
    let mut entries = Vec::with_capacity(new.len());
    for new in new {
        let lines = checked(&new.lines)?;
        sequence += 1;
        let mut entry = entry(tx, organization_id, new);
        (entry.sequence, entry.previous_hash) = (sequence, std::mem::take(&mut hash));
        entry.hash = hash_of(&entry, &lines);
        hash.clone_from(&entry.hash);
        entries.push((entry, lines));
    }
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    // The head comes first: on PostgreSQL it is what concurrent units conflict at, and are run again. At the unique key of
    // the number they would fail.
    tx.changed_one(
        "INSERT INTO ledger_heads (organization_id, sequence, hash) VALUES ($1, $2, $3) \
         ON CONFLICT (organization_id) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash",
        &[&organization_id, &sequence, &hash],
    )?;
    for some in entries.chunks(rows(tx.engine())) {
        insert_entries(tx, some)?;
        insert_lines(tx, some)?;
    }
    Ok(entries.into_iter().map(|(entry, _)| entry).collect())
}

/// The lines that move something. Errs unless they sum to zero in each currency.
fn checked(lines: &[Line]) -> Result<Vec<Line>> {
    let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
    for line in lines {
        *sums.entry(line.currency).or_default() += i128::from(line.amount.get());
    }
    if let Some((currency, sum)) = sums.into_iter().find(|(_, sum)| *sum != 0) {
        return Err(Error::Misuse(format!("the lines of a ledger entry sum to {sum} {currency}")).into());
    }
    Ok(lines.iter().copied().filter(|line| line.amount != Cents::default()).collect())
}

/// The entry, without its place in the chain.
fn entry(tx: &mut Tx<'_>, organization_id: Id<Organization>, new: &NewEntry) -> Entry {
    Entry {
        id: Id::new(tx),
        organization_id,
        sequence: 0,
        kind: new.kind,
        occurred_at: new.occurred_at,
        created_at: tx.now(),
        customer_id: new.concerns.customer_id,
        order_id: new.concerns.order_id,
        invoice_id: new.concerns.invoice_id,
        payment_id: new.concerns.payment_id,
        refund_id: new.concerns.refund_id,
        dispute_id: new.concerns.dispute_id,
        description: new.description.clone(),
        previous_hash: String::new(),
        hash: String::new(),
    }
}

fn insert_entries(tx: &mut Tx<'_>, entries: &[(Entry, Vec<Line>)]) -> Result<()> {
    let mut sql = Sql::new(
        "INSERT INTO ledger_entries (id, organization_id, sequence, kind, occurred_at, created_at, customer_id, \
         order_id, invoice_id, payment_id, refund_id, dispute_id, description, previous_hash, hash) VALUES ",
    );
    let mut separator = "(";
    for (entry, _) in entries {
        sql.push(separator).bind(entry.id).push(", ").bind(entry.organization_id);
        sql.push(", ").bind(entry.sequence).push(", ").bind(entry.kind);
        sql.push(", ").bind(entry.occurred_at).push(", ").bind(entry.created_at);
        for id in [
            entry.customer_id,
            entry.order_id,
            entry.invoice_id,
            entry.payment_id,
            entry.refund_id,
            entry.dispute_id,
        ] {
            sql.push(", ").bind(id);
        }
        sql.push(", ").bind(entry.description.as_str());
        sql.push(", ").bind(entry.previous_hash.as_str()).push(", ").bind(entry.hash.as_str()).push(")");
        separator = ", (";
    }
    tx.apply(&sql)?;
    Ok(())
}

fn insert_lines(tx: &mut Tx<'_>, entries: &[(Entry, Vec<Line>)]) -> Result<()> {
    let mut sql = Sql::new(
        "INSERT INTO ledger_lines (organization_id, sequence, position, account, currency, amount) VALUES ",
    );
    let mut separator = "(";
    for (entry, lines) in entries {
        for (position, line) in (0i64..).zip(lines) {
            sql.push(separator).bind(entry.organization_id).push(", ").bind(entry.sequence);
            sql.push(", ").bind(position).push(", ").bind(line.account);
            sql.push(", ").bind(line.currency).push(", ").bind(line.amount).push(")");
            separator = ", (";
        }
    }
    if separator == ", (" {
        tx.apply(&sql)?;
    }
    Ok(())
}
