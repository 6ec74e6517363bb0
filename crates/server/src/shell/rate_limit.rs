//! Budgets of anonymous routes: so many calls a second from one address, and with one license key.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// A caller may spend this many seconds' worth of calls at once.
const BURST_SECONDS: u32 = 4;

/// What stands for the subscriber who has this address: one has a whole /64 of IPv6 addresses.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
        IpAddr::V4(_) => address,
    }
}

/// The budgets. A budget of 0 calls a second is no limit.
pub struct RateLimits {
    per_address: Option<DefaultKeyedRateLimiter<IpAddr>>,
    per_key: Option<DefaultKeyedRateLimiter<u64>>,
    hasher: RandomState,
    clock: DefaultClock,
}

impl RateLimits {
    /// Makes the budgets, in calls a second.
    pub fn new(per_address: u32, per_key: u32) -> Self {
        Self {
            per_address: quota(per_address).map(RateLimiter::keyed),
            per_key: quota(per_key).map(RateLimiter::keyed),
            hasher: RandomState::new(),
            clock: DefaultClock::default(),
        }
    }

    /// Spends a call of an address. Otherwise says after how many seconds there is one again.
    pub fn spend_address(&self, address: IpAddr) -> Result<(), u64> {
        let Some(limiter) = &self.per_address else { return Ok(()) };
        limiter.check_key(&subscriber(address)).map_err(|no| self.wait(&no))
    }

    /// Spends a call made with a license key, which is kept here only as a keyed hash.
    pub fn spend_key(&self, key: &str) -> Result<(), u64> {
        let Some(limiter) = &self.per_key else { return Ok(()) };
        limiter.check_key(&self.hasher.hash_one(key)).map_err(|no| self.wait(&no))
    }

    /// Forgets callers whose budget is full again.
    pub fn tidy(&self) {
        if let Some(limiter) = &self.per_address {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        if let Some(limiter) = &self.per_key {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    fn wait(&self, no: &governor::NotUntil<<DefaultClock as Clock>::Instant>) -> u64 {
        no.wait_time_from(self.clock.now()).as_secs() + 1
    }
}

fn quota(per_second: u32) -> Option<Quota> {
    let rate = NonZeroU32::new(per_second)?;
    let burst = NonZeroU32::new(per_second.saturating_mul(BURST_SECONDS))?;
    Some(Quota::per_second(rate).allow_burst(burst))
}

#[cfg(test)]
mod tests {
    use super::RateLimits;

    #[test]
    fn a_spent_budget_says_when_to_come_back() {
        let limits = RateLimits::new(0, 1);
        let spent = (0..10).filter(|_| limits.spend_key("KEY").is_err()).count();
        assert!(spent >= 5, "a budget of 1 a second has a burst of 4");
        assert!(limits.spend_key("KEY").is_err_and(|seconds| seconds >= 1));
        assert!(limits.spend_key("OTHER").is_ok());
        assert!((0..1000).all(|_| limits.spend_address([127, 0, 0, 1].into()).is_ok()));
    }
}
