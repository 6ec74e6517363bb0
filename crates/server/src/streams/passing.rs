//! Passes messages on: one task a process, which looks at the store when something was committed here, and once a second
//! for what was committed elsewhere. While nobody listens it sleeps.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use merak_core::kit::{Id, Refusal, Result};
use merak_core::streams::{self, Message};
use merak_store::{ReadTx, Store};

use super::{Hub, until_closed};

/// How often the store is looked at when nothing is known to be new.
const IDLE_PAUSE: Duration = Duration::from_secs(1);

/// How long the store is left in peace after a look, however much is committed.
const PAUSE: Duration = Duration::from_millis(100);

/// How long it is left in peace after it failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(5);

/// Passes messages on until the hub is closed.
pub(crate) async fn pass_on(hub: Arc<Hub>, store: Store) {
    let mut closed = hub.is_closed.subscribe();
    tokio::select! {
        () = keep_passing(&hub, &store) => {}
        () = until_closed(&mut closed) => {}
    }
}

async fn keep_passing(hub: &Hub, store: &Store) {
    let mut passed = Arc::new(HashSet::new());
    loop {
        if hub.is_deserted() {
            hub.nudge.notified().await;
            continue;
        }
        let known = Arc::clone(&passed);
        let pause = match store.read(move |tx| look(tx, &known)).await {
            Ok((recent, fresh)) => {
                for message in &fresh {
                    hub.pass(message);
                }
                passed = Arc::new(recent);
                PAUSE
            }
            Err(Refusal::Store(merak_store::Error::Closed)) => return,
            Err(error) => {
                tracing::warn!(%error, "messages could not be passed on");
                FAILURE_PAUSE
            }
        };
        tokio::time::sleep(pause).await;
        // A nudge that came while we looked or paused is kept and ends the wait at once.
        let _ = tokio::time::timeout(IDLE_PAUSE, hub.nudge.notified()).await;
    }
}

/// What was written of late, and those messages of it that are not known.
fn look(tx: &mut ReadTx<'_>, known: &HashSet<Id<Message>>) -> Result<(HashSet<Id<Message>>, Vec<Message>)> {
    let recent: HashSet<Id<Message>> = streams::recent(tx)?.into_iter().collect();
    let fresh: Vec<Id<Message>> = recent.difference(known).copied().collect();
    let messages = streams::find_many(tx, &fresh)?;
    Ok((recent, messages))
}
