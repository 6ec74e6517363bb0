//! What a change within a period costs. Decided without a database.
//!
//! The rest of the current period is given back at the old price and charged at the new one, each rounded to the nearest
//! cent, half a cent up, on amounts less discount and before tax:
//!
//! ```text
//! credit = round(old × left / whole)      charge = round(new × left / whole)
//!
//! a month of 31 days at 10.00, changed to 30.00 after 21 days: 10 days are left
//!
//! credit   1000 × 10 / 31 = 322.58  ->   323 given back
//! charge   3000 × 10 / 31 = 967.74  ->   968
//! ```
//!
//! The same change back at the same instant gives back and charges exactly the opposite.

use merak_store::Timestamp;

use crate::kit::Cents;

/// What of an amount for the whole of a period falls on the part of it that is left at an instant: all of it before the
/// period begins, nothing once it has ended.
pub fn share_left(amount: Cents, (start, end): (Timestamp, Timestamp), at: Timestamp) -> Cents {
    let whole = i128::from(end.as_micros()) - i128::from(start.as_micros());
    let left = (i128::from(end.as_micros()) - i128::from(at.as_micros())).clamp(0, whole.max(0));
    if whole <= 0 {
        return Cents::default();
    }
    let share = (2 * i128::from(amount.get()) * left + whole).div_euclid(2 * whole);
    // Not more than the amount, so it fits.
    i64::try_from(share).map_or(amount, Cents::new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 24 * 3600;

    fn day(number: i64) -> Timestamp {
        Timestamp::from_seconds(1_735_689_600 + number * DAY)
    }

    #[test]
    fn a_part_of_a_cent_is_rounded_to_the_nearest_and_half_of_one_up() {
        let month = (day(0), day(31));
        for (amount, at, share) in [
            (1000, 21, 323),
            (3000, 21, 968),
            (1000, 0, 1000),
            (1000, -5, 1000),
            (1000, 31, 0),
            (1000, 40, 0),
            (0, 10, 0),
            (99_999_999, 1, 96_774_193),
        ] {
            assert_eq!(share_left(Cents::new(amount), month, day(at)).get(), share, "{amount} at {at}");
        }
        // A fourth of two cents is half a cent.
        assert_eq!(share_left(Cents::new(2), (day(0), day(4)), day(3)).get(), 1);
        assert_eq!(share_left(Cents::new(2), (day(0), day(5)), day(4)).get(), 0);
    }

    #[test]
    fn a_period_that_is_none_has_nothing_left() {
        assert_eq!(share_left(Cents::new(1000), (day(1), day(1)), day(0)).get(), 0);
    }

    proptest! {
        #[test]
        fn a_share_is_between_nothing_and_all_and_shrinks(
            amount in 0i64..=99_999_999, length in 1i64..400, at in 0i64..399,
        ) {
            let period = (day(0), day(length));
            let share = share_left(Cents::new(amount), period, day(at)).get();
            prop_assert!((0..=amount).contains(&share));
            prop_assert!(share_left(Cents::new(amount), period, day(at + 1)).get() <= share);
            let exact = i128::from(amount) * i128::from((length - at).clamp(0, length));
            let distance = (exact - i128::from(share) * i128::from(length)).abs();
            prop_assert!(2 * distance <= i128::from(length));
        }
    }
}
