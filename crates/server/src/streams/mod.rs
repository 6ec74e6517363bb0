//! Event streams: who listens here, to what, and how messages reach them.
//!
//! Messages are rows of the store ([`merak_core::streams`]). One task a process reads what is new ([`pass_on`]) and hands
//! it to everybody here who listens to its channel; each of them has an answer that goes on ([`open`]). Nothing else runs
//! while there is nothing to say.

mod answer;
mod passing;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use merak_core::kit::Id;
use merak_core::streams::{Channel, Message};
use tokio::sync::{Notify, mpsc, watch};

pub(crate) use self::answer::open;
pub(crate) use self::passing::pass_on;
use crate::error::Failure;
use crate::places::{Full, Place, Places};

/// How many messages may wait for who listens. Somebody who is further behind has to come again.
const WAITING: usize = 64;

/// After how many seconds an address may try again that has too many streams.
const COME_BACK_AFTER: u64 = 10;

/// Everybody who listens here.
#[derive(Debug)]
pub struct Hub {
    places: Arc<Places>,
    ping: Duration,
    listeners: Mutex<Listeners>,
    /// There may be something new, or somebody new.
    nudge: Notify,
    is_closed: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Listeners {
    last: u64,
    /// Who listens to a channel.
    channels: HashMap<String, Vec<(u64, mpsc::Sender<Passed>)>>,
}

/// A message on its way to who listens.
#[derive(Clone, Debug)]
struct Passed {
    id: Id<Message>,
    /// As it is sent.
    text: Bytes,
}

impl Hub {
    /// A hub with room for so many streams, and for so many of one address, which sends comments that often.
    pub(crate) fn new(room: usize, room_per_address: usize, ping: Duration) -> Self {
        Self {
            places: Places::new(room, room_per_address),
            ping,
            listeners: Mutex::default(),
            nudge: Notify::new(),
            is_closed: watch::Sender::new(false),
        }
    }

    /// Says that a unit of work has committed here, so that its messages need not wait for the next look.
    pub(crate) fn nudge(&self) {
        if !self.is_deserted() {
            self.nudge.notify_one();
        }
    }

    /// Ends all streams.
    pub(crate) fn close(&self) {
        self.is_closed.send_replace(true);
    }

    /// From now on, what is passed on to these channels is kept for the caller.
    fn subscribe(
        self: &Arc<Self>,
        address: IpAddr,
        channels: &[Channel],
    ) -> Result<(Subscription, mpsc::Receiver<Passed>), Failure> {
        let place = self.places.take(address).map_err(|full| match full {
            Full::ForAll => Failure::from(merak_store::Error::Busy),
            Full::ForOne => Failure::TooManyRequests(COME_BACK_AFTER),
        })?;
        let (sender, receiver) = mpsc::channel(WAITING);
        let mut listeners = self.listeners();
        listeners.last += 1;
        let number = listeners.last;
        let channels: Vec<String> = channels.iter().map(Channel::to_string).collect();
        for channel in &channels {
            listeners.channels.entry(channel.clone()).or_default().push((number, sender.clone()));
        }
        drop(listeners);
        self.nudge.notify_one();
        Ok((Subscription { hub: Arc::clone(self), number, channels, _place: place }, receiver))
    }

    /// Gives a message to everybody who listens. Who has too many waiting already is dropped: it is better to come
    /// again than to believe that nothing was missed.
    fn pass(&self, message: &Message) {
        let mut listeners = self.listeners();
        let Some(listening) = listeners.channels.get_mut(&message.channel) else { return };
        let passed = Passed { id: message.id, text: answer::written(message) };
        listening.retain(|(_, sender)| sender.try_send(passed.clone()).is_ok());
    }

    fn is_deserted(&self) -> bool {
        self.listeners().channels.is_empty()
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        // Nothing in here panics half way, so a poisoned lock holds whole values.
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until the hub is closed, or gone.
async fn until_closed(closed: &mut watch::Receiver<bool>) {
    // A hub that is gone says nothing more, which is as good.
    let _ = closed.wait_for(|is_closed| *is_closed).await;
}

/// Who listens to some channels, until it is dropped.
#[derive(Debug)]
struct Subscription {
    hub: Arc<Hub>,
    number: u64,
    channels: Vec<String>,
    _place: Place,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut listeners = self.hub.listeners();
        for channel in &self.channels {
            let Some(listening) = listeners.channels.get_mut(channel) else { continue };
            listening.retain(|(number, _)| *number != self.number);
            if listening.is_empty() {
                listeners.channels.remove(channel);
            }
        }
    }
}
