//! What changes files. The bytes move outside: between [`announce`] and [`begun`] the storage begins an upload, and
//! before [`complete`] it puts the parts together.

use merak_store::{Json, Timestamp, Tx};
use serde_json::Value;

use super::{File, FileService, Part, queries, rules};
use crate::access::{self, Actor, Tenancy};
use crate::benefits;
use crate::jobs::{self, FlowJob};
use crate::kit::{Id, Refusal, Result, at};
use crate::organizations::Organization;

/// After how many seconds an upload that was not completed is given up.
const PATIENCE: i64 = 24 * 3600;

/// A file that is going to be uploaded.
#[derive(Clone, Debug)]
pub struct CreateFile {
    /// Whose file: a member names the organization, its own token leaves it out.
    pub organization_id: Option<Id<Organization>>,
    /// What it is for.
    pub service: FileService,
    /// What it is called.
    pub name: String,
    /// Its media type.
    pub mime_type: String,
    /// How many bytes it has.
    pub size: i64,
    /// The SHA-256 of the whole, in base64.
    pub checksum_sha256_base64: Option<String>,
    /// What the seller calls this edition.
    pub version: Option<String>,
    /// The parts in which it comes.
    pub parts: Vec<Part>,
    /// Whether each part must come with a checksum, as the storage could not verify so large a file otherwise.
    pub needs_checksums: bool,
}

/// A file whose upload the storage has not begun yet.
pub type AnnouncedFile = File;

/// Writes down that a file is going to be uploaded. It is in no list before it is complete.
pub fn announce(tx: &mut Tx<'_>, actor: &Actor, command: &CreateFile) -> Result<AnnouncedFile> {
    let organization_id = access::require_own_organization(tx, actor, command.organization_id)?;
    let mut problems = rules::problems_of_parts(command.size, &command.parts);
    if command.needs_checksums {
        problems.extend(rules::problem_of_unclaimed(&command.parts));
    }
    let name = rules::tidy_name(&command.name);
    if name.is_none() {
        let sentence = format!("A file's name has 1 to {} characters.", rules::LONGEST_NAME);
        problems.push(at("body").field("name").value_error(sentence, command.name.as_str()));
    }
    // Browsers tell no type of a file that they do not know.
    let mime_type = if command.mime_type.is_empty() { rules::UNKNOWN_MEDIA_TYPE } else { &command.mime_type };
    if !rules::is_media_type(mime_type) {
        let sentence = format!(
            "A media type is a type and a subtype with a slash between, in at most {} bytes.",
            rules::LONGEST_MEDIA_TYPE
        );
        // Where the schema of this service tells of a picture's type that is none.
        let place = at("body").field(command.service.as_str()).field("mime_type");
        problems.push(place.value_error(sentence, command.mime_type.as_str()));
    }
    let digest = command.checksum_sha256_base64.as_deref().map(|text| (text, rules::sha256_of(text)));
    if let Some((text, None)) = digest {
        problems.push(rules::no_checksum(at("body").field("checksum_sha256_base64"), text));
    }
    let (Some(name), true) = (name, problems.is_empty()) else { return Err(Refusal::invalid_all(problems)) };
    let id = Id::new(tx);
    let file = File {
        id,
        organization_id,
        service: command.service,
        path: rules::path_of(command.service, organization_id, id, &name),
        name,
        mime_type: mime_type.to_owned(),
        size: command.size,
        version: command.version.clone().filter(|version| !version.is_empty()),
        checksum_sha256_base64: command.checksum_sha256_base64.clone(),
        checksum_sha256_hex: digest.and_then(|(_, digest)| Some(crate::kit::hex::hex(&digest?))),
        checksum_etag: None,
        storage_version: None,
        last_modified_at: None,
        upload_id: String::new(),
        upload_parts: Json::new(&command.parts)?,
        is_uploaded: false,
        is_enabled: true,
        created_at: tx.now(),
        modified_at: None,
        deleted_at: None,
    };
    tx.insert(&file)?;
    Ok(file)
}

/// Writes down under which name the storage has begun the upload.
pub fn begun(tx: &mut Tx<'_>, id: Id<File>, upload_id: &str) -> Result<File> {
    let mut file = queries::find(tx, id)?.ok_or_else(Refusal::not_found)?;
    upload_id.clone_into(&mut file.upload_id);
    tx.changed_one("UPDATE files SET upload_id = $2 WHERE id = $1", &[&id, &file.upload_id])?;
    Ok(file)
}

/// What the storage says of a complete upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its tag of the bytes, with its quotes.
    pub etag: String,
    /// Its version of the bytes, if it keeps several.
    pub version: Option<String>,
    /// When it stored them.
    pub last_modified_at: Timestamp,
}

