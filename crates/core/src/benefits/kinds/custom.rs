//! A private note, shown to merchants and to those who hold the grant.

use merak_store::{Json, ReadTx, Tx};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Finding, Kind, Outcome};
use crate::benefits::Benefit;
use crate::benefits::grants::BenefitGrant;
use crate::kit::{Id, Result};
use crate::organizations::Organization;

/// The settings of a custom benefit.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Properties {
    /// The note.
    pub note: Option<String>,
}

/// See the module.
pub(super) struct Custom;

impl Kind for Custom {
    fn prepare(
        &self,
        _tx: &mut ReadTx<'_>,
        _owner: Id<Organization>,
        properties: &Value,
        _finding: Option<&Finding>,
    ) -> Result<Json> {
        super::normalized::<Properties>(properties)
    }

    fn grant(&self, _tx: &mut Tx<'_>, _benefit: &Benefit, _grant: &BenefitGrant) -> Result<Outcome> {
        Ok(Outcome::Granted(Json::default()))
    }

    fn revoke(&self, _tx: &mut Tx<'_>, _grant: &BenefitGrant) -> Result<Json> {
        Ok(Json::default())
    }
}
