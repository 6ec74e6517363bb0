//! Where a seller collects taxes.

use std::fmt;
use std::str::FromStr;

use crate::kit::{Country, State};

/// The countries of the European Union.
pub const EUROPEAN_UNION: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT",
    "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// Whether a country is in the European Union.
pub fn is_in_european_union(country: Country) -> bool {
    EUROPEAN_UNION.contains(&country.as_str())
}

/// An authority that a seller collects taxes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Those of all member states of the European Union, through its one-stop shop: `EU`.
    EuropeanUnion,
    /// Those of a country, with all of its states: `DE`.
    Country(Country),
    /// That of a state: `US-NY`.
    State(State),
}

/// A text that names no authority.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no country, state or EU; write as in DE, US-NY or EU")]
pub struct UnknownRegistration(String);

impl Registration {
    /// Whether what is sold there is its matter.
    pub fn covers(self, country: Country, state: Option<State>) -> bool {
        match self {
            Self::EuropeanUnion => is_in_european_union(country),
            Self::Country(own) => own == country,
            Self::State(own) => Some(own) == state,
        }
    }
}

impl fmt::Display for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EuropeanUnion => f.write_str("EU"),
            Self::Country(country) => country.fmt(f),
            Self::State(state) => state.fmt(f),
        }
    }
}

impl FromStr for Registration {
    type Err = UnknownRegistration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("EU") {
            return Ok(Self::EuropeanUnion);
        }
        let found = match text.split_once('-') {
            None => Country::parse(text).map(Self::Country),
            Some((country, _)) => {
                Country::parse(country).and_then(|country| State::parse(country, text)).map(Self::State)
            }
        };
        found.ok_or_else(|| UnknownRegistration(text.to_owned()))
    }
}
