//! Countries, by their two letters.

use std::borrow::Cow;
use std::fmt;

use merak_store::{Cell, Column, Param, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text_enum::undecodable;

/// The codes of ISO 3166-1 alpha-2 in alphabetical order.
const CODES: [&str; 249] = [
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ", "BA",
    "BB", "BD", "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS", "BT", "BV",
    "BW", "BY", "BZ", "CA", "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN", "CO", "CR", "CU",
    "CV", "CW", "CX", "CY", "CZ", "DE", "DJ", "DK", "DM", "DO", "DZ", "EC", "EE", "EG", "EH", "ER", "ES",
    "ET", "FI", "FJ", "FK", "FM", "FO", "FR", "GA", "GB", "GD", "GE", "GF", "GG", "GH", "GI", "GL", "GM",
    "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK", "HM", "HN", "HR", "HT", "HU", "ID", "IE",
    "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT", "JE", "JM", "JO", "JP", "KE", "KG", "KH", "KI", "KM",
    "KN", "KP", "KR", "KW", "KY", "KZ", "LA", "LB", "LC", "LI", "LK", "LR", "LS", "LT", "LU", "LV", "LY",
    "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK", "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS", "MT",
    "MU", "MV", "MW", "MX", "MY", "MZ", "NA", "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU",
    "NZ", "OM", "PA", "PE", "PF", "PG", "PH", "PK", "PL", "PM", "PN", "PR", "PS", "PT", "PW", "PY", "QA",
    "RE", "RO", "RS", "RU", "RW", "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM",
    "SN", "SO", "SR", "SS", "ST", "SV", "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL",
    "TM", "TN", "TO", "TR", "TT", "TV", "TW", "TZ", "UA", "UG", "UM", "US", "UY", "UZ", "VA", "VC", "VE",
    "VG", "VI", "VN", "VU", "WF", "WS", "YE", "YT", "ZA", "ZM", "ZW",
];

/// A country or territory that ISO 3166-1 gives two letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(&'static str);

impl Country {
    /// The country with this code, in any case; none if no country has it.
    pub fn parse(code: &str) -> Option<Self> {
        let letters = code.bytes().map(|letter| letter.to_ascii_uppercase());
        let found = CODES.binary_search_by(|known| known.bytes().cmp(letters.clone()));
        found.ok().map(|index| Self(CODES[index]))
    }

    /// Every country, in the alphabetical order of the codes.
    pub fn all() -> impl Iterator<Item = Self> {
        CODES.into_iter().map(Self)
    }

    /// The code in capitals.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&code).ok_or_else(|| serde::de::Error::custom("Invalid country alpha2 code"))
    }
}

impl Param for Country {
    fn value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self.0))
    }
}

impl Column for Country {
    fn read(cell: Cell<'_>) -> merak_store::Result<Self> {
        let code = cell.text()?;
        Self::parse(code).ok_or_else(|| undecodable(format_args!("{code:?} is not a country")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_249_countries_in_order() {
        let all: Vec<Country> = Country::all().collect();
        assert_eq!(all.len(), 249);
        assert!(all.is_sorted_by(|one, next| one < next));
        assert!(all.iter().all(|c| c.0.len() == 2 && c.0.bytes().all(|b| b.is_ascii_uppercase())));
    }

    #[test]
    fn a_code_is_read_in_any_case_and_written_in_capitals() {
        for country in Country::all() {
            assert_eq!(Country::parse(&country.as_str().to_lowercase()), Some(country));
        }
        assert_eq!(serde_json::to_string(&Country::parse("fR")).unwrap(), "\"FR\"");
        for wrong in ["", " ", "F", "XX", "UK", "FRA", "D ", "É"] {
            assert_eq!(Country::parse(wrong), None, "{wrong}");
        }
        assert!(serde_json::from_str::<Country>("\"EU\"").is_err());
    }
}
