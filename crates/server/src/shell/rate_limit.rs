//! Budgets of anonymous routes: so many calls a second from one address, and with one license key; and the narrow ones
//! of routes that send mail or take guesses.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use merak_core::kit::{Email, EmailRules};
use serde_json::Value;
use uuid::Uuid;

/// A caller may spend this many seconds' worth of calls at once.
const BURST_SECONDS: u32 = 4;

/// What one address may spend at once on a scarce route, and how many calls a minute after that.
const SCARCE_PER_ADDRESS: (u32, u32) = (10, 10);

/// The same for calls that name one e-mail address: whose it is gets no more mail than that.
const SCARCE_PER_EMAIL: (u32, u32) = (5, 1);

/// The same for calls that name one organization.
const SCARCE_PER_ORGANIZATION: (u32, u32) = (300, 300);

/// The same for all calls of one route: who guesses from everywhere is not quicker than this.
const SCARCE_IN_ALL: (u32, u32) = (600, 600);

/// What one address may spend at once on confirmations of checkouts, and how many a minute after that; and the same for
/// codes of discounts and for work that failed. So many people may buy at once behind one address, and nobody tries stolen cards quickly.
const TRIES_PER_ADDRESS: (u32, u32) = (40, 20);

/// What may be tried only now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Try {
    /// A confirmation, which may charge a card and sends mail.
    Confirmation,
    /// The code of a discount.
    DiscountCode,
    /// Work that failed and calls another service, in whose eyes all sellers here are one.
    FailedWork,
}

/// Who asks for a page, with the budgets that its forms spend from: those of the operations that do the same.
#[derive(Clone)]
pub struct Visitor {
    /// Their address.
    pub address: IpAddr,
    /// The budgets.
    pub limits: Arc<RateLimits>,
}

impl Visitor {
    /// Spends a call of a scarce operation that a form stands for. Otherwise says after how many seconds there is one again.
    pub fn spend_scarce(&self, operation: &'static str, body: &Value) -> Result<(), u64> {
        self.limits.spend_scarce(operation, self.address, body)
    }

    /// Spends a try. Otherwise says after how many seconds there is one again.
    pub fn spend_try(&self, what: Try) -> Result<(), u64> {
        self.limits.spend_try(what, self.address)
    }
}

/// What stands for the subscriber who has this address: one has a whole /64 of IPv6 addresses, or one IPv4 address, also
/// where a listener of both families spells it as an IPv6 address.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// The budgets. A budget of 0 calls a second is no limit.
pub struct RateLimits {
    per_address: Option<DefaultKeyedRateLimiter<IpAddr>>,
    per_key: Option<DefaultKeyedRateLimiter<u64>>,
    tries: Option<DefaultKeyedRateLimiter<u64>>,
    scarce: Scarce,
    hasher: RandomState,
    clock: DefaultClock,
}

