//! License keys: each purchase has its own key, made when the benefit is granted.

use merak_store::{Json, ReadTx, Timestamp, Tx};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Kind, Outcome};
use crate::benefits::Benefit;
use crate::benefits::grants::BenefitGrant;
use crate::kit::{Id, Refusal, Result, Timeframe, at, calendar};
use crate::license_keys::{self, LicenseKey, Terms};
use crate::organizations::Organization;

/// The settings of a license-keys benefit. Every member stands in the stored form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Properties {
    /// What keys begin with.
    pub prefix: Option<String>,
    /// How long keys last; for ever if absent.
    pub expires: Option<Expires>,
    /// Whether keys are activated on devices, and on how many.
    pub activations: Option<Activations>,
    /// How much usage a key allows; any amount if absent.
    pub limit_usage: Option<i64>,
}

/// A span of time from the day a key is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expires {
    /// How many.
    pub ttl: u32,
    /// Of what.
    pub timeframe: Timeframe,
}

/// Activation of keys on devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activations {
    /// How many devices at once.
    pub limit: i64,
    /// Whether customers see and remove activations in the portal.
    pub enable_customer_admin: bool,
}

impl Properties {
    /// The settings of a stored benefit.
    pub fn of(properties: &Json) -> Result<Self> {
        Ok(properties.parse()?)
    }

    /// What a key granted at this moment is worth. `None` if it would outlast the calendar.
    pub fn terms(&self, granted_at: Timestamp) -> Option<Terms> {
        let expires_at = match self.expires {
            Some(expires) => Some(calendar::add(granted_at, expires.ttl, expires.timeframe)?),
            None => None,
        };
        Some(Terms {
            limit_activations: self.activations.map(|activations| activations.limit),
            limit_usage: self.limit_usage,
            expires_at,
        })
    }
}

/// What a grant remembers of its key. The full key is never here.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct GrantProperties {
    #[serde(skip_serializing_if = "Option::is_none")]
    license_key_id: Option<Id<LicenseKey>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_key: Option<String>,
}

/// See the module.
pub(super) struct LicenseKeys;

impl Kind for LicenseKeys {
    fn is_individual(&self) -> bool {
        true
    }

    fn prepare(&self, tx: &mut ReadTx<'_>, _owner: Id<Organization>, properties: &Value) -> Result<Json> {
        let stored = super::normalized::<Properties>(properties)?;
        // Benefits are granted for years to come: an expiry must be possible for all of them.
        let horizon = calendar::add(tx.now(), 100, Timeframe::Year).unwrap_or_else(|| tx.now());
        if Properties::of(&stored)?.terms(horizon).is_none() {
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
        let remembered: GrantProperties = grant.properties.parse()?;
        let known = match remembered.license_key_id {
            Some(id) => license_keys::find(tx, id)?,
            None => None,
        };
        let key = if let Some(mut key) = known {
            license_keys::sync(tx, &mut key, &properties, grant.is_granted())?;
            key
        } else {
            license_keys::create(
                tx,
                &license_keys::CreateLicenseKey {
                    organization_id: benefit.organization_id,
                    customer_id: grant.customer_id,
                    benefit_id: benefit.id,
                    prefix: properties.prefix.as_deref(),
                    terms: properties.terms(tx.now()).unwrap_or_default(),
                },
            )?
        };
        Ok(Outcome::Granted(Json::new(&GrantProperties {
            license_key_id: Some(key.id),
            display_key: Some(key.display_key()),
        })?))
    }

    fn revoke(&self, tx: &mut Tx<'_>, grant: &BenefitGrant) -> Result<Json> {
        let remembered: GrantProperties = grant.properties.parse()?;
        if let Some(id) = remembered.license_key_id {
            license_keys::revoke(tx, id)?;
        }
        Ok(grant.properties.clone())
    }
}
