//! What the sandbox for payments remembers. Only the sandbox knows what its records say; here they are texts with names.

use const_format::concatcp;
use merak_store::{ReadTx, Sql, Timestamp, Tx, row};

use crate::kit::Result;

row! {
    /// A record of the sandbox.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SandboxRecord in "sandbox_records" {
        /// Its name.
        pub id: String,
        /// What it belongs to.
        pub owner: Option<String>,
        /// When something is to be done about it.
        pub due_at: Option<Timestamp>,
        /// How many times it has been changed.
        pub version: i64,
        /// What it says.
        pub content: String,
    }
}

/// The record with this name, if there is one.
pub fn find(tx: &mut ReadTx<'_>, id: &str) -> Result<Option<SandboxRecord>> {
    const SQL: &str = concatcp!("SELECT ", SandboxRecord::COLUMNS, " FROM sandbox_records WHERE id = $1");
    Ok(tx.find(SQL, &[&id])?)
}

/// The records with these names, in no order.
pub fn find_many(tx: &mut ReadTx<'_>, ids: &[String]) -> Result<Vec<SandboxRecord>> {
    let mut sql =
        Sql::new(concatcp!("SELECT ", SandboxRecord::COLUMNS, " FROM sandbox_records WHERE id IN "));
    sql.bind_list(ids.iter().map(String::as_str));
    Ok(tx.list(&sql)?)
}

/// Keeps a new record, unless there is one with its name. Whether it was kept.
pub fn insert(tx: &mut Tx<'_>, record: &SandboxRecord) -> Result<bool> {
    Ok(tx.insert_new(record)?)
}

/// Puts a record in the place of the one with its name and version, and counts the version up. Its owner stays, who is the
/// same for ever. Whether there was one.
pub fn replace(tx: &mut Tx<'_>, record: &SandboxRecord) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE sandbox_records SET due_at = $1, content = $2, version = version + 1 WHERE id = $3 AND version = $4",
        &[&record.due_at, &record.content, &record.id, &record.version],
    )?;
    Ok(changed == 1)
}

/// At most `limit` records with this owner, those with the greatest names first.
pub fn list(tx: &mut ReadTx<'_>, owner: &str, limit: i64) -> Result<Vec<SandboxRecord>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        SandboxRecord::COLUMNS,
        " FROM sandbox_records WHERE owner = $1 ORDER BY id DESC LIMIT $2"
    );
    Ok(tx.all(SQL, &[&owner, &limit])?)
}

/// At most `limit` records about which something is to be done by then, those that have waited longest first.
pub fn list_due(tx: &mut ReadTx<'_>, by: Timestamp, limit: i64) -> Result<Vec<SandboxRecord>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        SandboxRecord::COLUMNS,
        " FROM sandbox_records WHERE due_at <= $1 ORDER BY due_at LIMIT $2"
    );
    Ok(tx.all(SQL, &[&by, &limit])?)
}
