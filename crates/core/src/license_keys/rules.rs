//! Decisions about license keys: values in, decision out.

use merak_store::Timestamp;
use serde_json::{Number, Value};

use super::{Activation, HeldKey, LicenseKey, Status, Validate};
use crate::kit::{Kind, Refuses};

/// The largest value a counter can take on the wire.
pub const MAX_COUNT: i64 = 2_147_483_647;

/// Why a key or an activation is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No such key, or no such activation of it; which one is nobody's business.
    #[error("Not found")]
    NotFound,
    /// Revoked or disabled, told to a validation.
    #[error("This license key is not active.")]
    NotActive,
    /// Past its end, told to a validation.
    #[error("This license key is past its expiry date.")]
    Expired,
    /// The conditions of the activation were not repeated.
    #[error("The conditions differ from those of this activation.")]
    OtherConditions,
    /// The request names another benefit.
    #[error("This license key is for another benefit.")]
    OtherBenefit,
    /// The request names another customer.
    #[error("This license key is owned by another customer.")]
    OtherCustomer,
    /// Less usage is left than asked for.
    #[error("Only {0} usages remain on this license key.")]
    UsageExhausted(i64),
    /// Revoked or disabled, told to an activation.
    #[error("This license key is not active and can't be activated.")]
    ActivationNotActive,
    /// Past its end, told to an activation.
    #[error("This license key is past its expiry date and can't be activated.")]
    ActivationExpired,
    /// The key is used without activations.
    #[error("This license key has no activations; validate it directly.")]
    NoActivationsNeeded,
    /// Every seat is taken.
    #[error("All activations of this license key are in use.")]
    SeatsTaken,
}

impl Refuses for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NotFound
            | Self::NotActive
            | Self::Expired
            | Self::OtherConditions
            | Self::OtherBenefit
            | Self::OtherCustomer => Kind::NotFound,
            Self::UsageExhausted(_) => Kind::BadRequest,
            Self::ActivationNotActive
            | Self::ActivationExpired
            | Self::NoActivationsNeeded
            | Self::SeatsTaken => Kind::NotPermitted,
        }
    }
}

/// Whether a key has ended: its last moment is the one before `expires_at`.
pub fn is_expired(key: &LicenseKey, now: Timestamp) -> bool {
    key.expires_at.is_some_and(|end| end <= now)
}

/// May this key be validated as asked? The first reason against it, in the order clients rely on.
pub fn may_validate(
    held: &HeldKey,
    activation: Option<&Activation>,
    request: &Validate,
    now: Timestamp,
) -> Result<(), Error> {
    if held.key.status != Status::Granted {
        return Err(Error::NotActive);
    }
    if is_expired(&held.key, now) {
        return Err(Error::Expired);
    }
    if request.activation_id.is_some() {
        let activation = activation.ok_or(Error::NotFound)?;
        if !conditions_hold(activation, &request.conditions) {
            return Err(Error::OtherConditions);
        }
    }
    if request.benefit_id.is_some_and(|id| id != held.key.benefit_id) {
        return Err(Error::OtherBenefit);
    }
    if request.customer_id.is_some_and(|id| id != held.key.customer_id) {
        return Err(Error::OtherCustomer);
    }
    let left = usage_left(held);
    if request.increment_usage > 0 && request.increment_usage > left {
        return Err(Error::UsageExhausted(left));
    }
    Ok(())
}

/// How much usage is left; negative if a merchant set the usage above the limit.
pub fn usage_left(held: &HeldKey) -> i64 {
    held.key.limit_usage.unwrap_or(MAX_COUNT).min(MAX_COUNT) - held.usage.usage
}

/// May this key get another seat, when so many are taken?
pub fn may_activate(key: &LicenseKey, seats_taken: i64, now: Timestamp) -> Result<(), Error> {
    if key.status != Status::Granted {
        return Err(Error::ActivationNotActive);
    }
    if is_expired(key, now) {
        return Err(Error::ActivationExpired);
    }
    let limit = key.limit_activations.ok_or(Error::NoActivationsNeeded)?;
    if seats_taken >= limit { Err(Error::SeatsTaken) } else { Ok(()) }
}

/// No stored conditions let anything pass; others must be repeated as a whole.
fn conditions_hold(activation: &Activation, given: &Value) -> bool {
    let Ok(stored) = activation.conditions.parse::<Value>() else { return false };
    stored.as_object().is_some_and(serde_json::Map::is_empty) || is_same(&stored, given)
}

/// Equality of JSON values as a person means it: members in any order, numbers by value, booleans no numbers.
pub fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| is_same(value, other)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Number(one), Value::Number(other)) => is_same_number(one, other),
        _ => one == other,
    }
}

/// Numbers keep their text here (they may be larger than any machine number), so equality is first of the text.
fn is_same_number(one: &Number, other: &Number) -> bool {
    if one == other {
        return true;
    }
    match (one.as_i64(), other.as_i64()) {
        (Some(one), Some(other)) => one == other,
        _ => one.as_f64().is_some_and(|value| other.as_f64() == Some(value)),
    }
}
