//! Periods and retries, by examples.

use merak_store::{Json, Timestamp};
use uuid::Uuid;

use super::*;
use crate::kit::{Id, Metadata};
use crate::subscriptions::SubscriptionStatus;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn subscription(anchor: &str, interval: RecurringInterval) -> Subscription {
    let anchor_at = at(anchor);
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
        recurring_interval: interval,
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
        anchor_period: 3,
        period: 3,
        discount_since: None,
        due_at: None,
        past_due_since: None,
        grace_ends_at: None,
        retries: 0,
        created_at: anchor_at,
        modified_at: None,
    }
}

#[test]
fn a_short_month_does_not_shorten_the_next_ones() {
    let monthly = subscription("2025-01-31T10:00:00Z", RecurringInterval::Month);
    let starts: Vec<_> = (3..7).map(|period| start_of(&monthly, period).unwrap().wire()).collect();
    assert_eq!(
        starts,
        ["2025-01-31T10:00:00Z", "2025-02-28T10:00:00Z", "2025-03-31T10:00:00Z", "2025-04-30T10:00:00Z"]
    );
    assert_eq!(start_of(&monthly, 2), None);
    let yearly = subscription("2024-02-29T00:00:00Z", RecurringInterval::Year);
    assert_eq!(start_of(&yearly, 7), Some(at("2028-02-29T00:00:00Z")));
    assert_eq!(start_of(&yearly, 9000), None);
}

#[test]
fn an_instant_is_in_the_period_that_has_begun_by_then() {
    for (anchor, interval) in [
        ("2025-01-31T10:00:00Z", RecurringInterval::Month),
        ("2024-02-29T00:00:00Z", RecurringInterval::Year),
    ] {
        let one = subscription(anchor, interval);
        for period in 3..400 {
            let start = start_of(&one, period).unwrap();
            assert_eq!(period_at(&one, start), period);
            assert_eq!(period_at(&one, start.add_micros(-1)), (period - 1).max(3));
        }
    }
}

#[test]
fn after_a_long_silence_one_period_is_billed_or_each() {
    let one = subscription("2025-01-31T10:00:00Z", RecurringInterval::Month);
    let mut rules = Rules::new("sandbox", Cents::new(50));
    for (now, current) in [
        ("2025-02-28T10:00:00Z", 4),
        ("2025-03-31T09:59:59Z", 4),
        ("2025-04-15T00:00:00Z", 5),
        ("2026-01-31T10:00:00Z", 15),
    ] {
        assert_eq!(rules.next_period(&one, at(now)), current, "{now}");
    }
    rules.catch_up = CatchUp::EveryPeriod;
    assert_eq!(rules.next_period(&one, at("2026-01-31T10:00:00Z")), 4);
}

#[test]
fn a_payment_is_tried_again_on_the_days_that_are_settled() {
    let rules = Rules::new("sandbox", Cents::new(50));
    let since = at("2025-03-01T10:00:00Z");
    let retries: Vec<_> = (0..5).map(|done| rules.next_retry(since, done)).collect();
    let day = |day| Some(at(&format!("2025-03-{day:02}T10:00:00Z")));
    assert_eq!(retries, [day(2), day(4), day(6), day(8), None]);
    assert_eq!(Some(rules.last_retry(since)), day(8));
}

#[test]
fn a_grace_ends_so_many_days_after_the_first_failure_and_with_the_last_try() {
    let mut rules = Rules::new("sandbox", Cents::new(50));
    let since = at("2025-03-01T10:00:00Z");
    let day = |day| Some(at(&format!("2025-03-{day:02}T10:00:00Z")));
    for (days, end) in [(0, None), (1, day(2)), (3, day(4)), (7, day(8)), (30, day(8)), (u32::MAX, day(8))] {
        rules.grace_days = days;
        assert_eq!(rules.grace_end(since), end, "{days}");
    }
}
