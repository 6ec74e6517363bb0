//! Files that organizations upload: to be downloaded by buyers, or to be shown to everybody. The bytes are in a storage
//! outside; here is what is known of them.

mod commands;
mod import;
mod queries;
pub mod rules;

use merak_store::{Json, Timestamp, row};
use serde::{Deserialize, Serialize};

pub use self::commands::{
    AnnouncedFile, CreateFile, StoredObject, UpdateFile, announce, begun, complete, delete, give_up_uploads,
    remove_if_deleted, update,
};
pub use self::import::{import, supply};
pub use self::queries::{
    CompleteUpload, ListFiles, SentPart, Uploading, find, find_deleted, find_many, find_public, get, list,
    uploading, uploads_under_way,
};
use crate::kit::{Id, text_enum};
use crate::organizations::Organization;

text_enum! {
    /// What files are for, in the wire's order.
    pub enum FileService {
        /// Buyers download it; nobody else sees it.
        Downloadable = "downloadable",
        /// A picture of a product; everybody sees it.
        ProductMedia = "product_media",
        /// A picture of an organization; everybody sees it.
        OrganizationAvatar = "organization_avatar",
    }
}

impl FileService {
    /// Whether everybody may read such files.
    pub const fn is_public(self) -> bool {
        match self {
            Self::Downloadable => false,
            Self::ProductMedia | Self::OrganizationAvatar => true,
        }
    }
}

row! {
    /// A file.
    #[derive(Clone, Debug)]
    pub struct File in "files" {
        /// The file's id.
        pub id: Id<File>,
        /// Whose file.
        pub organization_id: Id<Organization>,
        /// What it is for.
        pub service: FileService,
        /// What it is called. It can be renamed.
        pub name: String,
        /// Where the bytes are in the storage; never changes.
        pub path: String,
        /// The media type that the uploader gave.
        pub mime_type: String,
        /// How many bytes it has.
        pub size: i64,
        /// What the seller calls this edition.
        pub version: Option<String>,
        /// The SHA-256 of the whole, in base64.
        pub checksum_sha256_base64: Option<String>,
        /// The same in hexadecimal.
        pub checksum_sha256_hex: Option<String>,
        /// The storage's tag of the bytes, with its quotes.
        pub checksum_etag: Option<String>,
        /// The storage's version of the bytes, if it keeps several.
        pub storage_version: Option<String>,
        /// When the bytes were stored.
        pub last_modified_at: Option<Timestamp>,
        /// The storage's name of the upload; empty until it is begun there.
        pub upload_id: String,
        /// The parts that were announced ([`Part`]); none any more when the upload is complete.
        pub upload_parts: Json,
        /// Whether the bytes are there.
        pub is_uploaded: bool,
        /// Whether buyers may see it; the operator can block a file.
        pub is_enabled: bool,
        /// When it was announced.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// When it was deleted.
        pub deleted_at: Option<Timestamp>,
    }
}

/// A part of an upload as it was announced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its number, from 1.
    pub number: i64,
    /// Where its first byte stands in the file.
    pub chunk_start: i64,
    /// Where the first byte after it stands.
    pub chunk_end: i64,
    /// The SHA-256 of its bytes in base64, if the uploader has said it.
    pub checksum_sha256_base64: Option<String>,
}

impl Part {
    /// How many bytes it has.
    pub const fn size(&self) -> i64 {
        self.chunk_end - self.chunk_start
    }
}

impl File {
    /// The parts that were announced.
    pub fn parts(&self) -> merak_store::Result<Vec<Part>> {
        self.upload_parts.parse()
    }
}
