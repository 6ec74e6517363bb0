//! A random life of a shop, step by step beside a simple model, with the promises checked all along.
//!
//! A failure prints its seed; put it into `SEEDS` to see it again.

use merak_core::search::Totals;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use merak_core::benefits::grants::Scope;
use merak_core::benefits::{Benefit, BenefitType};
use merak_core::customers::{self, Customer};
use merak_core::kit::{Id, Patch};
use merak_core::license_keys::{self, Activation, LicenseKey, Status, UpdateLicenseKey, Validate};
use merak_store::{Engine, Timestamp};
use serde_json::json;

use crate::support::*;

const SEEDS: [u64; 3] = [1, 20_250_107, 0xFEED_F00D];
const STEPS: usize = 220;

scenarios! {
    fn a_random_life_keeps_every_promise(shop) {
        // The clock of a test database stands still for all seeds, so each seed gets a shop of its own.
        for seed in SEEDS {
            let shop = Shop::on(shop.store.engine());
            let steps = if shop.store.engine() == Engine::Sqlite { STEPS } else { STEPS / 2 };
            Life::new(&shop, seed).live(steps);
        }
    }
}

/// What the model knows of a key.
#[derive(Clone, Debug)]
struct Known {
    status: Status,
    seats: Option<i64>,
    limit_usage: Option<i64>,
    expires_at: Option<Timestamp>,
    usage: i64,
    validations: i64,
    live: BTreeSet<Id<Activation>>,
}

struct Life<'s> {
    shop: &'s Shop,
    seed: u64,
    state: u64,
    benefits: Vec<Benefit>,
    buyers: Vec<Customer>,
    purchases: Vec<(usize, usize, Scope, Id<LicenseKey>)>,
    keys: BTreeMap<Id<LicenseKey>, Known>,
}

impl<'s> Life<'s> {
    fn new(shop: &'s Shop, seed: u64) -> Self {
        let settings = [
            json!({}),
            seats(2),
            json!({ "limit_usage": 5, "expires": { "ttl": 3, "timeframe": "day" } }),
            json!({ "activations": { "limit": 1, "enable_customer_admin": false }, "limit_usage": 3 }),
        ];
        Self {
            shop,
            seed,
            state: seed | 1,
            benefits: settings
                .into_iter()
                .map(|settings| shop.benefit(BenefitType::LicenseKeys, settings).unwrap())
                .collect(),
            buyers: (0..4).map(|_| shop.customer()).collect(),
            purchases: Vec::new(),
            keys: BTreeMap::new(),
        }
    }

    fn live(mut self, steps: usize) {
        for step in 0..steps {
            let what = self.step();
            if step % 20 == 19 {
                self.check(&format!("seed {}, step {step}, after {what}", self.seed));
            }
        }
        self.check(&format!("seed {}, at the end", self.seed));
    }

