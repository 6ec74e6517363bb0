//! Numbers that are right, and what one wrong sign does to them.

use proptest::prelude::*;

use super::*;

fn parse(number: &str, country: &str) -> Option<(String, &'static str)> {
    let tax_id = TaxId::parse(number, Country::parse(country)?)?;
    Some((tax_id.0, tax_id.1.as_str()))
}

/// A number as it is typed, where, and how it is kept.
const RIGHT: [(&str, &str, &str, &str); 89] = [
    // spec 30 §5.3 and scenario 73
    ("GB980780684", "GB", "980780684", "gb_vat"),
    ("91-1144442", "US", "911144442", "us_ein"),
    ("DE136695976", "FR", "DE136695976", "eu_vat"),
    ("NL4495445B01", "NL", "NL004495445B01", "eu_vat"),
    ("BE403019261", "BE", "BE0403019261", "eu_vat"),
    ("51 824 753 556", "AU", "51824753556", "au_abn"),
    ("CHE-107.787.577 IVA", "CH", "CHE107787577IVA", "ch_vat"),
    ("CHE-107.787.577", "CH", "CHE107787577", "ch_uid"),
    ("390.533.447-05", "BR", "39053344705", "br_cpf"),
    ("123026635RT0001", "CA", "123026635RT0001", "ca_bn"),
    ("123026635", "CA", "123026635", "ca_bn"),
    ("A13585625", "ES", "A13585625", "es_cif"),
    ("ESA13585625", "ES", "ESA13585625", "eu_vat"),
    ("ES54362315K", "ES", "ES54362315K", "eu_vat"),
    ("NO 995 525 828 MVA", "NO", "995525828MVA", "no_vat"),
    ("EL094259216", "GR", "EL094259216", "eu_vat"),
    ("gr 94259216", "GR", "GR094259216", "eu_vat"),
    // One more for each kind of number in each register.
    ("ATU13585627", "AT", "ATU13585627", "eu_vat"),
    ("BE1028386674", "BE", "BE1028386674", "eu_vat"),
    ("BG175074752", "BG", "BG175074752", "eu_vat"),
    ("BG7523169263", "BG", "BG7523169263", "eu_vat"),
    ("CY10259033P", "CY", "CY10259033P", "eu_vat"),
    ("CZ25123891", "CZ", "CZ25123891", "eu_vat"),
    ("CZ7103192745", "CZ", "CZ7103192745", "eu_vat"),
    ("CZ640903926", "CZ", "CZ640903926", "eu_vat"),
    ("DK13585628", "DK", "DK13585628", "eu_vat"),
    ("EE100931558", "EE", "EE100931558", "eu_vat"),
    ("FI20774740", "FI", "FI20774740", "eu_vat"),
    ("FR40303265045", "FR", "FR40303265045", "eu_vat"),
    ("FRK7399859412", "FR", "FRK7399859412", "eu_vat"),
    ("33392005961", "HR", "33392005961", "hr_oib"),
    ("HR33392005961", "HR", "HR33392005961", "eu_vat"),
    ("HU12892312", "HU", "HU12892312", "eu_vat"),
    ("IE6433435F", "IE", "IE6433435F", "eu_vat"),
    ("IE6433435OA", "IE", "IE6433435OA", "eu_vat"),
    ("IE8D79739I", "IE", "IE8D79739I", "eu_vat"),
    ("IT00743110157", "IT", "IT00743110157", "eu_vat"),
    ("LT119511515", "LT", "LT119511515", "eu_vat"),
    ("LT100001919017", "LT", "LT100001919017", "eu_vat"),
    ("LU15027442", "LU", "LU15027442", "eu_vat"),
    ("LV40003521600", "LV", "LV40003521600", "eu_vat"),
    ("LV16117519997", "LV", "LV16117519997", "eu_vat"),
    ("MT11679112", "MT", "MT11679112", "eu_vat"),
    ("NL123456789B13", "NL", "NL123456789B13", "eu_vat"),
    ("PL8567346215", "PL", "PL8567346215", "eu_vat"),
    ("PT501964843", "PT", "PT501964843", "eu_vat"),
    ("RO18547290", "RO", "RO18547290", "eu_vat"),
    ("RO1630615123457", "RO", "RO1630615123457", "eu_vat"),
    ("SE123456789701", "SE", "SE123456789701", "eu_vat"),
    ("SI50223054", "SI", "SI50223054", "eu_vat"),
    ("SK2022749619", "SK", "SK2022749619", "eu_vat"),
    ("XI980780684", "IE", "XI980780684", "eu_vat"),
    ("GD123", "GB", "GD123", "gb_vat"),
    ("HA599", "GB", "HA599", "gb_vat"),
    ("980780684001", "GB", "980780684001", "gb_vat"),
    ("U-132950-X", "AD", "U132950X", "ad_nrt"),
    ("20119990786", "AR", "20119990786", "ar_cuit"),
    ("87.856.693/5088-26", "BR", "87856693508826", "br_cnpj"),
    ("CHE-107.787.577 MWST", "CH", "CHE107787577MWST", "ch_vat"),
    ("76086428-5", "CL", "760864285", "cl_tin"),
    ("213.123.432-1", "CO", "2131234321", "co_nit"),
    ("1792060346001", "EC", "1792060346001", "ec_ruc"),
    ("1760001550001", "EC", "1760001550001", "ec_ruc"),
    ("0434575924001", "EC", "0434575924001", "ec_ruc"),
    ("01.312.166.0-091.000", "ID", "013121660091000", "id_npwp"),
    ("0013121660091000", "ID", "0013121660091000", "id_npwp"),
    ("516179157", "IL", "516179157", "il_vat"),
    ("27AAPFU0939F1ZV", "IN", "27AAPFU0939F1ZV", "in_gst"),
    ("IS 00621", "IS", "00621", "is_vat"),
    ("5835678256246", "JP", "5835678256246", "jp_cn"),
    ("P051365947M", "KE", "P051365947M", "ke_pin"),
    ("124-81-00998", "KR", "1248100998", "kr_brn"),
    ("GODE 561231 GR8", "MX", "GODE561231GR8", "mx_rfc"),
    ("MAB-930714-8T4", "MX", "MAB9307148T4", "mx_rfc"),
    ("Ñ&A930714 8T4", "MX", "Ñ&A9307148T4", "mx_rfc"),
    ("49-091-850", "NZ", "49091850", "nz_gst"),
    ("136-410-132", "NZ", "136410132", "nz_gst"),
    ("20512333797", "PE", "20512333797", "pe_ruc"),
    ("101134702", "RS", "101134702", "rs_pib"),
    ("7725088527", "RU", "7725088527", "ru_inn"),
    ("123456789047", "RU", "123456789047", "ru_inn"),
    ("00192200M", "SG", "00192200M", "sg_uen"),
    ("197401143C", "SG", "197401143C", "sg_uen"),
    ("T01FC6132D", "SG", "T01FC6132D", "sg_uen"),
    ("0614-050707-104-8", "SV", "06140507071048", "sv_nit"),
    ("3-9699-51977-03-7", "TH", "3969951977037", "th_vat"),
    ("00501503", "TW", "00501503", "tw_vat"),
    ("V-11470283-4", "VE", "V114702834", "ve_rif"),
    ("98‐0123456", "US", "980123456", "us_ein"),
];

