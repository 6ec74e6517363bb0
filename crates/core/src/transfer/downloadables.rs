//! What buyers may download, with how often they did.

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::batch::{Batch, Taken};
use super::export::{Wanted, rows};
use super::record::Portable;
use super::{Place, RecordKind, customers};
use crate::benefits::Benefit;
use crate::customers::Customer;
use crate::downloadables::{self, Downloadable, Status};
use crate::files::File;
use crate::kit::{Id, Result};

/// A file that a customer may download because of a benefit. The API does not show it to sellers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DownloadableRecord {
    /// Its id.
    pub id: Id<Downloadable>,
    /// When it was first granted.
    pub created_at: Timestamp,
    /// When it was last granted again or revoked.
    pub modified_at: Option<Timestamp>,
    /// Who may download.
    pub customer_id: Id<Customer>,
    /// What.
    pub file_id: Id<File>,
    /// Because of which benefit.
    pub benefit_id: Id<Benefit>,
    /// Whether they still may.
    pub status: Status,
    /// How often it was downloaded.
    pub downloaded: i64,
    /// When it last was.
    pub last_downloaded_at: Option<Timestamp>,
}

// In the order of their ids, which an index has; the first of the two values is the same for all.
const SQL: &str = concatcp!(
    "SELECT ",
    Downloadable::COLUMNS,
    " FROM downloadables \
     JOIN files ON files.id = downloadables.file_id AND files.is_uploaded AND files.deleted_at IS NULL \
     JOIN benefits ON benefits.id = downloadables.benefit_id AND benefits.deleted_at IS NULL \
     JOIN customers ON customers.id = downloadables.customer_id AND ",
    customers::GOES_ALONG,
    " WHERE files.organization_id = $1 AND downloadables.created_at <= $2 \
     AND downloadables.created_at >= $3 AND downloadables.id > $4 ORDER BY downloadables.id LIMIT $5"
);

impl DownloadableRecord {
    pub(super) fn export(
        tx: &mut ReadTx<'_>,
        wanted: &Wanted,
        after: Option<Place>,
    ) -> Result<(Vec<Self>, Option<Place>)> {
        let (found, place) =
            rows::<Downloadable>(tx, wanted, (SQL, after), |row| (Timestamp::MIN, row.id.uuid()))?;
        let record = |row: Downloadable| Self {
            id: row.id,
            created_at: row.created_at,
            modified_at: row.modified_at,
            customer_id: row.customer_id,
            file_id: row.file_id,
            benefit_id: row.benefit_id,
            status: row.status,
            downloaded: row.downloaded,
            last_downloaded_at: row.last_downloaded_at,
        };
        Ok((found.into_iter().map(record).collect(), place))
    }
}

impl Portable for DownloadableRecord {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn subject(&self) -> String {
        self.id.to_string()
    }

    fn names(&self) -> Vec<Uuid> {
        vec![self.customer_id.uuid(), self.file_id.uuid(), self.benefit_id.uuid()]
    }

    fn take(&self, batch: &mut Batch<'_, '_>) -> Result<Taken> {
        let customer_id = batch.find(RecordKind::Customer, self.customer_id.uuid());
        let file_id = batch.find(RecordKind::File, self.file_id.uuid());
        let benefit_id = batch.find(RecordKind::Benefit, self.benefit_id.uuid());
        let (Some(customer_id), Some(file_id), Some(benefit_id)) = (customer_id, file_id, benefit_id) else {
            return Ok(Taken::Behind(String::from("its customer, its file or its benefit did not come in")));
        };
        let row = Downloadable {
            id: self.id,
            customer_id,
            file_id,
            benefit_id,
            status: self.status,
            downloaded: self.downloaded,
            last_downloaded_at: self.last_downloaded_at,
            created_at: self.created_at,
            modified_at: self.modified_at,
        };
        Ok(downloadables::import(batch.tx, row)?.into())
    }
}
