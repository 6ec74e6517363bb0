//! Days and moments.
//!
//! Accepted are ISO 8601 text, with a space or an underscore for the `T` and without a zone too
//! (which means UTC), and Unix time as a number or as text. Numbers beyond [`MILLISECONDS_ABOVE`]
//! are milliseconds.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use serde_json::Number;

use crate::wire::validation::problem::Fault;
use crate::wire::validation::scalar::whole;

/// Unix seconds beyond this are read as milliseconds; it is the year 2603 in seconds.
const MILLISECONDS_ABOVE: f64 = 2e10;

const EXTRA: &str = "unexpected extra characters at the end of the input";
const OUT_OF_RANGE: &str = "the moment is outside the supported range";

/// A moment as text of RFC 3339 in UTC, with six digits of fraction or none.
pub(super) fn date_time_from_text(text: &str) -> Result<String, Fault> {
    let moment = match parse_date(text) {
        Ok((date, "")) => in_utc(date.to_datetime(Time::midnight()), Offset::UTC),
        Ok((date, rest)) => {
            parse_time(date, rest).ok_or(EXTRA).and_then(|(moment, offset)| in_utc(moment, offset))
        }
        Err(reason) => unix_text(text).ok_or(reason).and_then(from_unix),
    };
    moment.and_then(check_year).map(|moment| show(&moment)).map_err(unreadable_moment)
}

/// Like [`date_time_from_text`] for Unix time.
pub(super) fn date_time_from_number(number: &Number) -> Result<String, Fault> {
    from_number(number).map(|moment| show(&moment)).map_err(unreadable_moment)
}

/// A day as `YYYY-MM-DD`; a moment at midnight is accepted as the day that begins with it.
pub(super) fn date_from_text(text: &str) -> Result<String, Fault> {
    let moment = match parse_date(text) {
        Ok((date, "")) => Ok(date.to_datetime(Time::midnight())),
        Ok((date, rest)) => parse_time(date, rest).map(|(moment, _)| moment).ok_or(EXTRA),
        Err(reason) => unix_text(text).ok_or(reason).and_then(from_unix),
    };
    moment.and_then(check_year).map_err(unreadable_date).and_then(|moment| day(&moment))
}

/// Like [`date_from_text`] for Unix time.
pub(super) fn date_from_number(number: &Number) -> Result<String, Fault> {
    from_number(number).map_err(unreadable_date).and_then(|moment| day(&moment))
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

fn from_number(number: &Number) -> Result<DateTime, &'static str> {
    number.as_f64().ok_or(OUT_OF_RANGE).and_then(from_unix).and_then(check_year)
}

/// Unix time in UTC, to the microsecond.
fn from_unix(number: f64) -> Result<DateTime, &'static str> {
    let (seconds, fraction) = if number.abs() > MILLISECONDS_ABOVE {
        (number / 1000.0, (number % 1000.0) / 1000.0)
    } else {
        (number, number.fract())
    };
    whole(seconds.trunc())
        .zip(whole((fraction * 1e6).round()))
        .and_then(|(seconds, micros)| seconds.checked_mul(1_000_000)?.checked_add(micros))
        .and_then(|micros| Timestamp::from_microsecond(micros).ok())
        .map(|timestamp| Offset::UTC.to_datetime(timestamp))
        .ok_or(OUT_OF_RANGE)
}

/// Text that is nothing but a decimal number.
fn unix_text(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.starts_with(|char: char| char.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_number { text.parse().ok() } else { None }
}

/// The day at the start of `text`, and what follows it.
fn parse_date(text: &str) -> Result<(Date, &str), &'static str> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 {
        return Err("input is too short");
    }
    let year = digits(&bytes[..4]).ok_or("invalid character in year")?;
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return Err("invalid date separator, expected `-`");
    }
    let month = digits(&bytes[5..7]).ok_or("invalid character in month")?;
    let day = digits(&bytes[8..10]).ok_or("invalid character in day")?;
    if !(1..=12).contains(&month) {
        return Err("month value is outside expected range of 1-12");
    }
    let month = i8::try_from(month).map_err(|_| EXTRA)?;
    let day = i8::try_from(day).map_err(|_| EXTRA)?;
    let date = Date::new(year, month, day).map_err(|_| "day value is outside expected range")?;
    // The first ten bytes are ASCII, so the text can be cut here.
    Ok((date, &text[10..]))
}

/// The same moment in UTC. The last day that a civil date can name is not wholly a moment, so this
/// may fail at the far end of the calendar.
fn in_utc(moment: DateTime, offset: Offset) -> Result<DateTime, &'static str> {
    let timestamp = offset.to_timestamp(moment).map_err(|_| OUT_OF_RANGE)?;
    Ok(Offset::UTC.to_datetime(timestamp))
}

/// `THH:MM[:SS[.ffffff]][Z|+HH:MM|+HHMM]`. Digits beyond the microsecond are dropped.
fn parse_time(date: Date, rest: &str) -> Option<(DateTime, Offset)> {
    let time = rest.strip_prefix(['T', 't', ' ', '_'])?.as_bytes();
    let hour = digits(time.get(..2)?)?;
    let minute = two_digits_after(time, 2, b':')?;
    let mut at = 5;
    let mut second = 0;
    let mut nanos = 0;
    if time.get(at) == Some(&b':') {
        second = two_digits_after(time, at, b':')?;
        at += 3;
        if matches!(time.get(at), Some(b'.' | b',')) {
            let fraction = &time[at + 1..];
            let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if length == 0 {
                return None;
            }
            let digit = |place: usize| fraction[..length].get(place).map_or(0, |byte| byte - b'0');
            let micros = (0..6).fold(0, |micros, place| micros * 10 + i32::from(digit(place)));
            nanos = micros * 1000;
            at += 1 + length;
        }
    }
    let offset = parse_offset(&time[at..])?;
    let small = |number: i16| i8::try_from(number).ok();
    let time = Time::new(small(hour)?, small(minute)?, small(second)?, nanos).ok()?;
    Some((date.to_datetime(time), offset))
}

fn parse_offset(text: &[u8]) -> Option<Offset> {
    let (sign, digits_of) = match text {
        [] | [b'Z' | b'z'] => return Some(Offset::UTC),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match digits_of {
        [hours @ .., b':', a, b] if hours.len() == 2 => (digits(hours)?, digits(&[*a, *b])?),
        [a, b, c, d] => (digits(&[*a, *b])?, digits(&[*c, *d])?),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = i32::from(hours) * 3600 + i32::from(minutes) * 60;
    Offset::from_seconds(sign * seconds).ok()
}

fn two_digits_after(text: &[u8], at: usize, separator: u8) -> Option<i16> {
    if *text.get(at)? != separator {
        return None;
    }
    digits(text.get(at + 1..at + 3)?)
}

/// At most four decimal digits as a number.
fn digits(text: &[u8]) -> Option<i16> {
    text.iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i16::from(byte - b'0')))
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
