//! Registers of Europe outside of the Union, of the Pacific and of Africa.

use super::checksum::{digits, is_luhn, is_mod_11_10, letter, place, value, weighted};

/// Andorra: a letter for the kind, six digits, a letter.
pub(super) fn ad_nrt(number: &str) -> Option<String> {
    let mut signs = number.chars();
    let (kind, last) = (signs.next()?, signs.next_back()?);
    let value = value(&digits::<6>(signs.as_str())?);
    let is_right = match kind {
        'F' => value <= 699_999,
        'A' | 'L' => (700_000..800_000).contains(&value),
        'C' | 'D' | 'E' | 'G' | 'O' | 'P' | 'U' => true,
        _ => false,
    };
    (is_right && last.is_ascii_uppercase()).then(|| number.to_owned())
}

/// United Kingdom: nine digits, of which the last two make a weighted sum divisible by 97, or do so 42 or 55 above; three
/// more for a branch. Ministries have GD and a number below 500, health authorities HA and one from 500, or 8888, the number
/// and its rest by 97.
pub(super) fn gb_vat(number: &str) -> Option<String> {
    let number = number.strip_prefix("GB").unwrap_or(number);
    if let Some(ministry) = number.strip_prefix("GD").and_then(digits::<3>) {
        return (value(&ministry) < 500).then(|| number.to_owned());
    }
    if let Some(authority) = number.strip_prefix("HA").and_then(digits::<3>) {
        return (value(&authority) >= 500).then(|| number.to_owned());
    }
    if let Some(public) = number.strip_prefix("GD8888").or(number.strip_prefix("HA8888")) {
        let all: [u32; 5] = digits(public)?;
        let is_ministry = number.starts_with("GD") == (value(&all[..3]) < 500);
        return (is_ministry && value(&all[..3]) % 97 == value(&all[3..])).then(|| number.to_owned());
    }
    let (body, branch) = number.split_at_checked(9)?;
    if !branch.is_empty() {
        digits::<3>(branch)?;
    }
    let all: [u32; 9] = digits(body)?;
    let sum = u64::from(weighted(&all[..7], &[8, 7, 6, 5, 4, 3, 2])) + value(&all[7..]);
    // The newer kind begins at 100.
    let is_right = sum.is_multiple_of(97) || (all[0] > 0 && matches!(sum % 97, 42 | 55));
    (is_right && value(&all) > 0).then(|| number.to_owned())
}

/// Iceland: five or six digits.
pub(super) fn is_vat(number: &str) -> Option<String> {
    let number = number.strip_prefix("IS").unwrap_or(number);
    digits::<5>(number).map(drop).or_else(|| digits::<6>(number).map(drop))?;
    Some(number.to_owned())
}

