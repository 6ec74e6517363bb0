//! License keys: each purchase has its own key, made when the benefit is granted.

use merak_store::{Json, ReadTx, Tx};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Finding, Kind, Outcome};
use crate::benefits::Benefit;
use crate::benefits::grants::BenefitGrant;
use crate::checkouts;
use crate::clock;
use crate::kit::{Id, Refusal, Result, Timeframe, at, calendar};
use crate::license_keys::{self, LicenseKey, Properties};
use crate::organizations::Organization;

/// What a grant remembers of its key. The full key is never here.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct GrantProperties {
    #[serde(skip_serializing_if = "Option::is_none")]
    license_key_id: Option<Id<LicenseKey>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_key: Option<String>,
}

/// The key that a grant of this kind gave, if it is one and gave one.
pub fn key_of(grant: &BenefitGrant) -> Result<Option<Id<LicenseKey>>> {
    Ok(grant.properties.parse::<GrantProperties>()?.license_key_id)
}

/// See the module.
pub(super) struct LicenseKeys;

impl Kind for LicenseKeys {
    fn is_individual(&self) -> bool {
        true
    }

    fn prepare(
        &self,
        tx: &mut ReadTx<'_>,
        _owner: Id<Organization>,
        properties: &Value,
        _finding: Option<&Finding>,
    ) -> Result<Json> {
        let stored = super::normalized::<Properties>(properties)?;
        // Benefits are granted for years to come: an expiry must be possible for all of them.
        let horizon = calendar::add(tx.now(), 100, Timeframe::Year).unwrap_or_else(|| tx.now());
        if Properties::of(&stored)?.terms(horizon).is_err() {
            let ttl = properties.pointer("/expires/ttl").cloned().unwrap_or(Value::Null);
            let place = at("body").field("properties").field("expires").field("ttl");
            return Err(Refusal::invalid(place.value_error("Keys may not last beyond the year 9999.", ttl)));
        }
        Ok(stored)
    }

    fn affects_holders(&self, before: &Json, after: &Json) -> Result<bool> {
        let (before, after) = (Properties::of(before)?, Properties::of(after)?);
        Ok(Properties { prefix: None, ..before } != Properties { prefix: None, ..after })
    }

    fn grant(&self, tx: &mut Tx<'_>, benefit: &Benefit, grant: &BenefitGrant) -> Result<Outcome> {
        let properties = Properties::of(&benefit.properties)?;
        let known = match key_of(grant)? {
            Some(id) => license_keys::find(tx, id)?,
            None => None,
        };
        let key = if let Some(mut key) = known {
            license_keys::sync(tx, &mut key, &properties, grant.is_granted())?;
            key
        } else {
            let now = clock::now(tx, benefit.organization_id)?;
            let sold_to = checkouts::sold_to(tx, grant)?;
            license_keys::create(
                tx,
                &license_keys::CreateLicenseKey {
                    organization_id: benefit.organization_id,
                    customer_id: grant.customer_id,
                    benefit_id: benefit.id,
                    prefix: properties.prefix.as_deref(),
                    terms: properties.terms(now)?,
                    sold_to: sold_to.as_ref(),
                },
            )?
        };
        Ok(Outcome::Granted(Json::new(&GrantProperties {
            license_key_id: Some(key.id),
            display_key: Some(key.display_key()),
        })?))
    }

    fn revoke(&self, tx: &mut Tx<'_>, grant: &BenefitGrant) -> Result<Json> {
        if let Some(id) = key_of(grant)? {
            license_keys::revoke(tx, id)?;
        }
        Ok(grant.properties.clone())
    }
}
