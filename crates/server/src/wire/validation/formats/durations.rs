//! Lengths of time: seconds as a number, or ISO 8601 text such as `P30D`. The normal form is text of whole seconds.

use jiff::Span;
use merak_core::kit::lax::whole;
use serde_json::{Number, Value};

use crate::wire::validation::problem::Fault;
use crate::wire::validation::scalar::{Coerced, out_of_bounds};

/// The longest that makes sense, in seconds: a hundred years.
const LONGEST: i64 = 3_153_600_000;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

pub(super) const WRONG_TYPE: Fault = Fault::plain("time_delta_type", "Input should be a valid timedelta");

const UNREADABLE: Fault =
    Fault::plain("time_delta_parsing", "Input should be a valid timedelta, as in P30D or PT1H");

/// Seconds; a fraction is dropped.
pub(super) fn from_number(number: &Number) -> Coerced {
    let seconds = number.as_str().parse::<f64>().ok().filter(|seconds| seconds.is_finite());
    let seconds = seconds.and_then(|seconds| whole(seconds.trunc())).ok_or(UNREADABLE)?;
    checked(seconds).map(|text| Some(Value::String(text)))
}

/// ISO 8601. A year counts as 365 days and a month as 30, because there is no calendar to ask.
pub(super) fn from_text(text: &str) -> Result<String, Fault> {
    if !text.trim_start_matches(['+', '-']).starts_with(['P', 'p']) {
        return Err(UNREADABLE);
    }
    let span: Span = text.parse().map_err(|_| UNREADABLE)?;
    let days = i64::from(span.get_years()) * 365
        + i64::from(span.get_months()) * 30
        + i64::from(span.get_weeks()) * 7
        + i64::from(span.get_days());
    let seconds = [
        days.checked_mul(DAY),
        i64::from(span.get_hours()).checked_mul(HOUR),
        span.get_minutes().checked_mul(MINUTE),
        Some(span.get_seconds()),
    ];
    let seconds = seconds.into_iter().try_fold(0_i64, |sum, part| sum.checked_add(part?));
    checked(seconds.ok_or(UNREADABLE)?)
}

fn checked(seconds: i64) -> Result<String, Fault> {
    if seconds <= 0 {
        return Err(out_of_bounds("greater_than", "greater than", "gt", &0.into()));
    }
    if seconds > LONGEST {
        return Err(out_of_bounds("less_than_equal", "less than or equal to", "le", &LONGEST.into()));
    }
    Ok(seconds.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_iso_text_are_read() {
        for (text, seconds) in [
            ("P30D", "2592000"),
            ("PT1H", "3600"),
            ("P1Y2M1W1DT1H1M1S", "37414861"),
            ("PT1.9S", "1"),
            ("pt90m", "5400"),
            ("P100Y", "3153600000"),
        ] {
            assert_eq!(from_text(text).ok().as_deref(), Some(seconds), "{text}");
        }
        for (number, seconds) in [("1", "1"), ("3600.7", "3600"), ("1e3", "1000")] {
            let number: Number = serde_json::from_str(number).unwrap();
            assert_eq!(from_number(&number).unwrap(), Some(Value::from(seconds)));
        }
    }

    #[test]
    fn what_is_no_length_of_time_is_told() {
        for (text, kind) in [
            ("3600", "time_delta_parsing"),
            ("", "time_delta_parsing"),
            ("P", "time_delta_parsing"),
            ("1 hour", "time_delta_parsing"),
            ("-P1D", "greater_than"),
            ("PT0S", "greater_than"),
            ("P101Y", "less_than_equal"),
        ] {
            assert_eq!(from_text(text).unwrap_err().kind, kind, "{text}");
        }
        for (number, kind) in [
            ("0", "greater_than"),
            ("-1", "greater_than"),
            ("0.4", "greater_than"),
            ("3153600001", "less_than_equal"),
            ("1e300", "time_delta_parsing"),
            ("1e999", "time_delta_parsing"),
        ] {
            let number: Number = serde_json::from_str(number).unwrap();
            assert_eq!(from_number(&number).unwrap_err().kind, kind, "{number}");
        }
    }
}
