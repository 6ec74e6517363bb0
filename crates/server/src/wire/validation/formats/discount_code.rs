//! Codes that buyers type to get a discount.

use merak_core::discounts::DiscountCode;

use crate::wire::validation::problem::Fault;

/// Checks a code and gives it without spaces around it.
pub(super) fn coerce(text: &str) -> Result<String, Fault> {
    match DiscountCode::parse(text) {
        Ok(code) => Ok(code.as_str().to_owned()),
        Err(problem) => Err(Fault::custom(&problem.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::coerce;

    // spec 20 D8
    #[test]
    fn codes_are_letters_and_numbers() {
        for (text, expected) in [("abc", "abc"), (" Été1 ", "Été1")] {
            assert_eq!(coerce(text).unwrap(), expected);
        }
        for text in ["", "ab", "a-b-c", "a b c", &"a".repeat(257)] {
            assert_eq!(coerce(text).unwrap_err().kind, "value_error", "{text}");
        }
    }
}
