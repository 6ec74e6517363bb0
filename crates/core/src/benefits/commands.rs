//! What changes benefits.

use merak_store::{ReadTx, Tx};
use serde_json::Value;

use super::kinds::{self, Finding};
use super::{Benefit, BenefitType, queries};
use crate::access::Tenancy;
use crate::events::{self, EventType};
use crate::jobs::{self, Job};
use crate::kit::{Id, Kind, Refuses, Result};
use crate::organizations::Organization;
use crate::products;

/// Why a benefit cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request names another kind than the benefit has.
    #[error("The type of a benefit can't be changed.")]
    OtherType,
    /// The benefit is kept by the system.
    #[error("This benefit can't be deleted.")]
    NotDeletable,
}

impl Refuses for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::OtherType => Kind::BadRequest,
            Self::NotDeletable => Kind::NotPermitted,
        }
    }
}

/// A new benefit.
#[derive(Clone, Debug)]
pub struct CreateBenefit {
    /// Who gives it.
    pub organization_id: Id<Organization>,
    /// Its kind.
    pub r#type: BenefitType,
    /// What buyers read.
    pub description: String,
    /// The kind's settings as the seller sent them.
    pub properties: Value,
}

/// Makes a benefit, if its kind accepts the settings.
pub fn create(tx: &mut Tx<'_>, command: &CreateBenefit) -> Result<Benefit> {
    create_found(tx, command, None)
}

/// Makes a benefit, if its kind accepts the settings with what a service outside says about them.
pub fn create_found(tx: &mut Tx<'_>, command: &CreateBenefit, finding: Option<&Finding>) -> Result<Benefit> {
    let kind = kinds::of(command.r#type);
    let properties = kind.prepare(tx, command.organization_id, &command.properties, finding)?;
    let benefit = Benefit {
        id: Id::new(tx),
        organization_id: command.organization_id,
        r#type: command.r#type,
        description: command.description.clone(),
        is_tax_applicable: true,
        selectable: true,
        deletable: true,
        properties,
        created_at: tx.now(),
        modified_at: None,
        deleted_at: None,
    };
    tx.insert(&benefit)?;
    tx.execute(
        "INSERT INTO benefit_counts (benefit_id, organization_id, grants, granted, license_keys) \
         VALUES ($1, $2, 0, 0, 0)",
        &[&benefit.id, &benefit.organization_id],
    )?;
    events::emit(tx, benefit.organization_id, EventType::BenefitCreated, benefit.id.uuid())?;
    count(tx, &benefit, 1)?;
    Ok(benefit)
}

/// Keeps the totals of the list.
pub(super) fn count(tx: &mut Tx<'_>, benefit: &Benefit, change: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO benefit_type_counts (organization_id, type, benefits) VALUES ($1, $2, 0) \
         ON CONFLICT (organization_id, type) DO NOTHING",
        &[&benefit.organization_id, &benefit.r#type],
    )?;
    Ok(tx.changed_one(
        "UPDATE benefit_type_counts SET benefits = benefits + $3 WHERE organization_id = $1 AND type = $2",
        &[&benefit.organization_id, &benefit.r#type, &change],
    )?)
}

/// A change of a benefit. Absent members stay as they are.
#[derive(Clone, Debug)]
pub struct UpdateBenefit {
    /// The kind the caller believes it to be.
    pub r#type: BenefitType,
    /// What buyers read.
    pub description: Option<String>,
    /// New settings; they replace the old ones as a whole.
    pub properties: Option<Value>,
    /// What a service outside says about them.
    pub finding: Option<Finding>,
}

/// A benefit the caller may see and believes to be of this kind.
pub fn get_to_update(
    tx: &mut ReadTx<'_>,
    tenancy: &Tenancy,
    id: Id<Benefit>,
    r#type: BenefitType,
) -> Result<Benefit> {
    let benefit = queries::get(tx, tenancy, id)?;
    if r#type == benefit.r#type { Ok(benefit) } else { Err(Error::OtherType.into()) }
}

/// Changes a benefit the caller may see. If the kind says that holders are affected, a job brings their grants up to
/// date.
pub fn update(
    tx: &mut Tx<'_>,
    tenancy: &Tenancy,
    id: Id<Benefit>,
    command: &UpdateBenefit,
) -> Result<Benefit> {
    let mut benefit = get_to_update(tx, tenancy, id, command.r#type)?;
    // The shop is told of every change that was asked for, even of one that changes nothing.
    events::emit(tx, benefit.organization_id, EventType::BenefitUpdated, id.uuid())?;
    if command.description.is_none() && command.properties.is_none() {
        return Ok(benefit);
    }
    let kind = kinds::of(benefit.r#type);
    if let Some(description) = &command.description {
        benefit.description.clone_from(description);
    }
    let mut affects_holders = false;
    if let Some(properties) = &command.properties {
        let prepared = kind.prepare(tx, benefit.organization_id, properties, command.finding.as_ref())?;
        affects_holders = kind.affects_holders(&benefit.properties, &prepared)?;
        benefit.properties = prepared;
    }
    benefit.modified_at = Some(tx.now());
    tx.changed_one(
        "UPDATE benefits SET description = $2, properties = $3, modified_at = $4 WHERE id = $1",
        &[&benefit.id, &benefit.description, &benefit.properties, &benefit.modified_at],
    )?;
    if affects_holders {
        jobs::enqueue(tx, &Job::UpdateGrantsOfBenefit { benefit_id: id, after: None })?;
    }
    Ok(benefit)
}

/// Deletes a benefit the caller may see: it is off all products at once, and a job takes it back from everybody who holds
/// it.
pub fn delete(tx: &mut Tx<'_>, tenancy: &Tenancy, id: Id<Benefit>) -> Result<()> {
    let benefit = queries::get(tx, tenancy, id)?;
    if !benefit.deletable {
        return Err(Error::NotDeletable.into());
    }
    let now = tx.now();
    tx.changed_one("UPDATE benefits SET deleted_at = $2, modified_at = $2 WHERE id = $1", &[&id, &now])?;
    products::remove_benefit(tx, &benefit)?;
    events::emit(tx, benefit.organization_id, EventType::BenefitUpdated, id.uuid())?;
    count(tx, &benefit, -1)?;
    jobs::enqueue(tx, &Job::RevokeGrantsOfBenefit { benefit_id: id })
}
