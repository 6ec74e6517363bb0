//! A role on a Discord server. No installation can be connected to Discord yet, so no such benefit can be made, and there
//! is nothing to grant or revoke.

use merak_store::{Json, ReadTx, Tx};
use serde_json::Value;

use super::{Kind, Outcome};
use crate::benefits::Benefit;
use crate::benefits::grants::BenefitGrant;
use crate::kit::{Id, Refusal, Result, at};
use crate::organizations::Organization;

/// See the module.
pub(super) struct Discord;

impl Kind for Discord {
    fn prepare(&self, _tx: &mut ReadTx<'_>, _owner: Id<Organization>, _properties: &Value) -> Result<Json> {
        Err(Refusal::invalid(
            at("body").field("type").value_error("This installation is not connected to Discord.", "discord"),
        ))
    }

    fn grant(&self, _tx: &mut Tx<'_>, _benefit: &Benefit, grant: &BenefitGrant) -> Result<Outcome> {
        Ok(Outcome::ActionRequired(grant.properties.clone()))
    }

    fn revoke(&self, _tx: &mut Tx<'_>, _grant: &BenefitGrant) -> Result<Json> {
        Ok(Json::default())
    }
}
