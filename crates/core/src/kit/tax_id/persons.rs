//! Numbers of persons that are tax numbers too. They hold the day of birth.

use super::checksum::{digits, divides, is_date, value, weighted};

/// Bulgaria: year, month and day; 20 more in the month means the nineteenth century, 40 more the twenty-first.
pub(super) fn bulgaria(all: &[u32; 10]) -> bool {
    let (year, month) = (value(&all[..2]), value(&all[2..4]));
    let (century, month) = match month {
        41.. => (2000, month - 40),
        21.. => (1800, month - 20),
        _ => (1900, month),
    };
    let check = weighted(&all[..9], &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10;
    check == all[9] && is_date(century + year, month, value(&all[4..6]))
}

/// Czechia and Slovakia: year, month and day, 50 more in the month for women, and 20 more when a day's numbers have run out.
/// Those born before 1954 have nine digits, of which none is a check digit.
pub(super) fn czechia(number: &str) -> Option<bool> {
    let is_long = number.len() == 10;
    let all: [u32; 10] = digits(&format!("{number:0<10}")).filter(|_| is_long || number.len() == 9)?;
    let century = match (is_long, value(&all[..2])) {
        (false, 54..80) => return Some(false),
        (false, 80..) => 1800,
        (true, ..54) => 2000,
        _ => 1900,
    };
    let (year, month) = (century + value(&all[..2]), value(&all[2..4]) % 50 % 20);
    let is_checked = divides(11, &all) || value(&all[..9]) % 11 % 10 == u64::from(all[9]);
    Some(is_date(year, month, value(&all[4..6])) && (!is_long || is_checked))
}

/// Latvia: day, month, year, century; numbers that begin with 32 hold no day.
pub(super) fn latvia(all: &[u32; 11]) -> bool {
    let sum = 1 + weighted(&all[..10], &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9]);
    let year = 1800 + 100 * u64::from(all[6]) + value(&all[4..6]);
    let is_born = value(&all[..2]) == 32 || is_date(year, value(&all[2..4]), value(&all[..2]));
    is_born && sum % 11 % 10 == all[10]
}

/// Romania: sex and century, year, month, day, county, number.
pub(super) fn romania(all: &[u32; 13]) -> bool {
    let century = match all[0] {
        3 | 4 => 1800,
        5 | 6 => 2000,
        1 | 2 | 7 | 8 | 9 => 1900,
        _ => return false,
    };
    let check = match weighted(&all[..12], &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11 {
        10 => 1,
        check => check,
    };
    let is_county = matches!(value(&all[7..9]), 1..=48 | 51 | 52 | 70 | 80..=83);
    is_county
        && check == all[12]
        && is_date(century + value(&all[1..3]), value(&all[3..5]), value(&all[5..7]))
}
