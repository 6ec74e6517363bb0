//! How often what happened.

use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub struct Tally(BTreeMap<&'static str, i64>);

impl Tally {
    pub fn note(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    pub fn add(&mut self, what: &'static str, count: i64) {
        *self.0.entry(what).or_default() += count;
    }

    pub fn add_all(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            self.add(what, *count);
        }
    }

    pub fn of(&self, what: &str) -> i64 {
        self.0.get(what).copied().unwrap_or_default()
    }
}
