//! Seeding, copying and reading back PostgreSQL databases.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use merak_store::Engine;
use postgres::{Client, NoTls};

use super::{
    Effects, Fill, Shop,
    rows::{Field, Sink},
};

/// A cluster on which databases may be made: its maintenance database's address.
pub struct Cluster {
    /// `postgres://USER[:PASSWORD]@HOST:PORT`
    base: String,
}

impl Cluster {
    /// Takes the address of any database of the cluster.
    pub fn new(url: &str) -> Result<Self> {
        let authority = url.find("://").context("a PostgreSQL address begins with postgres://")? + 3;
        let end = url[authority..].find('/').map_or(url.len(), |slash| authority + slash);
        Ok(Self { base: url[..end].to_owned() })
    }

    /// The address of one database.
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.base)
    }

    fn maintenance(&self) -> Result<Client> {
        Client::connect(&self.url("postgres"), NoTls).context("the PostgreSQL cluster cannot be reached")
    }

    /// Whether a database was seeded to the end for this schema.
    pub fn is_seeded(&self, database: &str, schema: u64) -> Result<bool> {
        let sql = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1";
        let found = self.maintenance()?.query_opt(sql, &[&database])?;
        Ok(found.and_then(|row| row.get::<_, Option<String>>(0)) == Some(schema.to_string()))
    }

    /// Notes on the database itself for which schema it was seeded.
    pub fn mark_seeded(&self, database: &str, schema: u64) -> Result<()> {
        Ok(self.maintenance()?.batch_execute(&format!("COMMENT ON DATABASE {database} IS '{schema}'"))?)
    }

    /// Makes an empty database in the place of one that may be there.
    pub fn create(&self, database: &str) -> Result<()> {
        let mut client = self.maintenance()?;
        client.batch_execute(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"))?;
        Ok(client.batch_execute(&format!("CREATE DATABASE {database}"))?)
    }

    /// Copies a database, file by file, and waits until the copy is on the disk.
    pub fn copy(&self, from: &str, to: &str) -> Result<()> {
        let mut client = self.maintenance()?;
        client.batch_execute(&format!("DROP DATABASE IF EXISTS {to} WITH (FORCE)"))?;
        client.batch_execute(&format!("CREATE DATABASE {to} TEMPLATE {from} STRATEGY file_copy"))?;
        Ok(client.batch_execute("CHECKPOINT")?)
    }

    /// What every reader should know about the cluster.
    pub fn version(&self) -> Result<String> {
        Ok(self.maintenance()?.query_one("SHOW server_version", &[])?.get(0))
    }
}

/// The number that a statement gives.
pub fn number(url: &str, sql: &str) -> Result<u64> {
    let found: i64 = Client::connect(url, NoTls)?.query_one(sql, &[])?.get(0);
    Ok(u64::try_from(found)?)
}

/// Runs a statement, and lets the planner know what it changed.
pub fn run(url: &str, sql: &str) -> Result<()> {
    let mut client = Client::connect(url, NoTls)?;
    client.batch_execute(sql)?;
    Ok(client.batch_execute("VACUUM ANALYZE")?)
}

/// Fills a founded shop by COPY.
pub fn fill(url: &str, shop: &Shop, fill: Fill) -> Result<()> {
    let mut client = Client::connect(url, NoTls)?;
    // The rows refer to each other rightly by the way they are made; checking six million references takes a minute.
    client.batch_execute("SET session_replication_role = replica")?;
    fill(&mut Database(&mut client), shop)?;
    Ok(client.batch_execute("VACUUM ANALYZE")?)
}

struct Database<'a>(&'a mut Client);

impl Sink for Database<'_> {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn run(&mut self, sql: &str) -> Result<()> {
        Ok(self.0.batch_execute(sql)?)
    }

    fn empty(&mut self, name: &str) -> Result<()> {
        self.0.execute(&format!("DELETE FROM {name}"), &[])?;
        Ok(())
    }

    fn table(
        &mut self,
        name: &str,
        columns: &[&str],
        rows: &mut dyn Iterator<Item = Vec<Field>>,
    ) -> Result<()> {
        let mut copy = self.0.copy_in(&format!("COPY {name} ({}) FROM STDIN", columns.join(", ")))?;
        let mut line = String::new();
        for row in rows {
            line.clear();
            for field in row {
                match field {
                    Field::Null => line.push_str("\\N"),
                    Field::Integer(number) => line.push_str(&number.to_string()),
                    Field::Negative(number) => line.push_str(&number.to_string()),
                    Field::Boolean(flag) => line.push(if flag { 't' } else { 'f' }),
                    Field::Text(text) => line.push_str(&text.replace('\\', "\\\\")),
                }
                line.push('\t');
            }
            line.pop();
            line.push('\n');
            copy.write_all(line.as_bytes())?;
        }
        copy.finish()?;
        Ok(())
    }
}

/// What the database says after the load.
pub fn effects(url: &str, hot_key: &str) -> Result<Effects> {
    let mut client = Client::connect(url, NoTls)?;
    let mut number = |sql: &str| -> Result<u64> {
        let found: i64 = client.query_one(sql, &[])?.get(0);
        Ok(u64::try_from(found)?)
    };
    let validations = number(super::VALIDATIONS)?;
    let activations = number(super::ACTIVATIONS)?;
    let seats_taken = number(super::SEATS_TAKEN)?;
    let hot: i64 = client.query_one(super::HOT, &[&hot_key])?.get(0);
    Ok(Effects { validations, hot_validations: u64::try_from(hot)?, activations, seats_taken })
}