/// Norway: the nine digits of the firm, and MVA.
pub(super) fn no_vat(number: &str) -> Option<String> {
    let number = number.strip_prefix("NO").unwrap_or(number);
    let all: [u32; 9] = digits(number.strip_suffix("MVA")?)?;
    let check = (11 - weighted(&all[..8], &[3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    (check == all[8]).then(|| number.to_owned())
}

/// Switzerland: CHE and nine digits.
pub(super) fn ch_uid(number: &str) -> Option<String> {
    let all: [u32; 9] = digits(number.strip_prefix("CHE")?)?;
    let check = (11 - weighted(&all[..8], &[5, 4, 3, 2, 7, 6, 5, 4]) % 11) % 11;
    (check == all[8]).then(|| number.to_owned())
}

/// Switzerland: the number of the firm, and the tax's name in one of the languages.
pub(super) fn ch_vat(number: &str) -> Option<String> {
    let firm = ["MWST", "TVA", "IVA", "TPV"].iter().find_map(|name| number.strip_suffix(name))?;
    ch_uid(firm).map(|_| number.to_owned())
}

/// Serbia: nine digits by MOD 11,10.
pub(super) fn rs_pib(number: &str) -> Option<String> {
    is_mod_11_10(&digits::<9>(number)?).then(|| number.to_owned())
}

/// Russia: ten digits of a firm, or twelve of a person, of which the last two are check digits.
pub(super) fn ru_inn(number: &str) -> Option<String> {
    let check = |all: &[u32], weights: &[u32]| weighted(all, weights) % 11 % 10;
    let is_right = if let Some(all) = digits::<10>(number) {
        check(&all[..9], &[2, 4, 10, 3, 5, 9, 4, 6, 8]) == all[9]
    } else {
        let all: [u32; 12] = digits(number)?;
        check(&all[..10], &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) == all[10]
            && check(&all[..11], &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) == all[11]
    };
    is_right.then(|| number.to_owned())
}

/// Australia: eleven digits whose weighted sum, less that of a 1 before, is divisible by 89.
pub(super) fn au_abn(number: &str) -> Option<String> {
    let all: [u32; 11] = digits(number)?;
    let sum = weighted(&all, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    (all[0] > 0 && (sum - 10).is_multiple_of(89)).then(|| number.to_owned())
}

/// Kenya: A for persons or P for others, nine digits, a letter.
pub(super) fn ke_pin(number: &str) -> Option<String> {
    let mut signs = number.chars();
    let (kind, last) = (signs.next()?, signs.next_back()?);
    digits::<9>(signs.as_str())?;
    (matches!(kind, 'A' | 'P') && last.is_ascii_uppercase()).then(|| number.to_owned())
}

/// Indonesia: fifteen digits, the first nine by Luhn; or sixteen, which are 0 and those, or the number of a citizen: a
/// district, then day, month and year of birth, 40 more in the day for women, and a serial number.
pub(super) fn id_npwp(number: &str) -> Option<String> {
    let all: [u32; 16] = digits(&format!("{number:0>16}")).filter(|_| number.len() >= 15)?;
    let is_born = matches!(value(&all[6..8]) % 40, 1..=31) && matches!(value(&all[8..10]), 1..=12);
    (if all[0] == 0 { is_luhn(&all[1..10]) } else { is_born }).then(|| number.to_owned())
}

/// Israel: nine digits that begin with 5, by Luhn.
pub(super) fn il_vat(number: &str) -> Option<String> {
    let all: [u32; 9] = digits(number)?;
    (all[0] == 5 && is_luhn(&all)).then(|| number.to_owned())
}

/// Japan: thirteen digits, the first of which is the check digit.
pub(super) fn jp_cn(number: &str) -> Option<String> {
    let all: [u32; 13] = digits(number)?;
    let sum = weighted(&all[1..], &[2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]);
    (9 - sum % 9 == all[0]).then(|| number.to_owned())
}

/// South Korea: ten digits in groups of three, two and five.
pub(super) fn kr_brn(number: &str) -> Option<String> {
    let all: [u32; 10] = digits(number)?;
    let sum = weighted(&all[..9], &[1, 3, 7, 1, 3, 7, 1, 3, 5]) + all[8] * 5 / 10;
    let is_group = value(&all[..3]) > 100 && value(&all[3..5]) > 0 && value(&all[5..9]) > 0;
    (is_group && (10 - sum % 10) % 10 == all[9]).then(|| number.to_owned())
}

/// Taiwan: eight digits; the digits of the weighted ones sum to a multiple of five. A 7 in the last place but one counts 0
/// or 1.
pub(super) fn tw_vat(number: &str) -> Option<String> {
    let all: [u32; 8] = digits(number)?;
    let products = all.iter().zip([1, 2, 1, 2, 1, 2, 4, 1]).map(|(digit, weight)| digit * weight);
    let sum: u32 = products.map(|product| product / 10 + product % 10).sum();
    let is_right = sum.is_multiple_of(5) || (all[6] == 7 && (sum + 1).is_multiple_of(5));
    is_right.then(|| number.to_owned())
}

/// Singapore: eight digits of a business, nine digits of a company that begin with the year, or T, S or R with two digits of
/// the year, two letters of a kind and four digits; then a letter.
pub(super) fn sg_uen(number: &str) -> Option<String> {
    const SIGNS: &str = "ABCDEFGHJKLMNPQRSTUVWX0123456789";
    let (body, check) = number.split_at_checked(number.len().checked_sub(1)?)?;
    let check = check.chars().next()?;
    let expected = if let Some(all) = digits::<8>(body) {
        letter("XMKECAWLJDB", weighted(&all, &[10, 4, 9, 3, 8, 2, 7, 1]) % 11)
    } else if let Some(all) = digits::<9>(body).filter(|all| value(&all[..4]) < 2200) {
        letter("ZKCMDNERGWH", weighted(&all, &[10, 8, 6, 4, 9, 7, 5, 3, 1]) % 11)
    } else {
        let is_shape = body.len() == 9
            && body.starts_with(['R', 'S', 'T'])
            && KINDS.contains(&body.get(3..5)?)
            && digits::<2>(body.get(1..3)?).is_some()
            && digits::<4>(body.get(5..)?).is_some();
        let places = body.chars().map(|sign| place(SIGNS, sign)).collect::<Option<Vec<u32>>>()?;
        let sum = weighted(&places, &[4, 3, 5, 3, 10, 2, 2, 5, 7]);
        letter(SIGNS, (sum + 6) % 11).filter(|_| is_shape)
    };
    (expected == Some(check)).then(|| number.to_owned())
}

/// The kinds of Singapore's other entities.
const KINDS: [&str; 38] = [
    "CC", "CD", "CH", "CL", "CM", "CP", "CS", "CX", "DP", "FB", "FC", "FM", "FN", "GA", "GB", "GS", "HS",
    "LL", "LP", "MB", "MC", "MD", "MH", "MM", "MQ", "NB", "NR", "PA", "PB", "PF", "RF", "RP", "SM", "SS",
    "TC", "TU", "VH", "XL",
];

/// India: two digits of a state, the ten signs of the firm's own number, an entity, Z and a check sign by 36.
pub(super) fn in_gst(number: &str) -> Option<String> {
    const SIGNS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let is_digit = |range: std::ops::Range<usize>| {
        number.get(range)?.bytes().all(|sign| sign.is_ascii_digit()).then_some(())
    };
    let is_letter = |range: std::ops::Range<usize>| {
        number.get(range)?.bytes().all(|sign| sign.is_ascii_uppercase()).then_some(())
    };
    is_digit(0..2)?;
    is_letter(2..7)?;
    is_digit(7..11)?;
    is_letter(11..12)?;
    let is_state = matches!(number.get(..2)?.parse(), Ok(1u32..=38 | 97 | 99));
    let places = number.chars().map(|sign| place(SIGNS, sign)).collect::<Option<Vec<u32>>>()?;
    let (check, rest) = places.split_last()?;
    let products = rest.iter().zip([1, 2].iter().cycle()).map(|(place, weight)| place * weight);
    let sum: u32 = products.map(|product| product / 36 + product % 36).sum();
    let is_right =
        number.len() == 15 && is_state && rest.get(12) > Some(&0) && number.get(13..14) == Some("Z");
    (is_right && (36 - sum % 36) % 36 == *check).then(|| number.to_owned())
}

/// New Zealand: eight or nine digits; a second sum decides where the first one leaves no digit.
pub(super) fn nz_gst(number: &str) -> Option<String> {
    let all: [u32; 9] = digits(&format!("{number:0>9}")).filter(|_| number.len() >= 8)?;
    let check = |weights: &[u32]| (11 - weighted(&all[..8], weights) % 11) % 11;
    let check = match check(&[3, 2, 7, 6, 5, 4, 3, 2]) {
        10 => check(&[7, 4, 3, 2, 5, 2, 7, 6]),
        check => check,
    };
    (check == all[8] && (10_000_000..150_000_000).contains(&value(&all))).then(|| number.to_owned())
}

/// Thailand: thirteen digits, weighted from 13 down.
pub(super) fn th_vat(number: &str) -> Option<String> {
    let all: [u32; 13] = digits(number)?;
    let sum = weighted(&all[..12], &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    (value(&all) > 0 && (11 - sum % 11) % 10 == all[12]).then(|| number.to_owned())
}
