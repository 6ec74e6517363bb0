//! What is read of files.

use std::collections::BTreeMap;

use const_format::concatcp;
use merak_store::{Order, PartitionedPage, ReadTx, Sql};
use serde_json::json;

use super::{File, Part, rules};
use crate::access::{Actor, Subject, Tenancy, tenancy};
use crate::kit::{Id, Page, Paged, Refusal, Result, at};
use crate::organizations::Organization;

const BY_ID: &str = concatcp!("SELECT ", File::COLUMNS, " FROM files WHERE id = $1 AND deleted_at IS NULL");

/// The live file, if there is one; says nothing about who may see it.
pub fn find(tx: &mut ReadTx<'_>, id: Id<File>) -> Result<Option<File>> {
    Ok(tx.find(BY_ID, &[&id])?)
}

/// A file that was deleted.
pub fn find_deleted(tx: &mut ReadTx<'_>, id: Id<File>) -> Result<Option<File>> {
    const SQL: &str =
        concatcp!("SELECT ", File::COLUMNS, " FROM files WHERE id = $1 AND deleted_at IS NOT NULL");
    Ok(tx.find(SQL, &[&id])?)
}

/// The live files among these, in no particular order. One statement, however many there are.
pub fn find_many(tx: &mut ReadTx<'_>, ids: &[Id<File>]) -> Result<Vec<File>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut select =
        Sql::new(concatcp!("SELECT ", File::COLUMNS, " FROM files WHERE deleted_at IS NULL AND id IN "));
    select.bind_list(ids.iter().copied());
    Ok(tx.list(&select)?)
}

/// The live file that everybody may read, by the path of its bytes.
pub fn find_public(tx: &mut ReadTx<'_>, path: &str) -> Result<Option<File>> {
    const SQL: &str =
        concatcp!("SELECT ", File::COLUMNS, " FROM files WHERE path = $1 AND deleted_at IS NULL");
    Ok(tx.find::<File>(SQL, &[&path])?.filter(|file| file.service.is_public() && file.is_uploaded))
}

/// The live file, if it is the caller's to change. One of somebody else is there, and not permitted.
pub fn get(tx: &mut ReadTx<'_>, tenancy: &Tenancy, id: Id<File>) -> Result<File> {
    let file = find(tx, id)?.ok_or_else(Refusal::not_found)?;
    if tenancy.contains(file.organization_id) { Ok(file) } else { Err(not_permitted()) }
}

fn not_permitted() -> Refusal {
    Refusal::not_permitted("You are not permitted to manage the files of this organization.")
}

/// The storage's names of all uploads that go on.
pub fn uploads_under_way(tx: &mut ReadTx<'_>) -> Result<Vec<String>> {
    const SQL: &str = "SELECT upload_id FROM files WHERE NOT is_uploaded AND deleted_at IS NULL";
    Ok(tx.all(SQL, &[])?)
}

/// A list of files.
#[derive(Clone, Debug)]
pub struct ListFiles {
    /// Whose files. Users must say it, an organization may only name itself.
    pub organization_id: Option<Id<Organization>>,
    /// Only these; empty is no filter.
    pub ids: Vec<Id<File>>,
    /// Which page.
    pub page: Page,
}

/// Lists the complete files of an organization, the newest first.
pub fn list(tx: &mut ReadTx<'_>, actor: &Actor, wanted: &ListFiles) -> Result<Paged<File>> {
    let own = match actor.subject {
        Subject::Organization(id) => Some(id),
        Subject::Anonymous | Subject::User(_) | Subject::Customer(_) | Subject::Purchase { .. } => None,
    };
    let organization_id = wanted.organization_id.or(own).ok_or_else(not_permitted)?;
    if !tenancy(tx, actor)?.contains(organization_id) {
        return Err(not_permitted());
    }
    let order = ["files.created_at", "files.id"].map(Order::descending);
    if !wanted.ids.is_empty() {
        return list_named(tx, organization_id, wanted, &order);
    }
    let total =
        tx.count(Sql::new("SELECT files FROM file_counts WHERE organization_id = ").bind(organization_id))?;
    let mut select = Sql::new(concatcp!("SELECT ", File::COLUMNS, " FROM files"));
    PartitionedPage {
        table: "files",
        column: "organization_id",
        filter: &|sql: &mut Sql| {
            sql.push(" AND files.is_uploaded AND files.deleted_at IS NULL");
        },
        order: &order,
        limit: wanted.page.rows(),
        offset: wanted.page.offset(),
    }
    .push(&mut select, &[organization_id]);
    Ok(Paged::new(tx.list(&select)?, total))
}

