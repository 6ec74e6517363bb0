//! Amounts, days and places in words.

use isocountry::CountryCode;
use merak_core::emails::{Money, RecurringPrice};
use merak_core::kit::{Cents, Country, Currency};
use merak_core::products::RecurringInterval;
use merak_store::Timestamp;

/// An amount with its sign, as in `$1,234.50`.
pub fn amount(cents: Cents, currency: Currency) -> String {
    let (sign, digits) = match currency {
        Currency::Usd => ("$", 2),
    };
    let minus = if cents.get() < 0 { "-" } else { "" };
    let unit = 10_u64.pow(digits);
    let count = cents.get().unsigned_abs();
    let (whole, rest, width) = ((count / unit).to_string(), count % unit, digits as usize);
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{minus}{sign}{grouped}.{rest:0width$}")
}

/// As [`amount`].
pub fn money(money: Money) -> String {
    amount(money.amount, money.currency)
}

/// What a subscription costs, as in `$9.00 a month`.
pub fn price(price: Option<RecurringPrice>) -> String {
    match price {
        None => String::from("free"),
        Some(price) => {
            let every = match price.interval {
                RecurringInterval::Month => "a month",
                RecurringInterval::Year => "a year",
            };
            format!("{} {every}", amount(price.amount, price.currency))
        }
    }
}

/// A day, as in `7 January 2025`. Days are those of UTC.
pub fn day(instant: Timestamp) -> String {
    let day = jiff::tz::Offset::UTC.to_datetime(instant.into());
    day.strftime("%-d %B %Y").to_string()
}

/// The English name of a country; its code if it has none.
pub fn country(country: Country) -> &'static str {
    let code = country.as_str();
    CountryCode::for_alpha2(code).map_or(code, |country| country.name())
}

/// How long from now until then, in whole minutes, as in `30 minutes`. At least one: what is over is not sent.
pub fn minutes(now: Timestamp, end: Timestamp) -> String {
    let micros = end.as_micros().saturating_sub(now.as_micros());
    match micros.div_euclid(60_000_000).max(1) {
        1 => String::from("1 minute"),
        more => format!("{more} minutes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_a_sign_groups_and_cents() {
        for (cents, text) in [
            (0, "$0.00"),
            (5, "$0.05"),
            (2050, "$20.50"),
            (-500, "-$5.00"),
            (123_456, "$1,234.56"),
            (99_999_999, "$999,999.99"),
            (100_000_000_000, "$1,000,000,000.00"),
            (i64::MIN, "-$92,233,720,368,547,758.08"),
        ] {
            assert_eq!(amount(Cents::new(cents), Currency::Usd), text);
        }
    }

    #[test]
    fn days_and_minutes_are_written_out() {
        let now = Timestamp::from_seconds(1_736_244_000);
        assert_eq!(day(now), "7 January 2025");
        assert_eq!(minutes(now, now.add_seconds(1800)), "30 minutes");
        assert_eq!(minutes(now, now.add_seconds(119)), "1 minute");
        assert_eq!(minutes(now, now.add_seconds(3)), "1 minute");
    }
}
