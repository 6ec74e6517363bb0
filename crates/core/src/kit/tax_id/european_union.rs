//! VAT numbers of the member states of the European Union.

use super::checksum::{digits, divides, is_luhn, is_mod_11_10, letter, place, value, weighted};
use super::{elsewhere, persons, spain};

/// The number in the register's spelling, whatever member state it is of, or of Northern Ireland, which takes part for goods.
/// The two letters of the state must be there; of Greece's two spellings the one that was typed stays.
pub(super) fn eu_vat(number: &str) -> Option<String> {
    let (state, national) = number.split_at_checked(2)?;
    let national = of_member_state(state, national)?;
    Some(format!("{state}{national}"))
}

/// The code of the member state that a number in the register's spelling begins with.
pub(super) fn member_state(number: &str) -> Option<&str> {
    Some(match number.get(..2)? {
        "EL" => "GR",
        state => state,
    })
}

fn of_member_state(state: &str, number: &str) -> Option<String> {
    let padded = match (state, number.len()) {
        ("BE", 9) | ("EL" | "GR", 8) => format!("0{number}"),
        ("NL", 5..12) => format!("{number:0>12}"),
        _ => number.to_owned(),
    };
    let number = padded.as_str();
    let is_right = match state {
        "AT" => austria(number),
        "BE" => belgium(number),
        "BG" => bulgaria(number),
        "CY" => cyprus(number),
        "CZ" => czechia(number),
        "DE" => germany(number),
        "DK" => denmark(number),
        "EE" => estonia(number),
        "EL" | "GR" => greece(number),
        "ES" => spain::is_nif(number),
        "FI" => finland(number),
        "FR" => france(number),
        "HR" => croatia(number),
        "HU" => hungary(number),
        "IE" => ireland(number),
        "IT" => italy(number),
        "LT" => lithuania(number),
        "LU" => luxembourg(number),
        "LV" => latvia(number),
        "MT" => malta(number),
        "NL" => netherlands(number),
        "PL" => poland(number),
        "PT" => portugal(number),
        "RO" => romania(number),
        "SE" => sweden(number),
        "SI" => slovenia(number),
        "SK" => slovakia(number),
        "XI" => Some(elsewhere::gb_vat(number)? == number),
        _ => None,
    };
    is_right.filter(|is_right| *is_right).map(|_| padded)
}

/// U and eight digits; Luhn's sum of the first seven and 4.
fn austria(number: &str) -> Option<bool> {
    let all: [u32; 8] = digits(number.strip_prefix('U')?)?;
    let sum: u32 = (0..7).map(|at| if at % 2 == 0 { all[at] } else { all[at] / 5 + all[at] * 2 % 10 }).sum();
    Some((sum + 4 + all[7]).is_multiple_of(10))
}

/// Ten digits, the first 0 or 1; the last two complete the others to a multiple of 97.
fn belgium(number: &str) -> Option<bool> {
    let all: [u32; 10] = digits(number)?;
    Some(all[0] < 2 && value(&all) > 0 && (value(&all[..8]) + value(&all[8..])).is_multiple_of(97))
}

