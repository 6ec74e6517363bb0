//! Entries follow each other without gaps, each holds the hash of the one before and has its own, and moves amounts that sum to
//! zero; the head is the last one.

use std::collections::BTreeMap;

use const_format::concatcp;
use merak_store::{Error, FromRow, ReadTx, Row};

use super::{Check, Problem, Step};
use crate::kit::{Currency, Id, Result};
use crate::ledger::hash::hash_of;
use crate::ledger::{Entry, FIRST_HASH, Line};
use crate::organizations::Organization;

pub(super) const CHECK: Check = Check { name: "chain", step };

/// How many entries a step looks at.
const ENTRIES: i64 = 500;

/// Where a step begins: the last entry that was looked at.
struct Cursor {
    sequence: i64,
    hash: String,
}

impl Cursor {
    fn read(text: Option<&str>) -> Self {
        let read = text.and_then(|text| {
            let (sequence, hash) = text.split_once(' ')?;
            Some(Self { sequence: sequence.parse().ok()?, hash: hash.to_owned() })
        });
        read.unwrap_or_else(|| Self { sequence: 0, hash: FIRST_HASH.to_owned() })
    }
}

fn step(tx: &mut ReadTx<'_>, organization_id: Id<Organization>, cursor: Option<&str>) -> Result<Step> {
    const SQL: &str = concatcp!(
        "SELECT ledger_entries.sequence, ",
        Entry::COLUMNS,
        " FROM ledger_entries WHERE organization_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3"
    );
    let mut last = Cursor::read(cursor);
    let entries: Vec<(i64, Readable<Entry>)> = tx.all(SQL, &[&organization_id, &last.sequence, &ENTRIES])?;
    let is_end = entries.len() < usize::try_from(ENTRIES).unwrap_or_default();
    // Lines behind the last entry belong to none.
    let until = entries.last().filter(|_| !is_end).map_or(i64::MAX, |(sequence, _)| *sequence);
    let mut lines = lines_between(tx, organization_id, last.sequence, until)?;
    let mut step = Step { looked_at: u64::try_from(entries.len()).unwrap_or_default(), ..Step::default() };
    for (sequence, entry) in entries {
        let own = lines.remove(&sequence).unwrap_or_default();
        let mut report = |message: String| step.problems.push(Problem { sequence: Some(sequence), message });
        if sequence != last.sequence + 1 {
            let missing = match sequence - last.sequence - 1 {
                1 => format!("entry {} is missing before it", last.sequence + 1),
                _ => format!("entries {} to {} are missing before it", last.sequence + 1, sequence - 1),
            };
            report(missing);
        }
        let hash = look_at(entry, &own, &last, &mut report);
        last = Cursor { sequence, hash };
    }
    for sequence in lines.into_keys() {
        step.problems
            .push(Problem { sequence: Some(sequence), message: "there are lines without an entry".into() });
    }
    if is_end {
        step.problems.extend(look_at_head(tx, organization_id, &last)?);
    } else {
        step.next = Some(format!("{} {}", last.sequence, last.hash));
    }
    Ok(step)
}

/// Looks at one entry, and answers with the hash that the next one must hold. That is what is stored, so that one wrong entry
/// is one finding, and not one for each that follows.
fn look_at(
    entry: Readable<Entry>,
    lines: &[LineRow],
    last: &Cursor,
    report: &mut dyn FnMut(String),
) -> String {
    let entry = match entry {
        Readable::Read(entry) => entry,
        Readable::Not(why) => {
            report(format!("the entry cannot be read: {why}"));
            return String::new();
        }
    };
    // After an entry that cannot be read there is nothing to compare with.
    if entry.previous_hash != last.hash && !last.hash.is_empty() && entry.sequence == last.sequence + 1 {
        report("it does not hold the hash of the entry before".into());
    }
    let mut own = Vec::with_capacity(lines.len());
    for (position, line) in (0i64..).zip(lines) {
        match &line.line {
            Readable::Read(line) => own.push(*line),
            Readable::Not(why) => report(format!("a line cannot be read: {why}")),
        }
        if line.position != position {
            report(format!("line {position} has the position {}", line.position));
        }
    }
    let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
    for line in &own {
        *sums.entry(line.currency).or_default() += i128::from(line.amount.get());
    }
    for (currency, sum) in sums.into_iter().filter(|(_, sum)| *sum != 0) {
        report(format!("its lines sum to {sum} {currency} instead of zero"));
    }
    if hash_of(&entry, &own) != entry.hash {
        report("its hash is not that of its content: it was changed".into());
    }
    entry.hash
}

/// Compares the head with the last entry. Nothing but the head knows of entries that were taken off the end.
fn look_at_head(
    tx: &mut ReadTx<'_>,
    organization_id: Id<Organization>,
    last: &Cursor,
) -> Result<Option<Problem>> {
    let head = crate::ledger::head(tx, organization_id)?;
    let message = match head {
        None if last.sequence == 0 => return Ok(None),
        None => format!("the head is missing, while the last entry is {}", last.sequence),
        Some((sequence, _)) if sequence > last.sequence => {
            format!("the head is {sequence}, but the last entry is {}: entries are missing", last.sequence)
        }
        Some((sequence, _)) if sequence < last.sequence => {
            format!("the head is {sequence}, but there are entries up to {}", last.sequence)
        }
        Some((_, hash)) if hash != last.hash && !last.hash.is_empty() => {
            "the head does not hold the hash of the last entry".to_owned()
        }
        Some(_) => return Ok(None),
    };
    Ok(Some(Problem { sequence: Some(last.sequence), message }))
}

/// A line as it is stored.
struct LineRow {
    position: i64,
    line: Readable<Line>,
}

/// The lines of the entries after one and up to another, by entry and in the order of their positions.
fn lines_between(
    tx: &mut ReadTx<'_>,
    organization_id: Id<Organization>,
    after: i64,
    until: i64,
) -> Result<BTreeMap<i64, Vec<LineRow>>> {
    let sql = "SELECT sequence, position, account, currency, amount FROM ledger_lines \
               WHERE organization_id = $1 AND sequence > $2 AND sequence <= $3 ORDER BY sequence, position";
    let rows: Vec<(i64, i64, Readable<Line>)> = tx.all(sql, &[&organization_id, &after, &until])?;
    let mut lines: BTreeMap<i64, Vec<LineRow>> = BTreeMap::new();
    for (sequence, position, line) in rows {
        lines.entry(sequence).or_default().push(LineRow { position, line });
    }
    Ok(lines)
}

/// A row, or why it cannot be one: what was tampered with need not be what a column may hold.
enum Readable<T> {
    Read(T),
    Not(String),
}

impl<T: FromRow> FromRow for Readable<T> {
    const WIDTH: usize = T::WIDTH;

    fn from_row(row: &Row<'_>, at: usize) -> merak_store::Result<Self> {
        match T::from_row(row, at) {
            Ok(value) => Ok(Self::Read(value)),
            Err(Error::Decode(why)) => Ok(Self::Not(why)),
            Err(error) => Err(error),
        }
    }
}
