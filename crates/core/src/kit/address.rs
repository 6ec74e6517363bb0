//! Postal addresses.

use std::borrow::Cow;

use merak_store::{Cell, Column, Param, Value};
use serde::{Deserialize, Deserializer, Serialize};

use super::text_enum::undecodable;
use super::{Country, State};

/// A postal address of which only the country is sure. It is written with all six members in this order;
/// what is read is trimmed, and a blank line is no line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Street and number.
    #[serde(default, deserialize_with = "line")]
    pub line1: Option<String>,
    /// Whatever else stands above the town.
    #[serde(default, deserialize_with = "line")]
    pub line2: Option<String>,
    /// The postal code.
    #[serde(default, deserialize_with = "line")]
    pub postal_code: Option<String>,
    /// The town.
    #[serde(default, deserialize_with = "line")]
    pub city: Option<String>,
    /// The state or province, as free text.
    #[serde(default, deserialize_with = "line")]
    pub state: Option<String>,
    /// The country.
    pub country: Country,
}

impl Address {
    /// An address of which only the country is known.
    pub const fn in_country(country: Country) -> Self {
        Self { line1: None, line2: None, postal_code: None, city: None, state: None, country }
    }

    /// The address with every line trimmed and without blank ones.
    #[must_use]
    pub fn tidied(self) -> Self {
        Self {
            line1: tidy(self.line1),
            line2: tidy(self.line2),
            postal_code: tidy(self.postal_code),
            city: tidy(self.city),
            state: tidy(self.state),
            country: self.country,
        }
    }

    /// The address with a state of the United States or a province of Canada in the form that checkouts store: `US-NY`.
    /// What is no such state stays as it is.
    #[must_use]
    pub fn with_state_prefixed(self) -> Self {
        let known = self.known_state().map(|state| state.to_string());
        Self { state: known.or(self.state), ..self }
    }

    /// The state of the United States or province of Canada, if it is one.
    pub fn known_state(&self) -> Option<State> {
        State::parse(self.country, self.state.as_deref()?)
    }

    /// The state without a country before it, as it is reported: `NY` for `US-NY`; elsewhere what was typed.
    pub fn state_code(&self) -> Option<&str> {
        self.known_state().map(State::code).or(self.state.as_deref())
    }
}

fn tidy(line: Option<String>) -> Option<String> {
    line.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}

fn line<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(deserializer).map(tidy)
}

impl Param for Address {
    fn value(&self) -> Value<'_> {
        let json = serde_json::to_string(self).expect("texts are always JSON");
        Value::Json(Cow::Owned(json))
    }
}

impl Column for Address {
    fn read(cell: Cell<'_>) -> merak_store::Result<Self> {
        serde_json::from_str(cell.json()?).map_err(undecodable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_trimmed_and_written_with_all_members() {
        let address: Address = serde_json::from_str(
            r#"{"country":"fr","city":" Paris ","line1":" \t","state":null,"unknown":1}"#,
        )
        .unwrap();
        assert_eq!(
            serde_json::to_string(&address).unwrap(),
            r#"{"line1":null,"line2":null,"postal_code":null,"city":"Paris","state":null,"country":"FR"}"#
        );
        assert_eq!(address.clone().tidied(), address);
    }

    // spec 30 §5.2 and T-39
    #[test]
    fn a_state_is_stored_with_its_country_and_reported_without() {
        let read = |json| serde_json::from_str::<Address>(json).unwrap().with_state_prefixed();
        for (json, stored, reported) in [
            (r#"{"country":"US","state":"NY"}"#, Some("US-NY"), Some("NY")),
            (r#"{"country":"us","state":"us-ny"}"#, Some("US-NY"), Some("NY")),
            (r#"{"country":"CA","state":"QC"}"#, Some("CA-QC"), Some("QC")),
            (r#"{"country":"US","state":"Nowhere"}"#, Some("Nowhere"), Some("Nowhere")),
            (r#"{"country":"FR","state":"Bretagne"}"#, Some("Bretagne"), Some("Bretagne")),
            (r#"{"country":"US"}"#, None, None),
        ] {
            let address = read(json);
            assert_eq!((address.state.as_deref(), address.state_code()), (stored, reported), "{json}");
        }
    }

    #[test]
    fn the_country_is_required_and_known() {
        for wrong in ["{}", r#"{"country":null}"#, r#"{"country":"ZZ"}"#, r#"{"country":""}"#] {
            assert!(serde_json::from_str::<Address>(wrong).is_err(), "{wrong}");
        }
    }
}
