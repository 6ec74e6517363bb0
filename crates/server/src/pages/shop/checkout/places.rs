//! What the form asks for in a country, and what people there call it.

use merak_core::kit::{Country, TaxId};
use merak_core::taxes::is_in_european_union;

/// A line of an address: its name, its label, and whether it must be there.
pub type LineOf = (&'static str, &'static str, bool);

/// The lines of an address that are asked for in a country, in the order in which people there write them.
pub const fn lines(country: Option<Country>) -> &'static [LineOf] {
    const US: &[LineOf] = &[
        ("line1", "Address", true),
        ("line2", "Apartment or suite", false),
        ("city", "City", true),
        ("state", "State", true),
        ("postal_code", "ZIP code", true),
    ];
    const CA: &[LineOf] = &[
        ("line1", "Address", false),
        ("city", "City", false),
        ("state", "Province", true),
        ("postal_code", "Postal code", false),
    ];
    const AU: &[LineOf] = &[
        ("line1", "Address", false),
        ("city", "Suburb or town", false),
        ("state", "State or territory", false),
        ("postal_code", "Postcode", false),
    ];
    const BR: &[LineOf] = &[
        ("line1", "Address", false),
        ("city", "City", false),
        ("state", "State", false),
        ("postal_code", "Postal code (CEP)", false),
    ];
    const IN: &[LineOf] = &[
        ("line1", "Address", false),
        ("city", "City", false),
        ("state", "State", false),
        ("postal_code", "PIN code", false),
    ];
    const JP: &[LineOf] = &[
        ("postal_code", "Postal code", false),
        ("state", "Prefecture", false),
        ("city", "City", false),
        ("line1", "Address", false),
    ];
    const MX: &[LineOf] = &[
        ("line1", "Address", false),
        ("postal_code", "Postal code", false),
        ("city", "City", false),
        ("state", "State", false),
    ];
    const OTHER: &[LineOf] =
        &[("line1", "Address", false), ("postal_code", "Postal code", false), ("city", "City", false)];
    match country {
        None => &[],
        Some(country) => match country.as_str().as_bytes() {
            b"US" => US,
            b"CA" => CA,
            b"AU" => AU,
            b"BR" => BR,
            b"IN" => IN,
            b"JP" => JP,
            b"MX" => MX,
            _ => OTHER,
        },
    }
}

/// What the number is called that businesses in a country have for taxes; nothing where none would be accepted.
pub fn tax_number(country: Country) -> Option<&'static str> {
    if !TaxId::is_asked_in(country) {
        return None;
    }
    if is_in_european_union(country) {
        return Some("VAT number");
    }
    Some(match country.as_str() {
        "GB" | "NO" | "IS" | "IL" => "VAT number",
        "CH" => "UID or VAT number",
        "AD" => "NRT",
        "RS" => "PIB",
        "RU" => "INN",
        "US" => "EIN",
        "CA" => "Business number",
        "MX" => "RFC",
        "AR" => "CUIT",
        "BR" => "CNPJ or CPF",
        "CL" => "RUT",
        "CO" | "SV" => "NIT",
        "EC" | "PE" => "RUC",
        "VE" => "RIF",
        "AU" => "ABN",
        "NZ" => "GST number",
        "IN" => "GSTIN",
        "JP" => "Corporate number",
        "KR" => "Business registration number",
        "TW" => "Unified business number",
        "SG" => "UEN",
        "ID" => "NPWP",
        "KE" => "KRA PIN",
        _ => "Tax ID",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(code: &str) -> Option<&'static str> {
        tax_number(Country::parse(code).unwrap())
    }

    #[test]
    fn a_tax_number_is_called_as_people_call_it_and_asked_for_where_one_can_be_right() {
        for (code, called) in [
            ("FR", Some("VAT number")),
            ("GB", Some("VAT number")),
            ("US", Some("EIN")),
            ("AU", Some("ABN")),
            ("IN", Some("GSTIN")),
            ("BR", Some("CNPJ or CPF")),
            ("TH", Some("Tax ID")),
            // There is a register, but none of its numbers can be checked.
            ("AE", None),
            ("ZA", None),
            ("LI", None),
            // None is known.
            ("GH", None),
        ] {
            assert_eq!(label(code), called, "{code}");
        }
    }

    #[test]
    fn every_line_is_one_of_an_address_and_stands_there_once() {
        for country in Country::all() {
            let mut names: Vec<&str> = lines(Some(country)).iter().map(|(name, ..)| *name).collect();
            let has_all = ["line1", "city", "postal_code"].iter().all(|name| names.contains(name));
            assert!(has_all, "{country}");
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{country}");
        }
    }
}
