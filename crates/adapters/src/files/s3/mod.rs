//! Files in buckets of Amazon's S3 or of anything that speaks its protocol.
//!
//! Senders and downloaders talk to the buckets themselves, at signed addresses; Merak only begins, completes and
//! removes. Two buckets: one that everybody may read, one that nobody may without a signature.

mod answers;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, Response, StatusCode};
use rusty_s3::actions::{
    AbortMultipartUpload, CompleteMultipartUpload, CreateMultipartUpload, DeleteObject, GetObject,
    HeadBucket, HeadObject, ListParts, S3Action, UploadPart,
};
use rusty_s3::{Bucket, Credentials, UrlStyle};
use sha2::{Digest, Sha256};
use url::Url;

use self::answers::{Head, KeptPart, code_of, parts_of};
use super::local::Local;
use super::{
    Completion, Download, Expected, FileStorage, Object, PUBLIC_CACHE_CONTROL, Part, SERVICE, SentPart,
    Sha256Digest, SignedPart, Stored, Upload, Validity, Visibility, attachment, checksum_headers,
    composite_sha256,
};
use crate::http::{self, ClientError, cause};
use crate::{Error, Result};

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long putting many parts together may take.
const PATIENCE_TO_COMPLETE: Duration = Duration::from_mins(5);

/// How long reading an object back may take. Silence on the way ends it sooner.
const PATIENCE_TO_READ: Duration = Duration::from_mins(10);

/// Up to which size, in bytes, an object is read back. A larger one cannot be relied on to be read in time; of it the
/// storage is told the checksum of each part, and compares them.
const LARGEST_READ_BACK: u64 = 8 << 30;

/// For how long the addresses of our own calls are signed.
const OWN_CALL: Duration = Duration::from_mins(1);

/// How much of an answer is read, in bytes; a page of parts is the longest.
const LONGEST_ANSWER: usize = 4 << 20;

/// What stands as it is in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What the storage is told when it starts.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// The address of the service; Amazon's for the region if absent.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// The bucket of files that are only read with a signature.
    pub bucket: String,
    /// The bucket of files that everybody may read.
    pub public_bucket: String,
    /// The address at which the public bucket is read; made from the endpoint if absent.
    pub public_url: Option<String>,
    /// Names the key that addresses are signed with.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: String,
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("bucket", &self.bucket)
            .field("public_bucket", &self.public_bucket)
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}

/// Why the storage cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The endpoint is no address.
    #[error("the endpoint of the storage is no address: {0}")]
    Endpoint(String),
    /// A bucket cannot be named so.
    #[error("the storage has no bucket named {0:?}")]
    Bucket(String),
    /// There is no client.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Two buckets.
pub struct S3 {
    client: Client,
    credentials: Credentials,
    private: Bucket,
    public: Bucket,
    /// The address at which the public bucket is read, with a slash at its end.
    public_url: String,
}

impl fmt::Debug for S3 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("S3").field(&self.private.base_url().as_str()).finish()
    }
}

impl S3 {
    /// A storage with these settings. It calls nobody yet.
    pub fn new(settings: &Settings) -> std::result::Result<Self, SettingsError> {
        // Amazon names buckets by host, everybody else knows them by path.
        let (endpoint, style) = match &settings.endpoint {
            Some(endpoint) => (endpoint.clone(), UrlStyle::Path),
            None => (format!("https://s3.{}.amazonaws.com", settings.region), UrlStyle::VirtualHost),
        };
        let endpoint: Url =
            endpoint.parse().map_err(|error: url::ParseError| SettingsError::Endpoint(error.to_string()))?;
        let bucket = |name: &str| {
            Bucket::new(endpoint.clone(), style, name.to_owned(), settings.region.clone())
                .map_err(|_| SettingsError::Bucket(name.to_owned()))
        };
        let (private, public) = (bucket(&settings.bucket)?, bucket(&settings.public_bucket)?);
        let public_url = settings.public_url.as_deref().unwrap_or(public.base_url().as_str());
        Ok(Self {
            client: http::client(PATIENCE)?,
            credentials: Credentials::new(&*settings.access_key_id, &*settings.secret_access_key),
            public_url: format!("{}/", public_url.trim_end_matches('/')),
            private,
            public,
        })
    }

    fn bucket(&self, object: &Object) -> &Bucket {
        match object.visibility {
            Visibility::Public => &self.public,
            Visibility::Private => &self.private,
        }
    }

