//! What the writer has looked up and keeps in memory ([`Lookup`](crate::Lookup)).
//!
//! It is never out of date. SQLite tells the writer of every row that it changes, and what was made of that row is not
//! used again; what found nothing is not used again after any change of its tables. When a transaction is undone, or another process has written, all is forgotten.

use std::{
    any::Any,
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;

use crate::{Param, Value};

/// How many things are kept: some twenty megabytes of keys with their customers, and 64 at most.
const MOST: NonZeroUsize = NonZeroUsize::new(1 << 14).expect("it is not zero");
/// Of so many lookups it is known that they were asked for once.
const MOST_ONCE: usize = 1 << 15;
/// After so many changed rows it is cheaper to begin anew than to know them all.
const MOST_CHANGES: usize = 1 << 16;

/// What is kept, shared with the hook that SQLite calls.
#[derive(Clone, Default)]
pub(crate) struct Recall(Arc<Mutex<Memory>>);

struct Memory {
    found: LruCache<Box<[u8]>, Found>,
    /// Hashes of the names that were asked for once, each in the place that follows from it. To keep what is not asked for
    /// again costs more than it saves, and pushes out what is.
    once: Box<[u64]>,
    hasher: RandomState,
    /// The tables that something was made of.
    tables: Vec<Table>,
    /// When rows of these tables changed last.
    changes: HashMap<RowName, u64>,
    /// How many changes there were.
    now: u64,
    /// The name that is being asked for.
    name: Vec<u8>,
}

struct Table {
    name: &'static str,
    /// Whether something was not found in it.
    is_missed: bool,
}

/// A table, by its place in [`Memory::tables`], and a row's number; without one it is any row.
type RowName = (usize, Option<i64>);

/// What is known of a lookup.
pub(crate) enum Recalled<T> {
    /// Whether there is anything is not known.
    Unknown,
    /// There is nothing.
    Nothing,
    /// There is this.
    Found(Arc<T>),
}

struct Found {
    value: Option<Arc<dyn Any + Send + Sync>>,
    rows: Vec<RowName>,
    /// [`Memory::now`] when it was read.
    at: u64,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            found: LruCache::new(MOST),
            once: vec![0; MOST_ONCE].into_boxed_slice(),
            hasher: RandomState::new(),
            tables: Vec::new(),
            changes: HashMap::new(),
            now: 0,
            name: Vec::new(),
        }
    }
}

impl Recall {
    /// What this lookup found with these values, if that is known and still holds.
    pub(crate) fn get<T: Any + Send + Sync>(&self, lookup: usize, params: &[&dyn Param]) -> Recalled<T> {
        let mut memory = self.memory();
        memory.take_name(lookup, params);
        let Memory { found, changes, name, .. } = &mut *memory;
        let Some(known) = found.get(name.as_slice()) else { return Recalled::Unknown };
        let has_changed = |row| changes.get(row).is_some_and(|changed| *changed > known.at);
        if !changes.is_empty() && known.rows.iter().any(has_changed) {
            found.pop(name.as_slice());
            return Recalled::Unknown;
        }
        match &known.value {
            Some(value) => Arc::clone(value).downcast().map_or(Recalled::Unknown, Recalled::Found),
            None => Recalled::Nothing,
        }
    }

    /// Keeps what this lookup found with these values in these rows, if it is asked for again and again.
    pub(crate) fn put<T: Any + Send + Sync>(
        &self,
        lookup: usize,
        params: &[&dyn Param],
        value: &Arc<T>,
        rows: &[(&'static str, i64)],
    ) {
        let mut memory = self.memory();
        if memory.is_first(lookup, params) {
            return;
        }
        let rows = rows.iter().map(|(table, row)| (memory.table(table), Some(*row))).collect();
        memory.put(Some(Arc::clone(value) as Arc<_>), rows);
    }

    /// Keeps that this lookup found nothing with these values in these tables.
    pub(crate) fn put_nothing(&self, lookup: usize, params: &[&dyn Param], tables: &[&'static str]) {
        let mut memory = self.memory();
        if memory.is_first(lookup, params) {
            return;
        }
        let mut rows = Vec::with_capacity(tables.len());
        for table in tables {
            let place = memory.table(table);
            memory.tables[place].is_missed = true;
            rows.push((place, None));
        }
        memory.put(None, rows);
    }

    /// Notes that a row has changed, has come or is gone.
    pub(crate) fn changed(&self, table: &str, row: i64, is_new: bool) {
        let mut memory = self.memory();
        let Some(place) = memory.tables.iter().position(|known| known.name == table) else { return };
        memory.now += 1;
        let now = memory.now;
        // Nothing can have been made of a row before it was there.
        if !is_new {
            memory.changes.insert((place, Some(row)), now);
        }
        if memory.tables[place].is_missed {
            memory.changes.insert((place, None), now);
        }
        if memory.changes.len() > MOST_CHANGES {
            memory.forget();
        }
    }

    /// Forgets everything.
    pub(crate) fn forget(&self) {
        self.memory().forget();
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn forget(&mut self) {
        self.found.clear();
        self.changes.clear();
    }

    /// Takes the name of a lookup, and says whether it was not asked for before, as far as that is known.
    fn is_first(&mut self, lookup: usize, params: &[&dyn Param]) -> bool {
        self.take_name(lookup, params);
        let hash = self.hasher.hash_one(&self.name);
        let places = self.once.len() as u64;
        let place = usize::try_from(hash % places).unwrap_or(0);
        std::mem::replace(&mut self.once[place], hash) != hash
    }

    /// Keeps something under the name that was taken.
    fn put(&mut self, value: Option<Arc<dyn Any + Send + Sync>>, rows: Vec<RowName>) {
        let name = self.name.as_slice().into();
        self.found.put(name, Found { value, rows, at: self.now });
    }

    fn table(&mut self, name: &'static str) -> usize {
        self.tables.iter().position(|known| known.name == name).unwrap_or_else(|| {
            self.tables.push(Table { name, is_missed: false });
            self.tables.len() - 1
        })
    }

    /// Makes the name of a lookup with its values: no two have the same.
    fn take_name(&mut self, lookup: usize, params: &[&dyn Param]) {
        let name = &mut self.name;
        name.clear();
        let mut part = |kind: u8, bytes: &[u8]| {
            name.push(kind);
            name.extend_from_slice(&bytes.len().to_ne_bytes());
            name.extend_from_slice(bytes);
        };
        for param in params {
            match param.value() {
                Value::Null => part(0, &[]),
                Value::Bool(value) => part(1, &[u8::from(value)]),
                Value::Integer(value) => part(2, &value.to_ne_bytes()),
                Value::Text(text) => part(3, text.as_bytes()),
                Value::Uuid(uuid) => part(4, uuid.as_bytes()),
                Value::Timestamp(timestamp) => part(5, &timestamp.as_micros().to_ne_bytes()),
                Value::Json(text) => part(6, text.as_bytes()),
                Value::Bytes(bytes) => part(7, &bytes),
            }
        }
        part(8, &lookup.to_ne_bytes());
    }
}
