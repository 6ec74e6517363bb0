//! Workers: they lease jobs, run them in units of work, and come back when more are due. Jobs that call the outside are
//! handed to the flows and run beside the others, so that a slow service does not hold up the queue.

pub mod biller;
pub mod courier;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use merak_core::jobs::{self, Claimed, FlowJob, Job, Outcome, Reason};
use merak_core::kit::Refusal;
use merak_store::{ReadTx, Tx};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::flows;
use crate::state::House;

/// How often the queue is looked at when nothing is known to be due.
const IDLE_PAUSE: Duration = Duration::from_secs(1);

/// How long to leave the store in peace after it failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(5);

/// How many jobs may be calling the outside at once.
const FLOWS: usize = 8;

/// How long a job that calls the outside may take: it must be settled before its lease ends.
const FLOW_PATIENCE: Duration = Duration::from_secs(jobs::LEASE.unsigned_abs() - 10);

/// How many mails are taken together.
const MAILS: i64 = 100;

/// The running worker.
pub struct Worker {
    stop: watch::Sender<bool>,
    ended: JoinHandle<()>,
}

impl Worker {
    /// Starts a worker on the house's queue.
    pub fn start(house: Arc<House>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let ended = tokio::spawn(work(house, stopped));
        Self { stop, ended }
    }

    /// Lets the running jobs end and stops.
    pub async fn stop(self) {
        // A worker that ended by itself has nobody listening.
        let _ = self.stop.send(true);
        if let Err(error) = self.ended.await {
            tracing::error!(%error, "the worker ended badly");
        }
    }
}

async fn work(house: Arc<House>, mut stopped: watch::Receiver<bool>) {
    let mut is_prepared = false;
    let mut flows = Flows { room: Arc::new(Semaphore::new(FLOWS)), running: JoinSet::new() };
    while !*stopped.borrow() {
        flows.tidy();
        let result =
            if is_prepared { step(&house, &mut flows).await } else { prepare(&house).await.map(|()| true) };
        let pause = match result {
            Ok(true) => {
                is_prepared = true;
                continue;
            }
            Ok(false) => IDLE_PAUSE,
            Err(merak_store::Error::Closed) => break,
            Err(error) => {
                tracing::warn!(%error, "the queue of jobs could not be worked on");
                FAILURE_PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = flows.ended(), if flows.is_full() => {}
            _ = stopped.changed() => {}
        }
    }
    flows.finish().await;
}

async fn prepare(house: &House) -> Result<(), merak_store::Error> {
    house.store.write(jobs::ensure_recurring).await.map_err(cause)
}

/// Runs one job if one is due. Returns whether there was one.
async fn step(house: &Arc<House>, flows: &mut Flows) -> Result<bool, merak_store::Error> {
    // A job is only taken when it can be run, because its lease runs from then on: with no place free, one that needs
    // nothing but the store.
    let place = Arc::clone(&flows.room).try_acquire_owned().ok();
    let is_unit = place.is_none();
    // Looking costs a read; only a queue with something due costs a write.
    let look = move |tx: &mut ReadTx<'_>| jobs::is_any_due(tx, is_unit);
    if !house.store.read(look).await.map_err(cause)? {
        return Ok(false);
    }
    let Some((claimed, more)) = house.store.write(move |tx| claim(tx, is_unit)).await.map_err(cause)? else {
        return Ok(false);
    };
    if !more.is_empty() {
        let house = Arc::clone(house);
        flows.running.spawn(async move {
            run_mails(&house, claimed, more).await;
            drop(place);
        });
        return Ok(true);
    }
    if let Job::Flow(_) = &claimed.job {
        let house = Arc::clone(house);
        flows.running.spawn(async move {
            if let Err(error) = run_flow(&house, claimed).await {
                tracing::warn!(%error, "a job could not be settled; it comes back when its lease ends");
            }
            drop(place);
        });
        return Ok(true);
    }
    if let Job::Purge = &claimed.job {
        // What has no row is removed along with the rows.
        let house = Arc::clone(house);
        flows.running.spawn(async move {
            if let Err(error) = flows::sweep_uploads::run(&house).await {
                tracing::warn!(%error, "abandoned uploads could not be removed; the next purge tries again");
            }
            drop(place);
        });
    } else {
        drop(place);
    }
    run(house, claimed).await?;
    Ok(true)
}

/// Runs what is due now, or only what needs nothing but the store, one after the other until nothing is or the time is over.
/// Other workers may be at it, too.
pub async fn run_due(house: &House, is_unit: bool, until: Instant) -> Result<(), merak_store::Error> {
    while Instant::now() < until {
        let look = move |tx: &mut ReadTx<'_>| jobs::is_any_due(tx, is_unit);
        if !house.store.read(look).await.map_err(cause)? {
            break;
        }
        match house.store.write(move |tx| claim(tx, is_unit)).await.map_err(cause)? {
            None => break,
            Some((claimed, more)) if !more.is_empty() => run_mails(house, claimed, more).await,
            Some((claimed, _)) if matches!(claimed.job, Job::Flow(_)) => run_flow(house, claimed).await?,
            Some((claimed, _)) => run(house, claimed).await?,
        }
    }
    Ok(())
}

/// Leases the next job. With a mail come other mails that are due.
fn claim(tx: &mut Tx<'_>, is_unit: bool) -> Result<Option<(Claimed, Vec<Claimed>)>, Refusal> {
    let claimed = if is_unit { jobs::claim_unit(tx)? } else { jobs::claim(tx)? };
    let Some(claimed) = claimed else { return Ok(None) };
    let more = match &claimed.job {
        Job::Flow(FlowJob::SendEmail { .. }) => jobs::claim_mails(tx, MAILS - 1)?,
        _ => Vec::new(),
    };
    Ok(Some((claimed, more)))
}

/// Sends many mails. Should that fail for one of them, each is sent for itself, so that it keeps no other waiting; those
/// that went out have said so by then, or go out again as the same message.
async fn run_mails(house: &House, first: Claimed, mut mails: Vec<Claimed>) {
    mails.push(first);
    let flow = AssertUnwindSafe(flows::send_email::run_many(house, mails.clone())).catch_unwind();
    match tokio::time::timeout(FLOW_PATIENCE, flow).await {
        Ok(Ok(Ok(()))) => return house.streams.nudge(),
        Ok(Ok(Err(flows::Error::Refused(Refusal::Store(error))))) if !flows::collect::is_defect(&error) => {
            tracing::warn!(%error, "mails could not be settled; they come back when their leases end");
            return;
        }
        Ok(Ok(Err(error))) => tracing::warn!(%error, "some mails could not be sent together"),
        Ok(Err(_)) => tracing::error!("sending mails panicked"),
        Err(_) => {
            tracing::warn!("sending mails took too long; they come back when their leases end");
            return;
        }
    }
    for claimed in mails {
        if let Err(error) = run_flow(house, claimed).await {
            tracing::warn!(%error, "a job could not be settled; it comes back when its lease ends");
        }
    }
}

/// The jobs that are calling the outside.
struct Flows {
    room: Arc<Semaphore>,
    running: JoinSet<()>,
}

impl Flows {
    /// Forgets those that ended.
    fn tidy(&mut self) {
        while let Some(ended) = self.running.try_join_next() {
            note(ended);
        }
    }

    /// Whether there is no place for another one.
    fn is_full(&self) -> bool {
        self.room.available_permits() == 0
    }

    /// Waits until one has ended.
    async fn ended(&mut self) {
        if let Some(ended) = self.running.join_next().await {
            note(ended);
        }
    }

    /// Waits until all have ended.
    async fn finish(mut self) {
        while let Some(ended) = self.running.join_next().await {
            note(ended);
        }
    }
}

/// A panic costs the job that met it: its lease ends, and it is tried again.
fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a job ended badly");
    }
}

