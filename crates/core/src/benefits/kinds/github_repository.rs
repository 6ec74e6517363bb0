//! Access to a repository on GitHub. No installation can be connected to GitHub yet, so no such benefit can be made, and
//! there is nothing to grant or revoke.

use merak_store::{Json, ReadTx, Tx};
use serde_json::Value;

use super::{Kind, Outcome};
use crate::benefits::Benefit;
use crate::benefits::grants::BenefitGrant;
use crate::kit::{Id, Refusal, Result, at};
use crate::organizations::Organization;

/// See the module.
pub(super) struct GithubRepository;

impl Kind for GithubRepository {
    fn prepare(&self, _tx: &mut ReadTx<'_>, _owner: Id<Organization>, _properties: &Value) -> Result<Json> {
        Err(Refusal::invalid(
            at("body")
                .field("type")
                .value_error("This installation is not connected to GitHub.", "github_repository"),
        ))
    }

    fn grant(&self, _tx: &mut Tx<'_>, _benefit: &Benefit, grant: &BenefitGrant) -> Result<Outcome> {
        Ok(Outcome::ActionRequired(grant.properties.clone()))
    }

    fn revoke(&self, _tx: &mut Tx<'_>, _grant: &BenefitGrant) -> Result<Json> {
        Ok(Json::default())
    }
}
