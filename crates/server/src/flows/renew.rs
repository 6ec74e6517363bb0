//! The sweep of billing: what is due is renewed, payments and refunds whose answer is overdue are asked about again, and
//! clocks that are being moved go on.
//!
//! Any number of nodes may sweep at once: a period is opened by one unit, and who takes what is overdue has it to
//! themselves for a while.

use merak_core::billing::Payment;
use merak_core::billing::renewal::{self, Batch};
use merak_core::kit::Refusal;
use merak_core::organizations::Organization;

use super::{Error, advance_clock, collect, refund};
use crate::state::House;

/// How many subscriptions one unit looks at.
const BATCH: i64 = 100;

/// Does a part of what is due. Whether there may be more.
pub async fn sweep(house: &House) -> Result<bool, Error> {
    let renewed = renew(house).await?;
    let asked = collect::overdue(house, BATCH).await?;
    let refunded = refund::overdue(house, BATCH).await?;
    let moved = advance_clock::go_on(house).await?;
    Ok(renewed || moved || is_full(asked) || is_full(refunded))
}

fn is_full(count: usize) -> bool {
    i64::try_from(count).unwrap_or(BATCH) >= BATCH
}

/// Renews the next batch. While the processor is asked for one batch, the next is opened. Whether there may be more.
async fn renew(house: &House) -> Result<bool, Error> {
    let mut asking: Vec<Payment> = Vec::new();
    let mut has_worked = false;
    loop {
        let (opened, asked) = tokio::join!(open(house), ask(house, std::mem::take(&mut asking)));
        asked?;
        let batch = opened?;
        has_worked |= batch.looked_at > 0;
        asking = batch.payments;
        if !is_full(batch.looked_at) {
            ask(house, asking).await?;
            return Ok(has_worked);
        }
    }
}

async fn ask(house: &House, planned: Vec<Payment>) -> Result<(), Error> {
    if !planned.is_empty() {
        collect::all(house, planned).await?;
    }
    Ok(())
}

/// Opens the next batch. What one subscription makes impossible is not done for it for an hour, and said in the log.
async fn open(house: &House) -> Result<Batch, Error> {
    if !house.store.read(renewal::is_any_due).await? {
        return Ok(Batch::default());
    }
    let rules = house.billing.clone();
    let batch = house.store.write(move |tx| renewal::open_due(tx, &rules, BATCH)).await;
    let batch = match batch {
        Err(Refusal::Store(error)) if !collect::is_defect(&error) => return Err(error.into()),
        Err(error) => {
            tracing::warn!(%error, "some subscriptions could not be renewed together");
            apart(house).await?
        }
        Ok(batch) => batch,
    };
    tell(&batch);
    Ok(batch)
}

async fn apart(house: &House) -> Result<Batch, Error> {
    let mut all = Batch::default();
    for _ in 0..BATCH {
        let rules = house.billing.clone();
        match house.store.write(move |tx| renewal::open_due(tx, &rules, 1)).await {
            Ok(batch) if batch.looked_at == 0 => break,
            Ok(batch) => {
                all.looked_at += batch.looked_at;
                all.payments.extend(batch.payments);
                all.left_out.extend(batch.left_out);
            }
            Err(Refusal::Store(error)) if !collect::is_defect(&error) => return Err(error.into()),
            Err(error) => {
                let id = house.store.write(renewal::put_off_first).await?;
                tracing::error!(subscription = ?id, %error, "a subscription could not be renewed");
                all.looked_at += 1;
            }
        }
    }
    Ok(all)
}

fn tell(batch: &Batch) {
    for (subscription, count) in &batch.left_out {
        tracing::warn!(%subscription, count, "periods went by unbilled while nothing was running");
    }
}

/// Does everything that is due of one organization by its clock, and asks about payments of which nothing is known.
pub async fn all_of(house: &House, id: merak_core::kit::Id<Organization>) -> Result<(), Error> {
    loop {
        let rules = house.billing.clone();
        let opened = house.store.write(move |tx| renewal::open_due_of(tx, &rules, id, BATCH)).await;
        let batch = match opened {
            Err(Refusal::Store(error)) if !collect::is_defect(&error) => return Err(error.into()),
            Err(error) => {
                let put_off = house.store.write(move |tx| renewal::put_off_first_of(tx, id)).await?;
                tracing::error!(subscription = ?put_off, %error, "a subscription could not be renewed");
                continue;
            }
            Ok(batch) => batch,
        };
        tell(&batch);
        let looked_at = batch.looked_at;
        ask(house, batch.payments).await?;
        if !is_full(looked_at) {
            return Ok(());
        }
    }
}
