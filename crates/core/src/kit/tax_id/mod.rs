//! Tax numbers, the registers they belong to, and what a right number looks like.
//!
//! A register has a validator in the file of its continent, if numbers of it can be checked at all; `checked` in here
//! names it. `places` says which registers a country has.

mod checksum;
mod format;
mod places;
mod world;

use std::borrow::Cow;

use merak_store::{Cell, Column, Param, Value};
use serde::{Deserialize, Serialize};

pub use self::format::TaxIdFormat;
use super::Country;
use super::text_enum::undecodable;

/// How many characters a tax number is typed with at most. The longest one has fifteen, besides spaces and dashes.
const LONGEST: usize = 64;

/// A tax number and its register, kept as it was given. On the wire and in the store it is a pair:
/// `["FR61954506077","eu_vat"]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxId(
    /// The number.
    pub String,
    /// The register.
    pub TaxIdFormat,
);

impl TaxId {
    /// Reads a number as somebody in this country types it: the first register of the country that accepts it wins, and the
    /// number is kept in its spelling. None if no register accepts it.
    pub fn parse(number: &str, country: Country) -> Option<Self> {
        let formats = places::formats_of(country);
        formats.iter().find_map(|&format| Some(Self(checked(number, format)?, format)))
    }
}

/// The number in the register's spelling, if length, letters and check digits are right. Registers whose numbers cannot be
/// checked accept none.
fn checked(number: &str, format: TaxIdFormat) -> Option<String> {
    if number.len() > LONGEST {
        return None;
    }
    world::checked(number, format)
}

impl Param for TaxId {
    fn value(&self) -> Value<'_> {
        let json = serde_json::to_string(self).expect("two texts are always JSON");
        Value::Json(Cow::Owned(json))
    }
}

impl Column for TaxId {
    fn read(cell: Cell<'_>) -> merak_store::Result<Self> {
        serde_json::from_str(cell.json()?).map_err(undecodable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tax_number_is_a_pair_on_the_wire() {
        let json = r#"["FR61954506077","eu_vat"]"#;
        let tax_id: TaxId = serde_json::from_str(json).unwrap();
        assert_eq!(tax_id, TaxId("FR61954506077".into(), TaxIdFormat::EuVat));
        assert_eq!(serde_json::to_string(&tax_id).unwrap(), json);
        for wrong in [r#"["1"]"#, r#"["1","eu_vat","2"]"#, r#"["1","xx_vat"]"#, r#"[1,"eu_vat"]"#, "{}"] {
            assert!(serde_json::from_str::<TaxId>(wrong).is_err(), "{wrong}");
        }
    }
}
