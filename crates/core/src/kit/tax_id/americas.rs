//! Registers of the Americas.

use super::checksum::{digits, is_date, is_luhn, letter, place, value, weighted};

/// United States: nine digits, of which the first two are a campus that gives numbers out.
pub(super) fn us_ein(number: &str) -> Option<String> {
    let all: [u32; 9] = digits(number)?;
    let is_campus = !matches!(
        value(&all[..2]),
        0 | 7..=9 | 17..=19 | 28 | 29 | 49 | 69 | 70 | 78 | 79 | 89 | 96 | 97
    );
    is_campus.then(|| number.to_owned())
}

/// Canada: nine digits by Luhn; then perhaps two letters of an account and its four digits.
pub(super) fn ca_bn(number: &str) -> Option<String> {
    let (firm, account) = number.split_at_checked(9)?;
    if !account.is_empty() {
        let kind = ["RC", "RM", "RP", "RT", "RR", "RZ"].iter().find_map(|kind| account.strip_prefix(kind))?;
        digits::<4>(kind)?;
    }
    is_luhn(&digits::<9>(firm)?).then(|| number.to_owned())
}

/// Mexico: three letters of a firm or four of a person, a day, and three signs.
pub(super) fn mx_rfc(number: &str) -> Option<String> {
    let letters = match number.chars().count() {
        12 => 3,
        13 => 4,
        _ => return None,
    };
    let (name, rest) = number.split_at_checked(number.char_indices().nth(letters)?.0)?;
    let (date, _) = rest.split_at_checked(6)?;
    let date: [u32; 6] = digits(date)?;
    let year = value(&date[..2]);
    // Years below 25 are of this century for firms that are younger than it; either way the day must have been.
    let is_day =
        [1900, 2000].iter().any(|begin| is_date(begin + year, value(&date[2..4]), value(&date[4..])));
    (is_day && name.chars().all(|sign| sign.is_ascii_uppercase() || matches!(sign, '&' | 'Ñ')))
        .then(|| number.to_owned())
}

/// Argentina: eleven digits that begin with a kind.
pub(super) fn ar_cuit(number: &str) -> Option<String> {
    let all: [u32; 11] = digits(number)?;
    let is_kind = matches!(value(&all[..2]), 20 | 23 | 24 | 27 | 30 | 33 | 34 | 50 | 51 | 55);
    let check = match 11 - weighted(&all[..10], &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11 {
        11 => 0,
        10 => 9,
        check => check,
    };
    (is_kind && check == all[10]).then(|| number.to_owned())
}

/// Brazil, firms: fourteen digits, the last two of which are check digits.
pub(super) fn br_cnpj(number: &str) -> Option<String> {
    const WEIGHTS: [u32; 13] = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];
    let all: [u32; 14] = digits(number)?;
    let check = |digits: &[u32], weights: &[u32]| (11 - weighted(digits, weights) % 11) % 11 % 10;
    let is_right = check(&all[..12], &WEIGHTS[1..]) == all[12] && check(&all[..13], &WEIGHTS) == all[13];
    (is_right && value(&all[..8]) > 0).then(|| number.to_owned())
}

/// Brazil, persons: eleven digits, the last two of which are check digits.
pub(super) fn br_cpf(number: &str) -> Option<String> {
    const WEIGHTS: [u32; 10] = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2];
    let all: [u32; 11] = digits(number)?;
    let check = |digits: &[u32], weights: &[u32]| (11 - weighted(digits, weights) % 11) % 11 % 10;
    let is_right = check(&all[..9], &WEIGHTS[1..]) == all[9] && check(&all[..10], &WEIGHTS) == all[10];
    (is_right && value(&all) > 0).then(|| number.to_owned())
}

/// Chile: seven or eight digits and a sign, where K stands for ten.
pub(super) fn cl_tin(number: &str) -> Option<String> {
    let number = number.strip_prefix("CL").unwrap_or(number);
    let (body, check) = number.split_at_checked(number.len().checked_sub(1)?)?;
    let all: [u32; 8] = digits(&format!("{body:0>8}")).filter(|_| body.len() >= 7)?;
    let sum = weighted(&all, &[3, 2, 7, 6, 5, 4, 3, 2]);
    (letter("0123456789K", (11 - sum % 11) % 11)? == check.chars().next()?).then(|| number.to_owned())
}

/// Colombia: eight to sixteen digits, weighted from the right.
pub(super) fn co_nit(number: &str) -> Option<String> {
    const WEIGHTS: [u32; 15] = [71, 67, 59, 53, 47, 43, 41, 37, 29, 23, 19, 17, 13, 7, 3];
    if number.len() < 8 {
        return None;
    }
    let all: [u32; 16] = digits(&format!("{number:0>16}"))?;
    let check = match weighted(&all[..15], &WEIGHTS) % 11 {
        rest @ (0 | 1) => rest,
        rest => 11 - rest,
    };
    (check == all[15]).then(|| number.to_owned())
}

/// Ecuador: thirteen digits that begin with a province; persons, public bodies and firms each have check digits of their
/// own, and end with the number of an establishment.
pub(super) fn ec_ruc(number: &str) -> Option<String> {
    let all: [u32; 13] = digits(number)?;
    let is_person = || {
        let doubled: [u32; 10] = digits(&number[..10]).unwrap_or_default();
        is_luhn(&doubled) && value(&all[10..]) > 0
    };
    let is_public =
        || weighted(&all, &[3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11) && value(&all[9..]) > 0;
    let is_firm =
        || weighted(&all, &[4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11) && value(&all[10..]) > 0;
    let is_right = matches!(value(&all[..2]), 1..=24 | 30 | 50)
        && match all[2] {
            0..6 => is_person(),
            6 => is_public() || is_person(),
            9 => is_firm() || is_public(),
            _ => false,
        };
    is_right.then(|| number.to_owned())
}

/// Peru: eleven digits that begin with a kind.
pub(super) fn pe_ruc(number: &str) -> Option<String> {
    let all: [u32; 11] = digits(number)?;
    let is_kind = matches!(value(&all[..2]), 10 | 15 | 17 | 20);
    let check = (11 - weighted(&all[..10], &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 10;
    (is_kind && check == all[10]).then(|| number.to_owned())
}

/// El Salvador: fourteen digits; the sum is another one from the serial number 101 on.
pub(super) fn sv_nit(number: &str) -> Option<String> {
    let number = number.strip_prefix("SV").unwrap_or(number);
    let all: [u32; 14] = digits(number)?;
    let check = if value(&all[10..13]) <= 100 {
        weighted(&all[..13], &[14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11 % 10
    } else {
        (11 - weighted(&all[..13], &[2, 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11 % 10
    };
    (matches!(all[0], 0 | 1 | 9) && check == all[13]).then(|| number.to_owned())
}

/// Venezuela: a letter for the kind, nine digits.
pub(super) fn ve_rif(number: &str) -> Option<String> {
    let mut signs = number.chars();
    let kind = 4 * (1 + place("VEJPG", signs.next()?)?);
    let all: [u32; 9] = digits(signs.as_str())?;
    let check = match (kind + weighted(&all[..8], &[3, 2, 7, 6, 5, 4, 3, 2])) % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    };
    (check == all[8]).then(|| number.to_owned())
}
