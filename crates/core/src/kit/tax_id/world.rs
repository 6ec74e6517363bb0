//! Registers outside of the European Union.

use super::TaxIdFormat;
use super::checksum::{compact, digits, value, weighted};

/// The number in the register's spelling, if it can be one.
pub(super) fn checked(number: &str, format: TaxIdFormat) -> Option<String> {
    let number = compact(number)?;
    match format {
        TaxIdFormat::GbVat => gb_vat(&number),
        _ => None,
    }
}

/// United Kingdom: nine digits, of which the last two make a weighted sum divisible by 97, or do so 55 above.
fn gb_vat(number: &str) -> Option<String> {
    let number = number.strip_prefix("GB").unwrap_or(number);
    let all: [u32; 9] = digits(number)?;
    let sum = u64::from(weighted(&all[..7], &[8, 7, 6, 5, 4, 3, 2])) + value(&all[7..]);
    (sum % 97 == 0 || (sum + 55) % 97 == 0).then(|| number.to_owned())
}
