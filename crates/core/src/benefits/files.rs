//! Benefits of downloads whose files are complete only after somebody bought them.

use const_format::concatcp;
use merak_store::{Timestamp, Tx};
use serde::{Deserialize, Serialize};

use super::kinds::downloadables::Properties;
use super::{Benefit, BenefitType};
use crate::files::{self, File, FileService};
use crate::jobs::{self, Job};
use crate::kit::{Id, Result};

/// How many benefits a job looks at in one unit of work.
const BATCH: i64 = 100;

/// Where a job that walks over an organization's benefits of downloads has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenefitCursor {
    /// `created_at` of the last benefit that was looked at.
    pub created_at: Timestamp,
    /// Its id, which decides among equals.
    pub id: Id<Benefit>,
}

/// Asks for those to be brought in line who bought a file while it was on its way, if any benefit can have given it.
pub fn file_completed(tx: &mut Tx<'_>, file: &File) -> Result<()> {
    const ANY: &str =
        "SELECT id FROM benefits WHERE organization_id = $1 AND type = $2 AND deleted_at IS NULL LIMIT 1";
    if file.service != FileService::Downloadable {
        return Ok(());
    }
    match tx.find::<Id<Benefit>>(ANY, &[&file.organization_id, &BenefitType::Downloadables])? {
        Some(_) => jobs::enqueue(tx, &Job::UpdateGrantsOfFile { file_id: file.id, after: None }),
        None => Ok(()),
    }
}

/// Asks for the holders of the next benefits that give a file to be brought up to date, now that it is complete. Returns
/// where to go on; `None` when done.
pub fn update_batch_of_file(
    tx: &mut Tx<'_>,
    id: Id<File>,
    after: Option<BenefitCursor>,
) -> Result<Option<BenefitCursor>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Benefit::COLUMNS,
        " FROM benefits WHERE organization_id = $1 AND type = $2 AND deleted_at IS NULL \
         AND (created_at, id) > ($3, $4) ORDER BY created_at, id LIMIT $5"
    );
    let Some(file) = files::find(tx, id)? else { return Ok(None) };
    let begin = BenefitCursor { created_at: Timestamp::MIN, id: Id::from_uuid(uuid::Uuid::nil()) };
    let BenefitCursor { created_at, id: last } = after.unwrap_or(begin);
    let kind = BenefitType::Downloadables;
    let batch: Vec<Benefit> = tx.all(SQL, &[&file.organization_id, &kind, &created_at, &last, &BATCH])?;
    let is_last = batch.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
    let mut cursor = None;
    for benefit in batch {
        cursor = Some(BenefitCursor { created_at: benefit.created_at, id: benefit.id });
        if benefit.properties.parse::<Properties>()?.active().contains(&id) {
            jobs::enqueue(tx, &Job::UpdateGrantsOfBenefit { benefit_id: benefit.id, after: None })?;
        }
    }
    Ok(cursor.filter(|_| !is_last))
}
