//! Benefits that come from elsewhere.

use merak_store::Tx;
use serde_json::Value;

use super::commands::count;
use super::{Benefit, kinds};
use crate::kit::{Id, Imported, Refusal, Result};
use crate::organizations::Organization;

/// Takes a benefit over, if its kind accepts the settings. Nobody holds it yet.
pub fn import(tx: &mut Tx<'_>, mut benefit: Benefit) -> Result<Imported<Benefit>> {
    const OWNER: &str = "SELECT organization_id FROM benefits WHERE id = $1";
    let settings: Value = benefit.properties.parse()?;
    benefit.properties = match kinds::of(benefit.r#type).prepare(tx, benefit.organization_id, &settings, None)
    {
        Ok(properties) => properties,
        Err(Refusal::Store(error)) => return Err(error.into()),
        Err(refusal) => return Ok(Imported::Refused(refusal.sentences())),
    };
    if !tx.insert_new(&benefit)? {
        if tx.find::<Id<Organization>>(OWNER, &[&benefit.id])? == Some(benefit.organization_id) {
            return Ok(Imported::Found(benefit.id));
        }
        benefit.id = Id::new(tx);
        tx.insert(&benefit)?;
    }
    tx.execute(
        "INSERT INTO benefit_counts (benefit_id, organization_id, grants, granted, license_keys) \
         VALUES ($1, $2, 0, 0, 0)",
        &[&benefit.id, &benefit.organization_id],
    )?;
    if benefit.deleted_at.is_none() {
        count(tx, &benefit, 1)?;
    }
    Ok(Imported::New(benefit.id))
}
