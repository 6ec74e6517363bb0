//! The server engine: one connection's statements, on top of `tokio-postgres`.

mod attempt;
mod connect;
pub(crate) mod decode;
mod encode;
mod failure;
mod lanes;
mod line;
mod tls;
mod workers;

use std::{collections::HashMap, pin::pin, sync::Arc};

use futures_util::TryStreamExt;
use tokio_postgres::Statement;

use crate::{
    Error, Param, Result, Row,
    row::Origin,
    scan::{Token, tokens},
    tx::{Access, Each},
};

use encode::Bound;
use lanes::{Lane, Lanes};
use line::Line;

pub(crate) use connect::Target;
pub(crate) use workers::{Kind, Shared, Worker};

/// One connection and the statements prepared on it.
pub(crate) struct Session {
    line: Line,
    prepared: HashMap<Box<str>, Prepared>,
    capacity: usize,
    /// Counts statements, to know which were used last.
    clock: u64,
    /// Set when the connection can no longer be trusted.
    unusable: bool,
    /// Whether its role may lock the table by which units run alone, as far as is known.
    can_lock: bool,
    /// Looks after the statements of the running unit, if it may go into a lane.
    watch: Option<Watch>,
}

/// Looks after the statements of a unit.
struct Watch {
    lanes: Arc<Lanes>,
    manners: Manners,
    met: Option<Met>,
}

/// Where a unit stands back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manners {
    /// Nowhere.
    None,
    /// Where a lane is taken, unless it is its own.
    Polite { own: Option<Lane> },
}

/// How a unit has met others.
#[derive(Clone, Copy)]
enum Met {
    /// The lane of its next statement is taken.
    Taken(Lane),
    /// Its statement, which has this lane, lost against a concurrent unit.
    Lost(Lane),
}

impl Watch {
    fn new(lanes: &Arc<Lanes>, manners: Manners) -> Self {
        Self { lanes: Arc::clone(lanes), manners, met: None }
    }

    /// Stands back from a statement whose lane is taken. To whoever runs the unit that is a conflict like any other.
    fn before(&mut self, sql: &str, params: &[&dyn Param]) -> Result<()> {
        let taken = match self.manners {
            Manners::None => None,
            Manners::Polite { own } => self.lanes.taken(sql, params).filter(|lane| Some(*lane) != own),
        };
        self.met = taken.map(Met::Taken);
        if taken.is_some() { Err(Error::Conflict) } else { Ok(()) }
    }

    fn lost(&mut self, sql: &str, params: &[&dyn Param]) {
        self.met = Some(Met::Lost(self.lanes.of(sql, params)));
    }
}

struct Prepared {
    statement: Statement,
    access: Access,
    used: u64,
}

impl Session {
    fn new(line: Line, capacity: usize) -> Self {
        Self {
            line,
            prepared: HashMap::new(),
            capacity: capacity.max(1),
            clock: 0,
            unusable: false,
            can_lock: true,
            watch: None,
        }
    }

    /// Runs a statement that returns rows, and shows each to `each` until that has seen enough.
    pub(crate) fn query(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        access: Access,
        each: Each<'_>,
    ) -> Result<()> {
        self.run(sql, params, access, each).map(drop)
    }

    /// Runs a statement that returns no rows, and says how many it changed.
    pub(crate) fn execute(&mut self, sql: &str, params: &[&dyn Param]) -> Result<u64> {
        self.run(sql, params, Access::Write, &mut |_| Ok(true))
    }

    /// Runs a statement, shows each row to `each` until that has seen enough, and says how many rows it changed.
    fn run(&mut self, sql: &str, params: &[&dyn Param], access: Access, each: Each<'_>) -> Result<u64> {
        if access == Access::Read {
            return self.ask(sql, params, access, each);
        }
        if let Some(watch) = &mut self.watch {
            watch.before(sql, params)?;
        }
        let result = self.ask(sql, params, access, each);
        if let (Some(watch), Err(Error::Conflict)) = (&mut self.watch, &result) {
            watch.lost(sql, params);
        }
        result
    }

    fn ask(&mut self, sql: &str, params: &[&dyn Param], access: Access, each: Each<'_>) -> Result<u64> {
        let statement = self.prepare(sql, params, access)?;
        let values = params.iter().map(|param| Bound(param.value()));
        let answer = self.line.run(async |client| {
            let mut rows = pin!(client.query_raw(&statement, values).await?);
            let mut each = Some(each);
            let mut refused = None;
            // Read to the end even when enough was seen: a conflict may come after the first rows, and a transaction that
            // nobody knows has failed would be committed as nothing.
            while let Some(row) = rows.try_next().await? {
                let Some(show) = &mut each else { continue };
                match show(&Row(Origin::Postgres(&row))) {
                    Ok(true) => {}
                    Ok(false) => each = None,
                    Err(error) => (each, refused) = (None, Some(error)),
                }
            }
            if let Some(error) = refused {
                return Ok(Err(error));
            }
            Ok(Ok(rows.rows_affected().unwrap_or(0)))
        })?;
        answer.map_err(|error| {
            if failure::is_stale_plan(&error) {
                self.prepared.clear();
            }
            failure::error(&error, sql)
        })?
    }

    /// Runs one of the short statements that frame transactions, or a whole script.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<()> {
        self.try_batch(sql)?.map_err(|error| failure::error(&error, sql))
    }

    /// The same, with the driver's own error.
    fn try_batch(&mut self, sql: &str) -> Result<Result<(), tokio_postgres::Error>> {
        self.line.run(async |client| client.batch_execute(sql).await)
    }

    /// Has the connection closed once the running unit is over.
    fn give_up(&mut self) {
        self.unusable = true;
    }

    fn is_silent(&self) -> bool {
        self.line.is_silent()
    }

    fn is_unusable(&self) -> bool {
        self.unusable || self.line.is_closed()
    }

    fn prepare(&mut self, sql: &str, params: &[&dyn Param], access: Access) -> Result<Statement> {
        self.clock += 1;
        let clock = self.clock;
        if !self.prepared.contains_key(sql) {
            let answer = self.line.run(async |client| client.prepare(sql).await)?;
            let statement = answer.map_err(|error| failure::error(&error, sql))?;
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
