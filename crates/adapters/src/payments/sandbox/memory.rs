//! What a sandbox remembers, and where.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::payments::{Error, Result};

/// Where a sandbox keeps its records: one place for all nodes that outlives them. Each call sees and does one thing at
/// once; [`Error::Unknown`] where that cannot be said.
#[async_trait]
pub trait Memory: fmt::Debug + Send + Sync {
    /// The time by which things become due.
    fn now(&self) -> Timestamp;

    /// The record with this id.
    async fn get(&self, id: &str) -> Result<Option<Record>>;

    /// The records with these ids, in no order.
    async fn get_many(&self, ids: &[&str]) -> Result<Vec<Record>>;

    /// Keeps a new record, unless there is one with its id. Whether it was kept.
    async fn insert(&self, record: &Record) -> Result<bool>;

    /// Puts a record in the place of the one with its id and its version, whose owner is the same, and counts the version
    /// up. Whether there was one.
    async fn replace(&self, record: &Record) -> Result<bool>;

    /// As [`replace`](Self::replace), of many records, each for itself. In their order, whether there was one.
    async fn replace_many(&self, records: &[Record]) -> Result<Vec<bool>>;

    /// The records with this owner, at most a hundred, those with the greatest ids.
    async fn list(&self, owner: &str) -> Result<Vec<Record>>;

    /// The records that are due, at most a hundred, those that have been for longest first.
    async fn list_due(&self, now: Timestamp) -> Result<Vec<Record>>;
}

/// How many records a list has at most.
pub const LONGEST_LIST: u8 = 100;

/// A record of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub id: String,
    /// What it belongs to.
    pub owner: Option<String>,
    /// When something is to be done about it.
    pub due_at: Option<Timestamp>,
    /// How many times it has been changed.
    pub version: i64,
    /// What it says, as JSON.
    pub content: String,
}

/// A memory that ends with the process, for tests and demonstrations. Its clock stands until it is moved.
#[derive(Debug)]
pub struct ShortMemory(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    records: BTreeMap<String, Record>,
    now: Timestamp,
}

impl ShortMemory {
    /// An empty memory at this time.
    pub fn new(now: Timestamp) -> Self {
        Self(Mutex::new(Kept { records: BTreeMap::new(), now }))
    }

    /// Lets time pass.
    pub fn pass(&self, seconds: i64) {
        let mut kept = self.kept();
        kept.now = kept.now.saturating_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(kept.now);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Records are put in whole, so they are good also after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn replace(&mut self, record: &Record) -> bool {
        match self.records.get_mut(&record.id) {
            Some(old) if old.version == record.version => {
                *old = Record { version: record.version + 1, ..record.clone() };
                true
            }
            Some(_) | None => false,
        }
    }
}

#[async_trait]
impl Memory for ShortMemory {
    fn now(&self) -> Timestamp {
        self.kept().now
    }

    async fn get(&self, id: &str) -> Result<Option<Record>> {
        Ok(self.kept().records.get(id).cloned())
    }

    async fn get_many(&self, ids: &[&str]) -> Result<Vec<Record>> {
        let kept = self.kept();
        Ok(ids.iter().filter_map(|id| kept.records.get(*id).cloned()).collect())
    }

    async fn insert(&self, record: &Record) -> Result<bool> {
        let mut kept = self.kept();
        let is_new = !kept.records.contains_key(&record.id);
        if is_new {
            kept.records.insert(record.id.clone(), record.clone());
        }
        Ok(is_new)
    }

    async fn replace(&self, record: &Record) -> Result<bool> {
        Ok(self.kept().replace(record))
    }

    async fn replace_many(&self, records: &[Record]) -> Result<Vec<bool>> {
        let mut kept = self.kept();
        Ok(records.iter().map(|record| kept.replace(record)).collect())
    }

    async fn list(&self, owner: &str) -> Result<Vec<Record>> {
        let kept = self.kept();
        let records = kept.records.values().rev().filter(|record| record.owner.as_deref() == Some(owner));
        Ok(records.take(usize::from(LONGEST_LIST)).cloned().collect())
    }

    async fn list_due(&self, now: Timestamp) -> Result<Vec<Record>> {
        let kept = self.kept();
        let is_due = |record: &&Record| record.due_at.is_some_and(|due_at| due_at <= now);
        let mut due: Vec<Record> = kept.records.values().filter(is_due).cloned().collect();
        due.sort_by_key(|record| record.due_at);
        due.truncate(usize::from(LONGEST_LIST));
        Ok(due)
    }
}

/// What is said of a memory that cannot be used.
pub(super) fn forgetful(cause: impl fmt::Display) -> Error {
    Error::Unknown { processor: super::NAME, cause: cause.to_string(), after: None }
}
