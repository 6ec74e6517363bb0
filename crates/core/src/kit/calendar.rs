//! Calendar arithmetic in UTC.

use jiff::Span;
use jiff::tz::Offset;
use merak_store::Timestamp;

use super::text_enum::text_enum;

text_enum! {
    /// A unit of the calendar.
    pub enum Timeframe {
        /// 24 hours.
        Day = "day",
        /// A calendar month, between 28 and 31 days.
        Month = "month",
        /// A calendar year.
        Year = "year",
    }
}

/// The instant `count` units after `at`.
///
/// Months and years keep the time of day and the day of the month, which is taken back to the last day of a
/// shorter month: one month after 31 January is 28 or 29 February. None if the year would be past 9999.
pub fn add(at: Timestamp, count: u32, unit: Timeframe) -> Option<Timestamp> {
    let count = i64::from(count);
    let span = match unit {
        Timeframe::Day => Span::new().try_days(count),
        Timeframe::Month => Span::new().try_months(count),
        Timeframe::Year => Span::new().try_years(count),
    };
    // Without a time zone a day of the calendar always has 24 hours, as UTC's have.
    let after = Offset::UTC.to_datetime(at.into()).checked_add(span.ok()?).ok()?;
    Offset::UTC.to_timestamp(after).ok().map(Timestamp::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn months_end_where_the_shorter_month_ends() {
        for (from, count, unit, to) in [
            ("2025-01-31T10:20:30.123456Z", 1, Timeframe::Month, "2025-02-28T10:20:30.123456Z"),
            ("2024-01-31T00:00:00Z", 1, Timeframe::Month, "2024-02-29T00:00:00Z"),
            ("2024-02-29T00:00:00Z", 1, Timeframe::Year, "2025-02-28T00:00:00Z"),
            ("2024-02-29T00:00:00Z", 4, Timeframe::Year, "2028-02-29T00:00:00Z"),
            ("2025-12-31T23:59:59Z", 2, Timeframe::Month, "2026-02-28T23:59:59Z"),
            ("2025-02-28T12:00:00Z", 1, Timeframe::Day, "2025-03-01T12:00:00Z"),
            ("2025-03-30T00:30:00Z", 365, Timeframe::Day, "2026-03-30T00:30:00Z"),
        ] {
            assert_eq!(add(instant(from), count, unit), Some(instant(to)), "{from} + {count} {unit}");
        }
    }

    #[test]
    fn there_is_nothing_after_the_year_9999() {
        let now = instant("2025-01-07T00:00:00Z");
        assert!(add(now, 7974, Timeframe::Year).is_some());
        for (count, unit) in [
            (7975, Timeframe::Year),
            (7975 * 12, Timeframe::Month),
            (3_000_000, Timeframe::Day),
            (u32::MAX, Timeframe::Year),
            (u32::MAX, Timeframe::Month),
            (u32::MAX, Timeframe::Day),
        ] {
            assert_eq!(add(now, count, unit), None, "{count} {unit}");
        }
    }

    proptest! {
        #[test]
        fn a_day_is_24_hours(micros in 0i64..4_000_000_000_000_000, days in 0u32..100_000) {
            let after = add(Timestamp::from_micros(micros), days, Timeframe::Day).unwrap();
            prop_assert_eq!(after, Timestamp::from_micros(micros + i64::from(days) * 86_400_000_000));
        }

        #[test]
        fn a_year_is_twelve_months(micros in 0i64..4_000_000_000_000_000, years in 0u32..1000) {
            let at = Timestamp::from_micros(micros);
            prop_assert_eq!(add(at, years, Timeframe::Year), add(at, years * 12, Timeframe::Month));
        }

        #[test]
        fn later_stays_later(micros in 0i64..4_000_000_000_000_000, months in 0u32..1000) {
            let at = Timestamp::from_micros(micros);
            prop_assert!(add(at, months + 1, Timeframe::Month) > add(at, months, Timeframe::Month));
        }
    }
}
