//! Tax numbers, the registers they belong to, and what a right number looks like.
//!
//! A register whose numbers can be checked has a function in the file of its part of the world, which [`TaxId::parse`]
//! finds by the match in here. `places` says which registers a country has.

mod americas;
mod checksum;
mod elsewhere;
mod european_union;
mod format;
mod persons;
mod places;
mod spain;
#[cfg(test)]
mod tests;

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

    /// Whether somebody in this country can give a number that is accepted.
    pub fn is_asked_in(country: Country) -> bool {
        places::formats_of(country).iter().any(|format| check_of(*format).is_some())
    }

    /// The member state of the European Union that gave the number out, if it is a right one of such a state.
    pub fn member_state(&self) -> Option<Country> {
        if self.1 != TaxIdFormat::EuVat {
            return None;
        }
        let number = checked(&self.0, self.1)?;
        Country::parse(european_union::member_state(&number)?)
    }
}

/// The number in the register's spelling, if length, letters and check digits are right. Registers whose numbers cannot be
/// checked accept none.
fn checked(number: &str, format: TaxIdFormat) -> Option<String> {
    if number.len() > LONGEST {
        return None;
    }
    check_of(format)?(&checksum::compact(number)?)
}

/// Gives a number without signs in a register's spelling, if it is a right one.
type Check = fn(&str) -> Option<String>;

/// What checks the numbers of a register, if they can be checked.
fn check_of(format: TaxIdFormat) -> Option<Check> {
    use TaxIdFormat as Of;
    let check: Check = match format {
        Of::EuVat => european_union::eu_vat,
        Of::EsCif => |number| spain::is_cif(number)?.then(|| number.to_owned()),
        Of::HrOib => |number| european_union::croatia(number)?.then(|| number.to_owned()),
        Of::AdNrt => elsewhere::ad_nrt,
        Of::AuAbn => elsewhere::au_abn,
        Of::ChUid => elsewhere::ch_uid,
        Of::ChVat => elsewhere::ch_vat,
        Of::GbVat => elsewhere::gb_vat,
        Of::IdNpwp => elsewhere::id_npwp,
        Of::IlVat => elsewhere::il_vat,
        Of::InGst => elsewhere::in_gst,
        Of::IsVat => elsewhere::is_vat,
        Of::JpCn => elsewhere::jp_cn,
        Of::KePin => elsewhere::ke_pin,
        Of::KrBrn => elsewhere::kr_brn,
        Of::NoVat => elsewhere::no_vat,
        Of::NzGst => elsewhere::nz_gst,
        Of::RsPib => elsewhere::rs_pib,
        Of::RuInn => elsewhere::ru_inn,
        Of::SgUen => elsewhere::sg_uen,
        Of::ThVat => elsewhere::th_vat,
        Of::TwVat => elsewhere::tw_vat,
        Of::ArCuit => americas::ar_cuit,
        Of::BrCnpj => americas::br_cnpj,
        Of::BrCpf => americas::br_cpf,
        Of::CaBn => americas::ca_bn,
        Of::ClTin => americas::cl_tin,
        Of::CoNit => americas::co_nit,
        Of::EcRuc => americas::ec_ruc,
        Of::MxRfc => americas::mx_rfc,
        Of::PeRuc => americas::pe_ruc,
        Of::SvNit => americas::sv_nit,
        Of::UsEin => americas::us_ein,
        Of::VeRif => americas::ve_rif,
        _ => return None,
    };
    Some(check)
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
