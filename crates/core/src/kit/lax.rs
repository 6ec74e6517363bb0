//! The lax readings of single values that the contract's clients rely on: `"12"` for a whole number, `"yes"` for a
//! truth value.

use std::num::{IntErrorKind, ParseIntError};

use serde_json::{Number, Value};

/// Why a value cannot be read, in the words that the clients know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaxProblem {
    /// The machine-readable kind, `type` on the wire.
    pub kind: &'static str,
    /// The sentence.
    pub message: &'static str,
}

const fn problem(kind: &'static str, message: &'static str) -> LaxProblem {
    LaxProblem { kind, message }
}

const INT_TOO_LARGE: LaxProblem =
    problem("int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size");

/// Reads a whole number: a number without a fraction, a text of digits, or a truth value.
pub fn integer(value: &Value) -> Result<i64, LaxProblem> {
    match value {
        Value::Number(number) => number_as_integer(number),
        Value::String(text) => text_as_integer(text),
        Value::Bool(truth) => Ok(i64::from(*truth)),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(problem("int_type", "Input should be a valid integer"))
        }
    }
}

/// Reads a truth value: one itself, 0 or 1, or one of the usual words in any letter case.
pub fn boolean(value: &Value) -> Result<bool, LaxProblem> {
    const UNREADABLE: LaxProblem =
        problem("bool_parsing", "Input should be a valid boolean, unable to interpret input");
    const WRONG_TYPE: LaxProblem = problem("bool_type", "Input should be a valid boolean");
    const TRUE: [&str; 6] = ["1", "on", "t", "true", "y", "yes"];
    const FALSE: [&str; 6] = ["0", "off", "f", "false", "n", "no"];

    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::String(text) if TRUE.iter().any(|word| text.eq_ignore_ascii_case(word)) => Ok(true),
        Value::String(text) if FALSE.iter().any(|word| text.eq_ignore_ascii_case(word)) => Ok(false),
        Value::String(_) => Err(UNREADABLE),
        Value::Number(number) => match number.as_str().parse::<f64>() {
            Ok(0.0) => Ok(false),
            Ok(1.0) => Ok(true),
            Ok(float) if float.fract() == 0.0 => Err(UNREADABLE),
            _ => Err(WRONG_TYPE),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => Err(WRONG_TYPE),
    }
}

/// A float without a fraction as an integer, if it fits.
pub fn whole(float: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
    (float.fract() == 0.0 && (-LIMIT..LIMIT).contains(&float)).then_some(float as i64)
}

fn number_as_integer(number: &Number) -> Result<i64, LaxProblem> {
    let text = number.as_str();
    match text.parse::<i64>() {
        Ok(integer) => return Ok(integer),
        Err(error) if is_overflow(&error) => return Err(INT_TOO_LARGE),
        Err(_) => {}
    }
    let float = text.parse::<f64>().unwrap_or(f64::NAN);
    if !float.is_finite() {
        return Err(problem("finite_number", "Input should be a finite number"));
    }
    if float.fract() != 0.0 {
        return Err(problem(
            "int_from_float",
            "Input should be a valid integer, got a number with a fractional part",
        ));
    }
    whole(float).ok_or(INT_TOO_LARGE)
}

/// Whether the digits describe an integer that is merely too large for 64 bits.
fn is_overflow(error: &ParseIntError) -> bool {
    matches!(error.kind(), IntErrorKind::PosOverflow | IntErrorKind::NegOverflow)
}

/// Reads `" +1_000.0 "` and the like: spaces around, one sign, single underscores between digits
/// and a fraction of nothing but zeros are accepted.
fn text_as_integer(text: &str) -> Result<i64, LaxProblem> {
    const UNREADABLE: LaxProblem =
        problem("int_parsing", "Input should be a valid integer, unable to parse string as an integer");

    let trimmed = text.trim();
    let digits = match trimmed.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|digit| digit == b'0') => whole,
        Some(_) => return Err(UNREADABLE),
        None => trimmed,
    };
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    let well_formed = !unsigned.starts_with('_')
        && !unsigned.ends_with('_')
        && !unsigned.contains("__")
        && unsigned.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
        && !unsigned.is_empty();
    if !well_formed {
        return Err(UNREADABLE);
    }
    let parsed =
        if digits.contains('_') { digits.replace('_', "").parse::<i64>() } else { digits.parse::<i64>() };
    parsed.map_err(|_| INT_TOO_LARGE)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_are_read_from_numbers_texts_and_truth_values() {
        for (value, number) in
            [(json!(5), 5), (json!(5.0), 5), (json!("5"), 5), (json!(" +1_000.0 "), 1000), (json!(true), 1)]
        {
            assert_eq!(integer(&value), Ok(number), "{value}");
        }
        for (value, kind) in [
            (json!(5.5), "int_from_float"),
            (json!("5.5"), "int_parsing"),
            (json!(""), "int_parsing"),
            (json!("9223372036854775808"), "int_parsing_size"),
            (serde_json::from_str("9223372036854775808").unwrap(), "int_parsing_size"),
            (serde_json::from_str("1e999").unwrap(), "finite_number"),
            (json!(null), "int_type"),
            (json!([]), "int_type"),
        ] {
            assert_eq!(integer(&value).unwrap_err().kind, kind, "{value}");
        }
    }

    #[test]
    fn truth_is_read_from_the_usual_words() {
        for (value, truth) in [
            (json!(true), true),
            (json!("Yes"), true),
            (json!(1), true),
            (json!(0.0), false),
            (json!("off"), false),
            (json!(false), false),
        ] {
            assert_eq!(boolean(&value), Ok(truth), "{value}");
        }
        for (value, kind) in [
            (json!("maybe"), "bool_parsing"),
            (json!(2), "bool_parsing"),
            (json!(0.5), "bool_type"),
            (json!(null), "bool_type"),
            (json!({}), "bool_type"),
        ] {
            assert_eq!(boolean(&value).unwrap_err().kind, kind, "{value}");
        }
    }
}
