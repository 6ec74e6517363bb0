//! What is kept of each thing for the search, and the job that makes it for what was there before.

use merak_store::{Engine, Tx};
use uuid::Uuid;

use super::marks::{indexed, marks_text};
use super::totals::Clock;
use super::{Noun, Searched};
use crate::custom_fields::CustomField;
use crate::customers::Customer;
use crate::discounts::Discount;
use crate::kit::{Id, Result};
use crate::organizations::Organization;
use crate::products::Product;

/// How many of an organization's latest changes are kept; a total that is older is counted anew.
pub(super) const KEPT_CHANGES: i64 = 5000;

/// How many changes are removed at once, so that not every command removes some.
const REMOVED_CHANGES: i64 = 500;

/// Makes a thing findable that is in its table.
pub(crate) fn add<T: Searched>(tx: &mut Tx<'_>, thing: &T) -> Result<()> {
    let names = T::NOUN.names();
    let (content, marks) = indexed(thing.organization_id(), thing.texts());
    let columns: Vec<&str> = names.keys.iter().map(|(_, column, _)| *column).collect();
    let values: Vec<&str> = names.keys.iter().map(|(expression, _, _)| *expression).collect();
    let insert = format!(
        "INSERT INTO {} ({}, organization_id, content) SELECT {}, organization_id, CAST($2 AS text) FROM {table} \
         WHERE {table}.id = $1 RETURNING number",
        names.rows,
        columns.join(", "),
        values.join(", "),
        table = names.table,
    );
    let number: Vec<i64> = tx.returning(&insert, &[&thing.id(), &content])?;
    let insert = match tx.engine() {
        Engine::Sqlite => format!("INSERT INTO {} (rowid, marks) VALUES ($1, $2)", names.marks),
        Engine::Postgres => format!(
            "INSERT INTO {} (number, marks) VALUES ($1, CAST(CAST($2 AS text) AS integer[]))",
            names.marks
        ),
    };
    let text = marks_text(tx.engine(), &marks);
    for number in number {
        tx.execute(&insert, &[&number, &text])?;
    }
    note(tx, T::NOUN, thing.organization_id(), (&content, 1))
}

/// Makes a thing findable by the texts it has now, and not by those it had before.
pub(crate) fn change<T: Searched>(tx: &mut Tx<'_>, before: &T, thing: &T) -> Result<()> {
    if thing.is_kept_alike(before) {
        return Ok(());
    }
    remove(tx, thing)?;
    add(tx, thing)
}

/// Makes a thing unfindable.
pub(crate) fn remove<T: Searched>(tx: &mut Tx<'_>, thing: &T) -> Result<()> {
    let names = T::NOUN.names();
    let delete = format!("DELETE FROM {} WHERE id = $1 RETURNING number, content", names.rows);
    let removed: Vec<(i64, String)> = tx.returning(&delete, &[&thing.id()])?;
    let number = tx.dialect("rowid", "number");
    let delete = format!("DELETE FROM {} WHERE {number} = $1", names.marks);
    for (number, content) in removed {
        tx.execute(&delete, &[&number])?;
        note(tx, T::NOUN, thing.organization_id(), (&content, -1))?;
    }
    Ok(())
}

/// Writes down that something with this content can be found since, or no longer can.
fn note(
    tx: &mut Tx<'_>,
    noun: Noun,
    organization_id: Id<Organization>,
    (content, change): (&str, i64),
) -> Result<()> {
    let number = tick(tx, Clock::Found(noun), organization_id)?;
    tx.execute(
        "INSERT INTO search_changes (noun, organization_id, number, content, change) \
         VALUES ($1, $2, $3, $4, $5)",
        &[&noun.as_str(), &organization_id, &number, &content, &change],
    )?;
    if number % REMOVED_CHANGES == 0 {
        tx.execute(
            "DELETE FROM search_changes WHERE noun = $1 AND organization_id = $2 AND number <= $3",
            &[&noun.as_str(), &organization_id, &(number - KEPT_CHANGES)],
        )?;
    }
    Ok(())
}

/// Counts a change, and returns its number.
///
/// The row of the clock makes the units of an organization follow each other, so that the numbers have no gap and
/// whoever sees one sees all before it.
pub(crate) fn tick(tx: &mut Tx<'_>, clock: Clock, organization_id: Id<Organization>) -> Result<i64> {
    let ticked: Vec<i64> = tx.returning(
        "INSERT INTO search_clocks (noun, organization_id, changes) VALUES ($1, $2, 1) \
         ON CONFLICT (noun, organization_id) DO UPDATE SET changes = search_clocks.changes + 1 RETURNING changes",
        &[&clock.as_str(), &organization_id],
    )?;
    Ok(ticked.into_iter().next().expect("a clock is made or moved on"))
}

/// How many things one run of the job makes findable.
const BATCH: i64 = 200;

/// Makes the next things findable that were there before their search was, in order of id. Returns the last one, if
/// there may be more.
pub(crate) fn index_batch(tx: &mut Tx<'_>, noun: Noun, after: Option<Uuid>) -> Result<Option<Uuid>> {
    match noun {
        Noun::Customers => index_batch_of::<Customer>(tx, after),
        Noun::Products => index_batch_of::<Product>(tx, after),
        Noun::Discounts => index_batch_of::<Discount>(tx, after),
        Noun::CustomFields => index_batch_of::<CustomField>(tx, after),
    }
}

fn index_batch_of<T: Searched>(tx: &mut Tx<'_>, after: Option<Uuid>) -> Result<Option<Uuid>> {
    let select = format!(
        "SELECT {} FROM {table} WHERE {table}.id > $1 AND {table}.deleted_at IS NULL ORDER BY {table}.id LIMIT $2",
        T::SELECTED,
        table = T::NOUN.names().table,
    );
    let things: Vec<T> = tx.all(&select, &[&after.unwrap_or_else(Uuid::nil), &BATCH])?;
    for thing in &things {
        remove(tx, thing)?;
        add(tx, thing)?;
    }
    Ok(things.last().map(|thing| thing.id().uuid()))
}