/// A page of files that are known by their ids. Whose they are is looked at first, so that no index by organization can
/// lure the database into reading all of them.
fn list_named(
    tx: &mut ReadTx<'_>,
    organization_id: Id<Organization>,
    wanted: &ListFiles,
    order: &[Order],
) -> Result<Paged<File>> {
    let mut sql = Sql::new("SELECT files.id, files.organization_id FROM files WHERE files.id IN ");
    sql.bind_list(wanted.ids.iter().copied());
    sql.push(" AND files.is_uploaded AND files.deleted_at IS NULL");
    let found: Vec<(Id<File>, Id<Organization>)> = tx.list(&sql)?;
    let own: Vec<Id<File>> =
        found.into_iter().filter(|(_, owner)| *owner == organization_id).map(|(id, _)| id).collect();
    if own.is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let mut select = Sql::new(concatcp!("SELECT ", File::COLUMNS, " FROM files WHERE files.id IN "));
    select.bind_list(own.iter().copied()).push(&Order::clause(order));
    select.push(" LIMIT ").bind(wanted.page.rows()).push(" OFFSET ").bind(wanted.page.offset());
    let total = i64::try_from(own.len()).unwrap_or(i64::MAX);
    Ok(Paged::new(tx.list(&select)?, total))
}

/// What the uploader says of an upload whose parts were sent.
#[derive(Clone, Debug)]
pub struct CompleteUpload {
    /// The storage's name of the upload.
    pub upload_id: String,
    /// The path of the file.
    pub path: String,
    /// The parts.
    pub parts: Vec<SentPart>,
}

/// A part as the uploader says it was sent.
#[derive(Clone, Debug)]
pub struct SentPart {
    /// Its number.
    pub number: i64,
    /// The tag that the storage answered.
    pub checksum_etag: String,
    /// The SHA-256 of its bytes in base64.
    pub checksum_sha256_base64: Option<String>,
}

/// How far an upload is.
#[derive(Clone, Debug)]
pub enum Uploading {
    /// It is complete, since before.
    Complete(File),
    /// The storage has to put these parts together: what was announced, and the tag of what was sent.
    Sent(File, Vec<(Part, String)>),
}

/// Reads how far an upload is that the caller wants to complete. What the uploader says must be what was announced: the
/// upload, the path, every part once, the checksums.
pub fn uploading(
    tx: &mut ReadTx<'_>,
    tenancy: &Tenancy,
    id: Id<File>,
    command: &CompleteUpload,
) -> Result<Uploading> {
    let file = get(tx, tenancy, id)?;
    let mut problems = Vec::new();
    if file.upload_id.is_empty() || command.upload_id != file.upload_id {
        let sentence = "This is not the upload of the file.";
        problems.push(at("body").field("id").value_error(sentence, command.upload_id.as_str()));
    }
    if command.path != file.path {
        let sentence = "This is not the path of the file.";
        problems.push(at("body").field("path").value_error(sentence, command.path.as_str()));
    }
    if !problems.is_empty() {
        return Err(Refusal::invalid_all(problems));
    }
    if file.is_uploaded {
        return Ok(Uploading::Complete(file));
    }
    let unfit = |sentence: String| {
        let input: Vec<i64> = command.parts.iter().map(|part| part.number).collect();
        Refusal::invalid(at("body").field("parts").value_error(sentence, json!(input)))
    };
    let announced = file.parts()?;
    if command.parts.len() != announced.len() {
        return Err(unfit(format!("The upload has {} parts.", announced.len())));
    }
    let said: BTreeMap<i64, &SentPart> = command.parts.iter().map(|part| (part.number, part)).collect();
    let mut sent = Vec::with_capacity(announced.len());
    for mut part in announced {
        let found =
            said.get(&part.number).ok_or_else(|| unfit(format!("Part {} is missing.", part.number)))?;
        if let Some(checksum) = &found.checksum_sha256_base64 {
            let known = part.checksum_sha256_base64.as_ref();
            if rules::sha256_of(checksum).is_none() || known.is_some_and(|known| known != checksum) {
                return Err(unfit(format!("Part {} was announced with another checksum.", part.number)));
            }
            part.checksum_sha256_base64 = Some(checksum.clone());
        }
        sent.push((part, found.checksum_etag.clone()));
    }
    Ok(Uploading::Sent(file, sent))
}
