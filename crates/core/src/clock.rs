//! The clock of an organization. It is the real one, unless a seller who tries things out has moved it ahead: then
//! everything that falls due for the organization does so by its own clock.

pub mod advance;

use std::collections::HashMap;

use jiff::SignedDuration;
use merak_store::{Lookup, ReadTx, Sql, Timestamp};

use crate::kit::{Id, Result};
use crate::organizations::Organization;

/// By how much a clock is ahead, in microseconds. Hardly any is.
static AHEAD: Lookup<i64> = Lookup::or_nothing(
    "ahead_us FROM organization_clocks WHERE organization_id = $1",
    &["organization_clocks"],
);

/// What time it is for an organization.
pub fn now(tx: &mut ReadTx<'_>, organization_id: Id<Organization>) -> Result<Timestamp> {
    let ahead = tx.look_up(&AHEAD, &[&organization_id])?;
    Ok(ahead.map_or(tx.now(), |ahead| later(tx.now(), *ahead)))
}

/// What time it is for those of these organizations whose clock is ahead.
pub fn of_all(
    tx: &mut ReadTx<'_>,
    organization_ids: &[Id<Organization>],
) -> Result<HashMap<Id<Organization>, Timestamp>> {
    let mut sql =
        Sql::new("SELECT organization_id, ahead_us FROM organization_clocks WHERE organization_id IN ");
    sql.bind_list(organization_ids.iter().copied());
    let ahead: Vec<(Id<Organization>, i64)> = tx.list(&sql)?;
    let now = tx.now();
    Ok(ahead.into_iter().map(|(id, ahead)| (id, later(now, ahead))).collect())
}

/// How many clocks that are ahead a sweep looks at. Clocks are moved to try things out, which few do at once.
const MOST_AHEAD: i64 = 100;

/// The organizations whose clock is ahead, and what time it is for them; of very many the ones that were moved last.
pub fn of_those_ahead(tx: &mut ReadTx<'_>) -> Result<Vec<(Id<Organization>, Timestamp)>> {
    const SQL: &str = "SELECT organization_id, ahead_us FROM organization_clocks WHERE ahead_us > 0 \
                       ORDER BY coalesce(modified_at, created_at) DESC, organization_id LIMIT $1";
    let ahead: Vec<(Id<Organization>, i64)> = tx.all(SQL, &[&MOST_AHEAD])?;
    let now = tx.now();
    Ok(ahead.into_iter().map(|(id, ahead)| (id, later(now, ahead))).collect())
}

/// An instant some microseconds later; the last that can be told, if that is past it.
fn later(at: Timestamp, microseconds: i64) -> Timestamp {
    let at = jiff::Timestamp::from(at);
    at.saturating_add(SignedDuration::from_micros(microseconds)).map_or(at, |at| at).into()
}
