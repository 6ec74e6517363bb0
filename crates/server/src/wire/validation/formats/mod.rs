//! Text with a meaning: identifiers, moments, addresses and names.

mod country;
mod discount_code;
mod durations;
mod email;
mod ids;
mod moments;
mod slug;
mod urls;

use std::borrow::Cow;
use std::net::IpAddr;

use serde_json::Value;

use super::problem::Fault;
use super::scalar::{Coerced, not_text};

/// What a text must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// A UUID of version 4 or 7.
    Uuid,
    /// A UUID of any version.
    AnyUuid,
    /// A moment, coerced to UTC.
    DateTime,
    /// A day.
    Date,
    /// A mail address; `special_use` tells whether domains like `example.test` are accepted.
    Email { special_use: bool },
    /// An `http` or `https` address.
    Url,
    /// The name of an organization in addresses.
    Slug,
    /// What buyers type to get a discount.
    DiscountCode,
    /// A country by its two letters.
    Country,
    /// An IP address of either version.
    IpAddress,
    /// A length of time, coerced to whole seconds.
    Duration,
}

impl Format {
    /// The format that a schema names, `None` if there is no such format.
    pub(super) fn named(name: &str, special_use: bool) -> Option<Self> {
        Some(match name {
            "uuid4" => Self::Uuid,
            "uuid" => Self::AnyUuid,
            "date-time" => Self::DateTime,
            "date" => Self::Date,
            "email" => Self::Email { special_use },
            "uri" => Self::Url,
            "slug" => Self::Slug,
            "discount-code" => Self::DiscountCode,
            "country" => Self::Country,
            "ipvanyaddress" => Self::IpAddress,
            "duration" => Self::Duration,
            _ => return None,
        })
    }

    /// Whether the format has length rules and kinds of its own.
    pub(super) const fn measures_itself(self) -> bool {
        matches!(self, Self::Url | Self::Country)
    }

    /// Reads a value that is not text, for the formats that accept such values.
    pub(super) fn coerce_other(self, value: &Value) -> Option<Coerced> {
        match (self, value) {
            (Self::DateTime, Value::Number(number)) => {
                Some(moments::date_time_from_number(number).map(|text| Some(Value::String(text))))
            }
            (Self::Date, Value::Number(number)) => {
                Some(moments::date_from_number(number).map(|text| Some(Value::String(text))))
            }
            (Self::Duration, Value::Number(number)) => Some(durations::from_number(number)),
            _ => None,
        }
    }

    /// What to say of a value of the wrong JSON type.
    pub(super) fn wrong_type(self) -> Fault {
        match self {
            Self::Uuid | Self::AnyUuid => {
                Fault::plain("uuid_type", "UUID input should be a string, bytes or UUID object")
            }
            Self::DateTime => not_text("datetime_type", "datetime"),
            Self::Date => not_text("date_type", "date"),
            Self::Url => Fault::plain("url_type", "URL input should be a string or URL"),
            Self::IpAddress => NOT_AN_IP_ADDRESS,
            Self::Duration => durations::WRONG_TYPE,
            Self::Email { .. } | Self::Slug | Self::DiscountCode | Self::Country => {
                not_text("string_type", "string")
            }
        }
    }

    /// Checks text and gives its normal form.
    pub(super) fn coerce(self, text: &str) -> Result<Cow<'_, str>, Fault> {
        match self {
            Self::Uuid => ids::coerce(text, ids::is_accepted_version),
            Self::AnyUuid => ids::coerce(text, |_| true),
            Self::DateTime => moments::date_time_from_text(text).map(Cow::Owned),
            Self::Date => moments::date_from_text(text).map(Cow::Owned),
            Self::Email { special_use } => email::coerce(text, special_use).map(Cow::Owned),
            Self::Url => urls::coerce(text).map(Cow::Owned),
            Self::Slug => slug::coerce(text).map(Cow::Owned),
            Self::DiscountCode => discount_code::coerce(text).map(Cow::Owned),
            Self::Country => country::coerce(text).map(Cow::Owned),
            Self::Duration => durations::from_text(text).map(Cow::Owned),
            Self::IpAddress => text
                .parse::<IpAddr>()
                .map(|address| Cow::Owned(address.to_string()))
                .map_err(|_| NOT_AN_IP_ADDRESS),
        }
    }
}

const NOT_AN_IP_ADDRESS: Fault = Fault::plain("ip_any_address", "value is not a valid IPv4 or IPv6 address");
