//! Serves a file, or a range of it.

use std::io::SeekFrom;

use axum::body::Body;
use futures_util::StreamExt;
use futures_util::stream::unfold;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jiff::fmt::rfc2822::DateTimePrinter;
use merak_adapters::files::local::{Local, Opened};
use merak_adapters::files::{PUBLIC_CACHE_CONTROL, attachment};
use merak_core::files::{self, FileService};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, Take};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::io::ReaderStream;

use super::places::Reader;
use super::range::{Wanted, wanted};
use super::{address_of, denied, failed};
use crate::error::{Failure, framework};
use crate::shell::Response;
use crate::state::House;

/// How much of a file is in memory for each download.
const READ_AT_ONCE: usize = 64 * 1024;

/// How a file presents itself.
struct Appearance {
    path: String,
    mime_type: String,
    /// The name to save it under; what everybody may see is shown instead.
    saved_as: Option<String>,
}

/// Answers a `GET` or `HEAD`.
pub(super) async fn get(
    house: &House,
    local: &Local,
    request: &Parts,
    reader: Reader,
    request_id: &str,
) -> Response {
    let address = address_of(request.uri.path()).unwrap_or_default();
    let appearance = if is_public(address) {
        match public(house, address).await {
            Ok(Some(appearance)) => appearance,
            Ok(None) => return framework(404, "Not Found"),
            Err(failure) => return failure.into_response(request_id),
        }
    } else {
        let query = request.uri.query().unwrap_or_default();
        match local.download_claim(address, query, house.store.now().as_seconds()) {
            Ok(claim) => {
                Appearance { path: claim.path, mime_type: claim.mime_type, saved_as: Some(claim.name) }
            }
            Err(error) => return denied(error),
        }
    };
    match local.open(&appearance.path).await {
        Ok(Some(opened)) => match serve(request, &appearance, opened, reader).await {
            Ok(response) => response,
            Err(error) => failed(&error),
        },
        Ok(None) => framework(404, "Not Found"),
        Err(error) => failed(&error),
    }
}

/// Whether an address is one of those that everybody may read.
fn is_public(address: &str) -> bool {
    let service = address.split('/').next().and_then(|segment| segment.parse::<FileService>().ok());
    service.is_some_and(FileService::is_public)
}

async fn public(house: &House, address: &str) -> Result<Option<Appearance>, Failure> {
    let Some(path) = Local::path_of(address) else { return Ok(None) };
    let file = house.store.read(move |tx| files::find_public(tx, &path)).await?;
    Ok(file.map(|file| Appearance { path: file.path, mime_type: file.mime_type, saved_as: None }))
}

async fn serve(
    request: &Parts,
    appearance: &Appearance,
    opened: Opened,
    reader: Reader,
) -> std::io::Result<Response> {
    let asked = &request.headers;
    let mut response = Response::default();
    let headers = response.headers_mut();
    let tag = format!("\"{:x}-{:x}\"", opened.size, opened.modified.as_microsecond());
    let modified = DateTimePrinter::new().timestamp_to_rfc9110_string(&opened.modified).ok();
    describe(headers, appearance);
    put(headers, ETAG, &tag);
    if let Some(modified) = &modified {
        put(headers, LAST_MODIFIED, modified);
    }
    if text(asked, &IF_NONE_MATCH).is_some_and(|tags| tags.split(',').any(|one| is_tag(one, &tag))) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    // A range of what has changed since would not fit to what the caller has.
    let is_same =
        text(asked, &IF_RANGE).is_none_or(|known| known == tag || Some(known) == modified.as_deref());
    let range = text(asked, &RANGE).filter(|_| is_same);
    let (first, length) = match wanted(range, opened.size) {
        Wanted::Whole => (0, opened.size),
        Wanted::Part { first, length } => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let last = first + length - 1;
            let range = format!("bytes {first}-{last}/{}", opened.size);
            put(response.headers_mut(), CONTENT_RANGE, &range);
            (first, length)
        }
        Wanted::Unsatisfiable => {
            let mut refused = framework(416, "Requested Range Not Satisfiable");
            put(refused.headers_mut(), CONTENT_RANGE, &format!("bytes */{}", opened.size));
            return Ok(refused);
        }
    };
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    if request.method != Method::HEAD {
        let mut file = File::from_std(opened.file);
        file.seek(SeekFrom::Start(first)).await?;
        *response.body_mut() = body(file.take(length), reader);
    }
    Ok(response)
}

/// A body that ends early, and with it the connection, when its reader takes no piece for too long: else whoever asks and
/// never reads would hold the file open for ever.
fn body(file: Take<File>, reader: Reader) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let Reader { place: _place, silence } = reader;
        let mut pieces = ReaderStream::with_capacity(file, READ_AT_ONCE);
        while let Some(piece) = pieces.next().await {
            let Ok(Ok(())) = timeout(silence, sender.send(piece)).await else { return };
        }
    });
    Body::from_stream(unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver))))
}

fn describe(headers: &mut HeaderMap, appearance: &Appearance) {
    let unknown = HeaderValue::from_static("application/octet-stream");
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(&appearance.mime_type).unwrap_or(unknown));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // What sellers upload is shown below our own address: it must not be taken for a page of ours.
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    match &appearance.saved_as {
        None => {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(PUBLIC_CACHE_CONTROL));
        }
        Some(name) => {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
            put(headers, CONTENT_DISPOSITION, &attachment(name));
        }
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // The texts are made of ASCII that can stand in a header.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn is_tag(one: &str, tag: &str) -> bool {
    let one = one.trim();
    one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use http_body_util::BodyExt;

    use super::super::places::places;
    use super::*;
    use crate::places::Places;

    const LENGTH: u64 = 4 << 20;

    async fn download(silence: Duration) -> (Body, Arc<Places>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        std::fs::write(&path, vec![7; usize::try_from(LENGTH).unwrap()]).unwrap();
        let places = places(true);
        let reader = Reader { place: places.take([192, 0, 2, 1].into()).unwrap(), silence };
        (body(File::open(path).await.unwrap().take(LENGTH), reader), places, folder)
    }

    #[tokio::test]
    async fn a_reader_gets_all_of_it() {
        let (body, places, _folder) = download(Duration::from_secs(30)).await;
        assert_eq!(body.collect().await.unwrap().to_bytes().len() as u64, LENGTH);
        assert_eq!(places.count(), 0);
    }

    #[tokio::test]
    async fn who_does_not_read_holds_nothing_for_long() {
        let (body, places, _folder) = download(Duration::from_millis(50)).await;
        assert_eq!(places.count(), 1);
        while places.count() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!((body.collect().await.unwrap().to_bytes().len() as u64) < LENGTH);
    }
}
