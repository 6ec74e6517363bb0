//! The server engine: one connection's statements, on top of the synchronous `postgres` driver.

mod connect;
pub(crate) mod decode;
mod encode;
mod failure;
mod tls;
mod workers;

use std::collections::HashMap;

use ::postgres::{Client, Statement, fallible_iterator::FallibleIterator};

use crate::{
    Error, Param, Result, Row,
    row::Origin,
    scan::{Token, tokens},
    tx::{Access, Each},
};

use encode::Bound;

pub(crate) use connect::Target;
pub(crate) use workers::{Kind, Worker};

/// One connection and the statements prepared on it.
pub(crate) struct Session {
    client: Client,
    prepared: HashMap<Box<str>, Prepared>,
    capacity: usize,
    /// Counts statements, to know which were used last.
    clock: u64,
    /// Set when the connection can no longer be trusted.
    unusable: bool,
}

struct Prepared {
    statement: Statement,
    access: Access,
    used: u64,
}

impl Session {
    pub(crate) fn new(client: Client, capacity: usize) -> Self {
        Self { client, prepared: HashMap::new(), capacity: capacity.max(1), clock: 0, unusable: false }
    }

    /// Runs a statement that returns rows, and shows each to `each` until that has seen enough.
    pub(crate) fn query(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        access: Access,
        each: Each<'_>,
    ) -> Result<()> {
        let statement = self.prepare(sql, params, access)?;
        let result = self.client.query_raw(&statement, params.iter().map(|param| Bound(param.value())));
        let mut rows = result.map_err(|error| failed(&mut self.prepared, &error, sql))?;
        while let Some(row) = rows.next().map_err(|error| failed(&mut self.prepared, &error, sql))? {
            if !each(&Row(Origin::Postgres(&row)))? {
                break;
            }
        }
        Ok(())
    }

    /// Runs a statement that returns no rows, and says how many it changed.
    pub(crate) fn execute(&mut self, sql: &str, params: &[&dyn Param]) -> Result<u64> {
        let statement = self.prepare(sql, params, Access::Write)?;
        let result = self.client.query_raw(&statement, params.iter().map(|param| Bound(param.value())));
        let mut rows = result.map_err(|error| failed(&mut self.prepared, &error, sql))?;
        while rows.next().map_err(|error| failed(&mut self.prepared, &error, sql))?.is_some() {}
        Ok(rows.rows_affected().unwrap_or(0))
    }

    /// Runs one of the short statements that frame transactions, or a whole script.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).map_err(|error| failure::error(&error, sql))
    }

    /// Has the connection closed once the running unit is over.
    fn give_up(&mut self) {
        self.unusable = true;
    }

    fn is_unusable(&self) -> bool {
        self.unusable || self.client.is_closed()
    }

    fn prepare(&mut self, sql: &str, params: &[&dyn Param], access: Access) -> Result<Statement> {
        self.clock += 1;
        let clock = self.clock;
        if !self.prepared.contains_key(sql) {
            let statement = self.client.prepare(sql).map_err(|error| failure::error(&error, sql))?;
            self.make_room();
            self.prepared.insert(sql.into(), Prepared { statement, access: access_of(sql), used: clock });
        }
        let prepared =
            self.prepared.get_mut(sql).expect("the statement was inserted above if it was missing");
        prepared.used = clock;
        if access == Access::Read && prepared.access == Access::Write {
            return Err(Error::Misuse(format!("this statement writes, use `returning` or `execute`: {sql}")));
        }
        if prepared.statement.params().len() != params.len() {
            return Err(Error::Misuse(format!("{} values were given for: {sql}", params.len())));
        }
        Ok(prepared.statement.clone())
    }

    /// Drops the half of the statements that were used longest ago, so that room is not made for each one anew.
    fn make_room(&mut self) {
        if self.prepared.len() < self.capacity {
            return;
        }
        let mut used: Vec<u64> = self.prepared.values().map(|prepared| prepared.used).collect();
        used.sort_unstable();
        let median = used[used.len() / 2];
        self.prepared.retain(|_, prepared| prepared.used > median);
    }
}

/// Says what an error means, and forgets all prepared statements if it is that the schema under them has changed.
fn failed(prepared: &mut HashMap<Box<str>, Prepared>, error: &::postgres::Error, sql: &str) -> Error {
    if failure::is_stale_plan(error) {
        prepared.clear();
    }
    failure::error(error, sql)
}

/// Tells statements that write from those that read. PostgreSQL itself does not say before it has run them.
fn access_of(sql: &str) -> Access {
    let mut words = tokens(sql).filter(|token| matches!(token, Token::Word(_)));
    let writes =
        |token: Token<'_>| ["INSERT", "UPDATE", "DELETE", "MERGE"].iter().any(|word| token.is_word(word));
    match words.next() {
        Some(first) if first.is_word("WITH") && words.any(writes) => Access::Write,
        Some(first) if ["SELECT", "WITH", "VALUES"].iter().any(|word| first.is_word(word)) => Access::Read,
        _ => Access::Write,
    }
}