    /// What is stored under a path, if anything is.
    async fn head(&self, object: &Object) -> Result<Option<Head>> {
        let mut action = HeadObject::new(self.bucket(object), Some(&self.credentials), &object.path);
        action.headers_mut().insert("x-amz-checksum-mode", "ENABLED");
        let request = self.client.head(action.sign(OWN_CALL)).header("x-amz-checksum-mode", "ENABLED");
        let response = request.send().await.map_err(unreachable)?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Head::of(response.headers()).map(Some),
            status => Err(refused(status.to_string())),
        }
    }

    /// The parts that were sent, in order; nothing if there is no such upload.
    async fn parts(&self, upload: &Upload) -> Result<Option<Vec<KeptPart>>> {
        let mut parts = Vec::new();
        let mut after = None;
        loop {
            let bucket = self.bucket(&upload.object);
            let mut action = ListParts::new(bucket, Some(&self.credentials), &upload.object.path, &upload.id);
            if let Some(number) = after {
                action.set_part_number_marker(number);
            }
            let response = self.client.get(action.sign(OWN_CALL)).send().await.map_err(unreachable)?;
            let (status, text) = read(response).await?;
            if code_of(&text).as_deref() == Some("NoSuchUpload") {
                return Ok(None);
            }
            if !status.is_success() {
                return Err(said_no(status, &text));
            }
            let (page, next) = parts_of(&text)?;
            parts.extend(page);
            after = next;
            if after.is_none() {
                return Ok(Some(parts));
            }
        }
    }

    /// Compares the parts that are there with those that are said to be sent.
    async fn parts_as_sent(&self, upload: &Upload, sent: &[SentPart], expected: &Expected) -> Result<Parts> {
        let Some(kept) = self.parts(upload).await? else { return Ok(Parts::NoUpload) };
        let mut size = 0;
        for SentPart { part, etag } in sent {
            let found = kept.iter().find(|kept| kept.number == part.number);
            let Some(found) = found.filter(|kept| kept.etag.trim_matches('"') == etag.trim_matches('"'))
            else {
                return Ok(Parts::Unfit(format!("Part {} was not uploaded.", part.number)));
            };
            if found.size != part.size {
                return Ok(Parts::Unfit(format!("Part {} has another size.", part.number)));
            }
            size += found.size;
        }
        if size != expected.size {
            return Ok(Parts::Unfit(format!("The file has {size} bytes, not {}.", expected.size)));
        }
        Ok(Parts::Fit)
    }

    /// Asks for the parts to be put together.
    async fn put_together(&self, upload: &Upload, sent: &[SentPart]) -> Result<Parts> {
        let composite = composite_of(upload, sent);
        let bucket = self.bucket(&upload.object);
        let mut action = CompleteMultipartUpload::new(
            bucket,
            Some(&self.credentials),
            &upload.object.path,
            &upload.id,
            std::iter::empty(),
        );
        if let Some(composite) = &composite {
            action.headers_mut().insert("x-amz-checksum-sha256", composite.clone());
        }
        let mut request = self
            .client
            .post(action.sign(OWN_CALL))
            .timeout(PATIENCE_TO_COMPLETE)
            .header("content-type", "application/xml")
            .body(answers::completion_body(sent, upload.has_checksums));
        if let Some(composite) = &composite {
            request = request.header("x-amz-checksum-sha256", composite);
        }
        let (status, text) = read(request.send().await.map_err(unreachable)?).await?;
        // The answer begins before the work is done, so a 200 may still tell of an error.
        match code_of(&text).as_deref() {
            None if status.is_success() => Ok(Parts::Fit),
            // Somebody else completed it in the meantime; what is there is looked at next.
            Some("NoSuchUpload") => Ok(Parts::NoUpload),
            Some(
                code @ ("InvalidPart" | "InvalidPartOrder" | "EntityTooSmall" | "BadDigest"
                | "InvalidRequest"),
            ) => Ok(Parts::Unfit(format!("The storage does not accept the parts: {code}."))),
            _ => Err(said_no(status, &text)),
        }
    }

    /// The SHA-256 of an object and those of its parts, read back as a stream.
    async fn read_back(&self, object: &Object, sent: &[SentPart]) -> Result<ReadBack> {
        let action = GetObject::new(self.bucket(object), Some(&self.credentials), &object.path);
        let request = self.client.get(action.sign(OWN_CALL)).timeout(PATIENCE_TO_READ);
        let response = request.send().await.map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(refused(response.status().to_string()));
        }
        let mut bytes = response.bytes_stream();
        let mut read = ReadBack::of(sent);
        while let Some(chunk) = bytes.next().await {
            read.take(&chunk.map_err(unreachable)?);
        }
        Ok(read)
    }

    /// What is wrong with the object that came of the parts, if anything is.
    async fn misfit(
        &self,
        upload: &Upload,
        head: &Head,
        sent: &[SentPart],
        expected: &Expected,
    ) -> Result<Option<String>> {
        if head.size != expected.size {
            return Ok(Some(format!("The file has {} bytes, not {}.", head.size, expected.size)));
        }
        if let (Some(told), Some(composite)) = (&head.checksum, composite_of(upload, sent))
            && *told != composite
        {
            return Ok(Some(String::from("The parts have other checksums.")));
        }
        // What the storage did not compare is read back.
        let has_claims = !upload.has_checksums && sent.iter().any(|sent| sent.part.sha256.is_some());
        if expected.size > LARGEST_READ_BACK || (!has_claims && expected.sha256.is_none()) {
            return Ok(None);
        }
        let read = self.read_back(&upload.object, sent).await?;
        if let Some(number) = read.unlike(sent) {
            return Ok(Some(format!("Part {number} has another checksum.")));
        }
        let whole = Sha256Digest(read.whole.finalize().into());
        let is_other = expected.sha256.is_some_and(|digest| digest != whole);
        Ok(is_other.then(|| String::from("The file has another checksum.")))
    }

    async fn send(&self, request: reqwest::RequestBuilder, fine: &[&str]) -> Result<()> {
        let (status, text) = read(request.send().await.map_err(unreachable)?).await?;
        let is_fine = status.is_success()
            || status == StatusCode::NOT_FOUND
            || code_of(&text).is_some_and(|code| fine.contains(&code.as_str()));
        if is_fine { Ok(()) } else { Err(said_no(status, &text)) }
    }
}

