//! The kinds of benefit: one file each, one trait, one list. A new kind is a file and a line in [`of`].

pub mod ads;
pub mod custom;
mod discord;
pub mod downloadables;
mod github_repository;
pub mod license_keys;

use merak_store::{Json, ReadTx, Tx};
use serde_json::Value;

use super::grants::BenefitGrant;
use super::{Benefit, BenefitType};
use crate::kit::{Id, Result};
use crate::organizations::Organization;

/// What a kind of benefit decides and does. Everything happens inside the unit of work that grants or revokes.
pub trait Kind: Sync {
    /// Whether each purchase has its own thing (a key), which is then taken back with that purchase. Else a buyer who
    /// bought twice keeps the benefit until the last purchase ends.
    fn is_individual(&self) -> bool {
        false
    }

    /// Checks settings as a seller sent them and returns the form to store. The contract's schema was checked before.
    fn prepare(
        &self,
        tx: &mut ReadTx<'_>,
        organization_id: Id<Organization>,
        properties: &Value,
    ) -> Result<Json>;

    /// Whether a change of settings changes what holders have.
    fn affects_holders(&self, _before: &Json, _after: &Json) -> Result<bool> {
        Ok(false)
    }

    /// Gives the benefit for a grant, for the first time, again, or because the settings changed.
    fn grant(&self, tx: &mut Tx<'_>, benefit: &Benefit, grant: &BenefitGrant) -> Result<Outcome>;

    /// Takes back what a grant gave. Returns the properties the grant keeps.
    fn revoke(&self, tx: &mut Tx<'_>, grant: &BenefitGrant) -> Result<Json>;
}

/// What came of granting.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The buyer has the benefit; the grant keeps these properties.
    Granted(Json),
    /// The buyer has to do something first (connect an account); the grant waits with these properties.
    ActionRequired(Json),
}

/// The kind behind a benefit type.
pub fn of(benefit_type: BenefitType) -> &'static dyn Kind {
    match benefit_type {
        BenefitType::Custom => &custom::Custom,
        BenefitType::Ads => &ads::Ads,
        BenefitType::Discord => &discord::Discord,
        BenefitType::GithubRepository => &github_repository::GithubRepository,
        BenefitType::Downloadables => &downloadables::Downloadables,
        BenefitType::LicenseKeys => &license_keys::LicenseKeys,
    }
}

/// Settings read into the kind's struct and written back, so that every member stands in the stored form.
fn normalized<P: serde::de::DeserializeOwned + serde::Serialize>(properties: &Value) -> Result<Json> {
    let properties: P = serde_json::from_value(properties.clone())
        .map_err(|error| crate::kit::Refusal::bad_request(error.to_string()))?;
    Ok(Json::new(&properties)?)
}
