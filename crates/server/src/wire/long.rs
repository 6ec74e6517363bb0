//! Operations that are answered by a text of any length: it is read a part at a time, each in a unit of its own, and
//! sent as it is read, so that no more than a part of it is ever in memory.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::HeaderValue;
use merak_core::access::Admits;
use merak_core::kit::Result as Decision;
use merak_store::ReadTx;
use serde_json::Value;

use super::answer::{Answer, Reply};
use super::described::Components;
use super::request::Checked;
use super::route::{Call, Input, Nothing, admit, note_use, prepare};
use crate::error::Failure;
use crate::state::House;

/// A part of a text, and where to go on.
#[derive(Clone, Debug)]
pub struct Part<C> {
    /// The text.
    pub text: String,
    /// Where to go on; none at its end.
    pub next: Option<C>,
}

/// What reads the next part of a text, or the first.
pub type Handler<P, Q, C> = fn(&mut ReadTx<'_>, &Call<P, Q>, Option<C>) -> Decision<Part<C>>;

/// How a text is sent.
#[derive(Clone, Debug)]
pub struct Appearance {
    /// Its type.
    pub content_type: &'static str,
    /// What a browser calls the file.
    pub file_name: &'static str,
}

/// A text on its way.
pub struct Long {
    /// Its type.
    pub content_type: HeaderValue,
    /// What a browser does with it; none if it is for programs.
    pub disposition: Option<HeaderValue>,
    /// The text.
    pub body: Body,
}

impl fmt::Debug for Long {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Long").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

pub(super) type Sending = Pin<Box<dyn Future<Output = Result<Long, Failure>> + Send>>;
pub(super) type Start = Box<dyn Fn(Arc<House>, Checked, Admits) -> Sending + Send + Sync>;

/// Lets the caller in, and sends what the handler reads. Callers who take nothing but JSON get the text as one string of
/// it: the official clients read no other answer.
pub(super) fn start<P: Input, Q: Input, C: Copy + Send + Sync + 'static>(
    handler: Handler<P, Q, C>,
    appearance: Appearance,
) -> Start {
    Box::new(move |house, checked, admits| {
        let appearance = appearance.clone();
        Box::pin(async move { run(&house, checked, admits, handler, &appearance).await })
    })
}

async fn run<P: Input, Q: Input, C: Copy + Send + Sync + 'static>(
    house: &Arc<House>,
    checked: Checked,
    admits: Admits,
    handler: Handler<P, Q, C>,
    appearance: &Appearance,
) -> Result<Long, Failure> {
    let as_json = checked.takes_only_json;
    let (credential, mut call) = prepare::<P, Q, Nothing>(house, checked)?;
    let (first, call) = house
        .store
        .read(move |tx| {
            call.actor = admit(tx, &credential, &admits)?;
            let first = handler(tx, &call, None)?;
            Ok::<_, Failure>((first, call.clone()))
        })
        .await?;
    note_use(house, &call.actor);
    let reader = Reader { call: Arc::new(call), handler, as_json };
    let opening = as_json.then(|| Part { text: String::from("\""), next: None });
    let closing = opening.clone();
    let parts = stream::unfold(Some((reader, Some(first))), |state| async move {
        let (reader, part) = state?;
        let part = part?;
        let text = reader.spelled(&part.text);
        match part.next {
            None => Some((Ok(text), Some((reader, None)))),
            Some(next) => match reader.read(next).await {
                Ok(following) => Some((Ok(text), Some((reader, Some(following))))),
                // What was sent can't be taken back; the connection ends without an end of the text.
                Err(failure) => Some((Err(std::io::Error::other(format!("{failure:?}"))), None)),
            },
        }
    });
    let framed = |part: Option<Part<C>>| stream::iter(part.map(|part| Ok(Bytes::from(part.text))));
    let body = Body::from_stream(futures_util::StreamExt::chain(
        futures_util::StreamExt::chain(framed(opening), parts),
        framed(closing),
    ));
    let disposition = format!("attachment; filename={}", appearance.file_name);
    Ok(Long {
        content_type: HeaderValue::from_static(if as_json {
            "application/json"
        } else {
            appearance.content_type
        }),
        disposition: HeaderValue::try_from(disposition).ok().filter(|_| !as_json),
        body,
    })
}

struct Reader<P, Q, C> {
    call: Arc<Call<P, Q>>,
    handler: Handler<P, Q, C>,
    as_json: bool,
}

impl<P: Input, Q: Input, C: Copy + Send + Sync + 'static> Reader<P, Q, C> {
    async fn read(&self, next: C) -> Result<Part<C>, Failure> {
        let (call, handler) = (Arc::clone(&self.call), self.handler);
        self.call.house.store.read(move |tx| Ok::<_, Failure>(handler(tx, &call, Some(next))?)).await
    }

    /// The text as it is sent: plain, or as a piece of a JSON string.
    fn spelled(&self, text: &str) -> Bytes {
        if !self.as_json {
            return Bytes::from(text.to_owned());
        }
        let quoted = Value::from(text).to_string();
        Bytes::from(quoted[1..quoted.len() - 1].to_owned())
    }
}

/// The answer's type in the declaration of a long text.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnyText;

impl Answer for AnyText {
    const STATUS: u16 = 200;

    fn body_schema(_: &mut Components) -> Option<Value> {
        Some(Value::Object(serde_json::Map::new()))
    }

    fn reply(&self) -> Result<Reply, serde_json::Error> {
        Ok(Reply::new(Self::STATUS, Bytes::new()))
    }
}
