//! Taking a shop in, in batches that each remember how far they came.

use std::collections::BTreeMap;

use merak_store::{Json, ReadTx, Tx};
use uuid::Uuid;

use super::batch::{Batch, Tally};
use super::{Arrival, OrganizationRecord, RecordKind};
use crate::kit::{Email, Id, Imported, Refusal, Result};
use crate::organizations::{self, Organization};

/// How an import is to begin.
#[derive(Clone, Debug)]
pub struct Begin {
    /// By what way the shop comes in: `file`, or the address of a server.
    pub way: String,
    /// The slug of an organization here that it goes into; else one with its own id and slug.
    pub into: Option<String>,
    /// Who works for an organization that has to be made, beside those the record names.
    pub owner: Option<Email>,
}

/// An import under way.
#[derive(Clone, Debug)]
pub struct Import {
    /// The organization here.
    pub organization_id: Id<Organization>,
    /// The organization's id where it comes from.
    pub source_id: Uuid,
    /// By what way it comes in.
    pub way: String,
}

/// An import that may begin, or go on.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The import.
    pub import: Import,
    /// The organization here.
    pub organization: Organization,
    /// Where an earlier run stopped before its end.
    pub position: Option<Json>,
}

/// Finds the organization that the shop goes into, or makes it, and says where to go on. Refused if there is no such
/// organization or if it cannot be made.
pub fn begin(tx: &mut Tx<'_>, record: &OrganizationRecord, command: &Begin) -> Result<Begun> {
    let source_id = record.id.uuid();
    let organization = match &command.into {
        Some(slug) => organizations::find_by_slug(tx, slug)?
            .ok_or_else(|| Refusal::bad_request(format!("there is no organization with the slug {slug}")))?,
        None => match find_target(tx, record.id)? {
            Some(organization) => organization,
            None => make(tx, record, command.owner.as_ref())?,
        },
    };
    let now = tx.now();
    let position = tx
        .find::<Option<Json>>(
            "SELECT position FROM imports WHERE organization_id = $1 AND source_id = $2 AND way = $3",
            &[&organization.id, &source_id, &command.way],
        )?
        .flatten();
    tx.execute(
        "INSERT INTO imports (organization_id, source_id, way, created_at, modified_at) \
         VALUES ($1, $2, $3, $4, $4) ON CONFLICT DO NOTHING",
        &[&organization.id, &source_id, &command.way, &now],
    )?;
    let import = Import { organization_id: organization.id, source_id, way: command.way.clone() };
    Ok(Begun { import, organization, position })
}

/// The organization that this one came into before, or that is it.
fn find_target(tx: &mut ReadTx<'_>, source: Id<Organization>) -> Result<Option<Organization>> {
    const SQL: &str = const_format::concatcp!(
        "SELECT ",
        Organization::COLUMNS,
        " FROM organizations WHERE deleted_at IS NULL AND (id = $1 \
         OR id IN (SELECT organization_id FROM imports WHERE source_id = $1)) ORDER BY id <> $1, created_at LIMIT 1"
    );
    Ok(tx.find(SQL, &[&source])?)
}

fn make(tx: &mut Tx<'_>, record: &OrganizationRecord, owner: Option<&Email>) -> Result<Organization> {
    match record.take(tx, owner)? {
        Imported::New(id) | Imported::Found(id) => {
            organizations::get(tx, &crate::access::Tenancy::of(id), id)
        }
        Imported::Refused(reason) => Err(Refusal::bad_request(format!(
            "{reason}; make an organization and name it with --organization"
        ))),
    }
}

/// Takes the next records in, all or none, and remembers where to go on. Returns what came of them, by kind.
pub fn take_batch(
    tx: &mut Tx<'_>,
    import: &Import,
    arrivals: &[Arrival],
    position: &Json,
) -> Result<BTreeMap<RecordKind, Tally>> {
    let mut batch = Batch::open(tx, import, arrivals)?;
    let mut tallies: BTreeMap<_, Tally> = BTreeMap::new();
    for arrival in arrivals {
        *tallies.entry(arrival.kind()).or_default() += batch.take(arrival)?;
    }
    batch.close()?;
    remember(tx, import, Some(position))?;
    Ok(tallies)
}

/// Remembers that everything was seen, so that the next run begins anew.
pub fn finish(tx: &mut Tx<'_>, import: &Import) -> Result<()> {
    remember(tx, import, None)
}

fn remember(tx: &mut Tx<'_>, import: &Import, position: Option<&Json>) -> Result<()> {
    let now = tx.now();
    Ok(tx.changed_one(
        "UPDATE imports SET position = $4, modified_at = $5 \
         WHERE organization_id = $1 AND source_id = $2 AND way = $3",
        &[&import.organization_id, &import.source_id, &import.way, &position, &now],
    )?)
}
