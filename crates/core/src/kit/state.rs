//! States of the United States and provinces of Canada, which decide about taxes.

use std::fmt;

use super::Country;

/// Codes and names of the fifty states and the federal district.
const STATES: [(&str, &str); 51] = [
    ("AL", "Alabama"),
    ("AK", "Alaska"),
    ("AZ", "Arizona"),
    ("AR", "Arkansas"),
    ("CA", "California"),
    ("CO", "Colorado"),
    ("CT", "Connecticut"),
    ("DE", "Delaware"),
    ("DC", "District of Columbia"),
    ("FL", "Florida"),
    ("GA", "Georgia"),
    ("HI", "Hawaii"),
    ("ID", "Idaho"),
    ("IL", "Illinois"),
    ("IN", "Indiana"),
    ("IA", "Iowa"),
    ("KS", "Kansas"),
    ("KY", "Kentucky"),
    ("LA", "Louisiana"),
    ("ME", "Maine"),
    ("MD", "Maryland"),
    ("MA", "Massachusetts"),
    ("MI", "Michigan"),
    ("MN", "Minnesota"),
    ("MS", "Mississippi"),
    ("MO", "Missouri"),
    ("MT", "Montana"),
    ("NE", "Nebraska"),
    ("NV", "Nevada"),
    ("NH", "New Hampshire"),
    ("NJ", "New Jersey"),
    ("NM", "New Mexico"),
    ("NY", "New York"),
    ("NC", "North Carolina"),
    ("ND", "North Dakota"),
    ("OH", "Ohio"),
    ("OK", "Oklahoma"),
    ("OR", "Oregon"),
    ("PA", "Pennsylvania"),
    ("RI", "Rhode Island"),
    ("SC", "South Carolina"),
    ("SD", "South Dakota"),
    ("TN", "Tennessee"),
    ("TX", "Texas"),
    ("UT", "Utah"),
    ("VT", "Vermont"),
    ("VA", "Virginia"),
    ("WA", "Washington"),
    ("WV", "West Virginia"),
    ("WI", "Wisconsin"),
    ("WY", "Wyoming"),
];

/// Codes and names of the ten provinces and three territories.
const PROVINCES: [(&str, &str); 13] = [
    ("AB", "Alberta"),
    ("BC", "British Columbia"),
    ("MB", "Manitoba"),
    ("NB", "New Brunswick"),
    ("NL", "Newfoundland and Labrador"),
    ("NT", "Northwest Territories"),
    ("NS", "Nova Scotia"),
    ("NU", "Nunavut"),
    ("ON", "Ontario"),
    ("PE", "Prince Edward Island"),
    ("QC", "Quebec"),
    ("SK", "Saskatchewan"),
    ("YT", "Yukon"),
];

/// A state of the United States or a province of Canada, by its code of ISO 3166-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    country: Country,
    code: &'static str,
    name: &'static str,
}

impl State {
    /// Reads a state as people write it: `NY`, `US-NY` or `New York`, in any letter case. None if the country has no such
    /// state, or its states are not known here.
    pub fn parse(country: Country, text: &str) -> Option<Self> {
        let text = text.trim();
        let code = match text.split_once('-') {
            Some((prefix, code)) if prefix.eq_ignore_ascii_case(country.as_str()) => code,
            _ => text,
        };
        Self::all(country)
            .find(|state| state.code.eq_ignore_ascii_case(code) || state.name.eq_ignore_ascii_case(text))
    }

    /// The states of a country in the order of their names; none but for the United States and Canada.
    pub fn all(country: Country) -> impl Iterator<Item = Self> {
        let states: &[_] = match country.as_str() {
            "US" => &STATES,
            "CA" => &PROVINCES,
            _ => &[],
        };
        states.iter().map(move |&(code, name)| Self { country, code, name })
    }

    /// Its country.
    pub const fn country(self) -> Country {
        self.country
    }

    /// Its code without the country: `NY`. That is how it is reported.
    pub const fn code(self) -> &'static str {
        self.code
    }

    /// Its name in English.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

/// The code with the country: `US-NY`. That is how it is stored.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.country, self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn country(code: &str) -> Country {
        Country::parse(code).unwrap()
    }

    // spec 30 §5.2
    #[test]
    fn a_state_is_read_with_and_without_its_country() {
        for (code, text, stored) in [
            ("US", "NY", "US-NY"),
            ("US", "US-NY", "US-NY"),
            ("US", " us-ny ", "US-NY"),
            ("US", "new york", "US-NY"),
            ("US", "DC", "US-DC"),
            ("CA", "QC", "CA-QC"),
            ("CA", "CA-qc", "CA-QC"),
            ("CA", "Prince Edward Island", "CA-PE"),
            ("US", "CA", "US-CA"),
        ] {
            let state = State::parse(country(code), text).unwrap();
            assert_eq!(state.to_string(), stored, "{text}");
            assert_eq!(format!("{code}-{}", state.code()), stored);
        }
        for (code, text) in [
            ("US", "QC"),
            ("US", "CA-QC"),
            ("CA", "US-NY"),
            ("US", ""),
            ("US", "US-"),
            ("US", "PR"),
            ("FR", "75"),
        ] {
            assert_eq!(State::parse(country(code), text), None, "{text} in {code}");
        }
    }

    #[test]
    fn codes_and_names_are_unique_and_in_the_order_of_names() {
        for code in ["US", "CA"] {
            let states: Vec<State> = State::all(country(code)).collect();
            assert!(states.is_sorted_by(|one, next| one.name() < next.name()));
            for state in &states {
                assert_eq!(State::parse(country(code), state.code()), Some(*state));
                assert_eq!(State::parse(country(code), state.name()), Some(*state));
            }
        }
        assert_eq!(State::all(country("DE")).count(), 0);
    }
}
