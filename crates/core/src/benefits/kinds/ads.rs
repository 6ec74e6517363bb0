//! Room for the buyer's advertisement. Passive: granting keeps what the grant already knows.

use merak_store::{Json, ReadTx, Tx};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Finding, Kind, Outcome};
use crate::benefits::Benefit;
use crate::benefits::grants::BenefitGrant;
use crate::kit::{Id, Result};
use crate::organizations::Organization;

/// The settings of an ads benefit, in pixels.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Properties {
    /// Height of the picture.
    pub image_height: i64,
    /// Width of the picture.
    pub image_width: i64,
}

impl Default for Properties {
    fn default() -> Self {
        Self { image_height: 400, image_width: 400 }
    }
}

/// See the module.
pub(super) struct Ads;

impl Kind for Ads {
    fn prepare(
        &self,
        _tx: &mut ReadTx<'_>,
        _owner: Id<Organization>,
        properties: &Value,
        _finding: Option<&Finding>,
    ) -> Result<Json> {
        super::normalized::<Properties>(properties)
    }

    fn grant(&self, _tx: &mut Tx<'_>, _benefit: &Benefit, grant: &BenefitGrant) -> Result<Outcome> {
        Ok(Outcome::Granted(grant.properties.clone()))
    }

    fn revoke(&self, _tx: &mut Tx<'_>, grant: &BenefitGrant) -> Result<Json> {
        Ok(grant.properties.clone())
    }
}
