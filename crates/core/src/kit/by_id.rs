//! What belongs to a page of things, found by its id.

use std::collections::HashMap;

use super::{Id, Refusal, Result};

/// Things by the ids that others name them with.
#[derive(Clone, Debug)]
pub struct ById<K, T>(HashMap<Id<K>, T>);

impl<K, T: Clone> ById<K, T> {
    /// These things, each under its id.
    pub fn new(things: Vec<T>, id: impl Fn(&T) -> Id<K>) -> Self {
        Self(things.into_iter().map(|thing| (id(&thing), thing)).collect())
    }

    /// The thing, if it is among these.
    pub fn find(&self, id: Id<K>) -> Option<T> {
        self.0.get(&id).cloned()
    }

    /// The thing, which a foreign key of the store says is there; else not found.
    pub fn get(&self, id: Id<K>) -> Result<T> {
        self.find(id).ok_or_else(Refusal::not_found)
    }
}

/// The ids that these things name, each once.
pub fn distinct<T, K: Ord>(things: &[T], id: impl Fn(&T) -> K) -> Vec<K> {
    let mut ids: Vec<K> = things.iter().map(id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