impl RateLimits {
    /// Makes the budgets, in calls a second.
    pub fn new(per_address: u32, per_key: u32) -> Self {
        Self {
            per_address: quota(per_address).map(RateLimiter::keyed),
            per_key: quota(per_key).map(RateLimiter::keyed),
            tries: (per_address > 0).then(|| by_minute(TRIES_PER_ADDRESS)),
            scarce: Scarce {
                // Who does not count calls per address has a proxy before this server that nobody told it of.
                per_address: (per_address > 0).then(|| by_minute(SCARCE_PER_ADDRESS)),
                per_email: by_minute(SCARCE_PER_EMAIL),
                per_organization: by_minute(SCARCE_PER_ORGANIZATION),
                in_all: by_minute(SCARCE_IN_ALL),
            },
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

    /// Spends a try of an address.
    pub fn spend_try(&self, what: Try, address: IpAddr) -> Result<(), u64> {
        let Some(limiter) = &self.tries else { return Ok(()) };
        limiter.check_key(&self.hasher.hash_one((what, subscriber(address)))).map_err(|no| self.wait(&no))
    }

    /// Spends a call of a scarce route from every budget that it concerns.
    pub fn spend_scarce(&self, route: &'static str, address: IpAddr, body: &Value) -> Result<(), u64> {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        // As it is compared, whatever is written around it.
        let email = text("email").and_then(|text| Email::parse(text, &EmailRules::lenient()).ok());
        let organization = text("organization_id").and_then(|text| text.parse::<Uuid>().ok());
        let spend = |limiter: &DefaultKeyedRateLimiter<u64>, key: u64| {
            limiter.check_key(&key).map_err(|no| self.wait(&no))
        };
        let scarce = &self.scarce;
        if let Some(limiter) = &scarce.per_address {
            spend(limiter, self.hasher.hash_one((route, subscriber(address))))?;
        }
        if let Some(email) = email {
            spend(&scarce.per_email, self.hasher.hash_one((route, organization, email.lower())))?;
        }
        if let Some(organization) = organization {
            spend(&scarce.per_organization, self.hasher.hash_one((route, organization)))?;
        }
        spend(&scarce.in_all, self.hasher.hash_one(route))
    }

    /// Forgets callers whose budget is full again.
    pub fn tidy(&self) {
        if let Some(limiter) = &self.per_address {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        for limiter in self.per_key.iter().chain(&self.tries).chain(self.scarce.all()) {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    fn wait(&self, no: &governor::NotUntil<<DefaultClock as Clock>::Instant>) -> u64 {
        no.wait_time_from(self.clock.now()).as_secs() + 1
    }
}

/// The budgets of scarce routes, by keyed hashes.
struct Scarce {
    per_address: Option<DefaultKeyedRateLimiter<u64>>,
    per_email: DefaultKeyedRateLimiter<u64>,
    per_organization: DefaultKeyedRateLimiter<u64>,
    in_all: DefaultKeyedRateLimiter<u64>,
}

impl Scarce {
    fn all(&self) -> impl Iterator<Item = &DefaultKeyedRateLimiter<u64>> {
        self.per_address.iter().chain([&self.per_email, &self.per_organization, &self.in_all])
    }
}

fn by_minute((burst, per_minute): (u32, u32)) -> DefaultKeyedRateLimiter<u64> {
    let whole = |count: u32| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
    RateLimiter::keyed(Quota::per_minute(whole(per_minute)).allow_burst(whole(burst)))
}

fn quota(per_second: u32) -> Option<Quota> {
    let rate = NonZeroU32::new(per_second)?;
    let burst = NonZeroU32::new(per_second.saturating_mul(BURST_SECONDS))?;
    Some(Quota::per_second(rate).allow_burst(burst))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{RateLimits, Try, subscriber};

    #[test]
    fn a_spent_budget_says_when_to_come_back() {
        let limits = RateLimits::new(0, 1);
        let spent = (0..10).filter(|_| limits.spend_key("KEY").is_err()).count();
        assert!(spent >= 5, "a budget of 1 a second has a burst of 4");
        assert!(limits.spend_key("KEY").is_err_and(|seconds| seconds >= 1));
        assert!(limits.spend_key("OTHER").is_ok());
        assert!((0..1000).all(|_| limits.spend_address([127, 0, 0, 1].into()).is_ok()));
    }

    #[test]
    fn a_subscriber_has_one_address_or_one_network() {
        let subscriber = |text: &str| subscriber(text.parse::<IpAddr>().unwrap()).to_string();
        assert_eq!(subscriber("192.0.2.1"), "192.0.2.1");
        assert_eq!(subscriber("::ffff:192.0.2.1"), "192.0.2.1", "as a listener of both families says it");
        assert_ne!(subscriber("::ffff:192.0.2.1"), subscriber("::ffff:192.0.2.2"));
        assert_eq!(subscriber("2001:db8:1:2:3::4"), "2001:db8:1:2::");
        assert_ne!(subscriber("2001:db8:1:2::4"), subscriber("2001:db8:1:3::4"));
    }

    #[test]
    fn an_address_tries_now_and_then() {
        let limits = RateLimits::new(1, 0);
        let (one, other) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let tried = (0..100).filter(|_| limits.spend_try(Try::Confirmation, one).is_ok()).count();
        assert!((40..45).contains(&tried), "{tried}");
        assert!(limits.spend_try(Try::DiscountCode, one).is_ok(), "each has its own budget");
        assert!(limits.spend_try(Try::Confirmation, other).is_ok());
        let unlimited = RateLimits::new(0, 0);
        assert!((0..1000).all(|_| unlimited.spend_try(Try::Confirmation, one).is_ok()));
    }
}
