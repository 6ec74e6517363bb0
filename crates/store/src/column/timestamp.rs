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
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

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
        self.text().wire().to_owned()
    }

    /// The stored form, without allocating: this is written for every timestamp of every row and answer.
    pub(crate) fn text(self) -> Text {
        let days = self.0.div_euclid(MICROS_PER_DAY);
        let micros = self.0.rem_euclid(MICROS_PER_DAY);
        let (year, month, day) = calendar::date(days);
        let seconds = micros / MICROS_PER_SECOND;
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        write_digits(&mut text[0..4], year);
        write_digits(&mut text[5..7], month);
        write_digits(&mut text[8..10], day);
        write_digits(&mut text[11..13], seconds / 3600);
        write_digits(&mut text[14..16], seconds / 60 % 60);
        write_digits(&mut text[17..19], seconds % 60);
        write_digits(&mut text[20..26], micros % MICROS_PER_SECOND);
        Text { text }
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
        let (year, month, day) = (number(&text[0..4])?, number(&text[5..7])?, number(&text[8..10])?);
        let (hour, minute, second) = (number(&text[11..13])?, number(&text[14..16])?, number(&text[17..19])?);
        if !calendar::exists(year, month, day) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let seconds = calendar::days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        let micros = seconds * MICROS_PER_SECOND + number(&text[20..26])?;
        (Self::MIN.0..=Self::MAX.0).contains(&micros).then_some(Self(micros))
    }
}

/// A timestamp's stored form.
pub(crate) struct Text {
    text: [u8; 27],
}

impl Text {
    /// As it is stored.
    pub(crate) fn stored(&self) -> &str {
        std::str::from_utf8(&self.text).expect("digits and separators are ASCII")
    }

    /// As it is sent: the fraction is left out if it is zero.
    fn wire(&mut self) -> &str {
        const WHOLE: usize = "0000-00-00T00:00:00Z".len();
        if self.text[WHOLE - 1..] != *b".000000Z" {
            return self.stored();
        }
        self.text[WHOLE - 1] = b'Z';
        std::str::from_utf8(&self.text[..WHOLE]).expect("digits and separators are ASCII")
    }
}

/// Writes a number into a field, with zeros before it. What the field has no room for is left out.
fn write_digits(field: &mut [u8], mut number: i64) {
    for place in field.iter_mut().rev() {
        // A remainder of ten is a single digit.
        *place = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

/// The Gregorian calendar, counted in days from 1970-01-01. Years begin in March here, so that the leap day is the
/// last one and months follow one formula.
mod calendar {
    const DAYS_PER_ERA: i64 = 146_097;
    const YEARS_PER_ERA: i64 = 400;
    /// From the first of March of the year 0 to 1970-01-01.
    const EPOCH: i64 = 719_468;

    /// The day with this date, which must exist.
    pub(super) const fn days(year: i64, month: i64, day: i64) -> i64 {
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(YEARS_PER_ERA);
        let year_of_era = year.rem_euclid(YEARS_PER_ERA);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * DAYS_PER_ERA + day_of_era - EPOCH
    }

    /// Year, month and day.
    pub(super) const fn date(days: i64) -> (i64, i64, i64) {
        let days = days + EPOCH;
        let era = days.div_euclid(DAYS_PER_ERA);
        let day_of_era = days.rem_euclid(DAYS_PER_ERA);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * YEARS_PER_ERA + year_of_era + if month <= 2 { 1 } else { 0 };
        (year, month, day)
    }

    /// Whether the calendar has this date.
    pub(super) const fn exists(year: i64, month: i64, day: i64) -> bool {
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        1 <= day && day <= last
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
        formatter.write_str(self.text().stored())
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
        serializer.serialize_str(self.text().wire())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{Timestamp, calendar};

    #[test]
    fn the_calendar_is_the_librarys() {
        let first = Timestamp::MIN.as_seconds() / 86_400;
        let last = Timestamp::MAX.as_seconds() / 86_400;
        for days in (first..last).step_by(13) {
            let instant = jiff::Timestamp::from_second(days * 86_400).unwrap();
            let date = jiff::tz::Offset::UTC.to_datetime(instant).date();
            let (year, month, day) = calendar::date(days);
            assert_eq!((year, month, day), (date.year().into(), date.month().into(), date.day().into()));
            assert!(calendar::exists(year, month, day));
            assert_eq!(calendar::days(year, month, day), days);
        }
        assert!(calendar::exists(2024, 2, 29) && calendar::exists(2000, 2, 29));
        assert!(
            !calendar::exists(2025, 2, 29)
                && !calendar::exists(1900, 2, 29)
                && !calendar::exists(2025, 4, 31)
        );
        assert!(
            !calendar::exists(2025, 13, 1) && !calendar::exists(2025, 0, 1) && !calendar::exists(2025, 1, 0)
        );
    }

    #[test]
    fn the_wire_leaves_out_a_fraction_of_zero() {
        let text = |micros| Timestamp::from_micros(micros).wire();
        assert_eq!(text(1_736_244_000_000_000), "2025-01-07T10:00:00Z");
        assert_eq!(text(1_736_244_000_000_001), "2025-01-07T10:00:00.000001Z");
        assert_eq!(text(-1), "1969-12-31T23:59:59.999999Z");
        assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-30T22:00:00.999999Z");
    }
}
