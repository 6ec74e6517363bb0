//! The taxes that the options ask for.

use std::fs;

use merak_core::kit::Country;
use merak_core::taxes::engines::rates::Rates;
use merak_core::taxes::{RateTable, Registration, TaxSettings};

use crate::failure::Failure;
use crate::options::{Options, TaxKind};

/// Errs if the options do not make sense together, or name no places. The file of rates is not read.
pub fn check(options: &Options) -> Result<(), Failure> {
    let of_rates = [
        (options.tax_seller_country.is_some(), "--tax-seller-country"),
        (!options.tax_registration.is_empty(), "--tax-registration"),
        (options.tax_rates.is_some(), "--tax-rates"),
        (options.tax_inclusive, "--tax-inclusive"),
    ];
    let first = of_rates.iter().find(|(is_given, _)| *is_given);
    if let (None | Some(TaxKind::None), Some((_, option))) = (options.taxes, first) {
        return Err(Failure::usage(format!("{option} needs --taxes rates")));
    }
    seller_country(options)?;
    registrations(options).map(drop)
}

/// What a server is told about taxes. The file of rates is read.
pub fn settings(options: &Options) -> Result<TaxSettings, Failure> {
    match options.taxes {
        None | Some(TaxKind::None) => Ok(TaxSettings::None),
        Some(TaxKind::Rates) => Ok(TaxSettings::Rates(Rates {
            table: table(options)?,
            seller_country: seller_country(options)?,
            registrations: registrations(options)?,
            is_inclusive: options.tax_inclusive,
        })),
    }
}

fn table(options: &Options) -> Result<RateTable, Failure> {
    let table = RateTable::shipped();
    let Some(path) = &options.tax_rates else { return Ok(table) };
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("--tax-rates: cannot read {}: {error}", path.display())))?;
    table.with(&text).map_err(|problem| Failure::usage(format!("--tax-rates: {}, {problem}", path.display())))
}

fn seller_country(options: &Options) -> Result<Option<Country>, Failure> {
    let Some(code) = &options.tax_seller_country else { return Ok(None) };
    let unknown = || Failure::usage(format!("--tax-seller-country: {code} is no country; write two letters"));
    Country::parse(code).map(Some).ok_or_else(unknown)
}

fn registrations(options: &Options) -> Result<Option<Vec<Registration>>, Failure> {
    let read =
        |text: &String| text.parse().map_err(|error| Failure::usage(format!("--tax-registration: {error}")));
    match options.tax_registration.as_slice() {
        [] => Ok(None),
        texts => texts.iter().map(read).collect::<Result<_, _>>().map(Some),
    }
}
