//! The bytes of files that are kept in a local folder, at addresses like those of a storage of objects: parts are sent
//! to signed addresses, public files have permanent ones, private files signed ones that end.
//!
//! Nothing here is an operation of the API: no token is looked at, and bodies are streamed, however large.

mod download;
mod places;
mod range;
mod upload;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE, ALLOW,
};
use http::{HeaderValue, Method, StatusCode};
use merak_adapters::files::local::{Denied, Local};

pub use self::places::MOST_DOWNLOADS;
use self::places::Reader;
use crate::error::{Failure, framework};
use crate::places::Places;
use crate::shell::{Request, Response, text_response};
use crate::state::House;

/// Where the addresses begin.
pub const BASE: &str = "/v1/files/content";

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, PUT");

/// What browsers may send along: the headers of parts, and what resumes a download.
const ACCEPTED_HEADERS: HeaderValue = HeaderValue::from_static(
    "Content-Type, If-Range, Range, X-Amz-Checksum-Sha256, X-Amz-Sdk-Checksum-Algorithm",
);

/// What scripts of other origins may read: uploaders need the tag of each part.
const EXPOSED_HEADERS: HeaderValue =
    HeaderValue::from_static("ETag, Accept-Ranges, Content-Disposition, Content-Length, Content-Range");

/// Serves what is in the local storage, if files are kept in one.
pub struct Content {
    house: Arc<House>,
    local: Option<Arc<Local>>,
    silence: Duration,
    places: Arc<Places>,
}

impl Content {
    /// Serves the files of a house. A sender or a reader who is silent for so long has gone. With `per_subscriber`
    /// none has all places.
    pub fn new(house: Arc<House>, silence: Duration, per_subscriber: bool) -> Self {
        let local = Arc::clone(&house.adapters.files).as_local();
        Self { house, local, silence, places: places::places(per_subscriber) }
    }

    /// Answers a request of this subscriber to an address that [`address_of`] knows.
    pub async fn answer(&self, request: Request, subscriber: IpAddr, request_id: &str) -> Response {
        let Some(local) = &self.local else { return Failure::NoRoute.into_response(request_id) };
        let mut response = match *request.method() {
            Method::PUT => upload::put(&self.house, local, request, self.silence).await,
            Method::GET | Method::HEAD => {
                // The body, of which there is none, stays behind.
                let (head, _) = request.into_parts();
                match places::take(&self.places, subscriber) {
                    Ok(place) => {
                        let reader = Reader { place, silence: self.silence };
                        download::get(&self.house, local, &head, reader, request_id).await
                    }
                    Err(full) => full.into_response(request_id),
                }
            }
            _ => {
                let mut response = framework(405, "Method Not Allowed");
                response.headers_mut().insert(ALLOW, METHODS);
                response
            }
        };
        response.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        response
    }
}

/// What stands behind the beginning of these addresses, if the path has it.
pub fn address_of(path: &str) -> Option<&str> {
    path.strip_prefix(BASE)?.strip_prefix('/')
}

/// Answers a browser that asks whether it may send a part or read a file: any may.
pub fn preflight() -> Response {
    let mut response = text_response(StatusCode::OK, "OK");
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ACCEPTED_HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

fn denied(denied: Denied) -> Response {
    framework(403, &denied.to_string())
}

/// The disk did not do its part.
fn failed(error: &std::io::Error) -> Response {
    tracing::error!(%error, "the storage of files failed");
    framework(503, "The file storage is not available.")
}