#[test]
fn right_numbers_are_kept_in_the_spelling_of_their_register() {
    for (typed, country, number, format) in RIGHT {
        assert_eq!(parse(typed, country), Some((number.to_owned(), format)), "{typed} in {country}");
        let lower = typed.to_lowercase();
        assert_eq!(parse(&lower, country).map(|kept| kept.1), Some(format), "{lower}");
    }
}

#[test]
fn every_register_that_can_be_checked_has_a_right_number_here() {
    let missing: Vec<_> = TaxIdFormat::ALL
        .iter()
        .filter(|format| RIGHT.iter().all(|right| right.3 != format.as_str()))
        .map(|format| format.as_str())
        .collect();
    let unchecked = "ae_trn au_arn bg_uic bh_vat bo_tin ca_gst_hst ca_pst_bc ca_pst_mb ca_pst_sk ca_qst cn_tin cr_tin de_stn \
                     do_rcn eg_tin eu_oss_vat ge_vat hk_br hu_tin jp_rn jp_trn kz_bin li_uid my_frp my_itn my_sst ng_tin \
                     no_voec om_vat ph_tin ro_tin ru_kpp sa_vat sg_gst si_tin tr_tin ua_vat uy_ruc vn_tin za_vat";
    assert_eq!(missing.join(" "), unchecked.split_whitespace().collect::<Vec<_>>().join(" "));
}

/// Registers whose check digit does not find every wrong digit: there is none, or it says the same of two digits.
const WEAK: [&str; 6] = ["ad_nrt", "id_npwp", "is_vat", "ke_pin", "mx_rfc", "us_ein"];

