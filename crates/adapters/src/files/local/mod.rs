//! Files in a local folder. Merak itself serves the addresses, which are signed like those of a storage of objects.
//!
//! ```text
//! uploads/<upload>/00001-<md5>-<sha256>   the parts of an upload that goes on
//! uploads/<upload>.removed                an upload that is over and being removed
//! objects/<path>                          objects
//! ```

mod folder;
mod signature;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

pub use folder::{Opened, PutError, Receiving};
pub use signature::{Denied, DownloadClaim, PartClaim};

use self::folder::Folder;
use self::signature::Signer;
use super::{
    Completion, Download, Expected, FileStorage, Object, Part, SentPart, SignedPart, Upload, Validity,
    checksum_headers,
};
use crate::{Error, Result};

/// What stands as it is in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What the local storage is told when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder; it is made when the first file comes.
    pub directory: PathBuf,
}

/// A folder of files.
#[derive(Debug)]
pub struct Local {
    folder: Folder,
    signer: Signer,
    /// The address under which objects are served, with a slash at its end.
    base_url: String,
}

impl Local {
    /// A storage in a folder, whose objects are served below `base_url` and whose addresses are signed with `key`.
    pub fn new(settings: &Settings, base_url: &str, key: [u8; 32]) -> Self {
        Self {
            folder: Folder::new(settings.directory.clone()),
            signer: Signer::new(key),
            base_url: format!("{}/", base_url.trim_end_matches('/')),
        }
    }

    /// Reads the address of a part that is being sent: `path` is what stands behind the base address. Errs unless it
    /// was signed by this storage and is still good.
    pub fn part_claim(&self, path: &str, query: &str, now: i64) -> std::result::Result<PartClaim, Denied> {
        let path = decoded(path).ok_or(Denied::Forged)?;
        self.signer.verify_part(path, query, now)
    }

    /// Reads the address of a download that is not public.
    pub fn download_claim(
        &self,
        path: &str,
        query: &str,
        now: i64,
    ) -> std::result::Result<DownloadClaim, Denied> {
        let path = decoded(path).ok_or(Denied::Forged)?;
        self.signer.verify_download(path, query, now)
    }

    /// Begins to receive a part.
    pub async fn receive(&self, claim: &PartClaim) -> std::result::Result<Receiving, PutError> {
        self.folder.receive(claim).await
    }

    /// Opens an object by its path; nothing if there is none.
    pub async fn open(&self, path: &str) -> std::io::Result<Option<Opened>> {
        self.folder.open(path).await
    }

    /// The uploads that took no part for so long.
    pub async fn uploads_untouched_for(&self, age: Duration) -> Result<Vec<String>> {
        self.folder.uploads_untouched_for(age).await.map_err(unreachable)
    }

    /// Removes an upload by its name. There may be none.
    pub async fn abort_upload(&self, id: &str) -> Result<()> {
        self.folder.abort(id).await.map_err(unreachable)
    }

    /// The path of an object whose address ends so.
    pub fn path_of(address: &str) -> Option<String> {
        decoded(address)
    }

    fn url(&self, path: &str) -> String {
        let segments: Vec<String> =
            path.split('/').map(|segment| utf8_percent_encode(segment, SEGMENT).to_string()).collect();
        format!("{}{}", self.base_url, segments.join("/"))
    }
}

fn decoded(path: &str) -> Option<String> {
    percent_decode_str(path).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[async_trait]
impl FileStorage for Local {
    async fn begin(&self, object: &Object, _mime_type: &str, _has_checksums: bool) -> Result<String> {
        self.folder.begin(&object.path).await.map_err(unreachable)
    }

    fn sign_part(&self, upload: &Upload, part: &Part, validity: Validity) -> SignedPart {
        let claim = PartClaim {
            path: upload.object.path.clone(),
            upload_id: upload.id.clone(),
            number: part.number,
            size: part.size,
            sha256: part.sha256,
            ends: validity.end(),
        };
        let query = self.signer.sign_part(&claim);
        SignedPart {
            url: format!("{}?{query}", self.url(&upload.object.path)),
            headers: checksum_headers(part),
        }
    }

    async fn complete(&self, upload: &Upload, sent: &[SentPart], expected: &Expected) -> Result<Completion> {
        self.folder.complete(upload, sent, *expected).await.map_err(unreachable)
    }

    async fn abort(&self, upload: &Upload) -> Result<()> {
        self.folder.abort(&upload.id).await.map_err(unreachable)
    }

    async fn remove(&self, object: &Object) -> Result<()> {
        self.folder.remove(&object.path).await.map_err(unreachable)
    }

    fn public_url(&self, path: &str) -> String {
        self.url(path)
    }

    fn download_url(&self, object: &Object, download: &Download<'_>, validity: Validity) -> String {
        let claim = DownloadClaim {
            path: object.path.clone(),
            name: download.name.to_owned(),
            mime_type: download.mime_type.to_owned(),
            ends: validity.end(),
        };
        format!("{}?{}", self.url(&object.path), self.signer.sign_download(&claim))
    }

    async fn check(&self) -> Result<String> {
        self.folder.check().await.map_err(unreachable)
    }

    fn as_local(self: Arc<Self>) -> Option<Arc<Local>> {
        Some(self)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn unreachable(error: std::io::Error) -> Error {
    Error::Unreachable { service: super::SERVICE, cause: error.to_string() }
}

#[cfg(test)]
mod tests;
