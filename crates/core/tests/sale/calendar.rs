//! Periods of every day on which something can begin within forty years, by the function that billing asks.

use std::process::Command;

use jiff::ToSpan;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use merak_core::billing::rules;
use merak_core::kit::{Id, Metadata};
use merak_core::products::RecurringInterval;
use merak_core::subscriptions::{Subscription, SubscriptionStatus};
use merak_store::{Json, Timestamp};
use uuid::Uuid;

fn subscription(anchor_at: Timestamp, recurring_interval: RecurringInterval) -> Subscription {
    Subscription {
        id: Id::from_uuid(Uuid::nil()),
        organization_id: Id::from_uuid(Uuid::nil()),
        customer_id: Id::from_uuid(Uuid::nil()),
        product_id: Id::from_uuid(Uuid::nil()),
        price_id: Id::from_uuid(Uuid::nil()),
        discount_id: None,
        checkout_id: None,
        status: SubscriptionStatus::Active,
        base_amount: None,
        amount: None,
        currency: None,
        recurring_interval,
        current_period_start: anchor_at,
        current_period_end: anchor_at,
        cancel_at_period_end: false,
        canceled_at: None,
        started_at: None,
        ends_at: None,
        ended_at: None,
        customer_cancellation_reason: None,
        customer_cancellation_comment: None,
        metadata: Metadata::default(),
        custom_field_data: Json::default(),
        payment_method_id: None,
        anchor_at,
        anchor_period: 7,
        period: 7,
        discount_since: None,
        due_at: None,
        past_due_since: None,
        grace_ends_at: None,
        retries: 0,
        created_at: anchor_at,
        modified_at: None,
    }
}

/// The day `months` months after another, worked out by hand: the same day, or the last one of a shorter month.
fn by_hand(from: Date, months: i16) -> Date {
    let all = i16::from(from.month()) - 1 + months;
    let (year, month) = (from.year() + all / 12, i8::try_from(all % 12 + 1).unwrap());
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    date(year, month, from.day().min(last))
}

fn instant(day: Date, second: i32) -> Timestamp {
    let at = TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).unwrap();
    Timestamp::from(at).add_seconds(i64::from(second))
}

#[test]
fn forty_years_of_beginnings_have_the_right_periods() {
    let mut day = date(2020, 1, 1);
    let mut count = 0_u64;
    while day < date(2060, 1, 1) {
        // Another time of day each day, the first and the last second of it among them.
        let second = [0, 86_399, 43_200, 3_601 + i32::from(day.day()) * 977]
            [usize::from(count.is_multiple_of(4)) * 2 + usize::from(count.is_multiple_of(3))];
        let begun = instant(day, second);
        for (interval, months, periods) in
            [(RecurringInterval::Month, 1, 60), (RecurringInterval::Year, 12, 40)]
        {
            let one = subscription(begun, interval);
            let mut before = begun;
            assert_eq!(rules::start_of(&one, 7), Some(begun));
            assert_eq!(rules::start_of(&one, 6), None, "nothing was before the beginning");
            for number in 1..=periods {
                let start = rules::start_of(&one, 7 + number).unwrap();
                let right = by_hand(day, i16::try_from(number).unwrap() * months);
                assert_eq!(start, instant(right, second), "{day}, {interval:?} {number}");
                assert!(before < start);
                before = start;
            }
            // An instant is in the period that has begun last.
            for number in [0, 1, 2, 11, 12, 13, 39] {
                let start = rules::start_of(&one, 7 + number).unwrap();
                assert_eq!(rules::period_at(&one, start), 7 + number, "{day}, {interval:?}");
                let just_before = Timestamp::from_seconds(start.as_seconds() - 1);
                assert_eq!(
                    rules::period_at(&one, just_before),
                    7 + (number - 1).max(0),
                    "{day}, {interval:?}"
                );
            }
        }
        day = day.checked_add(1.day()).unwrap();
        count += 1;
    }
    assert_eq!(count, 14_610);
}

/// The time zone of the process plays no part: the same test holds where clocks go ahead of UTC and behind it, where a
/// whole day once was left out, and where summer begins at midnight.
#[test]
fn a_process_anywhere_on_earth_has_the_same_periods() {
    for zone in ["Pacific/Apia", "America/Santiago", "Asia/Kathmandu", "<-12>12"] {
        let test = "calendar::forty_years_of_beginnings_have_the_right_periods";
        let mut child = Command::new(std::env::current_exe().unwrap());
        let ran = child.args(["--exact", test]).env("TZ", zone).output().unwrap();
        let told = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && told.contains("1 passed"), "{zone}: {told}");
    }
}