/// Writes down that the bytes of a file are there. Once they are, it stays as it is.
pub fn complete(tx: &mut Tx<'_>, id: Id<File>, stored: &StoredObject) -> Result<File> {
    let mut file = queries::find(tx, id)?.ok_or_else(Refusal::not_found)?;
    if file.is_uploaded {
        return Ok(file);
    }
    let seconds = stored.last_modified_at.as_seconds();
    file.is_uploaded = true;
    file.checksum_etag = Some(stored.etag.clone());
    file.storage_version.clone_from(&stored.version);
    file.last_modified_at = Some(Timestamp::from_seconds(seconds));
    file.upload_parts = Json::from(Value::Array(Vec::new()));
    file.modified_at = Some(tx.now());
    tx.changed_one(
        "UPDATE files SET is_uploaded = $2, checksum_etag = $3, storage_version = $4, last_modified_at = $5, \
         upload_parts = $6, modified_at = $7 WHERE id = $1",
        &[
            &file.id,
            &file.is_uploaded,
            &file.checksum_etag,
            &file.storage_version,
            &file.last_modified_at,
            &file.upload_parts,
            &file.modified_at,
        ],
    )?;
    count_one(tx, file.organization_id)?;
    benefits::file_completed(tx, &file)?;
    Ok(file)
}

/// A change of a file. Null, absent and empty members stay as they are.
#[derive(Clone, Debug, Default)]
pub struct UpdateFile {
    /// What it is called when it is downloaded; its addresses stay.
    pub name: Option<String>,
    /// What the seller calls this edition.
    pub version: Option<String>,
}

/// Changes a file of the caller's organizations.
pub fn update(tx: &mut Tx<'_>, tenancy: &Tenancy, id: Id<File>, command: &UpdateFile) -> Result<File> {
    let mut file = queries::get(tx, tenancy, id)?;
    let is_given = |text: &&String| !text.is_empty();
    let (name, version) = (command.name.as_ref().filter(is_given), command.version.as_ref().filter(is_given));
    if name.is_none() && version.is_none() {
        return Ok(file);
    }
    if let Some(name) = name {
        file.name = rules::tidy_name(name).ok_or_else(|| {
            let sentence = format!("A file's name has 1 to {} characters.", rules::LONGEST_NAME);
            Refusal::invalid(at("body").field("name").value_error(sentence, name.as_str()))
        })?;
    }
    if version.is_some() {
        file.version = version.cloned();
    }
    file.modified_at = Some(tx.now());
    tx.changed_one(
        "UPDATE files SET name = $2, version = $3, modified_at = $4 WHERE id = $1",
        &[&file.id, &file.name, &file.version, &file.modified_at],
    )?;
    Ok(file)
}

/// Deletes a file of the caller's organizations: it is gone from every answer and every product at once, and a job
/// removes the bytes.
pub fn delete(tx: &mut Tx<'_>, tenancy: &Tenancy, id: Id<File>) -> Result<()> {
    let file = queries::get(tx, tenancy, id)?;
    let now = tx.now();
    tx.changed_one("UPDATE files SET deleted_at = $2, modified_at = $2 WHERE id = $1", &[&id, &now])?;
    tx.execute("DELETE FROM product_medias WHERE file_id = $1", &[&id])?;
    if file.is_uploaded {
        uncount_one(tx, file.organization_id)?;
    }
    remove_bytes(tx, id)
}

/// Asks once more for the bytes to be removed of a file that was deleted while the storage put its parts together.
pub fn remove_if_deleted(tx: &mut Tx<'_>, id: Id<File>) -> Result<()> {
    match queries::find_deleted(tx, id)? {
        Some(_) => remove_bytes(tx, id),
        None => Ok(()),
    }
}

fn remove_bytes(tx: &mut Tx<'_>, id: Id<File>) -> Result<()> {
    jobs::enqueue(tx, &FlowJob::RemoveStoredFile { file_id: id }.into())
}

/// Gives up at most `limit` uploads that were not completed for a day. Returns how many.
pub fn give_up_uploads(tx: &mut Tx<'_>, limit: i64) -> Result<u64> {
    let now = tx.now();
    let abandoned = tx.returning::<Id<File>>(
        "UPDATE files SET deleted_at = $1, modified_at = $1 WHERE id IN \
         (SELECT id FROM files WHERE created_at <= $2 AND NOT is_uploaded AND deleted_at IS NULL \
         ORDER BY created_at, id LIMIT $3) RETURNING id",
        &[&now, &now.add_seconds(-PATIENCE), &limit],
    )?;
    for id in &abandoned {
        tx.execute("DELETE FROM product_medias WHERE file_id = $1", &[id])?;
        remove_bytes(tx, *id)?;
    }
    Ok(abandoned.len() as u64)
}

/// Counts one more complete file.
pub(super) fn count_one(tx: &mut Tx<'_>, organization_id: Id<Organization>) -> Result<()> {
    tx.execute(
        "INSERT INTO file_counts (organization_id, files) VALUES ($1, 1) \
         ON CONFLICT (organization_id) DO UPDATE SET files = file_counts.files + 1",
        &[&organization_id],
    )?;
    Ok(())
}

/// Counts one less.
fn uncount_one(tx: &mut Tx<'_>, organization_id: Id<Organization>) -> Result<()> {
    let sql = "UPDATE file_counts SET files = files - 1 WHERE organization_id = $1";
    Ok(tx.changed_one(sql, &[&organization_id])?)
}
