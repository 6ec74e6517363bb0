//! Days and moments.
//!
//! Accepted is what [`Moment`] reads; without a zone UTC is meant.

use jiff::civil::{DateTime, Time};
use jiff::tz::Offset;
use merak_core::kit::Moment;
use serde_json::Number;

use crate::wire::validation::problem::Fault;

const OUT_OF_RANGE: &str = "the moment is outside the supported range";

/// A moment as text of RFC 3339 in UTC, with six digits of fraction or none.
pub(super) fn date_time_from_text(text: &str) -> Result<String, Fault> {
    Moment::from_text(text).and_then(in_utc).map(|moment| show(&moment)).map_err(unreadable_moment)
}

/// Like [`date_time_from_text`] for Unix time.
pub(super) fn date_time_from_number(number: &Number) -> Result<String, Fault> {
    Moment::from_number(number).and_then(in_utc).map(|moment| show(&moment)).map_err(unreadable_moment)
}

/// A day as `YYYY-MM-DD`; a moment at midnight is accepted as the day that begins with it.
pub(super) fn date_from_text(text: &str) -> Result<String, Fault> {
    Moment::from_text(text)
        .and_then(|moment| check_year(moment.civil()))
        .map_err(unreadable_date)
        .and_then(|moment| day(&moment))
}

/// Like [`date_from_text`] for Unix time.
pub(super) fn date_from_number(number: &Number) -> Result<String, Fault> {
    Moment::from_number(number)
        .and_then(|moment| check_year(moment.civil()))
        .map_err(unreadable_date)
        .and_then(|moment| day(&moment))
}

fn unreadable_moment(reason: &'static str) -> Fault {
    Fault::unreadable("datetime_from_date_parsing", "datetime or date", reason)
}

fn unreadable_date(reason: &'static str) -> Fault {
    Fault::unreadable("date_from_datetime_parsing", "date or datetime", reason)
}

fn day(moment: &DateTime) -> Result<String, Fault> {
    if moment.time() != Time::midnight() {
        return Err(Fault::plain(
            "date_from_datetime_inexact",
            "Datetimes provided to dates should have zero time - e.g. be exact dates",
        ));
    }
    Ok(format!("{:04}-{:02}-{:02}", moment.year(), moment.month(), moment.day()))
}

fn show(moment: &DateTime) -> String {
    let date = format!("{:04}-{:02}-{:02}", moment.year(), moment.month(), moment.day());
    let time = format!("{:02}:{:02}:{:02}", moment.hour(), moment.minute(), moment.second());
    match moment.subsec_nanosecond() / 1000 {
        0 => format!("{date}T{time}Z"),
        micros => format!("{date}T{time}.{micros:06}Z"),
    }
}

fn check_year(moment: DateTime) -> Result<DateTime, &'static str> {
    if (1..=9999).contains(&moment.year()) { Ok(moment) } else { Err(OUT_OF_RANGE) }
}

fn in_utc(moment: Moment) -> Result<DateTime, &'static str> {
    moment.instant().map(|instant| Offset::UTC.to_datetime(instant))
}

#[cfg(test)]
mod tests {
    use super::{date_from_text, date_time_from_number, date_time_from_text};

    #[test]
    fn moments_become_utc() {
        for (text, expected) in [
            ("2025-01-07T10:00:00Z", "2025-01-07T10:00:00Z"),
            ("2025-01-07T10:00:00.5Z", "2025-01-07T10:00:00.500000Z"),
            ("2025-01-07t10:00:00.123456789z", "2025-01-07T10:00:00.123456Z"),
            ("2025-01-07T10:00:00+02:00", "2025-01-07T08:00:00Z"),
            ("2025-01-07 10:00-0130", "2025-01-07T11:30:00Z"),
            ("2025-01-07T10:00:00", "2025-01-07T10:00:00Z"),
            ("2025-01-07", "2025-01-07T00:00:00Z"),
            ("1736244000", "2025-01-07T10:00:00Z"),
            ("1736244000.25", "2025-01-07T10:00:00.250000Z"),
            ("1736244000500", "2025-01-07T10:00:00.500000Z"),
            ("-1", "1969-12-31T23:59:59Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("9999-12-30T22:00:00.999999Z", "9999-12-30T22:00:00.999999Z"),
        ] {
            assert_eq!(date_time_from_text(text).unwrap(), expected, "{text}");
        }
        let number = serde_json::from_str("1736244000.25").unwrap();
        assert_eq!(date_time_from_number(&number).unwrap(), "2025-01-07T10:00:00.250000Z");
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "soon",
            "2025-01-07T",
            "2025-01-07T25:00:00Z",
            "2025-01-07T10:60:00Z",
            "2025-01-07T10:00:60Z",
            "2025-01-07T10:00:00.Z",
            "2025-01-07T10:00:00+24:00",
            "2025-01-07T10:00:00Zx",
            "2025-02-30",
            "2025-13-01",
            "2025/01/07",
            "0000-01-01",
            "9999-12-31",
            "0001-01-01T00:00:00+10:00",
            "9999-12-31T23:00:00-10:00",
            "99999999999999999999",
            "1.2.3",
            "2025-01-0é",
        ] {
            assert_eq!(date_time_from_text(text).unwrap_err().kind, "datetime_from_date_parsing", "{text}");
        }
        for number in ["1e300", "-1e18", "1e400"] {
            let number = serde_json::from_str(number).unwrap();
            assert_eq!(date_time_from_number(&number).unwrap_err().kind, "datetime_from_date_parsing");
        }
    }

    #[test]
    fn days_may_be_written_as_moments_at_midnight() {
        for (text, expected) in [
            ("2025-01-07", "2025-01-07"),
            ("2025-01-07T00:00:00Z", "2025-01-07"),
            ("2025-01-07T00:00", "2025-01-07"),
            ("1736208000", "2025-01-07"),
        ] {
            assert_eq!(date_from_text(text).unwrap(), expected, "{text}");
        }
        assert_eq!(date_from_text("2025-01-07T10:00:00Z").unwrap_err().kind, "date_from_datetime_inexact");
        assert_eq!(date_from_text("").unwrap_err().kind, "date_from_datetime_parsing");
        assert_eq!(date_from_text("null").unwrap_err().kind, "date_from_datetime_parsing");
    }
}