/// Runs a job and settles it in the same unit. If that fails, the failure is recorded in a unit of its own.
async fn run(house: &House, claimed: Claimed) -> Result<(), merak_store::Error> {
    let work = claimed.clone();
    let result = house
        .store
        .write(move |tx| {
            let outcome = jobs::run(tx, &work.job)?;
            jobs::settle(tx, &work, &outcome)
        })
        .await;
    let kind = claimed.job.kind();
    let Err(refusal) = result else {
        house.streams.nudge();
        tracing::debug!(kind, "job done");
        return Ok(());
    };
    tracing::warn!(kind, error = %refusal, "job failed");
    house.store.write(move |tx| jobs::settle_refused(tx, &claimed, &refusal)).await.map_err(cause)
}

/// Runs a job that calls the outside and settles itself, in time for its lease. If it does not, the failure is recorded
/// in a unit of its own.
async fn run_flow(house: &House, claimed: Claimed) -> Result<(), merak_store::Error> {
    let Job::Flow(job) = &claimed.job else { return Ok(()) };
    let kind = claimed.job.kind();
    let flow = AssertUnwindSafe(flows::run(house, &claimed, job)).catch_unwind();
    let outcome = match tokio::time::timeout(FLOW_PATIENCE, flow).await {
        Ok(Ok(Ok(()))) => {
            house.streams.nudge();
            tracing::debug!(kind, "job done");
            return Ok(());
        }
        Ok(Ok(Err(error))) => error.outcome(),
        Ok(Err(_)) => Outcome::Failed("the flow panicked".into()),
        Err(_) => Outcome::Failed(Reason::from("the outside took too long").told("It took too long.")),
    };
    tracing::warn!(kind, ?outcome, "job failed");
    house.store.write(move |tx| jobs::settle(tx, &claimed, &outcome)).await.map_err(cause)
}

/// The store's part of a failure; a rule that says no to the queue itself would be a mistake of ours.
fn cause(refusal: Refusal) -> merak_store::Error {
    match refusal {
        Refusal::Store(error) => error,
        other => merak_store::Error::Decode(other.to_string()),
    }
}
