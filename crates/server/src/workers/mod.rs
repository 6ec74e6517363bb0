//! Workers: they lease jobs, run them in units of work, and come back when more are due.

use std::sync::Arc;
use std::time::Duration;

use merak_core::jobs::{self, Claimed, Outcome};
use merak_core::kit::Refusal;
use merak_store::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often the queue is looked at when nothing is known to be due.
const IDLE_PAUSE: Duration = Duration::from_secs(1);

/// How long to leave the store in peace after it failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(5);

/// The running worker.
pub struct Worker {
    stop: watch::Sender<bool>,
    ended: JoinHandle<()>,
}

impl Worker {
    /// Starts a worker on the store's queue.
    pub fn start(store: Store) -> Self {
        let (stop, stopped) = watch::channel(false);
        let ended = tokio::spawn(work(Arc::new(store), stopped));
        Self { stop, ended }
    }

    /// Lets the running job end and stops.
    pub async fn stop(self) {
        // A worker that ended by itself has nobody listening.
        let _ = self.stop.send(true);
        if let Err(error) = self.ended.await {
            tracing::error!(%error, "the worker ended badly");
        }
    }
}

async fn work(store: Arc<Store>, mut stopped: watch::Receiver<bool>) {
    let mut is_prepared = false;
    while !*stopped.borrow() {
        let result = if is_prepared { step(&store).await } else { prepare(&store).await.map(|()| true) };
        let pause = match result {
            Ok(true) => {
                is_prepared = true;
                continue;
            }
            Ok(false) => IDLE_PAUSE,
            Err(merak_store::Error::Closed) => return,
            Err(error) => {
                tracing::warn!(%error, "the queue of jobs could not be worked on");
                FAILURE_PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped.changed() => {}
        }
    }
}

async fn prepare(store: &Store) -> Result<(), merak_store::Error> {
    store.write(jobs::ensure_recurring).await.map_err(cause)
}

/// Runs one job if one is due. Returns whether there was one.
async fn step(store: &Store) -> Result<bool, merak_store::Error> {
    // Looking costs a read; only a queue with something due costs a write.
    let is_due = store
        .read(|tx| Ok::<_, Refusal>(jobs::next_due(tx)?.is_some_and(|due| due <= tx.now())))
        .await
        .map_err(cause)?;
    if !is_due {
        return Ok(false);
    }
    let Some(claimed) = store.write(jobs::claim).await.map_err(cause)? else { return Ok(false) };
    run(store, claimed).await?;
    Ok(true)
}

/// Runs a job and settles it in the same unit. If that fails, the failure is recorded in a unit of its own.
async fn run(store: &Store, claimed: Claimed) -> Result<(), merak_store::Error> {
    let kind = claimed.job.kind();
    let work = claimed.clone();
    let result = store
        .write(move |tx| {
            let outcome = jobs::run(tx, &work.job)?;
            jobs::settle(tx, &work, &outcome)
        })
        .await;
    let Err(refusal) = result else {
        tracing::debug!(kind, "job done");
        return Ok(());
    };
    tracing::warn!(kind, error = %refusal, "job failed");
    let outcome = Outcome::Failed(refusal.to_string());
    store.write(move |tx| jobs::settle(tx, &claimed, &outcome)).await.map_err(cause)
}

/// The store's part of a failure; a rule that says no to the queue itself would be a mistake of ours.
fn cause(refusal: Refusal) -> merak_store::Error {
    match refusal {
        Refusal::Store(error) => error,
        other => merak_store::Error::Decode(other.to_string()),
    }
}
