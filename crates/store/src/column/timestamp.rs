//! An instant, to the microsecond.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Error, Result};

/// An instant in UTC to the microsecond, between the years 1 and 9999.
///
/// PostgreSQL keeps no more than microseconds, so no more is kept anywhere: a value read back equals the value
/// written. On SQLite it is stored as text of one fixed width, `2025-01-07T10:00:00.000000Z`, which sorts as time
/// does; texts of varying width would not (`…00Z` sorts after `…00.5Z`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const MICROS_PER_SECOND: i64 = 1_000_000;

impl Timestamp {
    /// The earliest instant that can be stored: `0001-01-01T00:00:00.000000Z`.
    pub const MIN: Self = Self(-62_135_596_800 * MICROS_PER_SECOND);
    /// The latest instant that can be stored, which is the calendar library's: `9999-12-30T22:00:00.999999Z`.
    pub const MAX: Self = Self(253_402_207_200 * MICROS_PER_SECOND + 999_999);
    /// 1970-01-01.
    pub const EPOCH: Self = Self(0);

    /// The instant this many microseconds after 1970-01-01; what lies out of range becomes [`MIN`](Self::MIN) or
    /// [`MAX`](Self::MAX).
    pub const fn from_micros(micros: i64) -> Self {
        if micros < Self::MIN.0 {
            Self::MIN
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Self(micros)
        }
    }

    /// The instant this many whole seconds after 1970-01-01, within the range as above.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_micros(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds since 1970-01-01.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01, rounded down.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// This instant moved by so many seconds, which may be negative; stays within the range.
    #[must_use]
    pub const fn add_seconds(self, seconds: i64) -> Self {
        Self::from_micros(self.0.saturating_add(seconds.saturating_mul(MICROS_PER_SECOND)))
    }

    /// This instant moved by so many microseconds, which may be negative; stays within the range.
    #[must_use]
    pub const fn add_micros(self, micros: i64) -> Self {
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// The time from `earlier` to this instant; nothing if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The form of the wire: no fraction if there is none, otherwise exactly six digits.
    pub fn wire(self) -> String {
        let mut text = self.to_string();
        if self.0.rem_euclid(MICROS_PER_SECOND) == 0 {
            text.replace_range(19..26, "");
        }
        text
    }

    /// Reads any RFC 3339 text with an offset; what is finer than a microsecond is cut off.
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(timestamp) = Self::parse_fixed_width(text.as_bytes()) {
            return Ok(timestamp);
        }
        text.parse::<jiff::Timestamp>().map(Self::from).map_err(|error| Error::Decode(error.to_string()))
    }

    /// Reads the stored form without going through a general parser; this runs for every timestamp of every row.
    fn parse_fixed_width(text: &[u8]) -> Option<Self> {
        fn number(digits: &[u8]) -> Option<i64> {
            digits
                .iter()
                .try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
        }
        let text: &[u8; 27] = text.try_into().ok()?;
        let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (26, b'Z')];
        if separators.iter().any(|&(at, separator)| text[at] != separator) {
            return None;
        }
        let date = jiff::civil::Date::new(
            i16::try_from(number(&text[0..4])?).ok()?,
            i8::try_from(number(&text[5..7])?).ok()?,
            i8::try_from(number(&text[8..10])?).ok()?,
        )
        .ok()?;
        let (hour, minute, second) = (number(&text[11..13])?, number(&text[14..16])?, number(&text[17..19])?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let midnight =
            jiff::tz::Offset::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).ok()?;
        let seconds = midnight.as_second() + hour * 3600 + minute * 60 + second;
        let micros = seconds * MICROS_PER_SECOND + number(&text[20..26])?;
        (Self::MIN.0..=Self::MAX.0).contains(&micros).then_some(Self(micros))
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(timestamp: jiff::Timestamp) -> Self {
        // Rounded down, so that cutting keeps the order before 1970 too.
        let micros = timestamp.as_nanosecond().div_euclid(1000);
        Self::from_micros(i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX }))
    }
}

impl From<Timestamp> for jiff::Timestamp {
    fn from(timestamp: Timestamp) -> Self {
        // `MIN` and `MAX` lie within jiff's own range, so the edge is never taken.
        Self::from_microsecond(timestamp.0).unwrap_or(if timestamp.0 < 0 { Self::MIN } else { Self::MAX })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date_time = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from(*self));
        write!(
            formatter,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            date_time.year(),
            date_time.month(),
            date_time.day(),
            date_time.hour(),
            date_time.minute(),
            date_time.second(),
            self.0.rem_euclid(MICROS_PER_SECOND),
        )
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.wire())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}
