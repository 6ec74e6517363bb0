//! A database that a command has open.

use std::fs::File;
use std::ops::Deref;

use merak_store::{Database, Store};

/// An open store. It is closed in good order when the command ends, which leaves the embedded database in one file.
pub struct Opened {
    store: Store,
    /// Keeps others from replacing the database meanwhile.
    _mark: Option<File>,
}

impl Opened {
    /// Opens a database that may be in use by others.
    pub fn new(database: Database, mark: Option<File>) -> merak_store::Result<Self> {
        let store = Store::open(&merak_store::Options::new(database))?;
        Ok(Self { store, _mark: mark })
    }
}

impl Deref for Opened {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.store.shutdown_blocking();
    }
}
