//! The kinds of benefit: one file each, one trait, one list. A new kind is a file and a line in [`of`].

pub mod ads;
pub mod custom;
pub mod discord;
pub mod downloadables;
pub mod github_repository;
pub mod license_keys;

use merak_store::{Json, ReadTx, Tx};
use serde_json::Value;

use super::grants::{BenefitGrant, Place, chosen_account};
use super::{Benefit, BenefitType};
use crate::connections::{self, Platform};
use crate::kit::{Id, Refusal, Result, at};
use crate::organizations::Organization;

/// What a service outside says about the settings that a seller wants.
#[derive(Clone, Debug)]
pub enum Finding {
    /// The Discord server that the settings name.
    Guild(discord::Guild),
    /// Whether the seller can give access to the repository that the settings name.
    Repository(github_repository::RepositoryAccess),
}

/// What a kind of benefit decides and does. Everything happens inside the unit of work that grants or revokes; what is
/// given outside is only decided there, and carried out by a job.
pub trait Kind: Sync {
    /// Whether each purchase has its own thing (a key), which is then taken back with that purchase. Else a buyer who
    /// bought twice keeps the benefit until the last purchase ends.
    fn is_individual(&self) -> bool {
        false
    }

    /// Checks settings as a seller sent them and returns the form to store. The contract's schema was checked before.
    /// Kinds that are given outside need to know what the service says.
    fn prepare(
        &self,
        tx: &mut ReadTx<'_>,
        organization_id: Id<Organization>,
        properties: &Value,
        finding: Option<&Finding>,
    ) -> Result<Json>;

    /// Whether a change of settings changes what holders have.
    fn affects_holders(&self, _before: &Json, _after: &Json) -> Result<bool> {
        Ok(false)
    }

    /// Gives the benefit for a grant, for the first time, again, or because the settings changed.
    fn grant(&self, tx: &mut Tx<'_>, benefit: &Benefit, grant: &BenefitGrant) -> Result<Outcome>;

    /// Takes back what a grant gave. Returns the properties the grant keeps.
    fn revoke(&self, tx: &mut Tx<'_>, grant: &BenefitGrant) -> Result<Json>;

    /// For kinds that another service gives: where.
    fn outside(&self) -> Option<&dyn Outside> {
        None
    }
}

/// What a kind that another service gives knows about it.
pub trait Outside {
    /// The service.
    fn platform(&self) -> Platform;

    /// What a buyer's account there gets.
    fn place(&self, benefit: &Benefit, account_id: &str) -> Result<Place>;

    /// What a grant remembers of it once it is given.
    fn remembered(&self, place: &Place) -> Result<Json>;
}

/// What came of granting.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The buyer has the benefit; the grant keeps these properties.
    Granted(Json),
    /// The buyer has to do something first (connect an account); the grant waits with these properties.
    ActionRequired(Json),
    /// Another service is to be asked, by the job that follows; until then the grant is what it was, with these
    /// properties.
    Outside(Json),
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

/// Granting by a service outside: the buyer has to choose a connected account first.
fn through_account(tx: &mut ReadTx<'_>, platform: Platform, grant: &BenefitGrant) -> Result<Outcome> {
    let Some(account_id) = chosen_account(grant)? else {
        return Ok(Outcome::ActionRequired(Json::default()));
    };
    Ok(match connections::find_of_customer(tx, grant.customer_id, platform, &account_id)? {
        Some(_) => Outcome::Outside(grant.properties.clone()),
        None => Outcome::ActionRequired(Json::default()),
    })
}

/// No benefit of a kind can be made whose service nobody can ask.
fn not_connected(sentence: &str, kind: &str) -> Refusal {
    Refusal::invalid(at("body").field("type").value_error(sentence, kind))
}

/// Settings read into the kind's struct and written back, so that every member stands in the stored form.
fn normalized<P: serde::de::DeserializeOwned + serde::Serialize>(properties: &Value) -> Result<Json> {
    let properties: P = serde_json::from_value(properties.clone())
        .map_err(|error| Refusal::bad_request(error.to_string()))?;
    Ok(Json::new(&properties)?)
}
