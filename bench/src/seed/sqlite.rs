//! Seeding and reading back an SQLite file.

use std::path::Path;

use anyhow::Result;
use merak_store::Engine;
use rusqlite::{Connection, OpenFlags, params_from_iter, types::Value};

use super::{
    Effects, Fill, Shop,
    rows::{Field, Sink},
};

/// The file a data directory holds.
const FILE: &str = "merak.db";

/// Every statement of the schema as SQLite keeps it.
pub fn schema(data_dir: &Path) -> Result<Vec<String>> {
    let connection = Connection::open_with_flags(data_dir.join(FILE), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut statement =
        connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")?;
    let statements = statement.query_map([], |row| row.get(0))?;
    Ok(statements.collect::<rusqlite::Result<_>>()?)
}

/// Fills a founded shop, a transaction a table, without waiting for the disk.
pub fn fill(data_dir: &Path, shop: &Shop, fill: Fill) -> Result<()> {
    let connection = Connection::open_with_flags(data_dir.join(FILE), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "cache_size", -512 * 1024)?;
    fill(&mut File(&connection), shop)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

struct File<'a>(&'a Connection);

impl Sink for File<'_> {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn run(&mut self, sql: &str) -> Result<()> {
        Ok(self.0.execute_batch(sql)?)
    }

    fn empty(&mut self, name: &str) -> Result<()> {
        self.0.execute(&format!("DELETE FROM {name}"), [])?;
        Ok(())
    }

    fn table(
        &mut self,
        name: &str,
        columns: &[&str],
        rows: &mut dyn Iterator<Item = Vec<Field>>,
    ) -> Result<()> {
        let places: Vec<String> = (1..=columns.len()).map(|number| format!("?{number}")).collect();
        let sql = format!("INSERT INTO {name} ({}) VALUES ({})", columns.join(", "), places.join(", "));
        let transaction = self.0.unchecked_transaction()?;
        {
            let mut statement = transaction.prepare(&sql)?;
            for row in rows {
                let values = row.into_iter().map(value).collect::<Result<Vec<_>>>()?;
                statement.execute(params_from_iter(values))?;
            }
        }
        Ok(transaction.commit()?)
    }
}

fn value(field: Field) -> Result<Value> {
    Ok(match field {
        Field::Null => Value::Null,
        Field::Integer(number) => Value::Integer(i64::try_from(number)?),
        Field::Negative(number) => Value::Integer(number),
        Field::Boolean(flag) => Value::Integer(i64::from(flag)),
        Field::Text(text) => Value::Text(text),
    })
}

/// The number that a statement gives.
pub fn number(data_dir: &Path, sql: &str) -> Result<u64> {
    let connection = Connection::open_with_flags(data_dir.join(FILE), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    let found: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(u64::try_from(found)?)
}

/// Runs a statement, and leaves nothing of it to the log.
pub fn run(data_dir: &Path, sql: &str) -> Result<()> {
    let connection = Connection::open_with_flags(data_dir.join(FILE), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute(sql, [])?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// What the file says after the load.
pub fn effects(data_dir: &Path, hot_key: &str) -> Result<Effects> {
    let connection = Connection::open_with_flags(data_dir.join(FILE), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let number = |sql: &str| -> Result<u64> {
        let found: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        Ok(u64::try_from(found)?)
    };
    let hot: i64 = connection.query_row(&super::HOT.replace("$1", "?1"), [hot_key], |row| row.get(0))?;
    Ok(Effects {
        validations: number(super::VALIDATIONS)?,
        hot_validations: u64::try_from(hot)?,
        activations: number(super::ACTIVATIONS)?,
        seats_taken: number(super::SEATS_TAKEN)?,
    })
}
