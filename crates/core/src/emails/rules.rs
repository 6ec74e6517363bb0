//! When a mail that could not be sent is tried again, and when no more.

use merak_store::Timestamp;

/// For how long a mail is tried, in seconds: two days.
const TRIED_FOR: i64 = 2 * 24 * 3600;

/// The longest pause, in seconds. A server that was down is noticed within the hour.
const LONGEST_PAUSE: i64 = 3600;

/// For how many seconds to wait after the given failure, the first being 1: twice as long each time, and by dice
/// somewhere between half of that and all of it, so that what failed together does not come back together.
pub(super) fn pause_after(failure: i64, dice: u64) -> i64 {
    let doubled = 2_i64.saturating_pow(u32::try_from(failure.clamp(1, 12)).unwrap_or(12));
    let longest = (5 * doubled).min(LONGEST_PAUSE);
    let half = longest / 2;
    half + i64::try_from(dice % (half.unsigned_abs() + 1)).unwrap_or(0)
}

/// Whether a mail that was asked for then is not tried any more.
pub(super) fn is_too_late(created_at: Timestamp, now: Timestamp) -> bool {
    created_at.add_seconds(TRIED_FOR) <= now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        for (failure, least, most) in
            [(1, 5, 10), (2, 10, 20), (5, 80, 160), (9, 1280, 2560), (10, 1800, 3600), (i64::MAX, 1800, 3600)]
        {
            assert_eq!(pause_after(failure, 0), least, "{failure}");
            assert_eq!(pause_after(failure, least.unsigned_abs()), most, "{failure}");
            assert!((least..=most).contains(&pause_after(failure, u64::MAX)), "{failure}");
        }
    }

    #[test]
    fn a_mail_is_tried_for_two_days() {
        let noon = Timestamp::from_seconds(1_736_244_000);
        assert!(!is_too_late(noon, noon.add_seconds(TRIED_FOR - 1)));
        assert!(is_too_late(noon, noon.add_seconds(TRIED_FOR)));
    }
}
