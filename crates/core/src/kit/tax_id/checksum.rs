//! What check digits are made of, and how numbers are read for it.

/// The number in capitals, without what people put between its digits, if all the rest can stand in one: letters and digits
/// of ASCII, and the two signs that Mexican names have besides.
pub(super) fn compact(number: &str) -> Option<String> {
    let mut compact = String::with_capacity(number.len());
    for letter in number.chars() {
        match letter {
            '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '.' | '/' | ',' | ':' => {}
            letter if letter.is_whitespace() => {}
            letter if letter.is_ascii_alphanumeric() => compact.push(letter.to_ascii_uppercase()),
            '&' => compact.push('&'),
            'Ñ' | 'ñ' => compact.push('Ñ'),
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

/// The number that the digits spell.
pub(super) fn value(digits: &[u32]) -> u64 {
    digits.iter().fold(0, |value, digit| value * 10 + u64::from(*digit))
}

/// Whether the digits spell a number that leaves nothing when divided.
pub(super) fn divides(divisor: u64, digits: &[u32]) -> bool {
    value(digits).is_multiple_of(divisor)
}

/// Whether Luhn's sum of the digits, the last one being the check digit, is divisible by ten.
pub(super) fn is_luhn(digits: &[u32]) -> bool {
    let doubled = |digit: u32| digit * 2 / 10 + digit * 2 % 10;
    let places = digits.iter().rev().enumerate();
    let sum: u32 = places.map(|(place, digit)| if place % 2 == 0 { *digit } else { doubled(*digit) }).sum();
    sum.is_multiple_of(10)
}

/// Whether the last digit is the check digit of ISO 7064's system MOD 11,10.
pub(super) fn is_mod_11_10(digits: &[u32]) -> bool {
    let Some((last, rest)) = digits.split_last() else { return false };
    let product = rest.iter().fold(10, |product, digit| {
        let sum = (product + digit) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (product + last) % 10 == 1
}

/// The letter at this place of an alphabet.
pub(super) fn letter(alphabet: &str, place: u32) -> Option<char> {
    alphabet.chars().nth(usize::try_from(place).ok()?)
}

/// The place of a letter in an alphabet.
pub(super) fn place(alphabet: &str, letter: char) -> Option<u32> {
    u32::try_from(alphabet.chars().position(|other| other == letter)?).ok()
}

/// Whether the calendar has this date.
pub(super) fn is_date(year: u64, month: u64, day: u64) -> bool {
    let (Ok(year), Ok(month), Ok(day)) = (year.try_into(), month.try_into(), day.try_into()) else {
        return false;
    };
    jiff::civil::Date::new(year, month, day).is_ok()
}
