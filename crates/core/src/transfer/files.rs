//! Files: what is known of them, with checksums. Their bytes go beside the records.

use const_format::concatcp;
use merak_store::{Json, ReadTx, Timestamp, Tx};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::batch::{Batch, Taken};
use super::export::{PAGE, Wanted, rows};
use super::record::Portable;
use super::{Import, Place, RecordKind};
use crate::files::{self, File, FileService, StoredObject, rules};
use crate::kit::{Id, Result};

/// A file, with the members of the API's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileRecord {
    /// The file's id.
    pub id: Id<File>,
    /// When it was announced.
    pub created_at: Timestamp,
    /// When it last changed.
    pub modified_at: Option<Timestamp>,
    /// What it is for.
    pub service: FileService,
    /// What it is called.
    pub name: String,
    /// Its media type.
    pub mime_type: String,
    /// How many bytes it has.
    pub size: i64,
    /// What the seller calls this edition.
    pub version: Option<String>,
    /// The SHA-256 of the whole, in base64.
    pub checksum_sha256_base64: Option<String>,
    /// Whether buyers may see it; only an operator says no. The API does not say it.
    #[serde(default = "yes")]
    pub is_enabled: bool,
    /// Where everybody can read it, if it is a picture. Only the API says it.
    #[serde(default, skip_serializing)]
    pub public_url: Option<String>,
    /// Where its bytes are in the storage that it is exported from.
    #[serde(skip)]
    pub path: Option<String>,
    /// Why its bytes could not be stored here.
    #[serde(skip)]
    pub problem: Option<String>,
    /// What the storage here says of its bytes, once they are there, and the id it was stored for.
    #[serde(skip)]
    pub stored: Option<(Id<File>, StoredObject)>,
}

fn yes() -> bool {
    true
}

/// What is still waited for.
const NO_BYTES: &str = "its bytes are not here, so nobody can download it; import again with --files FOLDER";

const SQL: &str = concatcp!(
    "SELECT ",
    File::COLUMNS,
    " FROM files WHERE organization_id = $1 AND is_uploaded AND deleted_at IS NULL",
    PAGE
);
const OWNED: &str = concatcp!("SELECT ", File::COLUMNS, " FROM files WHERE id = $1");

impl FileRecord {
    pub(super) fn export(
        tx: &mut ReadTx<'_>,
        wanted: &Wanted,
        after: Option<Place>,
    ) -> Result<(Vec<Self>, Option<Place>)> {
        let (files, place) =
            rows::<File>(tx, wanted, (SQL, after), |file| (file.created_at, file.id.uuid()))?;
        Ok((files.into_iter().map(Self::from).collect(), place))
    }

    /// The file as it is or will be here, if its bytes are still wanted.
    pub fn wanted(&self, tx: &mut Tx<'_>, import: &Import) -> Result<Option<File>> {
        const KNOWN: &str = "SELECT id FROM imported_rows \
             WHERE organization_id = $1 AND source_id = $2 AND row_id = $3 AND kind = $4";
        if self.flaw().is_some() {
            return Ok(None);
        }
        let known = [&import.organization_id.uuid(), &import.source_id, &self.id.uuid()];
        let known: Option<Id<File>> = tx.find(KNOWN, &[known[0], known[1], known[2], &RecordKind::File])?;
        let mut row = self.row(import);
        match tx.find::<File>(OWNED, &[&known.unwrap_or(self.id)])? {
            Some(file) if file.organization_id == import.organization_id => {
                Ok(Some(file).filter(|file| file.checksum_etag.is_none() && file.deleted_at.is_none()))
            }
            Some(_) => {
                row.id = Id::new(tx);
                row.path = rules::path_of(row.service, row.organization_id, row.id, &row.name);
                Ok(Some(row))
            }
            None => Ok(Some(row)),
        }
    }

    /// Why it cannot be here at all, if so.
    fn flaw(&self) -> Option<String> {
        if self.size < 0 {
            return Some(String::from("it has less than no bytes"));
        }
        let is_seen_by_all = self.service.is_public();
        (is_seen_by_all && !rules::may_have_media_type(self.service, &self.mime_type))
            .then(|| String::from("everybody may see it, but its media type is not that of a picture"))
    }

    fn row(&self, import: &Import) -> File {
        let of = self.clone();
        let name =
            rules::tidy_name(&of.name).filter(|name| !name.is_empty()).unwrap_or_else(|| of.id.to_string());
        let digest = of.checksum_sha256_base64.as_deref().and_then(rules::sha256_of);
        File {
            id: of.id,
            organization_id: import.organization_id,
            service: of.service,
            path: rules::path_of(of.service, import.organization_id, of.id, &name),
            name,
            // The reference takes any text for a download's, but it must bear being sent as a header.
            mime_type: if rules::may_have_media_type(of.service, &of.mime_type) {
                of.mime_type
            } else {
                String::from(rules::UNKNOWN_MEDIA_TYPE)
            },
            size: of.size,
            version: of.version.filter(|version| !version.is_empty()),
            checksum_sha256_hex: digest.map(|digest| crate::kit::hex::hex(&digest)),
            checksum_sha256_base64: of.checksum_sha256_base64.filter(|_| digest.is_some()),
            checksum_etag: None,
            storage_version: None,
            last_modified_at: None,
            upload_id: String::new(),
            upload_parts: Json::from(Value::Array(Vec::new())),
            is_uploaded: true,
            is_enabled: of.is_enabled,
            created_at: of.created_at,
            modified_at: of.modified_at,
            deleted_at: None,
        }
    }
}

impl From<File> for FileRecord {
    fn from(file: File) -> Self {
        let has_bytes = file.checksum_etag.is_some();
        Self {
            id: file.id,
            created_at: file.created_at,
            modified_at: file.modified_at,
            service: file.service,
            name: file.name,
            mime_type: file.mime_type,
            size: file.size,
            version: file.version,
            checksum_sha256_base64: file.checksum_sha256_base64,
            // One that only waits for its bytes was not blocked.
            is_enabled: file.is_enabled || !has_bytes,
            public_url: None,
            path: Some(file.path).filter(|_| has_bytes),
            problem: None,
            stored: None,
        }
    }
}

impl Portable for FileRecord {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn subject(&self) -> String {
        self.name.clone()
    }

    fn take(&self, batch: &mut Batch<'_, '_>) -> Result<Taken> {
        if let Some(flaw) = self.flaw() {
            return Ok(Taken::Behind(flaw));
        }
        let mut row = self.row(batch.import());
        if let Some((id, _)) = &self.stored {
            row.id = *id;
            row.path = rules::path_of(row.service, row.organization_id, row.id, &row.name);
        } else {
            let remark = self.problem.as_deref().unwrap_or(NO_BYTES);
            batch.remark_later(RecordKind::File, self.id.uuid(), &self.subject(), remark);
        }
        Ok(files::import(batch.tx, row, self.stored.as_ref().map(|(_, stored)| stored))?.into())
    }

    fn complete(&self, batch: &mut Batch<'_, '_>, here: Uuid) -> Result<()> {
        if let Some((_, stored)) = &self.stored
            && files::supply(batch.tx, Id::from_uuid(here), stored, self.is_enabled)?
        {
            batch.forget_remarks(RecordKind::File, self.id.uuid())?;
        }
        if let Some(problem) = &self.problem {
            batch.forget_remarks(RecordKind::File, self.id.uuid())?;
            batch.remark(RecordKind::File, self.id.uuid(), &self.subject(), problem)?;
        }
        Ok(())
    }
}
