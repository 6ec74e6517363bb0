//! Amounts to the cent, times, and months of the calendar.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::discounts::{DiscountDuration, DiscountType};
use crate::kit::{Currency, Id, Metadata};

fn fixed(amount: i64) -> Reduction {
    Reduction::Fixed { amount: Cents::new(amount), currency: Currency::Usd }
}

fn off(reduction: Reduction, price: i64) -> i64 {
    amount_off(reduction, Cents::new(price)).get()
}

fn percentage(basis_points: i64) -> Reduction {
    Reduction::Percentage { basis_points }
}

/// spec 20 §5.5 and file 30 §7.11
#[test]
fn half_a_cent_is_rounded_up() {
    for (price, basis_points, expected) in [
        (25, 5800, 15), // 14.5, of which a binary fraction makes 14
        (1, 5000, 1),
        (1, 4999, 0),
        (999, 1000, 100),
        (1000, 3333, 333),
        (1999, 10_000, 1999),
        (0, 10_000, 0),
        (99_999_999, 1, 10_000),
        (99_999_999, 9999, 99_989_999),
    ] {
        assert_eq!(off(percentage(basis_points), price), expected, "{price} × {basis_points}");
    }
    for (price, amount, expected) in [(1000, 500, 500), (400, 500, 400), (0, 500, 0), (1000, 0, 0)] {
        assert_eq!(off(fixed(amount), price), expected);
    }
}

fn discount() -> Discount {
    let id = Uuid::from_u128(1);
    Discount {
        id: Id::from_uuid(id),
        organization_id: Id::from_uuid(id),
        name: String::from("Sale"),
        r#type: DiscountType::Percentage,
        amount: None,
        currency: None,
        basis_points: Some(1000),
        duration: DiscountDuration::Once,
        duration_in_months: None,
        code: None,
        starts_at: None,
        ends_at: None,
        max_redemptions: None,
        redemptions_count: 0,
        metadata: Metadata::default(),
        created_at: Timestamp::from_micros(0),
        modified_at: None,
        deleted_at: None,
    }
}

/// D5
#[test]
fn a_discount_is_redeemable_within_its_time_and_limit() {
    let now: Timestamp = "2025-01-07T10:00:00Z".parse().unwrap();
    let (yesterday, tomorrow) = (Some(now.add_seconds(-86_400)), Some(now.add_seconds(86_400)));
    let redeemable = |starts_at, ends_at, redemptions: Option<(i64, i64)>| {
        let (redemptions_count, max_redemptions) =
            redemptions.map_or((7, None), |(count, most)| (count, Some(most)));
        is_redeemable(&Discount { starts_at, ends_at, max_redemptions, redemptions_count, ..discount() }, now)
    };
    assert!(redeemable(None, None, None));
    assert!(!redeemable(tomorrow, None, None));
    assert!(!redeemable(None, yesterday, None));
    assert!(redeemable(Some(now), Some(now), None));
    assert!(!redeemable(yesterday, tomorrow, Some((10, 10))));
    assert!(!redeemable(yesterday, tomorrow, Some((11, 10))));
    assert!(redeemable(yesterday, tomorrow, Some((5, 10))));
    assert!(!is_redeemable(&Discount { deleted_at: Some(now), ..discount() }, now));
}

/// spec 20 §5.5
#[test]
fn months_are_those_of_the_calendar() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let first = at("2025-01-31T10:00:00Z");
    for (span, period, reduces) in [
        (Span::Once, "2025-01-31T10:00:00Z", true),
        (Span::Once, "2025-02-28T10:00:00Z", false),
        (Span::Forever, "2125-01-31T10:00:00Z", true),
        (Span::Months(1), "2025-01-31T10:00:00Z", true),
        (Span::Months(1), "2025-02-28T10:00:00Z", false),
        (Span::Months(3), "2025-03-31T10:00:00Z", true),
        (Span::Months(3), "2025-04-30T09:59:59Z", true),
        (Span::Months(3), "2025-04-30T10:00:00Z", false),
        (Span::Months(12), "2026-01-31T10:00:00Z", false),
        (Span::Months(13), "2026-01-31T10:00:00Z", true),
        (Span::Months(i64::MAX), "9999-12-01T10:00:00Z", true),
    ] {
        assert_eq!(reduces_period(span, first, at(period)), reduces, "{span:?} {period}");
    }
}

proptest! {
    /// file 30 §6, I1 and I2
    #[test]
    fn a_part_is_off_by_half_a_cent_at_most(price in 0i64..=99_999_999, basis_points in 1i64..=10_000) {
        let off = off(percentage(basis_points), price);
        prop_assert!((0..=price).contains(&off));
        // 2 × |off − price × bp / 10 000| ≤ 1, and up if it is exactly half.
        let double_error = 2 * (off * 10_000 - price * basis_points);
        prop_assert!(-10_000 < double_error && double_error <= 10_000, "{off}");
        prop_assert_eq!(off == price, price == 0 || price * basis_points + 5_000 >= price * 10_000);
    }

    #[test]
    fn more_points_and_higher_prices_never_take_off_less(
        price in 0i64..=99_999_999, more in 0i64..=1000, basis_points in 1i64..10_000,
    ) {
        let here = off(percentage(basis_points), price);
        prop_assert!(here <= off(percentage(basis_points + 1), price));
        prop_assert!(here <= off(percentage(basis_points), price + more));
    }

    #[test]
    fn an_amount_is_taken_off_up_to_the_price(price in 0i64..=99_999_999, amount in 0i64..=99_999_999) {
        prop_assert_eq!(off(fixed(amount), price), amount.min(price));
    }

    #[test]
    fn no_price_overflows(price in 0i64..=i64::MAX, basis_points in 1i64..=10_000) {
        prop_assert!((0..=price).contains(&off(percentage(basis_points), price)));
    }

    /// A plan by the month is reduced as often as there are months, whatever the day it begins on.
    #[test]
    fn each_month_is_reduced_once(micros in 0i64..4_000_000_000_000_000, months in 1i64..60) {
        let first = Timestamp::from_micros(micros);
        let reduced = (0..months + 12)
            .map(|month| calendar::add(first, u32::try_from(month).unwrap(), Timeframe::Month).unwrap())
            .filter(|period| reduces_period(Span::Months(months), first, *period));
        prop_assert_eq!(i64::try_from(reduced.count()).unwrap(), months);
    }

    /// A plan by the year is reduced once for each year that has begun before the months are over.
    #[test]
    fn each_year_that_begins_is_reduced(micros in 0i64..4_000_000_000_000_000, months in 1i64..60) {
        let first = Timestamp::from_micros(micros);
        let reduced = (0..10)
            .map(|year| calendar::add(first, year, Timeframe::Year).unwrap())
            .filter(|period| reduces_period(Span::Months(months), first, *period));
        prop_assert_eq!(i64::try_from(reduced.count()).unwrap(), (months + 11) / 12);
    }
}
