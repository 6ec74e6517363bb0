//! Moving the clock of an organization ahead, to see what will be.
//!
//! It does not jump. It goes from one thing that falls due to the next, and at each everything is done before it goes on:
//! a year of a monthly subscription is twelve renewals, each at its own time.
//!
//! ```text
//! unit: advance      says where to
//! unit: step         the clock goes to the next thing that falls due, at most to where it shall go
//!       …            renewals, retries, payments, checkouts whose time is up
//! unit: step         …
//! ```

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp, Tx, row};
use uuid::Uuid;

use super::now;
use crate::kit::{Id, Refusal, Result};
use crate::organizations::Organization;

row! {
    /// The clock of an organization that was moved.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Clock in "organization_clocks" {
        /// Whose.
        pub organization_id: Id<Organization>,
        /// How far it is ahead of the real one, in microseconds.
        pub ahead_us: i64,
        /// Where it is being moved to.
        pub target_at: Option<Timestamp>,
        /// When it was moved first, by the real clock.
        pub created_at: Timestamp,
        /// When it was moved last.
        pub modified_at: Option<Timestamp>,
    }
}

/// Where a step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something is due now, and the clock stands until it is done.
    Due(Timestamp),
    /// The clock has gone on to where something falls due.
    Moved(Timestamp),
    /// It is where it was to go.
    Arrived(Timestamp),
}

/// The organization's clock, if it was ever moved.
pub fn find(tx: &mut ReadTx<'_>, organization_id: Id<Organization>) -> Result<Option<Clock>> {
    const SQL: &str =
        concatcp!("SELECT ", Clock::COLUMNS, " FROM organization_clocks WHERE organization_id = $1");
    Ok(tx.find(SQL, &[&organization_id])?)
}

/// Says that an organization's clock is to be moved to an instant. Refused where real money moves, and backwards.
pub fn advance(
    tx: &mut Tx<'_>,
    organization_id: Id<Organization>,
    target: Timestamp,
    sandbox: &str,
) -> Result<Clock> {
    let real: Option<i64> = tx.find(
        "SELECT CAST(1 AS bigint) FROM payments WHERE organization_id = $1 AND processor <> $2 LIMIT 1",
        &[&organization_id, &sandbox],
    )?;
    if real.is_some() {
        return Err(Refusal::bad_request(
            "This organization has taken real money, so its clock cannot be moved.",
        ));
    }
    if target <= now(tx, organization_id)? {
        return Err(Refusal::bad_request("A clock can only be moved ahead."));
    }
    let known = find(tx, organization_id)?;
    let clock = Clock {
        organization_id,
        ahead_us: known.as_ref().map_or(0, |clock| clock.ahead_us),
        target_at: Some(known.and_then(|clock| clock.target_at).map_or(target, |other| other.max(target))),
        created_at: tx.now(),
        modified_at: Some(tx.now()),
    };
    write(tx, &clock)?;
    Ok(clock)
}

/// The organizations whose clock is being moved, the ones first that have waited for longest, at most so many.
pub fn moving(tx: &mut ReadTx<'_>, limit: i64) -> Result<Vec<Id<Organization>>> {
    Ok(tx.all(
        "SELECT organization_id FROM organization_clocks WHERE target_at IS NOT NULL ORDER BY created_at LIMIT $1",
        &[&limit],
    )?)
}

/// For how long whoever moves a clock has it to themselves, in seconds, unless they say so again. Longer than a step takes.
const TURN: i64 = 60;

/// Takes a turn at moving a clock, or goes on with it. Whether it is one's turn: of several processes that would, one does,
/// or it would go on while another is still at what falls due.
pub fn take_turn(tx: &mut Tx<'_>, organization_id: Id<Organization>, mover: Uuid) -> Result<bool> {
    let now = tx.now();
    let taken = tx.execute(
        "UPDATE organization_clocks SET moved_by = $2, moved_until = $3 WHERE organization_id = $1 \
         AND target_at IS NOT NULL AND (moved_by IS NULL OR moved_by = $2 OR moved_until < $4)",
        &[&organization_id, &mover, &now.add_seconds(TURN), &now],
    )?;
    Ok(taken > 0)
}

/// Ends a turn.
pub fn end_turn(tx: &mut Tx<'_>, organization_id: Id<Organization>, mover: Uuid) -> Result<()> {
    tx.execute(
        "UPDATE organization_clocks SET moved_by = NULL, moved_until = NULL WHERE organization_id = $1 AND moved_by = $2",
        &[&organization_id, &mover],
    )?;
    Ok(())
}

/// Takes the clock to the next thing that falls due, or to where it is to go. None if it is not being moved.
pub fn step(tx: &mut Tx<'_>, organization_id: Id<Organization>) -> Result<Option<Step>> {
    let Some(mut clock) = find(tx, organization_id)? else { return Ok(None) };
    let Some(target) = clock.target_at else { return Ok(None) };
    let at = now(tx, organization_id)?;
    let next = next_due(tx, organization_id)?;
    if next.is_some_and(|next| next <= at) {
        return Ok(Some(Step::Due(at)));
    }
    let step = match next {
        Some(next) if next <= target => Step::Moved(next),
        _ => {
            clock.target_at = None;
            // Work takes time, so the clock may have gone past it by itself.
            Step::Arrived(target.max(at))
        }
    };
    let (Step::Due(to) | Step::Moved(to) | Step::Arrived(to)) = step;
    clock.ahead_us = to.as_micros().saturating_sub(tx.now().as_micros()).max(clock.ahead_us);
    clock.modified_at = Some(tx.now());
    write(tx, &clock)?;
    Ok(Some(step))
}

/// When the next thing falls due: a subscription, or a checkout whose time is up.
fn next_due(tx: &mut ReadTx<'_>, organization_id: Id<Organization>) -> Result<Option<Timestamp>> {
    let subscription: Option<Timestamp> = tx.find(
        "SELECT due_at FROM subscriptions WHERE organization_id = $1 AND due_at IS NOT NULL \
         AND NOT is_held ORDER BY due_at LIMIT 1",
        &[&organization_id],
    )?;
    let checkout: Option<Timestamp> = tx.find(
        "SELECT expires_at FROM checkouts WHERE organization_id = $1 AND status = 'open' \
         AND confirming_payment_id IS NULL ORDER BY expires_at LIMIT 1",
        &[&organization_id],
    )?;
    Ok(subscription.into_iter().chain(checkout).min())
}

fn write(tx: &mut Tx<'_>, clock: &Clock) -> Result<()> {
    tx.execute(
        "INSERT INTO organization_clocks (organization_id, ahead_us, target_at, created_at, modified_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organization_id) DO UPDATE SET ahead_us = excluded.ahead_us, \
         target_at = excluded.target_at, modified_at = excluded.modified_at",
        &[
            &clock.organization_id,
            &clock.ahead_us,
            &clock.target_at,
            &clock.created_at,
            &clock.modified_at,
        ],
    )?;
    Ok(())
}
