//! Files to download. A benefit can only name files that its organization uploaded.

use merak_store::{Json, ReadTx, Tx};
use serde_json::Value;

use super::{Finding, Kind, Outcome};
use crate::benefits::Benefit;
use crate::benefits::grants::BenefitGrant;
use crate::kit::{Id, Refusal, Result, at};
use crate::organizations::Organization;

/// See the module.
pub(super) struct Downloadables;

impl Kind for Downloadables {
    fn prepare(
        &self,
        _tx: &mut ReadTx<'_>,
        _owner: Id<Organization>,
        properties: &Value,
        _finding: Option<&Finding>,
    ) -> Result<Json> {
        // This installation stores no files yet, so no id can be one of the organization's.
        let named = properties.get("files").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let problems = named.iter().enumerate().map(|(n, file)| {
            at("body")
                .field("properties")
                .field("files")
                .index(n)
                .value_error("This is not a downloadable file of the organization.", file.clone())
        });
        Err(Refusal::invalid_all(problems.collect()))
    }

    fn grant(&self, _tx: &mut Tx<'_>, _benefit: &Benefit, grant: &BenefitGrant) -> Result<Outcome> {
        Ok(Outcome::Granted(grant.properties.clone()))
    }

    fn revoke(&self, _tx: &mut Tx<'_>, _grant: &BenefitGrant) -> Result<Json> {
        Ok(Json::default())
    }
}
