//! What keys of a benefit are worth.

use merak_store::{Json, Timestamp};
use serde::{Deserialize, Serialize};

use crate::kit::{Refusal, Result, Timeframe, calendar};

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

    /// What a key granted at this moment is worth. Refused if it would outlast the calendar.
    pub fn terms(&self, granted_at: Timestamp) -> Result<Terms> {
        let expires_at = match self.expires {
            Some(Expires { ttl, timeframe }) => Some(
                calendar::add(granted_at, ttl, timeframe)
                    .ok_or_else(|| Refusal::bad_request("The key would outlast the calendar."))?,
            ),
            None => None,
        };
        Ok(Terms {
            limit_activations: self.activations.map(|activations| activations.limit),
            limit_usage: self.limit_usage,
            expires_at,
        })
    }
}

/// What a key is worth, as its benefit says at the moment of granting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// See [`super::LicenseKey::limit_activations`].
    pub limit_activations: Option<i64>,
    /// See [`super::LicenseKey::limit_usage`].
    pub limit_usage: Option<i64>,
    /// See [`super::LicenseKey::expires_at`].
    pub expires_at: Option<Timestamp>,
}