/// Nine digits of a firm, or ten of a person or of others.
fn bulgaria(number: &str) -> Option<bool> {
    if number.len() == 10 {
        let all: [u32; 10] = digits(number)?;
        let other = 11 - weighted(&all[..9], &[4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
        let foreigner = weighted(&all[..9], &[21, 19, 17, 13, 11, 9, 7, 3, 1]) % 10;
        return Some(persons::bulgaria(&all) || foreigner == all[9] || other % 11 == all[9]);
    }
    let all: [u32; 9] = digits(number)?;
    let check = match weighted(&all[..8], &[1, 2, 3, 4, 5, 6, 7, 8]) % 11 {
        10 => weighted(&all[..8], &[3, 4, 5, 6, 7, 8, 9, 10]) % 11 % 10,
        check => check,
    };
    Some(check == all[8])
}

/// Eight digits and a letter. Digits in odd places count by a table of their own.
fn cyprus(number: &str) -> Option<bool> {
    const ODD: [u32; 10] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
    let (number, check) = number.split_at_checked(8)?;
    let all: [u32; 8] = digits(number)?;
    let sum: u32 = (0..8).map(|at| if at % 2 == 0 { ODD[all[at] as usize] } else { all[at] }).sum();
    let expected = letter("ABCDEFGHIJKLMNOPQRSTUVWXYZ", sum % 26);
    Some(!number.starts_with("12") && check.chars().eq(expected))
}

/// Eight digits of a firm, nine or ten of a person's birth number, or nine beginning with 6 of other persons.
fn czechia(number: &str) -> Option<bool> {
    match number.len() {
        8 => {
            let all: [u32; 8] = digits(number)?;
            let check = (11 - weighted(&all[..7], &[8, 7, 6, 5, 4, 3, 2]) % 11) % 10;
            Some(all[0] != 9 && check == all[7])
        }
        9 if number.starts_with('6') => {
            let all: [u32; 9] = digits(number)?;
            let rest = weighted(&all[1..8], &[8, 7, 6, 5, 4, 3, 2]) % 11;
            let check = [8, 7, 6, 5, 4, 3, 2, 1, 0, 9, 8][if rest == 0 { 10 } else { 10 - rest as usize }];
            Some(check == all[8])
        }
        _ => persons::czechia(number),
    }
}

/// Nine digits, the first not 0, by MOD 11,10.
fn germany(number: &str) -> Option<bool> {
    let all: [u32; 9] = digits(number)?;
    Some(all[0] != 0 && is_mod_11_10(&all))
}

/// Eight digits, the first not 0.
fn denmark(number: &str) -> Option<bool> {
    let all: [u32; 8] = digits(number)?;
    Some(all[0] != 0 && weighted(&all, &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11))
}

fn estonia(number: &str) -> Option<bool> {
    let all: [u32; 9] = digits(number)?;
    Some(weighted(&all, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10))
}

/// Nine digits, weighted by powers of two.
fn greece(number: &str) -> Option<bool> {
    let all: [u32; 9] = digits(number)?;
    Some(weighted(&all[..8], &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10 == all[8])
}

fn finland(number: &str) -> Option<bool> {
    let all: [u32; 8] = digits(number)?;
    Some(weighted(&all, &[7, 9, 10, 5, 8, 4, 2, 1]).is_multiple_of(11))
}

/// Two signs of a key, and the nine digits of the firm, which have a check digit by Luhn. Firms of Monaco begin with 000 and
/// have none.
fn france(number: &str) -> Option<bool> {
    const SIGNS: &str = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let (key, firm) = number.split_at_checked(2)?;
    let all: [u32; 9] = digits(firm)?;
    if !is_luhn(&all) && !firm.starts_with("000") {
        return Some(false);
    }
    let mut signs = key.chars().map(|sign| place(SIGNS, sign));
    let (first, second) = (signs.next()??, signs.next()??);
    if first < 10 && second < 10 {
        return Some(u64::from(first * 10 + second) == (value(&all) * 100 + 12) % 97);
    }
    let key = u64::from(if first < 10 { first * 24 + second - 10 } else { first * 34 + second - 100 });
    Some((value(&all) + 1 + key / 11) % 11 == key % 11)
}

/// Eleven digits by MOD 11,10.
pub(super) fn croatia(number: &str) -> Option<bool> {
    Some(is_mod_11_10(&digits::<11>(number)?))
}

fn hungary(number: &str) -> Option<bool> {
    let all: [u32; 8] = digits(number)?;
    Some(weighted(&all, &[9, 7, 3, 1, 9, 7, 3, 1]).is_multiple_of(10))
}

/// Seven digits and one or two letters; older numbers have a sign in the second place, and are summed as if their first
/// digit stood last.
fn ireland(number: &str) -> Option<bool> {
    const LETTERS: &str = "WABCDEFGHIJKLMNOPQRSTUV";
    let (body, letters) = number.split_at_checked(7)?;
    let mut letters = letters.chars();
    let (check, second) = (letters.next()?, letters.next());
    if letters.next().is_some() {
        return None;
    }
    let is_old = second.is_none() && body.get(1..2)?.starts_with(|sign: char| sign.is_ascii_alphabetic());
    let body = if is_old { format!("0{}{}", &body[2..], &body[..1]) } else { body.to_owned() };
    let all: [u32; 7] = digits(&body)?;
    let second = second.map_or(Some(0), |letter| place(LETTERS, letter))?;
    let sum = weighted(&all, &[8, 7, 6, 5, 4, 3, 2]) + 9 * second;
    Some(letter(LETTERS, sum % 23) == Some(check))
}

/// Eleven digits by Luhn; the eighth to tenth are a province.
fn italy(number: &str) -> Option<bool> {
    let all: [u32; 11] = digits(number)?;
    let is_province = matches!(value(&all[7..10]), 1..=100 | 120 | 121 | 888 | 999);
    Some(value(&all[..7]) > 0 && is_province && is_luhn(&all))
}

/// Nine digits of a firm, twelve of others; the last but one is 1.
fn lithuania(number: &str) -> Option<bool> {
    let all = if number.len() == 12 { digits::<12>(number)?.to_vec() } else { digits::<9>(number)?.to_vec() };
    let (check, rest) = all.split_last()?;
    let sum = |begin: u32| (begin..).zip(rest).map(|(at, digit)| (1 + at % 9) * digit).sum::<u32>() % 11;
    let expected = if sum(0) == 10 { sum(2) % 10 } else { sum(0) };
    Some(rest.last() == Some(&1) && expected == *check)
}

/// Eight digits; the last two are the rest of the others by 89.
fn luxembourg(number: &str) -> Option<bool> {
    let all: [u32; 8] = digits(number)?;
    Some(value(&all[..6]) % 89 == value(&all[6..]))
}

/// Eleven digits, beginning above 3 if they are of a firm.
fn latvia(number: &str) -> Option<bool> {
    let all: [u32; 11] = digits(number)?;
    if all[0] > 3 {
        return Some(weighted(&all, &[9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1]) % 11 == 3);
    }
    Some(persons::latvia(&all))
}

fn malta(number: &str) -> Option<bool> {
    let all: [u32; 8] = digits(number)?;
    Some(all[0] != 0 && weighted(&all, &[3, 4, 6, 7, 8, 9, 10, 1]).is_multiple_of(37))
}

/// Nine digits, B and two digits. Firms' digits have a weighted sum; with the numbers of natural persons, all of it with
/// letters as numbers leaves 1 by 97.
fn netherlands(number: &str) -> Option<bool> {
    let (body, suffix) = number.split_at_checked(9)?;
    let all: [u32; 9] = digits(body)?;
    let suffix: [u32; 2] = digits(suffix.strip_prefix('B')?)?;
    if value(&suffix) == 0 || value(&all) == 0 {
        return Some(false);
    }
    let sum = weighted(&all[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    let is_firm = sum % 11 == all[8];
    // N, L and B count 23, 21 and 11.
    let whole = ((2_321_000_000_000 + value(&all)) * 100 + 11) * 100 + value(&suffix);
    Some(is_firm || whole % 97 == 1)
}

fn poland(number: &str) -> Option<bool> {
    let all: [u32; 10] = digits(number)?;
    Some(weighted(&all[..9], &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == all[9])
}

/// Nine digits, the first not 0.
fn portugal(number: &str) -> Option<bool> {
    let all: [u32; 9] = digits(number)?;
    let check = (11 - weighted(&all[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11 % 10;
    Some(all[0] != 0 && check == all[8])
}

/// Two to ten digits of a firm, or thirteen of a person; the first is not 0.
fn romania(number: &str) -> Option<bool> {
    if number.len() == 13 {
        return Some(persons::romania(&digits(number)?));
    }
    if number.len() < 2 || number.starts_with('0') {
        return None;
    }
    let all: [u32; 10] = digits(&format!("{number:0>10}"))?;
    Some(weighted(&all[..9], &[7, 5, 3, 2, 1, 7, 5, 3, 2]) * 10 % 11 % 10 == all[9])
}

/// The ten digits of the firm, by Luhn, and 01.
fn sweden(number: &str) -> Option<bool> {
    let all: [u32; 10] = digits(number.strip_suffix("01")?)?;
    Some(is_luhn(&all))
}

/// Eight digits, the first not 0.
fn slovenia(number: &str) -> Option<bool> {
    let all: [u32; 8] = digits(number)?;
    let check = 11 - weighted(&all[..7], &[8, 7, 6, 5, 4, 3, 2]) % 11;
    Some(all[0] != 0 && check != 11 && check % 10 == all[7])
}

/// Ten digits divisible by eleven, or the birth number of a person.
fn slovakia(number: &str) -> Option<bool> {
    let all: [u32; 10] = digits(number)?;
    let is_firm = all[0] != 0 && matches!(all[2], 2..=4 | 7..=9) && divides(11, &all);
    Some(is_firm || persons::czechia(number)?)
}
