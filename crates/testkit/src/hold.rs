//! Keeping a writer busy for as long as a test needs it.

use std::sync::mpsc;

use merak_store::{Error, Store};
use tokio::{sync::oneshot, task::JoinHandle};

/// A writing unit that has begun and waits to be released.
pub struct Hold {
    release: mpsc::Sender<()>,
    unit: JoinHandle<Result<(), Error>>,
}

/// Begins a unit on a writer and keeps it there. What is asked for afterwards waits behind it, if there is one writer.
pub async fn hold(store: &Store) -> Hold {
    let (release, released) = mpsc::channel();
    let (started, has_started) = oneshot::channel();
    let mut started = Some(started);
    let store = store.clone();
    let unit = tokio::spawn(async move {
        store
            .write(move |_| {
                if let Some(started) = started.take() {
                    started.send(()).expect("the test waits for the unit to start");
                }
                released.recv().map_err(|_| Error::Closed)
            })
            .await
    });
    has_started.await.expect("the unit starts");
    Hold { release, unit }
}

impl Hold {
    /// Lets the unit end, and returns its answer.
    pub async fn release(self) -> Result<(), Error> {
        self.release.send(()).expect("the unit waits to be released");
        self.unit.await.expect("the unit does not panic")
    }
}
