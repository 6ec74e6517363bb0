//! Sums that check digits are made of. What they take are digits that a validator has counted before.

/// The number without its separators and in capitals, if all the rest is letters and digits of ASCII.
pub(super) fn compact(number: &str) -> Option<String> {
    let mut compact = String::with_capacity(number.len());
    for letter in number.trim().chars() {
        match letter {
            ' ' | '-' | '.' | '/' | ',' | ':' => {}
            letter if letter.is_ascii_alphanumeric() => compact.push(letter.to_ascii_uppercase()),
            _ => return None,
        }
    }
    Some(compact)
}

/// The digits of a text that is nothing else, if there are so many.
pub(super) fn digits<const N: usize>(text: &str) -> Option<[u32; N]> {
    let mut digits = [0; N];
    if text.len() != N {
        return None;
    }
    for (digit, letter) in digits.iter_mut().zip(text.chars()) {
        *digit = letter.to_digit(10)?;
    }
    Some(digits)
}

/// The sum of each digit times its weight.
pub(super) fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// Whether the last digit makes the sum by Luhn divisible by ten.
pub(super) fn is_luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match place % 2 {
            0 => *digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    sum % 10 == 0
}

/// Whether the last digit is the check digit of ISO 7064's system MOD 11,10.
pub(super) fn is_mod_11_10(digits: &[u32]) -> bool {
    let Some((last, rest)) = digits.split_last() else { return false };
    let carry = rest.iter().fold(10, |carry, digit| {
        let sum = (carry + digit) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (carry + last) % 10 == 1
}

/// The number that the digits spell.
pub(super) fn value(digits: &[u32]) -> u64 {
    digits.iter().fold(0, |value, digit| value * 10 + u64::from(*digit))
}