#[test]
fn a_number_with_one_wrong_digit_is_refused() {
    for (_, country, number, format) in RIGHT {
        if WEAK.contains(&format) || number.len() < 8 {
            continue;
        }
        let mut accepted = 0;
        let digits: Vec<usize> =
            (0..number.len()).filter(|&at| number.as_bytes()[at].is_ascii_digit()).collect();
        for &at in &digits {
            for digit in '0'..='9' {
                let mut wrong = number.to_owned();
                wrong.replace_range(at..=at, &digit.to_string());
                let is_other = wrong != number;
                accepted +=
                    usize::from(is_other && parse(&wrong, country).is_some_and(|kept| kept.1 == format));
            }
        }
        // Numbers of an account, a branch or a member have no check digits, and sums by ten or less miss some.
        let most = if matches!(format, "ca_bn" | "ec_ruc" | "gb_vat" | "sv_nit" | "co_nit" | "tw_vat") {
            5
        } else {
            10
        };
        assert!(accepted * most <= digits.len() * 9 * 2, "{number} {format}: {accepted}");
    }
}

#[test]
fn wrong_numbers_are_refused() {
    for (typed, country) in [
        // scenario 73
        ("123", "FR"),
        ("FR11111111111", "FR"),
        ("GB980780684", "FR"),
        ("GB980780684", "foo"),
        ("980780684", "FR"),
        ("", "FR"),
        ("07-1144442", "US"),
        ("911144442", "FR"),
        ("54362315K", "ES"),
        ("995525828", "NO"),
        ("NO 995 525 827 MVA", "NO"),
        ("U13585627", "AT"),
        ("DE136695977", "DE"),
        ("NL000000000B00", "NL"),
        ("00000000000", "BR"),
        ("0614-050707-104-9", "SV"),
        ("CHE-107.787.577 XYZ", "CH"),
        ("DE136695976 FR", "DE"),
        ("DE13669597６", "DE"),
        // Registers that cannot be checked accept nothing, and some countries have none.
        ("123456789012345", "AE"),
        ("123456789", "HK"),
        ("123456789", "AQ"),
    ] {
        assert_eq!(parse(typed, country), None, "{typed} in {country}");
    }
}

#[test]
fn a_number_of_the_union_says_which_member_state_gave_it_out() {
    let of = |number: &str, format| TaxId(number.into(), format).member_state().map(Country::as_str);
    assert_eq!(of("DE136695976", TaxIdFormat::EuVat), Some("DE"));
    assert_eq!(of("el 094259216", TaxIdFormat::EuVat), Some("GR"));
    assert_eq!(of("GR094259216", TaxIdFormat::EuVat), Some("GR"));
    // What was stored unchecked is checked here; Northern Ireland is no member state; a number at home is none of the Union.
    assert_eq!(of("DE136695977", TaxIdFormat::EuVat), None);
    assert_eq!(of("XI980780684", TaxIdFormat::EuVat), None);
    assert_eq!(of("33392005961", TaxIdFormat::HrOib), None);
}

#[test]
fn a_number_is_asked_for_where_a_right_one_exists() {
    for (_, country, number, _) in RIGHT {
        assert!(TaxId::is_asked_in(Country::parse(country).unwrap()), "{country}: {number}");
    }
    for code in ["AE", "ZA", "LI", "GH"] {
        assert!(!TaxId::is_asked_in(Country::parse(code).unwrap()), "{code}");
    }
}

proptest! {
    #[test]
    fn nothing_that_is_typed_breaks_it(text in "\\PC{0,40}", at in 0usize..249) {
        let country = Country::all().nth(at).unwrap();
        if let Some(kept) = TaxId::parse(&text, country) {
            prop_assert_eq!(TaxId::parse(&kept.0, country), Some(kept));
        }
    }

    #[test]
    fn nothing_like_a_number_breaks_it(text in "[A-Z]{0,4}[0-9ÑÄ&]{0,14}[A-Z0-9]{0,4}", at in 0usize..249) {
        let country = Country::all().nth(at).unwrap();
        if let Some(kept) = TaxId::parse(&text, country) {
            prop_assert_eq!(TaxId::parse(&kept.0, country), Some(kept));
        }
    }

    #[test]
    fn every_validator_bears_every_text(text in "\\PC{0,20}|[A-Z0-9é]{0,18}") {
        for format in TaxIdFormat::ALL {
            if let Some(kept) = checked(&text, *format) {
                prop_assert_eq!(checked(&kept, *format), Some(kept.clone()));
            }
        }
    }

    #[test]
    fn separators_and_letter_case_do_not_matter(at in 0..RIGHT.len(), separators in "[ .-]{0,3}") {
        let (_, country, number, format) = RIGHT[at];
        let typed = number.to_lowercase().chars().flat_map(|sign| [sign.to_string(), separators.clone()]).collect::<String>();
        prop_assert_eq!(parse(&typed, country), Some((number.to_owned(), format)));
    }
}
