//! The memory of the sandbox for payments: records in the database, so that all nodes share them.

use async_trait::async_trait;
use merak_adapters::payments::sandbox::{LONGEST_LIST, Memory, NAME, Record};
use merak_adapters::payments::{Error, Result};
use merak_core::kit::Refusal;
use merak_core::sandbox_records::{self, SandboxRecord};
use merak_store::Store;

/// Records in the store.
#[derive(Debug)]
pub struct SandboxMemory {
    store: Store,
}

impl SandboxMemory {
    /// The records in this store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Memory for SandboxMemory {
    fn now(&self) -> jiff::Timestamp {
        self.store.now().into()
    }

    async fn get(&self, id: &str) -> Result<Option<Record>> {
        let id = id.to_owned();
        let found = self.store.read(move |tx| sandbox_records::find(tx, &id)).await;
        Ok(found.map_err(|refusal| unknown(&refusal))?.map(record))
    }

    async fn get_many(&self, ids: &[&str]) -> Result<Vec<Record>> {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let found = self.store.read(move |tx| sandbox_records::find_many(tx, &ids)).await;
        Ok(found.map_err(|refusal| unknown(&refusal))?.into_iter().map(record).collect())
    }

    async fn insert(&self, record: &Record) -> Result<bool> {
        let row = row(record);
        self.store
            .write(move |tx| sandbox_records::insert(tx, &row))
            .await
            .map_err(|refusal| unknown(&refusal))
    }

    async fn replace(&self, record: &Record) -> Result<bool> {
        let row = row(record);
        self.store
            .write(move |tx| sandbox_records::replace(tx, &row))
            .await
            .map_err(|refusal| unknown(&refusal))
    }

    async fn replace_many(&self, records: &[Record]) -> Result<Vec<bool>> {
        let rows: Vec<SandboxRecord> = records.iter().map(row).collect();
        self.store
            .write(move |tx| rows.iter().map(|row| sandbox_records::replace(tx, row)).collect())
            .await
            .map_err(|refusal: Refusal| unknown(&refusal))
    }

    async fn list(&self, owner: &str) -> Result<Vec<Record>> {
        let owner = owner.to_owned();
        let found =
            self.store.read(move |tx| sandbox_records::list(tx, &owner, i64::from(LONGEST_LIST))).await;
        Ok(found.map_err(|refusal| unknown(&refusal))?.into_iter().map(record).collect())
    }

    async fn list_due(&self, now: jiff::Timestamp) -> Result<Vec<Record>> {
        let found = self
            .store
            .read(move |tx| sandbox_records::list_due(tx, now.into(), i64::from(LONGEST_LIST)))
            .await;
        Ok(found.map_err(|refusal| unknown(&refusal))?.into_iter().map(record).collect())
    }
}

fn record(row: SandboxRecord) -> Record {
    let SandboxRecord { id, owner, due_at, version, content } = row;
    Record { id, owner, due_at: due_at.map(Into::into), version, content }
}

fn row(record: &Record) -> SandboxRecord {
    let Record { id, owner, due_at, version, content } = record.clone();
    SandboxRecord { id, owner, due_at: due_at.map(Into::into), version, content }
}

/// A store that cannot is like a processor that does not answer: the same call may succeed later.
fn unknown(refusal: &Refusal) -> Error {
    Error::Unknown { processor: NAME, cause: refusal.to_string(), after: None }
}
