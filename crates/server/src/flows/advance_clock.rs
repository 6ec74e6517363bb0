//! Moving the clocks of organizations ahead, from one thing that falls due to the next.

use merak_core::billing::payments;
use merak_core::checkouts;
use merak_core::clock::advance::{self, Step};
use merak_core::kit::Id;
use merak_core::organizations::Organization;

use super::{Error, collect, renew};
use crate::state::House;

/// How many clocks are moved by one sweep.
const CLOCKS: i64 = 10;

/// How many steps a clock goes in one sweep, so that the others' business is done meanwhile.
const STEPS: usize = 20;

/// How many payments are asked about at once.
const PAYMENTS: i64 = 100;

/// Lets the clocks go on that are being moved. Whether any was.
pub async fn go_on(house: &House) -> Result<bool, Error> {
    let moving = house.store.read(move |tx| advance::moving(tx, CLOCKS)).await?;
    for id in &moving {
        go(house, *id).await?;
    }
    Ok(!moving.is_empty())
}

/// Lets one clock go on for some steps.
pub async fn go(house: &House, id: Id<Organization>) -> Result<(), Error> {
    for _ in 0..STEPS {
        // Before the clock goes on, everything is done that is due by it.
        renew::all_of(house, id).await?;
        house.store.write(move |tx| checkouts::expire(tx, PAYMENTS)).await?;
        let unknown =
            house.store.write(move |tx| payments::take_of_organization(tx, id, 1, PAYMENTS)).await?;
        if !unknown.is_empty() {
            collect::all(house, unknown).await?;
            continue;
        }
        let step = house.store.write(move |tx| advance::step(tx, id)).await?;
        match step {
            Some(Step::Arrived(_)) | None => return Ok(()),
            Some(Step::Due(_) | Step::Moved(_)) => {}
        }
    }
    Ok(())
}
