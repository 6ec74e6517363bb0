//! Which state a buyer is in, where states have taxes of their own.

use super::{TaxProblem, TaxQuestion};
use crate::kit::{Country, State};

/// Where the first three digits of postal codes of the United States lie, from and to. Those that are missing are of
/// territories, of the forces abroad, or of nobody.
const ZIP: [(u32, u32, &str); 62] = [
    (5, 5, "NY"),
    (10, 27, "MA"),
    (28, 29, "RI"),
    (30, 38, "NH"),
    (39, 49, "ME"),
    (50, 54, "VT"),
    (55, 55, "MA"),
    (56, 59, "VT"),
    (60, 69, "CT"),
    (70, 89, "NJ"),
    (100, 149, "NY"),
    (150, 196, "PA"),
    (197, 199, "DE"),
    (200, 200, "DC"),
    (201, 201, "VA"),
    (202, 205, "DC"),
    (206, 219, "MD"),
    (220, 246, "VA"),
    (247, 268, "WV"),
    (270, 289, "NC"),
    (290, 299, "SC"),
    (300, 319, "GA"),
    (320, 339, "FL"),
    (341, 349, "FL"),
    (350, 369, "AL"),
    (370, 385, "TN"),
    (386, 397, "MS"),
    (398, 399, "GA"),
    (400, 427, "KY"),
    (430, 459, "OH"),
    (460, 479, "IN"),
    (480, 499, "MI"),
    (500, 528, "IA"),
    (530, 549, "WI"),
    (550, 567, "MN"),
    (569, 569, "DC"),
    (570, 577, "SD"),
    (580, 588, "ND"),
    (590, 599, "MT"),
    (600, 629, "IL"),
    (630, 658, "MO"),
    (660, 679, "KS"),
    (680, 693, "NE"),
    (700, 714, "LA"),
    (716, 729, "AR"),
    (730, 732, "OK"),
    (733, 733, "TX"),
    (734, 749, "OK"),
    (750, 799, "TX"),
    (800, 816, "CO"),
    (820, 831, "WY"),
    (832, 838, "ID"),
    (840, 847, "UT"),
    (850, 865, "AZ"),
    (870, 884, "NM"),
    (885, 885, "TX"),
    (889, 898, "NV"),
    (900, 961, "CA"),
    (967, 968, "HI"),
    (970, 979, "OR"),
    (980, 994, "WA"),
    (995, 999, "AK"),
];

/// Codes of places that lie across a border of states or on the other side of it, whose state is whatever is typed.
const SHARED: [&str; 18] = [
    "06390", "42223", "56027", "59221", "63673", "65733", "71749", "72338", "72644", "73949", "81137",
    "83414", "84536", "86044", "86515", "88063", "89439", "97635",
];

/// The state or province that decides about taxes; none outside of the United States and Canada. The postal code stands in
/// for a state that is missing, and must not speak against one that is there.
pub(super) fn state_of(question: &TaxQuestion<'_>) -> Result<Option<State>, TaxProblem> {
    let country = question.country;
    if State::all(country).next().is_none() {
        return Ok(None);
    }
    let given =
        |text: Option<&'_ str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let typed = match given(question.state) {
        Some(state) => Some(State::parse(country, &state).ok_or(TaxProblem::LocationUnknown)?),
        None => None,
    };
    let Some(postal_code) = given(question.postal_code) else {
        return typed.map(Some).ok_or(TaxProblem::LocationIncomplete);
    };
    let possible = match country.as_str() {
        "US" => of_zip(country, &postal_code),
        _ => of_canada(country, &postal_code),
    };
    match (typed, possible.as_slice()) {
        (_, []) => Err(TaxProblem::LocationUnknown),
        (Some(state), possible) if possible.contains(&state) => Ok(Some(state)),
        (Some(_), _) => Err(TaxProblem::LocationUnknown),
        (None, [state]) => Ok(Some(*state)),
        (None, _) => Err(TaxProblem::LocationIncomplete),
    }
}

/// The states in which a postal code of the United States can be, with or without its four further digits.
fn of_zip(country: Country, postal_code: &str) -> Vec<State> {
    let (zip, more) = postal_code.split_once('-').unwrap_or((postal_code, ""));
    let is_number = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if zip.len() != 5 || !is_number(zip) || !matches!(more.len(), 0 | 4) || !is_number(more) {
        return Vec::new();
    }
    if SHARED.contains(&zip) {
        return State::all(country).collect();
    }
    let Ok(prefix) = zip[..3].parse::<u32>() else { return Vec::new() };
    let found = ZIP.iter().find(|(from, to, _)| (*from..=*to).contains(&prefix));
    found.and_then(|(_, _, code)| State::parse(country, code)).into_iter().collect()
}

