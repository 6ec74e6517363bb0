//! The clock of an organization. It is the real one, unless a seller who tries things out has moved it ahead: then
//! everything that falls due for the organization does so by its own clock.

use jiff::SignedDuration;
use merak_store::{ReadTx, Timestamp};

use crate::kit::{Id, Result};
use crate::organizations::Organization;

/// What time it is for an organization.
pub fn now(tx: &mut ReadTx<'_>, organization_id: Id<Organization>) -> Result<Timestamp> {
    const SQL: &str = "SELECT ahead_us FROM organization_clocks WHERE organization_id = $1";
    let ahead: Option<i64> = tx.find(SQL, &[&organization_id])?;
    Ok(ahead.map_or(tx.now(), |ahead| later(tx.now(), ahead)))
}

/// An instant some microseconds later; the last that can be told, if that is past it.
fn later(at: Timestamp, microseconds: i64) -> Timestamp {
    let at = jiff::Timestamp::from(at);
    at.saturating_add(SignedDuration::from_micros(microseconds)).map_or(at, |at| at).into()
}
