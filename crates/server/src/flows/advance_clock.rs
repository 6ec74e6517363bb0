//! Moving the clocks of organizations ahead, from one thing that falls due to the next.
//!
//! Before a clock goes on, what was given, taken back or written at this instant has reached the people: so a key is taken
//! back before it is given again, and the mails come in the order in which things happen. What cannot be done now, because a
//! service outside does not answer, is not waited for.

use std::time::{Duration, Instant};

use merak_core::billing::payments;
use merak_core::checkouts;
use merak_core::clock::advance::{self, Step};
use merak_core::jobs;
use merak_core::kit::{Id, Refusal};
use merak_core::organizations::Organization;
use uuid::Uuid;

use super::{Error, collect, renew};
use crate::state::House;
use crate::workers;

/// How many clocks are moved by one sweep.
const CLOCKS: i64 = 10;

/// How many steps a clock goes in one sweep, so that the others' business is done meanwhile.
const STEPS: usize = 20;

/// How many payments are asked about at once.
const PAYMENTS: i64 = 100;

/// For how long a step waits until the mails and the like of the one before are done.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to leave the queue in peace while somebody else is at it.
const PAUSE: Duration = Duration::from_millis(20);

/// Who sends the mails and asks the services outside, between one step and the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Courier {
    /// This process, which is a server.
    Here,
    /// A server beside this process.
    Elsewhere,
    /// No server runs, so nobody does now.
    Nobody,
}

/// Lets the clocks go on that are being moved. Whether any was.
pub async fn go_on(house: &House) -> Result<bool, Error> {
    let moving = house.store.read(move |tx| advance::moving(tx, CLOCKS)).await?;
    for id in &moving {
        go(house, *id, Courier::Here).await?;
    }
    Ok(!moving.is_empty())
}

/// Lets one clock go on for some steps, unless another process does. Whether everything was done at each; if not, it has not
/// gone further.
pub async fn go(house: &House, id: Id<Organization>, courier: Courier) -> Result<bool, Error> {
    let mover = house.store.write(|tx| Ok::<_, Refusal>(tx.uuid())).await?;
    let gone = steps(house, id, courier, mover).await;
    house.store.write(move |tx| advance::end_turn(tx, id, mover)).await?;
    gone
}

async fn steps(house: &House, id: Id<Organization>, courier: Courier, mover: Uuid) -> Result<bool, Error> {
    for _ in 0..STEPS {
        if !house.store.write(move |tx| advance::take_turn(tx, id, mover)).await? {
            return Ok(true);
        }
        // Before the clock goes on, everything is done that is due by it.
        renew::all_of(house, id).await?;
        house.store.write(move |tx| checkouts::expire(tx, PAYMENTS)).await?;
        let unknown =
            house.store.write(move |tx| payments::take_of_organization(tx, id, 1, PAYMENTS)).await?;
        if !unknown.is_empty() {
            collect::all(house, unknown).await?;
            continue;
        }
        let is_done = finish(house, id, courier).await?;
        let step = house.store.write(move |tx| advance::step(tx, id)).await?;
        match step {
            Some(Step::Arrived(_)) | None => return Ok(is_done),
            // The business of others is done before this is waited for again.
            Some(Step::Due(_) | Step::Moved(_)) if !is_done => return Ok(false),
            Some(Step::Due(_) | Step::Moved(_)) => {}
        }
    }
    Ok(true)
}

/// Gives and takes back what an organization's customers are to have, and sees its mails sent. Whether that is done; after a
/// while it is not waited for any more.
async fn finish(house: &House, id: Id<Organization>, courier: Courier) -> Result<bool, Error> {
    let end = Instant::now() + PATIENCE;
    loop {
        workers::run_due(house, courier != Courier::Here, end).await?;
        // What is put off for a moment, because something else comes first, belongs to this instant, too.
        let is_over =
            courier == Courier::Nobody || !house.store.read(move |tx| jobs::is_any_of(tx, id, 2)).await?;
        if is_over {
            return Ok(true);
        }
        if Instant::now() >= end {
            tracing::debug!(organization = %id, "a clock goes on although not everything is done");
            return Ok(false);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