/// The checksum of an upload's checksums, if the storage was told to want one with each part.
fn composite_of(upload: &Upload, sent: &[SentPart]) -> Option<String> {
    let digests: Option<Vec<Sha256Digest>> = sent.iter().map(|sent| sent.part.sha256).collect();
    digests.filter(|_| upload.has_checksums).map(|digests| composite_sha256(digests).base64())
}

/// Checksums of bytes that are read back.
struct ReadBack {
    whole: Sha256,
    /// Of each part how many bytes are still to come, and those that came.
    parts: Vec<(u64, Sha256)>,
    /// The part that the next byte belongs to.
    at: usize,
}

impl ReadBack {
    fn of(sent: &[SentPart]) -> Self {
        let parts = sent.iter().map(|sent| (sent.part.size, Sha256::new())).collect();
        Self { whole: Sha256::new(), parts, at: 0 }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        self.whole.update(bytes);
        while !bytes.is_empty()
            && let Some((left, sha256)) = self.parts.get_mut(self.at)
        {
            let (own, rest) = bytes.split_at(usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len()));
            sha256.update(own);
            *left -= own.len() as u64;
            bytes = rest;
            if *left == 0 {
                self.at += 1;
            }
        }
    }

    /// The number of a part whose bytes have another checksum than was said.
    fn unlike(&self, sent: &[SentPart]) -> Option<u16> {
        let read = sent.iter().zip(&self.parts);
        let mut unlike = read.filter(|(sent, (_, sha256))| {
            sent.part.sha256.is_some_and(|said| said != Sha256Digest(sha256.clone().finalize().into()))
        });
        unlike.next().map(|(sent, _)| sent.part.number)
    }
}

/// What the storage knows of an upload's parts.
enum Parts {
    /// They are what was announced.
    Fit,
    /// They are not.
    Unfit(String),
    /// There is no such upload: it was completed, or given up.
    NoUpload,
}

#[async_trait]
impl FileStorage for S3 {
    fn needs_checksums(&self, size: u64) -> bool {
        size > LARGEST_READ_BACK
    }

    async fn begin(&self, object: &Object, mime_type: &str, has_checksums: bool) -> Result<String> {
        let mut action =
            CreateMultipartUpload::new(self.bucket(object), Some(&self.credentials), &object.path);
        let mut headers = vec![("content-type", mime_type)];
        // Amazon then refuses every part that comes without one, and takes no part with one otherwise.
        if has_checksums {
            headers.push(("x-amz-checksum-algorithm", "SHA256"));
        }
        // The object keeps what is said here. Senders of parts say nothing of it.
        if object.visibility == Visibility::Public {
            headers.push(("cache-control", PUBLIC_CACHE_CONTROL));
        }
        for (name, value) in &headers {
            action.headers_mut().insert(*name, *value);
        }
        let mut request = self.client.post(action.sign(OWN_CALL));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let (status, text) = read(request.send().await.map_err(unreachable)?).await?;
        if !status.is_success() {
            return Err(said_no(status, &text));
        }
        let begun =
            CreateMultipartUpload::parse_response(&text).map_err(|error| malformed(error.to_string()))?;
        Ok(begun.upload_id().to_owned())
    }

    fn sign_part(&self, upload: &Upload, part: &Part, validity: Validity) -> SignedPart {
        let headers = if upload.has_checksums { checksum_headers(part) } else { Vec::new() };
        let bucket = self.bucket(&upload.object);
        let mut action =
            UploadPart::new(bucket, Some(&self.credentials), &upload.object.path, part.number, &upload.id);
        for (name, value) in &headers {
            action.headers_mut().insert(*name, value.clone());
        }
        let url = action.sign_with_time(seconds(validity), &signed_at(validity));
        SignedPart { url: url.into(), headers }
    }

