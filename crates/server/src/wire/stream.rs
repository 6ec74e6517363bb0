//! Operations that are answered by a stream of messages: who may listen, and to what. How the messages get there is
//! [`crate::streams`]' business.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use merak_core::access::{Actor, Admits};
use merak_core::kit::Result as Decision;
use merak_core::streams::Channel;
use merak_store::ReadTx;
use serde_json::Value;

use super::answer::{Answer, Reply};
use super::described::Components;
use super::request::{Checked, Credential};
use super::route::{Call, Input, admit, note_use, prepare};
use crate::error::Failure;
use crate::state::House;

/// What finds out which channels a caller listens to.
pub type Handler<P, Q, B> = fn(&mut ReadTx<'_>, &Call<P, Q, B>) -> Decision<Vec<Channel>>;

/// Asks again to what a caller may listen.
pub type Asking = Pin<Box<dyn Future<Output = Result<Vec<Channel>, Failure>> + Send>>;

/// Somebody who was let in to listen.
pub struct Listening {
    /// To what.
    pub channels: Vec<Channel>,
    ask: Box<dyn Fn() -> Asking + Send + Sync>,
}

impl Listening {
    /// Somebody who listens to these channels for as long as they are what `ask` answers.
    pub fn new(channels: Vec<Channel>, ask: impl Fn() -> Asking + Send + Sync + 'static) -> Self {
        Self { channels, ask: Box::new(ask) }
    }

    /// Whether the caller may still listen to the same. Where the store does not say, nothing was said against it.
    pub async fn is_still_allowed(&self) -> bool {
        match (self.ask)().await {
            Ok(channels) => channels == self.channels,
            Err(Failure::Refused(merak_core::kit::Refusal::Store(_))) => true,
            Err(_) => false,
        }
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening").field("channels", &self.channels).finish_non_exhaustive()
    }
}

/// Finds out who is calling, whether they may listen, and to what.
pub(super) async fn run<P: Input, Q: Input, B: Input>(
    house: &Arc<House>,
    checked: Checked,
    admits: Admits,
    handler: Handler<P, Q, B>,
) -> Result<Listening, Failure> {
    let (credential, call) = prepare::<P, Q, B>(house, checked)?;
    let asked = Arc::new((credential, call));
    let (actor, channels) = ask(Arc::clone(&asked), admits, handler).await?;
    note_use(house, &actor);
    let ask = move || -> Asking {
        let asked = Arc::clone(&asked);
        Box::pin(async move { Ok(ask(asked, admits, handler).await?.1) })
    };
    Ok(Listening::new(channels, ask))
}

async fn ask<P: Input, Q: Input, B: Input>(
    asked: Arc<(Credential, Call<P, Q, B>)>,
    admits: Admits,
    handler: Handler<P, Q, B>,
) -> Result<(Actor, Vec<Channel>), Failure> {
    let store = asked.1.house.store.clone();
    let unit = move |tx: &mut ReadTx<'_>| {
        let (credential, call) = &*asked;
        let mut call = call.clone();
        call.actor = admit(tx, credential, &admits)?;
        let channels = handler(tx, &call)?;
        Ok::<_, Failure>((call.actor, channels))
    };
    store.read(unit).await
}

/// The answer's type in the declaration of a stream, which has no body that could be described.
#[derive(Clone, Copy, Debug)]
pub(super) struct Messages;

impl Answer for Messages {
    const STATUS: u16 = 200;

    fn body_schema(_: &mut Components) -> Option<Value> {
        None
    }

    fn reply(&self) -> Result<Reply, serde_json::Error> {
        Ok(Reply::new(Self::STATUS, Bytes::new()))
    }
}
