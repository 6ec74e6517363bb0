//! A file's way into the storage: announced, begun there, sent in parts by its owner, put together and verified.
//!
//! ```text
//! unit announce ── call begin ── unit begun          the parts are sent to the storage
//! unit uploading ── call complete ── unit complete
//! ```
//!
//! A crash after `announce` or `begin` leaves an upload that nobody has an address for; it is given up after a day. A
//! crash after `complete` leaves an object whose file is not complete: completing again finds it and writes it down.

use merak_adapters::files::{
    self as storage, Completion, Download, Expected, Object, Sha256Digest, Upload, Visibility,
};
use merak_core::files::{File, Part, StoredObject, rules};
use merak_core::kit::{Refusal, at};
use merak_store::Timestamp;
use serde_json::Value;

use super::Error;
use crate::state::House;

/// For how many seconds the addresses of parts and downloads are good.
const ADDRESS_LIFETIME: u32 = 600;

/// Where the bytes of a file are.
pub fn object_of(file: &File) -> Object {
    let visibility = if file.service.is_public() { Visibility::Public } else { Visibility::Private };
    Object { path: file.path.clone(), visibility }
}

/// The upload of a file, as long as it is not complete.
pub fn upload_of(file: &File) -> Result<Upload, Refusal> {
    let has_checksums = file.parts()?.iter().all(|part| part.checksum_sha256_base64.is_some());
    Ok(Upload { object: object_of(file), id: file.upload_id.clone(), has_checksums })
}

/// A part in the storage's terms. Nothing if no storage could have it.
pub fn part_of(part: &Part) -> Option<storage::Part> {
    Some(storage::Part {
        number: part.number.try_into().ok()?,
        size: part.size().try_into().ok()?,
        sha256: part.checksum_sha256_base64.as_deref().and_then(Sha256Digest::from_base64),
    })
}

/// From now on, for as long as addresses are good.
pub fn validity(now: Timestamp) -> storage::Validity {
    let from = jiff::Timestamp::from_microsecond(now.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    storage::Validity { from, seconds: ADDRESS_LIFETIME }
}

/// When addresses that are signed now end.
pub fn expires_at(now: Timestamp) -> Timestamp {
    now.add_seconds(i64::from(ADDRESS_LIFETIME))
}

/// The address at which a file can be downloaded for a while.
pub fn download_url(house: &House, file: &File, now: Timestamp) -> String {
    let download = Download { name: &file.name, mime_type: &file.mime_type };
    house.adapters.files.download_url(&object_of(file), &download, validity(now))
}

/// Begins the upload of an announced file in the storage and returns its name there.
pub async fn begin(house: &House, file: &File) -> Result<String, Error> {
    let Upload { object, has_checksums, .. } = upload_of(file)?;
    Ok(house.adapters.files.begin(&object, &file.mime_type, has_checksums).await?)
}

/// Lets the storage put the parts together. What is not as announced is refused, and can be sent again.
pub async fn complete(house: &House, file: &File, sent: &[(Part, String)]) -> Result<StoredObject, Error> {
    let unfit = |sentence: String| {
        Refusal::invalid(at("body").field("parts").value_error(sentence, Value::from(sent.len())))
    };
    let parts: Option<Vec<storage::SentPart>> = sent
        .iter()
        .map(|(part, etag)| Some(storage::SentPart { part: part_of(part)?, etag: etag.clone() }))
        .collect();
    let parts = parts.ok_or_else(|| unfit(String::from("No storage has such parts.")))?;
    let expected = Expected {
        size: file.size.unsigned_abs(),
        sha256: file.checksum_sha256_base64.as_deref().and_then(rules::sha256_of).map(Sha256Digest),
    };
    match house.adapters.files.complete(&upload_of(file)?, &parts, &expected).await? {
        Completion::Unfit(sentence) => Err(unfit(sentence).into()),
        Completion::Stored(stored) => Ok(StoredObject {
            etag: stored.etag,
            version: stored.version,
            last_modified_at: stored.last_modified.into(),
        }),
    }
}
