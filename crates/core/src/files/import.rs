//! Files that come from elsewhere. Their bytes come apart from them, and may come later.

use merak_store::{Timestamp, Tx};

use super::commands::count_one;
use super::{File, StoredObject, queries, rules};
use crate::kit::{Id, Imported, Refusal, Result};
use crate::organizations::Organization;

/// Takes a file over. As long as its bytes are not here nobody may download it.
pub fn import(tx: &mut Tx<'_>, mut file: File, stored: Option<&StoredObject>) -> Result<Imported<File>> {
    const OWNER: &str = "SELECT organization_id FROM files WHERE id = $1";
    file.is_uploaded = true;
    file.is_enabled &= stored.is_some();
    file.checksum_etag = stored.map(|stored| stored.etag.clone());
    file.storage_version = stored.and_then(|stored| stored.version.clone());
    file.last_modified_at = stored.map(stored_at);
    if !tx.insert_new(&file)? {
        if tx.find::<Id<Organization>>(OWNER, &[&file.id])? == Some(file.organization_id) {
            return Ok(Imported::Found(file.id));
        }
        file.id = Id::new(tx);
        file.path = rules::path_of(file.service, file.organization_id, file.id, &file.name);
        tx.insert(&file)?;
    }
    count_one(tx, file.organization_id)?;
    Ok(Imported::New(file.id))
}

/// Writes down that the bytes of a file have come, whose row came without them; buyers may see it now if they might where
/// it comes from. Returns whether it waited for them.
pub fn supply(tx: &mut Tx<'_>, id: Id<File>, stored: &StoredObject, is_enabled: bool) -> Result<bool> {
    let file = queries::find(tx, id)?.ok_or_else(Refusal::not_found)?;
    if file.checksum_etag.is_some() {
        return Ok(false);
    }
    tx.changed_one(
        "UPDATE files SET is_enabled = $5, checksum_etag = $2, storage_version = $3, last_modified_at = $4 \
         WHERE id = $1",
        &[&id, &stored.etag, &stored.version, &stored_at(stored), &is_enabled],
    )?;
    Ok(true)
}

/// When the storage stored the bytes; it tells no fractions of a second.
fn stored_at(stored: &StoredObject) -> Timestamp {
    Timestamp::from_seconds(stored.last_modified_at.as_seconds())
}