    async fn complete(&self, upload: &Upload, sent: &[SentPart], expected: &Expected) -> Result<Completion> {
        let mut parts = self.parts_as_sent(upload, sent, expected).await?;
        if let Parts::Fit = parts {
            parts = self.put_together(upload, sent).await?;
        }
        if let Parts::Unfit(sentence) = parts {
            return Ok(Completion::Unfit(sentence));
        }
        let Some(head) = self.head(&upload.object).await? else {
            return Ok(Completion::Unfit(String::from("There is no such upload.")));
        };
        if let Some(sentence) = self.misfit(upload, &head, sent, expected).await? {
            // What another call put together is not ours to remove: it may be whole, and this call's claims wrong.
            if let Parts::Fit = parts {
                self.remove(&upload.object).await?;
            }
            return Ok(Completion::Unfit(sentence));
        }
        Ok(Completion::Stored(Stored {
            etag: head.etag,
            version: head.version,
            last_modified: head.last_modified,
        }))
    }

    async fn abort(&self, upload: &Upload) -> Result<()> {
        let action = AbortMultipartUpload::new(
            self.bucket(&upload.object),
            Some(&self.credentials),
            &upload.object.path,
            &upload.id,
        );
        self.send(self.client.delete(action.sign(OWN_CALL)), &["NoSuchUpload"]).await
    }

    async fn remove(&self, object: &Object) -> Result<()> {
        let action = DeleteObject::new(self.bucket(object), Some(&self.credentials), &object.path);
        self.send(self.client.delete(action.sign(OWN_CALL)), &["NoSuchKey"]).await
    }

    fn public_url(&self, path: &str) -> String {
        let segments: Vec<String> =
            path.split('/').map(|segment| utf8_percent_encode(segment, SEGMENT).to_string()).collect();
        format!("{}{}", self.public_url, segments.join("/"))
    }

    fn download_url(&self, object: &Object, download: &Download<'_>, validity: Validity) -> String {
        let mut action = GetObject::new(self.bucket(object), Some(&self.credentials), &object.path);
        let query = action.query_mut();
        query.insert("response-content-disposition", attachment(download.name));
        query.insert("response-content-type", download.mime_type.to_owned());
        action.sign_with_time(seconds(validity), &signed_at(validity)).into()
    }

    async fn check(&self) -> Result<String> {
        for bucket in [&self.private, &self.public] {
            let action = HeadBucket::new(bucket, Some(&self.credentials));
            let response = self.client.head(action.sign(OWN_CALL)).send().await.map_err(unreachable)?;
            if !response.status().is_success() {
                return Err(refused(format!("bucket {}: {}", bucket.name(), response.status())));
            }
        }
        Ok(format!("buckets {} and {} can be used", self.private.name(), self.public.name()))
    }

    fn as_local(self: Arc<Self>) -> Option<Arc<Local>> {
        None
    }
}

fn seconds(validity: Validity) -> Duration {
    Duration::from_secs(u64::from(validity.seconds))
}

/// When an address is signed, in the time that rusty-s3 knows. A moment that it does not know is no moment of signing.
fn signed_at(validity: Validity) -> jiff_of_s3::Timestamp {
    jiff_of_s3::Timestamp::from_second(validity.from.as_second()).unwrap_or(jiff_of_s3::Timestamp::UNIX_EPOCH)
}

/// Reads an answer, as far as it may go.
async fn read(response: Response) -> Result<(StatusCode, String)> {
    let status = response.status();
    let mut bytes = response.bytes_stream();
    let mut text = Vec::new();
    while let Some(chunk) = bytes.next().await {
        text.extend_from_slice(&chunk.map_err(unreachable)?);
        if text.len() > LONGEST_ANSWER {
            return Err(malformed(String::from("the answer is too long")));
        }
    }
    Ok((status, String::from_utf8_lossy(&text).into_owned()))
}

fn unreachable(error: reqwest::Error) -> Error {
    Error::Unreachable { service: SERVICE, cause: cause(error) }
}

fn refused(cause: String) -> Error {
    Error::Refused { service: SERVICE, cause }
}

fn malformed(cause: String) -> Error {
    Error::Malformed { service: SERVICE, cause }
}

/// Too much or too broken for now is a matter of waiting; the rest is a matter of settings.
fn said_no(status: StatusCode, text: &str) -> Error {
    let cause = format!("{status} {}", code_of(text).unwrap_or_default());
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        Error::Unreachable { service: SERVICE, cause }
    } else {
        refused(cause)
    }
}

#[cfg(test)]
mod tests;
