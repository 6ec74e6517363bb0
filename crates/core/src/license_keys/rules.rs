//! Decisions about license keys: values in, decision out.

use merak_store::{Json, Timestamp};
use serde_json::{Number, Value};

use super::{Activate, Activation, HeldKey, LicenseKey, Status, Validate};
use crate::kit::{FieldProblem, Kind, Refusal, Refuses, Result as Decision, at};

/// The largest value a counter can take on the wire.
pub const MAX_COUNT: i64 = 2_147_483_647;

/// How many characters the label of an activation may have.
pub const LONGEST_LABEL: usize = 100_000;

/// How large `conditions` and `meta` of an activation may each be as JSON, in bytes: some more than fifty
/// values of 500 ASCII characters. Whoever knows a key may store them, so without an end they could fill the disk.
pub const LARGEST_OBJECT: usize = 32 << 10;

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

/// May what an app wants to store with an activation be kept?
pub fn may_be_kept(command: &Activate) -> Decision<()> {
    let too_large = |(member, json): (&'static str, &Json)| -> Option<FieldProblem> {
        let sentence = format!("{member} may be {} KiB large as JSON.", LARGEST_OBJECT >> 10);
        // It is not repeated to who has just sent it.
        (json.as_str().len() > LARGEST_OBJECT)
            .then(|| at("body").field(member).value_error(sentence, Value::Null))
    };
    let members = [("conditions", &command.conditions), ("meta", &command.meta)];
    let problems: Vec<FieldProblem> = members.into_iter().filter_map(too_large).collect();
    if problems.is_empty() { Ok(()) } else { Err(Refusal::Invalid(problems)) }
}

/// May this key get another seat?
pub fn may_activate(held: &HeldKey, now: Timestamp) -> Result<(), Error> {
    let HeldKey { key, usage, .. } = held;
    if key.status != Status::Granted {
        return Err(Error::ActivationNotActive);
    }
    if is_expired(key, now) {
        return Err(Error::ActivationExpired);
    }
    let limit = key.limit_activations.ok_or(Error::NoActivationsNeeded)?;
    if usage.seats_taken >= limit { Err(Error::SeatsTaken) } else { Ok(()) }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn values_are_the_same_if_they_mean_the_same() {
        for (one, other) in [
            ("1", "1.0"),
            ("1", "1e0"),
            ("-0", "0"),
            ("100000000000000000000", "1e20"),
            (r#"{"a":1,"b":[null]}"#, r#"{"b":[null],"a":1}"#),
            (r#""\u00e9""#, r#""é""#),
        ] {
            assert!(is_same(&value(one), &value(other)), "{one} = {other}");
        }
    }

    #[test]
    fn values_of_other_types_or_shapes_differ() {
        for (one, other) in [
            ("true", "1"),
            ("false", "0"),
            ("null", "0"),
            ("1", r#""1""#),
            ("[]", "{}"),
            ("[1,2]", "[2,1]"),
            ("[1]", "[1,1]"),
            (r#"{"a":1}"#, r#"{"a":1,"b":null}"#),
            (r#"{"a":null}"#, r#"{"b":null}"#),
            (r#""a""#, r#""A""#),
            ("9007199254740992", "9007199254740993"),
        ] {
            assert!(!is_same(&value(one), &value(other)), "{one} = {other}");
            assert!(!is_same(&value(other), &value(one)), "{other} = {one}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-c]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec(("[a-c]", inner), 0..4)
                    .prop_map(|pairs| pairs.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    /// The same value with the members of every object turned round.
    fn turned(value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| (name.clone(), turned(value))).collect();
                members.into_iter().rev().collect::<serde_json::Map<_, _>>().into()
            }
            Value::Array(items) => items.iter().map(turned).collect(),
            other => other.clone(),
        }
    }

    proptest! {
        #[test]
        fn the_order_of_members_does_not_matter(value in any_json()) {
            prop_assert!(is_same(&value, &turned(&value)));
        }

        #[test]
        fn sameness_goes_both_ways(one in any_json(), other in any_json()) {
            prop_assert_eq!(is_same(&one, &other), is_same(&other, &one));
            prop_assert!(!is_same(&one, &json!([one.clone()])));
        }
    }
}
