//! The courier of the sandbox: brings its events as a processor's messages arrive at the webhook.

use std::sync::Arc;
use std::time::Duration;

use merak_adapters::payments::sandbox::{LONGEST_LIST, Sandbox};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::flows::Error;
use crate::flows::collect::Unanswered;
use crate::flows::receive_processor_event::receive_many;
use crate::state::House;

/// How often the sandbox is asked what it has to tell.
const PAUSE: Duration = Duration::from_secs(1);

/// How long to leave the store in peace after it failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(5);

/// The running courier.
pub struct Courier {
    stop: watch::Sender<bool>,
    ended: JoinHandle<()>,
}

impl Courier {
    /// Starts a courier, if payments are played.
    pub fn start(house: &Arc<House>) -> Option<Self> {
        let sandbox = Arc::clone(&house.adapters.payments).as_sandbox()?;
        let (stop, stopped) = watch::channel(false);
        let ended = tokio::spawn(work(Arc::clone(house), sandbox, stopped));
        Some(Self { stop, ended })
    }

    /// Lets the event that is being brought arrive and stops.
    pub async fn stop(self) {
        // A courier that ended by itself has nobody listening.
        let _ = self.stop.send(true);
        if let Err(error) = self.ended.await {
            tracing::error!(%error, "the courier of the sandbox ended badly");
        }
    }
}

async fn work(house: Arc<House>, sandbox: Arc<Sandbox>, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        let pause = match bring(&house, &sandbox).await {
            // There may be more.
            Ok(brought) if brought >= usize::from(LONGEST_LIST) => continue,
            Ok(_) => PAUSE,
            Err(error) => {
                tracing::warn!(%error, "the sandbox's events could not be brought");
                FAILURE_PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped.changed() => {}
        }
    }
}

/// Brings what is due, and returns how much that was. What does not arrive is brought again later.
async fn bring(house: &House, sandbox: &Sandbox) -> Result<usize, Error> {
    let due = sandbox.due_events().await.map_err(Unanswered::from)?;
    let messages: Vec<_> = due.iter().map(|message| (&message.headers, &*message.body)).collect();
    let received = receive_many(house, &messages).await?;
    let mut heard = Vec::with_capacity(due.len());
    let count = due.len();
    for (message, received) in due.into_iter().zip(received) {
        match received {
            Ok(()) => heard.push(message),
            Err(error) => tracing::warn!(%error, "an event of the sandbox did not arrive"),
        }
    }
    sandbox.acknowledge(&heard).await.map_err(Unanswered::from)?;
    Ok(count)
}
