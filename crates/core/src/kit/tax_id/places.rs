//! Which registers a country has, in the order in which a number is tried.

use super::TaxIdFormat::{self, *};
use crate::kit::Country;

/// The registers of a country, the first to be tried first; none if nobody has tax numbers there that we know.
pub(super) fn formats_of(country: Country) -> &'static [TaxIdFormat] {
    match country.as_str() {
        "AT" | "BE" | "CY" | "CZ" | "DK" | "EE" | "FI" | "FR" | "GR" | "IE" | "IT" | "LT" | "LU" | "LV"
        | "MT" | "NL" | "PL" | "PT" | "SE" | "SK" => &[EuVat],
        "DE" => &[DeStn, EuVat],
        "BG" => &[BgUic, EuVat],
        "ES" => &[EsCif, EuVat],
        "HR" => &[HrOib, EuVat],
        "HU" => &[HuTin, EuVat],
        "RO" => &[RoTin, EuVat],
        "SI" => &[SiTin, EuVat],
        "GB" => &[GbVat],
        "IS" => &[IsVat],
        "NO" => &[NoVat, NoVoec],
        "CH" => &[ChUid, ChVat],
        "LI" => &[LiUid],
        "AD" => &[AdNrt],
        "RS" => &[RsPib],
        "RU" => &[RuInn, RuKpp],
        "UA" => &[UaVat],
        "GE" => &[GeVat],
        "TR" => &[TrTin],
        "US" => &[UsEin],
        "CA" => &[CaBn, CaGstHst, CaPstBc, CaPstMb, CaPstSk, CaQst],
        "MX" => &[MxRfc],
        "AR" => &[ArCuit],
        "BO" => &[BoTin],
        "BR" => &[BrCnpj, BrCpf],
        "CL" => &[ClTin],
        "CO" => &[CoNit],
        "CR" => &[CrTin],
        "DO" => &[DoRcn],
        "EC" => &[EcRuc],
        "PE" => &[PeRuc],
        "SV" => &[SvNit],
        "UY" => &[UyRuc],
        "VE" => &[VeRif],
        "AU" => &[AuAbn, AuArn],
        "NZ" => &[NzGst],
        "JP" => &[JpCn, JpRn, JpTrn],
        "KR" => &[KrBrn],
        "TW" => &[TwVat],
        "SG" => &[SgGst, SgUen],
        "ID" => &[IdNpwp],
        "CN" => &[CnTin],
        "HK" => &[HkBr],
        "IN" => &[InGst],
        "MY" => &[MyFrp, MyItn, MySst],
        "PH" => &[PhTin],
        "TH" => &[ThVat],
        "VN" => &[VnTin],
        "KZ" => &[KzBin],
        "IL" => &[IlVat],
        "AE" => &[AeTrn],
        "BH" => &[BhVat],
        "OM" => &[OmVat],
        "SA" => &[SaVat],
        "EG" => &[EgTin],
        "KE" => &[KePin],
        "NG" => &[NgTin],
        "ZA" => &[ZaVat],
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
            assert_eq!(is_somewhere, *format != EuOssVat, "{format}");
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
