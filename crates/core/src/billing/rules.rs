//! When a subscription is billed, and what follows when it cannot be. Decided without a database.
//!
//! # Periods
//!
//! Period `n` begins `n - anchor_period` intervals of the calendar after `anchor_at`, in UTC. It is never made from the
//! end of the period before, so a short month does not shorten the ones that follow:
//!
//! ```text
//! anchor_at 2025-01-31T10:00:00Z, anchor_period 0, monthly
//!
//! period 0   2025-01-31T10:00:00Z  to  2025-02-28T10:00:00Z
//! period 1   2025-02-28T10:00:00Z  to  2025-03-31T10:00:00Z
//! period 2   2025-03-31T10:00:00Z  to  2025-04-30T10:00:00Z
//! ```
//!
//! What runs late changes no date: were the renewal of period 1 done on 3 March, it would still end on 31 March. Were
//! nothing done until 15 April, then period 2 is billed and period 1 is not ([`CatchUp::CurrentPeriod`]), or both are,
//! the older first ([`CatchUp::EveryPeriod`]).
//!
//! # Dunning
//!
//! A payment that fails makes the subscription past due at once. It is tried again so many days after that first
//! failure as [`Rules::retry_days`] says; when the last of them fails too, it is given up.
//!
//! ```text
//! retry_days 1, 3, 5, 7; the payment of the period that begins on 1 March fails at 10:00
//!
//! 1 March 10:00   past_due, what comes with it is taken back, a mail names the next try
//! 2 March 10:00   first retry      4 March 10:00   second retry
//! 6 March 10:00   third retry      8 March 10:00   fourth retry; fails: canceled
//! ```
//!
//! With [`Rules::grace_days`] what comes with it is not taken back at once but that many days after the first failure, or
//! when the payment is given up, if that is earlier. A try that is due at the same instant is made first.
//!
//! ```text
//! grace_days 3, the rest as above
//!
//! 1 March 10:00   past_due, and nothing is taken back; a mail says that everything stays until 4 March
//! 4 March 10:00   second retry; fails: what comes with it is taken back, and the tries go on
//! ```
//!
//! A card that will never be accepted is not asked again: nothing happens on 2, 4 and 6 March, and on 8 March it is given
//! up. Another method is tried as soon as the customer chooses it. Whenever it is paid, the subscription is active again,
//! and its periods are what they would have been: the next one begins on 1 April.

use merak_store::Timestamp;

use crate::kit::{Cents, Timeframe, calendar};
use crate::products::RecurringInterval;
use crate::subscriptions::Subscription;
use crate::taxes::Taxes;

/// What an installation has settled about billing.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Who knows the taxes.
    pub taxes: Taxes,
    /// The processor that is asked, by its name.
    pub processor: String,
    /// The least that it charges.
    pub minimum: Cents,
    /// So many days after its first failure a payment of a subscription is tried again; ascending.
    pub retry_days: Vec<u32>,
    /// So many days after that first failure what comes with a subscription is taken back, unless it was paid; 0 takes it
    /// back at once.
    pub grace_days: u32,
    /// What becomes of a subscription whose payment is given up.
    pub given_up: GivenUp,
    /// What is billed after nothing was done for longer than a period.
    pub catch_up: CatchUp,
}

/// What becomes of a subscription whose payment is given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GivenUp {
    /// It ends.
    #[default]
    Canceled,
    /// It stays, and can still be paid.
    Unpaid,
}

/// What is billed after nothing was done for longer than a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CatchUp {
    /// Only the period that runs now.
    #[default]
    CurrentPeriod,
    /// Each, the oldest first.
    EveryPeriod,
}

impl Rules {
    /// The usual rules, with this processor and without taxes.
    pub fn new(processor: &str, minimum: Cents) -> Self {
        Self {
            taxes: Taxes::none(),
            processor: processor.to_owned(),
            minimum,
            retry_days: vec![1, 3, 5, 7],
            grace_days: 0,
            given_up: GivenUp::default(),
            catch_up: CatchUp::default(),
        }
    }

    /// When a payment that failed first at `since` and was tried again so often is tried next; none once it is given up.
    pub fn next_retry(&self, since: Timestamp, retries: i64) -> Option<Timestamp> {
        let days = usize::try_from(retries).ok().and_then(|done| self.retry_days.get(done))?;
        calendar::add(since, *days, Timeframe::Day)
    }

    /// When a payment that failed first at `since` is given up.
    pub fn last_retry(&self, since: Timestamp) -> Timestamp {
        let days = self.retry_days.last().copied().unwrap_or(0);
        calendar::add(since, days, Timeframe::Day).unwrap_or(since)
    }

    /// When a subscription is looked at next whose payment failed first at `since` and was tried again so often: it is tried
    /// again, or given up.
    pub fn next_look(&self, since: Timestamp, retries: i64) -> Timestamp {
        self.next_retry(since, retries).unwrap_or_else(|| self.last_retry(since))
    }

    /// Until when customers keep what comes with a subscription whose payment failed first at `since`, at most until it is
    /// given up; none if it is taken back at once.
    pub fn grace_end(&self, since: Timestamp) -> Option<Timestamp> {
        let last = self.last_retry(since);
        let end = calendar::add(since, self.grace_days, Timeframe::Day);
        (self.grace_days > 0).then(|| end.map_or(last, |end| end.min(last)))
    }

    /// The number of the period that follows the subscription's current one, by the policy of catching up.
    pub fn next_period(&self, subscription: &Subscription, now: Timestamp) -> i64 {
        let next = subscription.period.saturating_add(1);
        match self.catch_up {
            CatchUp::EveryPeriod => next,
            CatchUp::CurrentPeriod => period_at(subscription, now).max(next),
        }
    }
}

/// When a period of the subscription begins; none if that is past the calendar.
pub fn start_of(subscription: &Subscription, period: i64) -> Option<Timestamp> {
    let count = period.checked_sub(subscription.anchor_period)?;
    let unit = match subscription.recurring_interval {
        RecurringInterval::Month => Timeframe::Month,
        RecurringInterval::Year => Timeframe::Year,
    };
    calendar::add(subscription.anchor_at, u32::try_from(count).ok()?, unit)
}

/// The number of the period that an instant is in; the anchor's for what is before it.
pub fn period_at(subscription: &Subscription, at: Timestamp) -> i64 {
    const DAY: i64 = 24 * 3600;
    let longest = match subscription.recurring_interval {
        RecurringInterval::Month => 31 * DAY,
        RecurringInterval::Year => 366 * DAY,
    };
    let since = at.as_seconds().saturating_sub(subscription.anchor_at.as_seconds()).max(0);
    // At least so many have begun, because none is longer; then it is not far.
    let mut period = subscription.anchor_period.saturating_add(since / longest);
    while start_of(subscription, period.saturating_add(1)).is_some_and(|start| start <= at) {
        period += 1;
    }
    period
}

#[cfg(test)]
mod tests;
