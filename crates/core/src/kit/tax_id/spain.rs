//! Spain's numbers: those of firms, and those of persons.

use super::checksum::{digits, letter, value};

const LETTERS: &str = "TRWAGMYFPDXBNJZSQVHLCKE";

/// A firm: a letter for its kind, seven digits, and a sign that is a digit or a letter. Which of both a kind has is not
/// looked at: firms write either.
pub(super) fn is_cif(number: &str) -> Option<bool> {
    let mut signs = number.chars();
    let (kind, check) = (signs.next()?, signs.next_back()?);
    let all: [u32; 7] = digits(signs.as_str())?;
    // Luhn's sum of the seven digits and a check digit that is still missing.
    let sum: u32 = (0..7).map(|at| if at % 2 == 0 { all[at] / 5 + all[at] * 2 % 10 } else { all[at] }).sum();
    let expected = (10 - sum % 10) % 10;
    let is_kind = matches!(kind, 'A'..='H' | 'J' | 'N' | 'P'..='S' | 'U'..='W');
    let is_check = check.to_digit(10) == Some(expected) || letter("JABCDEFGHI", expected) == Some(check);
    Some(is_kind && is_check)
}

/// A firm or a person: eight digits and a letter; X, Y or Z for foreigners, K, L or M for others, in the place of the first.
pub(super) fn is_nif(number: &str) -> Option<bool> {
    let mut signs = number.chars();
    let (first, check) = (signs.next()?, signs.next_back()?);
    let first = match first {
        'X' | 'K' | 'L' | 'M' => '0',
        'Y' => '1',
        'Z' => '2',
        digit if digit.is_ascii_digit() => digit,
        _ => return is_cif(number),
    };
    let all: [u32; 8] = digits(&format!("{first}{}", signs.as_str()))?;
    let rest = u32::try_from(value(&all) % 23).ok()?;
    Some(letter(LETTERS, rest) == Some(check))
}
