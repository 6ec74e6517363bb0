//! Receives a part of a file.

use std::time::Duration;

use futures_util::StreamExt;
use http::header::{CONTENT_LENGTH, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};
use merak_adapters::files::local::{Local, PartClaim, PutError};
use merak_adapters::files::{CHECKSUM_ALGORITHM_HEADER, CHECKSUM_HEADER};

use super::{address_of, denied, failed};
use crate::error::framework;
use crate::shell::{Request, Response};
use crate::state::House;

/// Streams the body to the disk. Whatever is not as it was announced is refused and leaves nothing.
pub(super) async fn put(house: &House, local: &Local, request: Request, silence: Duration) -> Response {
    let (head, body) = request.into_parts();
    let address = address_of(head.uri.path()).unwrap_or_default();
    let query = head.uri.query().unwrap_or_default();
    let claim = match local.part_claim(address, query, house.store.now().as_seconds()) {
        Ok(claim) => claim,
        Err(error) => return denied(error),
    };
    if !has_signed_headers(&claim, &head.headers) {
        return framework(403, "Headers that were signed with the address are missing.");
    }
    let announced = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length != claim.size) {
        return refused(&PutError::OtherSize);
    }
    let mut receiving = match local.receive(&claim).await {
        Ok(receiving) => receiving,
        Err(error) => return refused(&error),
    };
    let mut bytes = body.into_data_stream();
    loop {
        match tokio::time::timeout(silence, bytes.next()).await {
            Ok(None) => break,
            Ok(Some(Ok(chunk))) => {
                if let Err(error) = receiving.take(&chunk).await {
                    return refused(&error);
                }
            }
            Ok(Some(Err(_))) => return framework(400, "The part broke off."),
            Err(_) => return framework(408, "Request Timeout"),
        }
    }
    match receiving.keep().await {
        Ok(etag) => stored(&etag),
        Err(error) => refused(&error),
    }
}

/// Whether a part with a checksum comes with the headers that were signed with it.
fn has_signed_headers(claim: &PartClaim, headers: &HeaderMap) -> bool {
    let is =
        |name: &str, value: &str| headers.get(name).is_some_and(|sent| sent.as_bytes() == value.as_bytes());
    claim
        .sha256
        .is_none_or(|digest| is(CHECKSUM_HEADER, &digest.base64()) && is(CHECKSUM_ALGORITHM_HEADER, "SHA256"))
}

fn stored(etag: &str) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::OK;
    if let Ok(etag) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

fn refused(error: &PutError) -> Response {
    match error {
        PutError::NoSuchUpload => framework(404, &error.to_string()),
        PutError::OtherSize | PutError::OtherChecksum => framework(400, &error.to_string()),
        PutError::Disk(error) => failed(error),
    }
}
