//! What handlers answer: a status that the type tells, and a body or none.

use std::cell::Cell;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use super::described::{Components, Described};

/// A finished answer, ready to be sent or kept.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The JSON text; empty if there is no body.
    pub body: Bytes,
    /// What the headers say besides.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// An answer without headers of its own.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, body: body.into(), headers: Vec::new() }
    }
}

/// What a handler may return.
pub trait Answer: Send + 'static {
    /// The status of success.
    const STATUS: u16;

    /// The schema of the body, if there is one.
    fn body_schema(components: &mut Components) -> Option<Value>;

    /// Writes the body. Only a type that cannot be written as JSON at all fails, which tests would see.
    fn reply(&self) -> Result<Reply, serde_json::Error>;
}

/// 200 with a body.
#[derive(Clone, Debug)]
pub struct Json<T>(pub T);

/// 201 with a body.
#[derive(Clone, Debug)]
pub struct Created<T>(pub T);

/// 202 with `null`: it was heard; whether something happens afterwards is not told.
#[derive(Clone, Copy, Debug)]
pub struct Accepted;

/// 302 to another address.
#[derive(Clone, Debug)]
pub struct Found(pub String);

/// 307 to another address.
#[derive(Clone, Debug)]
pub struct TemporaryRedirect(pub String);

/// 204.
#[derive(Clone, Copy, Debug)]
pub struct NoContent;

/// 303: a browser goes on elsewhere, perhaps with another cookie.
#[derive(Clone, Debug)]
pub struct SeeOther {
    /// Where to.
    pub location: HeaderValue,
    /// The cookie it gets.
    pub cookie: Option<HeaderValue>,
}

impl<T: Described + Serialize + Send + 'static> Answer for Json<T> {
    const STATUS: u16 = 200;

    fn body_schema(components: &mut Components) -> Option<Value> {
        Some(T::schema(components))
    }

    fn reply(&self) -> Result<Reply, serde_json::Error> {
        write(Self::STATUS, &self.0)
    }
}

impl<T: Described + Serialize + Send + 'static> Answer for Created<T> {
    const STATUS: u16 = 201;

    fn body_schema(components: &mut Components) -> Option<Value> {
        Some(T::schema(components))
    }

    fn reply(&self) -> Result<Reply, serde_json::Error> {
        write(Self::STATUS, &self.0)
    }
}

impl Answer for Accepted {
    const STATUS: u16 = 202;

    fn body_schema(_: &mut Components) -> Option<Value> {
        Some(json!({"type": "null"}))
    }

    fn reply(&self) -> Result<Reply, serde_json::Error> {
        Ok(Reply::new(Self::STATUS, Bytes::from_static(b"null")))
    }
}

impl Answer for NoContent {
    const STATUS: u16 = 204;

    fn body_schema(_: &mut Components) -> Option<Value> {
        None
    }

    fn reply(&self) -> Result<Reply, serde_json::Error> {
        Ok(Reply::new(Self::STATUS, Bytes::new()))
    }
}

impl Answer for Found {
    const STATUS: u16 = 302;

    fn body_schema(_: &mut Components) -> Option<Value> {
        None
    }

    fn reply(&self) -> Result<Reply, serde_json::Error> {
        Ok(elsewhere(Self::STATUS, &self.0))
    }
}

impl Answer for TemporaryRedirect {
    const STATUS: u16 = 307;

    fn body_schema(_: &mut Components) -> Option<Value> {
        None
    }

    fn reply(&self) -> Result<Reply, serde_json::Error> {
        Ok(elsewhere(Self::STATUS, &self.0))
    }
}

/// An address that cannot stand in a header is none of ours; the caller is sent nowhere.
fn elsewhere(status: u16, location: &str) -> Reply {
    let mut reply = Reply::new(status, Bytes::new());
    reply.headers.extend(HeaderValue::try_from(location).ok().map(|location| (LOCATION, location)));
    reply.headers.push((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    reply
}

impl Answer for SeeOther {
    const STATUS: u16 = 303;

    fn body_schema(_: &mut Components) -> Option<Value> {
        None
    }

    fn reply(&self) -> Result<Reply, serde_json::Error> {
        let mut reply = Reply::new(Self::STATUS, Bytes::new());
        reply.headers.push((LOCATION, self.location.clone()));
        reply.headers.extend(self.cookie.clone().map(|cookie| (SET_COOKIE, cookie)));
        Ok(reply)
    }
}

impl SeeOther {
    /// A browser goes on to this address.
    pub fn to(url: &Url) -> Self {
        let location = HeaderValue::try_from(url.as_str()).expect("an address is written in ASCII");
        Self { location, cookie: None }
    }
}

/// 200 with a plain text for people.
#[derive(Clone, Copy, Debug)]
pub struct Text(pub &'static str);

impl Answer for Text {
    const STATUS: u16 = 200;

    fn body_schema(_: &mut Components) -> Option<Value> {
        None
    }

    fn reply(&self) -> Result<Reply, serde_json::Error> {
        let mut reply = Reply::new(Self::STATUS, self.0);
        reply.headers.push((CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")));
        Ok(reply)
    }
}

/// How much room a thread keeps for the next answer; a page of usual things takes ten to thirty kilobytes.
const KEPT_ROOM: usize = 64 << 10;

thread_local! {
    /// Answers are written here, where there is room from the last one, and copied once.
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

fn write(status: u16, body: &impl Serialize) -> Result<Reply, serde_json::Error> {
    let mut text = ROOM.take();
    text.clear();
    serde_json::to_writer(&mut text, body)?;
    if text.capacity() > KEPT_ROOM {
        return Ok(Reply::new(status, text));
    }
    let reply = Reply::new(status, Bytes::copy_from_slice(&text));
    ROOM.set(text);
    Ok(reply)
}
