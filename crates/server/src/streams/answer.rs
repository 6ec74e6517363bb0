//! The answer that goes on: server-sent events.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, StatusCode};
use merak_core::kit::Id;
use merak_core::streams::{self, Message};
use merak_store::Json;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::{Passed, Subscription, WAITING, until_closed};
use crate::error::Failure;
use crate::shell::Response;
use crate::state::House;
use crate::wire::Listening;

/// A comment, sent so that nobody between takes the connection for dead.
const PING: Bytes = Bytes::from_static(b": ping\r\n\r\n");

/// Tells proxies not to hold the messages back.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Begins a stream. It tells what is committed from now on.
pub(crate) async fn open(
    house: &Arc<House>,
    address: IpAddr,
    listening: Listening,
) -> Result<Response, Failure> {
    // What is committed between these two lines waits in the receiver; what was committed before is known and skipped.
    let (subscription, messages) = house.streams.subscribe(address, &listening.channels)?;
    let channels = listening.channels.clone();
    let missed = house.store.read(move |tx| streams::recent_of(tx, &channels)).await?;
    let open = Open {
        messages,
        missed: missed.into_iter().collect(),
        closed: house.streams.is_closed.subscribe(),
        ping: house.streams.ping,
        next_ping: Instant::now() + house.streams.ping,
        listening,
        _subscription: subscription,
    };
    let parts = stream::unfold(open, |mut open| async move {
        let part = open.next().await?;
        Some((Ok::<_, std::convert::Infallible>(part), open))
    });
    let mut response = Response::new(Body::from_stream(parts));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

/// An open stream.
struct Open {
    messages: mpsc::Receiver<Passed>,
    /// What was said before this stream began.
    missed: HashSet<Id<Message>>,
    closed: watch::Receiver<bool>,
    ping: Duration,
    next_ping: Instant,
    listening: Listening,
    _subscription: Subscription,
}

impl Open {
    /// What is sent next; nothing if that was all. Before anything is sent, the caller must still be allowed to hear it.
    async fn next(&mut self) -> Option<Bytes> {
        let mut passed = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = until_closed(&mut self.closed) => return None,
                count = self.messages.recv_many(&mut passed, WAITING) => {
                    if count == 0 {
                        return None;
                    }
                }
                () = tokio::time::sleep_until(self.next_ping) => {
                    self.next_ping = Instant::now() + self.ping;
                    return self.listening.is_still_allowed().await.then_some(PING);
                }
            }
            passed.retain(|message| !self.missed.contains(&message.id));
            if !passed.is_empty() {
                let text: BytesMut = passed.iter().flat_map(|message| message.text.iter().copied()).collect();
                return self.listening.is_still_allowed().await.then(|| text.freeze());
            }
        }
    }
}

/// A message as it is sent.
pub(super) fn written(message: &Message) -> Bytes {
    #[derive(Serialize)]
    struct Datum<'m> {
        id: Id<Message>,
        key: &'m str,
        payload: &'m Json,
    }
    let datum = Datum { id: message.id, key: &message.key, payload: &message.payload };
    let json = serde_json::to_string(&datum).expect("ids, texts and JSON are always written as JSON");
    Bytes::from(format!("data: {json}\r\n\r\n"))
}
