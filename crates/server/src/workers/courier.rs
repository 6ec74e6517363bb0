//! The courier of the sandbox: brings its events as a processor's messages arrive at the webhook.

use std::sync::Arc;
use std::time::Duration;

use merak_adapters::payments::sandbox::Sandbox;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::flows::receive_processor_event::receive;
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
            Ok(()) => PAUSE,
            Err(error) => {
                tracing::warn!(%error, "the sandbox could not be asked for its events");
                FAILURE_PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped.changed() => {}
        }
    }
}

/// Brings what is due. What does not arrive is brought again later.
async fn bring(house: &House, sandbox: &Sandbox) -> merak_adapters::payments::Result<()> {
    for message in sandbox.due_events().await? {
        match receive(house, &message.headers, &message.body).await {
            Ok(()) => sandbox.acknowledge(&message).await?,
            Err(error) => tracing::warn!(%error, "an event of the sandbox did not arrive"),
        }
    }
    Ok(())
}
