//! Moments as clients write them.
//!
//! Accepted are ISO 8601 text, with a space or an underscore for the `T` and with or without a zone, a day alone, and
//! Unix time as a number or as text. Numbers beyond `MILLISECONDS_ABOVE` are milliseconds.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use serde_json::Number;

use super::lax::whole;

/// Unix seconds beyond this are read as milliseconds; it is the year 2603 in seconds.
const MILLISECONDS_ABOVE: f64 = 2e10;

const EXTRA: &str = "unexpected extra characters at the end of the input";
const OUT_OF_RANGE: &str = "the moment is outside the supported range";

/// Date and time of day as they were written, and the zone if one was named. It is shown as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    civil: DateTime,
    offset: Option<Offset>,
}

impl Moment {
    /// Reads a text; a day alone begins at midnight. The reason of a refusal is to stand inside a sentence.
    pub fn from_text(text: &str) -> Result<Self, &'static str> {
        match parse_date(text) {
            Ok((date, "")) => Ok(Self { civil: date.to_datetime(Time::midnight()), offset: None }),
            Ok((date, rest)) => parse_time(date, rest).ok_or(EXTRA),
            Err(reason) => unix_text(text).ok_or(reason).and_then(from_unix),
        }
    }

    /// Reads Unix time.
    pub fn from_number(number: &Number) -> Result<Self, &'static str> {
        number.as_f64().ok_or(OUT_OF_RANGE).and_then(from_unix)
    }

    /// Date and time of day, in the zone that was named.
    pub const fn civil(self) -> DateTime {
        self.civil
    }

    /// The instant, in UTC if no zone was named. It errs outside of the years 1 to 9999 of UTC.
    pub fn instant(self) -> Result<Timestamp, &'static str> {
        let instant =
            self.offset.unwrap_or(Offset::UTC).to_timestamp(self.civil).map_err(|_| OUT_OF_RANGE)?;
        let is_supported = (1..=9999).contains(&Offset::UTC.to_datetime(instant).year());
        if is_supported { Ok(instant) } else { Err(OUT_OF_RANGE) }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = &self.civil;
        write!(f, "{:04}-{:02}-{:02}", civil.year(), civil.month(), civil.day())?;
        write!(f, "T{:02}:{:02}:{:02}", civil.hour(), civil.minute(), civil.second())?;
        let micros = civil.subsec_nanosecond() / 1000;
        if micros != 0 {
            write!(f, ".{micros:06}")?;
        }
        let Some(offset) = self.offset else { return Ok(()) };
        let minutes = offset.seconds() / 60;
        if minutes == 0 {
            return f.write_str("Z");
        }
        let sign = if minutes < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
    }
}

/// Unix time in UTC, to the microsecond.
fn from_unix(number: f64) -> Result<Moment, &'static str> {
    let (seconds, fraction) = if number.abs() > MILLISECONDS_ABOVE {
        (number / 1000.0, (number % 1000.0) / 1000.0)
    } else {
        (number, number.fract())
    };
    whole(seconds.trunc())
        .zip(whole((fraction * 1e6).round()))
        .and_then(|(seconds, micros)| seconds.checked_mul(1_000_000)?.checked_add(micros))
        .and_then(|micros| Timestamp::from_microsecond(micros).ok())
        .map(|timestamp| Moment { civil: Offset::UTC.to_datetime(timestamp), offset: Some(Offset::UTC) })
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

/// `THH:MM[:SS[.ffffff]][Z|+HH:MM|+HHMM]`. Digits beyond the microsecond are dropped.
fn parse_time(date: Date, rest: &str) -> Option<Moment> {
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
    let offset = match &time[at..] {
        [] => None,
        zone => Some(parse_offset(zone)?),
    };
    let small = |number: i16| i8::try_from(number).ok();
    let time = Time::new(small(hour)?, small(minute)?, small(second)?, nanos).ok()?;
    Some(Moment { civil: date.to_datetime(time), offset })
}

fn parse_offset(text: &[u8]) -> Option<Offset> {
    let (sign, digits_of) = match text {
        [b'Z' | b'z'] => return Some(Offset::UTC),
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
    use super::Moment;

    #[test]
    fn a_moment_is_shown_as_it_was_written() {
        for (text, shown) in [
            ("2024-01-01", "2024-01-01T00:00:00"),
            ("2024-01-01 10:30", "2024-01-01T10:30:00"),
            ("2024-01-01T10:30:00.5", "2024-01-01T10:30:00.500000"),
            ("2024-01-01T10:30:00z", "2024-01-01T10:30:00Z"),
            ("2024-01-01T10:30:00+00:00", "2024-01-01T10:30:00Z"),
            ("2024-01-01T10:30:00+0545", "2024-01-01T10:30:00+05:45"),
            ("2024-01-01T10:30:00-03:30", "2024-01-01T10:30:00-03:30"),
            ("1704067200", "2024-01-01T00:00:00Z"),
        ] {
            assert_eq!(Moment::from_text(text).unwrap().to_string(), shown, "{text}");
        }
        for text in
            ["", "soon", "2024-02-30", "2024-01-01T25:00", "2024-01-01T10:00+24:00", "2024-01-01T10:00x"]
        {
            assert!(Moment::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn without_a_zone_the_instant_is_in_utc() {
        let instant = |text: &str| Moment::from_text(text).unwrap().instant().unwrap().to_string();
        assert_eq!(instant("2024-01-01T10:00:00"), "2024-01-01T10:00:00Z");
        assert_eq!(instant("2024-01-01T10:00:00+02:00"), "2024-01-01T08:00:00Z");
        assert!(Moment::from_text("9999-12-31").unwrap().instant().is_err());
    }
}
