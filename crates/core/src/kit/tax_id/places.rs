//! Which registers a country has, in the order in which a number is tried.

use super::TaxIdFormat;
use super::TaxIdFormat as Of;
use crate::kit::Country;

/// The registers of a country, the first to be tried first; none if nobody has tax numbers there that we know.
pub(super) fn formats_of(country: Country) -> &'static [TaxIdFormat] {
    match country.as_str() {
        "AT" | "BE" | "CY" | "CZ" | "DK" | "EE" | "FI" | "FR" | "GR" | "IE" | "IT" | "LT" | "LU" | "LV"
        | "MT" | "NL" | "PL" | "PT" | "SE" | "SK" => &[Of::EuVat],
        "DE" => &[Of::DeStn, Of::EuVat],
        "BG" => &[Of::BgUic, Of::EuVat],
        "ES" => &[Of::EsCif, Of::EuVat],
        "HR" => &[Of::HrOib, Of::EuVat],
        "HU" => &[Of::HuTin, Of::EuVat],
        "RO" => &[Of::RoTin, Of::EuVat],
        "SI" => &[Of::SiTin, Of::EuVat],
        "GB" => &[Of::GbVat],
        "IS" => &[Of::IsVat],
        "NO" => &[Of::NoVat, Of::NoVoec],
        "CH" => &[Of::ChUid, Of::ChVat],
        "LI" => &[Of::LiUid],
        "AD" => &[Of::AdNrt],
        "RS" => &[Of::RsPib],
        "RU" => &[Of::RuInn, Of::RuKpp],
        "UA" => &[Of::UaVat],
        "GE" => &[Of::GeVat],
        "TR" => &[Of::TrTin],
        "US" => &[Of::UsEin],
        "CA" => &[Of::CaBn, Of::CaGstHst, Of::CaPstBc, Of::CaPstMb, Of::CaPstSk, Of::CaQst],
        "MX" => &[Of::MxRfc],
        "AR" => &[Of::ArCuit],
        "BO" => &[Of::BoTin],
        "BR" => &[Of::BrCnpj, Of::BrCpf],
        "CL" => &[Of::ClTin],
        "CO" => &[Of::CoNit],
        "CR" => &[Of::CrTin],
        "DO" => &[Of::DoRcn],
        "EC" => &[Of::EcRuc],
        "PE" => &[Of::PeRuc],
        "SV" => &[Of::SvNit],
        "UY" => &[Of::UyRuc],
        "VE" => &[Of::VeRif],
        "AU" => &[Of::AuAbn, Of::AuArn],
        "NZ" => &[Of::NzGst],
        "JP" => &[Of::JpCn, Of::JpRn, Of::JpTrn],
        "KR" => &[Of::KrBrn],
        "TW" => &[Of::TwVat],
        "SG" => &[Of::SgGst, Of::SgUen],
        "ID" => &[Of::IdNpwp],
        "CN" => &[Of::CnTin],
        "HK" => &[Of::HkBr],
        "IN" => &[Of::InGst],
        "MY" => &[Of::MyFrp, Of::MyItn, Of::MySst],
        "PH" => &[Of::PhTin],
        "TH" => &[Of::ThVat],
        "VN" => &[Of::VnTin],
        "KZ" => &[Of::KzBin],
        "IL" => &[Of::IlVat],
        "AE" => &[Of::AeTrn],
        "BH" => &[Of::BhVat],
        "OM" => &[Of::OmVat],
        "SA" => &[Of::SaVat],
        "EG" => &[Of::EgTin],
        "KE" => &[Of::KePin],
        "NG" => &[Of::NgTin],
        "ZA" => &[Of::ZaVat],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_register_but_that_of_no_country_belongs_to_one() {
        for format in TaxIdFormat::ALL {
            let is_somewhere = Country::all().any(|country| formats_of(country).contains(format));
            assert_eq!(is_somewhere, *format != Of::EuOssVat, "{format}");
        }
    }

    #[test]
    fn the_country_of_a_register_has_it() {
        for format in TaxIdFormat::ALL {
            if let Some(country) = Country::parse(&format.as_str()[..2]) {
                assert!(formats_of(country).contains(format), "{format}");
            }
        }
    }
}
