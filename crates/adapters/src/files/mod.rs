//! Storages of files. All speak one protocol: an upload is begun, its parts are sent to signed addresses, it is
//! completed, and only then is there an object.
//!
//! Objects are named by paths that never change and never come twice. Public objects are read by anybody at a permanent
//! address, private ones at addresses that are signed and end.

mod digest;
mod disposition;
pub mod local;
pub mod s3;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

pub use digest::{Sha256Digest, composite_sha256};
pub use disposition::attachment;

use crate::Result;

/// The service's name in sentences.
pub(crate) const SERVICE: &str = "The file storage";

/// How long a public object may be kept by whoever reads it, as `Cache-Control` says it: for ever, since paths never come
/// twice.
pub const PUBLIC_CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// A place for files.
#[async_trait]
pub trait FileStorage: fmt::Debug + Send + Sync {
    /// Whether an upload of so many bytes can only be verified if each part is announced with its checksum.
    fn needs_checksums(&self, _size: u64) -> bool {
        false
    }

    /// Begins an upload and returns the storage's name for it. `has_checksums` is what [`Upload::has_checksums`] will be.
    async fn begin(&self, object: &Object, mime_type: &str, has_checksums: bool) -> Result<String>;

    /// The address to which a part is sent by `PUT`, and the headers to be sent with it word for word.
    fn sign_part(&self, upload: &Upload, part: &Part, validity: Validity) -> SignedPart;

    /// Puts the parts together. Everything is verified: that the parts are there, their sizes, their checksums, and the
    /// checksum of the whole, but for that of an object that is too large to be read back. Completing what is complete gives the same outcome again.
    async fn complete(&self, upload: &Upload, sent: &[SentPart], expected: &Expected) -> Result<Completion>;

    /// Gives an upload up and removes its parts. There may be none.
    async fn abort(&self, upload: &Upload) -> Result<()>;

    /// Removes an object. There may be none.
    async fn remove(&self, object: &Object) -> Result<()>;

    /// The permanent address of a public object.
    fn public_url(&self, path: &str) -> String;

    /// An address at which an object can be downloaded for a while.
    fn download_url(&self, object: &Object, download: &Download<'_>, validity: Validity) -> String;

    /// Whether the storage can be used; in words for the operator.
    async fn check(&self) -> Result<String>;

    /// This storage, if its content is served by us.
    fn as_local(self: Arc<Self>) -> Option<Arc<local::Local>>;
}

/// Who may read an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Who has a signed address.
    Private,
}

/// Names an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its path, segments with slashes between.
    pub path: String,
    /// Who may read it.
    pub visibility: Visibility,
}

/// Names an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// What it will be.
    pub object: Object,
    /// The storage's name for it.
    pub id: String,
    /// Whether each part was announced with its checksum, so that the storage can be told to want one with each.
    pub has_checksums: bool,
}

/// A part that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 1.
    pub number: u16,
    /// How many bytes it has.
    pub size: u64,
    /// The SHA-256 of its bytes, if the sender has said it.
    pub sha256: Option<Sha256Digest>,
}

/// A part that the sender says was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentPart {
    /// The part.
    pub part: Part,
    /// The `ETag` that the storage answered, with its quotes.
    pub etag: String,
}

/// What an object must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// How many bytes it has.
    pub size: u64,
    /// The SHA-256 of all its bytes, if the sender has said it.
    pub sha256: Option<Sha256Digest>,
}

/// From when until when an address is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// When it is signed.
    pub from: Timestamp,
    /// For how many seconds it is good.
    pub seconds: u32,
}

impl Validity {
    /// The first second in which it is not good any more.
    fn end(self) -> i64 {
        self.from.as_second().saturating_add(i64::from(self.seconds))
    }
}

/// Where and how a part is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPart {
    /// The address.
    pub url: String,
    /// Names and values of headers that are signed with it.
    pub headers: Vec<(&'static str, String)>,
}

/// What came of completing an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The object is there.
    Stored(Stored),
    /// What was sent is not what was announced; there is no object. The sentence is for the sender.
    Unfit(String),
}

/// An object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its `ETag`, with its quotes.
    pub etag: String,
    /// Its version, where the storage keeps several.
    pub version: Option<String>,
    /// When it was stored.
    pub last_modified: Timestamp,
}

/// How a download presents itself.
#[derive(Clone, Copy, Debug)]
pub struct Download<'a> {
    /// The name under which it is saved.
    pub name: &'a str,
    /// Its media type.
    pub mime_type: &'a str,
}

/// The header in which a part is sent with its SHA-256, in base64.
pub const CHECKSUM_HEADER: &str = "x-amz-checksum-sha256";

/// The header that says which checksum it is: `SHA256`.
pub const CHECKSUM_ALGORITHM_HEADER: &str = "x-amz-sdk-checksum-algorithm";

/// The headers that a part with a checksum is sent with.
pub(crate) fn checksum_headers(part: &Part) -> Vec<(&'static str, String)> {
    part.sha256.map_or_else(Vec::new, |digest| {
        vec![(CHECKSUM_HEADER, digest.base64()), (CHECKSUM_ALGORITHM_HEADER, String::from("SHA256"))]
    })
}