    fn step(&mut self) -> &'static str {
        match self.dice(12) {
            0 | 1 => self.buy(),
            2 => self.revoke(),
            3 => self.grant_again(),
            4 => self.set_by_hand(),
            5 | 6 => self.activate(),
            7 => self.deactivate(),
            8..=10 => self.validate(),
            _ => {
                let hours_ahead = self.dice(30);
                self.shop.advance(Duration::from_secs(hours_ahead * 3600));
                "waiting"
            }
        }
    }

    fn buy(&mut self) -> &'static str {
        let (benefit, buyer, scope) = (self.pick(4), self.pick(4), self.shop.order());
        let grant = self.shop.grant(&self.benefits[benefit], &self.buyers[buyer], scope);
        let key = self.shop.key_of_grant(&grant);
        let known = Known {
            status: Status::Granted,
            seats: key.limit_activations,
            limit_usage: key.limit_usage,
            expires_at: key.expires_at,
            usage: 0,
            validations: 0,
            live: BTreeSet::new(),
        };
        assert!(self.keys.insert(key.id, known).is_none(), "seed {}: a key was sold twice", self.seed);
        self.purchases.push((benefit, buyer, scope, key.id));
        "buying"
    }

    fn revoke(&mut self) -> &'static str {
        if let Some((benefit, buyer, scope, key)) = self.purchase() {
            let was_revoked = self.is_revoked(benefit, buyer, scope);
            self.shop.revoke(&self.benefits[benefit], &self.buyers[buyer], scope);
            if !was_revoked {
                self.known(key).status = Status::Revoked;
            }
        }
        "revoking"
    }

    fn grant_again(&mut self) -> &'static str {
        if let Some((benefit, buyer, scope, key)) = self.purchase() {
            let was_revoked = self.is_revoked(benefit, buyer, scope);
            let grant = self.shop.grant(&self.benefits[benefit], &self.buyers[buyer], scope);
            assert_eq!(key_id(&grant), key, "seed {}: a purchase has one key", self.seed);
            if was_revoked {
                self.known(key).status = Status::Granted;
            }
        }
        "granting again"
    }

    fn set_by_hand(&mut self) -> &'static str {
        let Some((.., key)) = self.purchase() else { return "nothing" };
        let status = Status::ALL[self.pick(3)];
        let limit = i64::try_from(self.dice(6)).unwrap() + 1;
        let command = match self.dice(4) {
            0 => UpdateLicenseKey { status: Some(status), ..Default::default() },
            1 => UpdateLicenseKey { limit_usage: Patch::Value(limit), ..Default::default() },
            2 => UpdateLicenseKey { limit_activations: Patch::Value(limit), ..Default::default() },
            _ => UpdateLicenseKey { usage: Some(limit), expires_at: Patch::Null, ..Default::default() },
        };
        let known = self.known(key);
        known.status = command.status.unwrap_or(known.status);
        command.limit_usage.apply(&mut known.limit_usage);
        command.limit_activations.apply(&mut known.seats);
        command.expires_at.apply(&mut known.expires_at);
        known.usage = command.usage.unwrap_or(known.usage);
        let tenancy = self.shop.tenancy();
        self.shop.write(move |tx| license_keys::update(tx, &tenancy, key, &command)).unwrap();
        "changing by hand"
    }

    fn activate(&mut self) -> &'static str {
        let Some((.., id)) = self.purchase() else { return "nothing" };
        let answer = self.shop.activate(&activation(&self.shop.find_key(id)));
        let (now, seed) = (self.shop.now(), self.seed);
        let known = self.known(id);
        let is_free = known.seats.is_some_and(|seats| count_of(&known.live) < seats);
        assert_eq!(answer.is_ok(), known.is_good(now) && is_free, "seed {seed}: {known:?}");
        if let Ok(activated) = answer {
            known.live.insert(activated.id);
        }
        "activating"
    }

    fn deactivate(&mut self) -> &'static str {
        let Some((.., id)) = self.purchase() else { return "nothing" };
        if let Some(activation) = self.known(id).live.pop_first() {
            let key = self.shop.find_key(id);
            self.shop.deactivate(&key, activation).unwrap();
            refusal(self.shop.deactivate(&key, activation));
        }
        "deactivating"
    }

    fn validate(&mut self) -> &'static str {
        let Some((.., id)) = self.purchase() else { return "nothing" };
        let increment_usage = i64::try_from(self.dice(3)).unwrap();
        let activation_id = self.known(id).live.first().copied();
        let command = Validate { increment_usage, activation_id, ..validation(&self.shop.find_key(id)) };
        let answer = self.shop.validate(&command);
        let (now, seed) = (self.shop.now(), self.seed);
        let known = self.known(id);
        let has_left = increment_usage == 0
            || known.limit_usage.is_none_or(|limit| known.usage + increment_usage <= limit);
        assert_eq!(answer.is_ok(), known.is_good(now) && has_left, "seed {seed}: {command:?} {known:?}");
        if let Ok(held) = answer {
            known.usage += increment_usage;
            known.validations += 1;
            assert_eq!((held.usage.usage, held.usage.validations), (known.usage, known.validations));
        }
        "validating"
    }

    /// Compares what is stored with the model, and every stored count with the rows it counts.
    fn check(&self, place: &str) {
        for (id, known) in &self.keys {
            let key = self.shop.find_key(*id);
            let held = self.shop.held(&key);
            let stored = (key.status, key.limit_activations, key.limit_usage, key.expires_at);
            assert_eq!(stored, (known.status, known.seats, known.limit_usage, known.expires_at), "{place}");
            assert_eq!(
                (held.usage.usage, held.usage.validations),
                (known.usage, known.validations),
                "{place}"
            );
            let live: BTreeSet<_> =
                self.shop.activations(&key).iter().map(|activation| activation.id).collect();
            assert_eq!(live, known.live, "{place}");
        }
        let wrong_counts = self
            .shop
            .read(|tx| {
                Ok(tx.one::<i64>(
                    "SELECT count(*) FROM benefit_counts WHERE \
                     grants <> (SELECT count(*) FROM benefit_grants \
                         WHERE benefit_grants.benefit_id = benefit_counts.benefit_id) \
                     OR granted <> (SELECT count(granted_at) FROM benefit_grants \
                         WHERE benefit_grants.benefit_id = benefit_counts.benefit_id) \
                     OR license_keys <> (SELECT count(*) FROM license_keys \
                         WHERE license_keys.benefit_id = benefit_counts.benefit_id)",
                    &[],
                )?)
            })
            .unwrap();
        assert_eq!(wrong_counts, 0, "{place}");
        let tenancy = self.shop.tenancy();
        let listed = self
            .shop
            .read(move |tx| {
                let page = merak_core::kit::Page::default();
                customers::list(
                    tx,
                    &tenancy,
                    &customers::ListCustomers { query: None, sorting: Vec::new(), page },
                    &Totals::default(),
                )
            })
            .unwrap();
        assert_eq!(listed.total, 4, "{place}");
    }

    fn purchase(&mut self) -> Option<(usize, usize, Scope, Id<LicenseKey>)> {
        let index = self.pick(self.purchases.len().max(1));
        self.purchases.get(index).copied()
    }

    fn known(&mut self, key: Id<LicenseKey>) -> &mut Known {
        self.keys.get_mut(&key).unwrap()
    }

    fn is_revoked(&self, benefit: usize, buyer: usize, scope: Scope) -> bool {
        let Scope::Order(order) = scope else { panic!("everything here is bought by order") };
        let (benefit, buyer) = (self.benefits[benefit].id, self.buyers[buyer].id);
        self.shop
            .read(move |tx| {
                Ok(tx.one::<Option<Timestamp>>(
                    "SELECT revoked_at FROM benefit_grants \
                     WHERE benefit_id = $1 AND customer_id = $2 AND order_id = $3",
                    &[&benefit, &buyer, &order],
                )?)
            })
            .unwrap()
            .is_some()
    }

    fn pick(&mut self, from: usize) -> usize {
        usize::try_from(self.dice(from as u64)).unwrap()
    }

    /// A number below `sides`, from the seed alone.
    fn dice(&mut self, sides: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % sides
    }
}

impl Known {
    fn is_good(&self, now: Timestamp) -> bool {
        self.status == Status::Granted && self.expires_at.is_none_or(|end| end > now)
    }
}

fn count_of<T>(set: &BTreeSet<T>) -> i64 {
    i64::try_from(set.len()).unwrap()
}