/// The provinces in which a postal code of Canada can be, by its first letter.
fn of_canada(country: Country, postal_code: &str) -> Vec<State> {
    let code: String = postal_code.chars().filter(|letter| !matches!(letter, ' ' | '-')).collect();
    let is_shape = code.len() == 6
        && code.bytes().enumerate().all(|(at, letter)| match at % 2 {
            0 => letter.is_ascii_alphabetic(),
            _ => letter.is_ascii_digit(),
        });
    let provinces: &[&str] =
        match code.bytes().next().filter(|_| is_shape).map(|letter| letter.to_ascii_uppercase()) {
            Some(b'A') => &["NL"],
            Some(b'B') => &["NS"],
            Some(b'C') => &["PE"],
            Some(b'E') => &["NB"],
            Some(b'G' | b'H' | b'J') => &["QC"],
            Some(b'K' | b'L' | b'M' | b'N' | b'P') => &["ON"],
            Some(b'R') => &["MB"],
            Some(b'S') => &["SK"],
            Some(b'T') => &["AB"],
            Some(b'V') => &["BC"],
            Some(b'X') => &["NT", "NU"],
            Some(b'Y') => &["YT"],
            _ => &[],
        };
    provinces.iter().filter_map(|code| State::parse(country, code)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::{Cents, Currency};

    fn place(
        country: &str,
        state: Option<&str>,
        postal_code: Option<&str>,
    ) -> Result<Option<&'static str>, TaxProblem> {
        let question = TaxQuestion {
            country: Country::parse(country).unwrap(),
            state,
            postal_code,
            tax_id: None,
            subtotal: Cents::new(1000),
            currency: Currency::Usd,
            is_tax_applicable: true,
        };
        state_of(&question).map(|state| state.map(State::code))
    }

    // spec 30 §5.2
    #[test]
    fn the_state_is_what_is_typed_or_where_the_postal_code_is() {
        for (country, state, postal_code, expected) in [
            ("US", Some("US-NY"), Some("10001"), "NY"),
            ("US", Some("ny"), None, "NY"),
            ("US", Some(" "), Some("94105-1234"), "CA"),
            ("US", None, Some("99501"), "AK"),
            ("US", Some("NY"), Some("06390"), "NY"),
            ("US", Some("CT"), Some("06390"), "CT"),
            ("CA", Some("CA-QC"), Some("h2x 1y4"), "QC"),
            ("CA", None, Some("M5V-3L9"), "ON"),
            ("CA", Some("NU"), Some("X0A 0H0"), "NU"),
        ] {
            assert_eq!(place(country, state, postal_code), Ok(Some(expected)), "{state:?} {postal_code:?}");
        }
        assert_eq!(place("DE", None, None), Ok(None));
        assert_eq!(place("FR", Some("anything"), Some("anything")), Ok(None));
    }

    #[test]
    fn a_place_that_is_not_known_well_enough_or_not_at_all_is_no_place() {
        for (country, state, postal_code) in [
            ("US", None, None),
            ("US", Some(""), Some("")),
            ("CA", None, None),
            ("CA", None, Some("X1A 2P3")),
        ] {
            assert_eq!(place(country, state, postal_code), Err(TaxProblem::LocationIncomplete));
        }
        for (country, state, postal_code) in [
            ("US", Some("QC"), None),
            ("US", Some("NY"), Some("94105")),
            ("US", Some("NY"), Some("1000")),
            ("US", None, Some("10001-12")),
            ("US", None, Some("1000é")),
            ("US", None, Some("00901")),
            ("CA", Some("CA-QC"), Some("V5K 0A1")),
            ("CA", None, Some("D1A 1A1")),
            ("CA", None, Some("12345")),
        ] {
            assert_eq!(
                place(country, state, postal_code),
                Err(TaxProblem::LocationUnknown),
                "{state:?} {postal_code:?}"
            );
        }
    }

    #[test]
    fn every_state_has_postal_codes() {
        let country = Country::parse("US").unwrap();
        for state in State::all(country) {
            let has = |prefix: u32| of_zip(country, &format!("{prefix:03}99")).contains(&state);
            assert!((0..1000).any(has), "{state}");
        }
        assert!(ZIP.is_sorted_by(|one, next| one.1 < next.0));
    }
}
