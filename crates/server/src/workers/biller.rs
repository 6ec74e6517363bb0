//! The biller: renews what is due, and asks about payments and refunds whose answer is overdue.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use merak_core::kit::Refusal;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::flows::{self, renew};
use crate::state::House;

/// How often it is looked whether anything is due.
const PAUSE: Duration = Duration::from_secs(1);

/// How long to leave store and processor in peace after one of them failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(5);

/// The running biller.
pub struct Biller {
    stop: watch::Sender<bool>,
    ended: JoinHandle<()>,
}

impl Biller {
    /// Starts a biller.
    pub fn start(house: &Arc<House>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let ended = tokio::spawn(work(Arc::clone(house), stopped));
        Self { stop, ended }
    }

    /// Lets the batch that is being billed end and stops.
    pub async fn stop(self) {
        // A biller that ended by itself has nobody listening.
        let _ = self.stop.send(true);
        if let Err(error) = self.ended.await {
            tracing::error!(%error, "the biller ended badly");
        }
    }
}

async fn work(house: Arc<House>, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        let swept = AssertUnwindSafe(renew::sweep(&house)).catch_unwind().await;
        let pause = match swept {
            Ok(Ok(true)) => continue,
            Ok(Ok(false)) => PAUSE,
            Ok(Err(flows::Error::Refused(Refusal::Store(merak_store::Error::Closed)))) => return,
            Ok(Err(error)) => {
                tracing::warn!(%error, "what is due could not be billed");
                FAILURE_PAUSE
            }
            Err(_) => {
                tracing::error!("billing panicked");
                FAILURE_PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped.changed() => {}
        }
    }
}
