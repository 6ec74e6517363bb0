//! Reading a shop, in batches of bounded size.

use const_format::concatcp;
use merak_store::{FromRow, ReadTx, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::record::export_kind;
use super::{OrganizationRecord, Record, RecordKind};
use crate::kit::{Id, Result};
use crate::organizations::Organization;

/// How many rows one batch reads at most.
pub const BATCH: i64 = 200;

/// Whose shop, and as of when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// The shop.
    pub organization_id: Id<Organization>,
    /// Only what was made until then by the shop's clock, so that nothing made later comes in.
    pub until: Timestamp,
}

/// Up to where a kind has been read. Rows of a kind are in the order of `created_at` and `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The thing whose rows are being read, for kinds that hang on another.
    pub parent: Option<Uuid>,
    /// `created_at` of the last row.
    pub created_at: Timestamp,
    /// Its id.
    pub id: Uuid,
}

impl Place {
    /// Before every row.
    pub(super) const BEGIN: Self = Self { parent: None, created_at: Timestamp::MIN, id: Uuid::nil() };
}

/// A batch of records of one kind.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The records, of which there may be none although more follow.
    pub records: Vec<Record>,
    /// Their kind.
    pub kind: RecordKind,
    /// Where the next batch of this kind begins; `None` after the last.
    pub place: Option<Place>,
}

/// The organization itself, with those who work for it.
pub fn organization_record(tx: &mut ReadTx<'_>, organization: &Organization) -> Result<OrganizationRecord> {
    OrganizationRecord::export(tx, organization)
}

/// Reads the next records of a kind, those made until an instant of the organization's clock.
pub fn export_batch(
    tx: &mut ReadTx<'_>,
    organization_id: Id<Organization>,
    until: Timestamp,
    (kind, after): (RecordKind, Option<Place>),
) -> Result<Exported> {
    export_kind(tx, kind, &Wanted { organization_id, until }, after)
}

/// Reads the next rows of an organization's table in the order of `created_at` and `id`, with where to go on. The text
/// selects rows with `organization_id = $1 AND created_at <= $2 AND (created_at, id) > ($3, $4) … LIMIT $5`.
pub(super) fn rows<T: FromRow>(
    tx: &mut ReadTx<'_>,
    wanted: &Wanted,
    (sql, after): (&str, Option<Place>),
    place_of: impl Fn(&T) -> (Timestamp, Uuid),
) -> Result<(Vec<T>, Option<Place>)> {
    let after = after.unwrap_or(Place::BEGIN);
    let rows: Vec<T> =
        tx.all(sql, &[&wanted.organization_id, &wanted.until, &after.created_at, &after.id, &BATCH])?;
    let place = next_place(&rows, |row| {
        let (created_at, id) = place_of(row);
        Place { parent: None, created_at, id }
    });
    Ok((rows, place))
}

/// Where to go on after these rows: nowhere if the batch is not full.
pub(super) fn next_place<T>(rows: &[T], place_of: impl Fn(&T) -> Place) -> Option<Place> {
    let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= BATCH);
    rows.last().filter(|_| is_full).map(place_of)
}

/// The end of a text for [`rows`].
pub(super) const PAGE: &str =
    concatcp!(" AND created_at <= $2 AND (created_at, id) > ($3, $4) ORDER BY created_at, id LIMIT $5");
