//! The embedded engine: one connection's statements, on top of rusqlite.

mod backup;
mod constraints;
mod failure;
mod functions;
mod log;
mod readers;
mod recall;
mod short;
mod writer;

use std::{ffi::CStr, path::Path, time::Duration};

use rusqlite::{
    CachedStatement, Connection,
    hooks::{Action, AuthAction, AuthContext, Authorization},
};

use crate::{
    Error, Param, Result, Row, Value,
    row::Origin,
    tx::{Access, Each},
};

pub(crate) use backup::backup;
pub(crate) use constraints::not_null;
pub(crate) use log::{LogKeeper, finish_log};
pub(crate) use readers::Reader;
pub(crate) use recall::{Recall, Recalled};
pub(crate) use short::ShortReads;
pub(crate) use writer::Writer;

/// How long a statement waits for another process that holds the database before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// An update logs every page it touches whole, so small pages mean less to write: about a quarter less than with
/// SQLite's usual 4,096 bytes when license keys are validated.
const PAGE_BYTES: i64 = 2048;
/// The write-ahead log is cut back to this after a checkpoint, so that one large unit does not keep the space.
const LOG_LIMIT_BYTES: i64 = 64 << 20;

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Writer,
    Reader,
    /// Foreign keys are checked at the end only, so that a table can be rebuilt.
    Migrator,
    /// It moves pages from the write-ahead log to their places.
    LogKeeper,
}

impl Role {
    /// The page cache of the connection, which is most of the memory this engine takes.
    fn cache_kibibytes(self) -> i64 {
        match self {
            // More would cost more than it saves: a commit that split a page looks through all of the cache, and a
            // million rows hit at random do not fit in any case.
            Self::Writer => 24 << 10,
            Self::Reader | Self::Migrator => 16 << 10,
            // Pages that are moved do not pass through it.
            Self::LogKeeper => 1 << 10,
        }
    }
}

/// One connection and where it is in its transaction.
pub(crate) struct Session {
    connection: Connection,
    /// Whether units that write get a savepoint each.
    is_careful: bool,
    /// Whether the running unit has one.
    has_savepoint: bool,
    /// Whether the running unit has changed anything.
    has_changed: bool,
    /// What the writer has looked up.
    recall: Option<Recall>,
    /// What SQLite said last of commits by other connections.
    others: i64,
}

impl Session {
    /// Opens the file, making it if it is missing.
    pub(crate) fn open(path: &Path, role: Role, statements: usize) -> Result<Self> {
        let connection = Connection::open(path).map_err(Error::unavailable)?;
        let mut session = Self {
            connection,
            is_careful: true,
            has_savepoint: false,
            has_changed: false,
            recall: None,
            others: 0,
        };
        session.prepare_connection(role, statements).map_err(|error| session.error(error))?;
        if role == Role::Writer {
            session.remember().map_err(|error| session.error(error))?;
        }
        Ok(session)
    }

    fn prepare_connection(&self, role: Role, statements: usize) -> rusqlite::Result<()> {
        let connection = &self.connection;
        connection.set_prepared_statement_cache_capacity(statements);
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // The planner must not look at bound values: a statement whose plan depends on them is compiled anew at every
        // run.
        connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        functions::register(connection)?;
        // It has an effect on a new file only, and none once the log is on.
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        if role == Role::Writer {
            // See `log`.
            connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        }
        connection.pragma_update(None, "journal_size_limit", LOG_LIMIT_BYTES)?;
        connection.pragma_update(None, "cache_size", -role.cache_kibibytes())?;
        connection.pragma_update(None, "foreign_keys", role != Role::Migrator)?;
        connection.pragma_update(None, "query_only", role == Role::Reader)
    }

    /// Begins to keep what is looked up.
    fn remember(&mut self) -> rusqlite::Result<()> {
        let recall = Recall::default();
        let told = recall.clone();
        self.connection.update_hook(Some(move |action, _: &str, table: &str, row| {
            told.changed(table, row, action == Action::SQLITE_INSERT);
        }))?;
        // Rows that go all at once, without a condition, would go untold. What is said of the schema's own table is whether
        // something may be dropped.
        self.connection.authorizer(Some(|context: AuthContext<'_>| match context.action {
            AuthAction::Delete { table_name } if table_name != "sqlite_master" => Authorization::Ignore,
            _ => Authorization::Allow,
        }))?;
        self.recall = Some(recall);
        Ok(())
    }

    /// What the session has looked up, if it keeps that.
    pub(crate) fn recall(&self) -> Option<&Recall> {
        self.recall.as_ref()
    }

    /// Forgets what was looked up: it may never have been.
    fn forget(&self) {
        if let Some(recall) = &self.recall {
            recall.forget();
        }
    }

    /// Forgets what was looked up if anybody else has written since the last look. A transaction must be open.
    fn look_at_others(&mut self) -> Result<()> {
        let mut statement =
            self.connection.prepare_cached("PRAGMA data_version").map_err(|error| self.error(error))?;
        let others = statement.query_row([], |row| row.get(0)).map_err(|error| self.error(error))?;
        drop(statement);
        if std::mem::replace(&mut self.others, others) != others {
            self.forget();
        }
        Ok(())
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Runs a statement that returns rows, and shows each to `each` until that has seen enough.
    pub(crate) fn query(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        access: Access,
        each: Each<'_>,
    ) -> Result<()> {
        let mut statement = self.prepared(sql, params)?;
        if access == Access::Read && !statement.readonly() {
            return Err(Error::Misuse(format!("this statement writes, use `returning` or `execute`: {sql}")));
        }
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|error| self.failed(error, sql))? {
            if !each(&Row(Origin::Sqlite(row)))? {
                break;
            }
        }
        Ok(())
    }

    /// Runs a statement that returns no rows, and says how many it changed.
    pub(crate) fn execute(&mut self, sql: &str, params: &[&dyn Param]) -> Result<u64> {
        let mut statement = self.prepared(sql, params)?;
        statement.raw_execute().map(|changed| changed as u64).map_err(|error| self.failed(error, sql))
    }

    fn prepared(&self, sql: &str, params: &[&dyn Param]) -> Result<CachedStatement<'_>> {
        let mut statement = self.connection.prepare_cached(sql).map_err(|error| self.failed(error, sql))?;
        if statement.parameter_count() != params.len() {
            return Err(Error::Misuse(format!("{} values were given for: {sql}", params.len())));
        }
        let is_in_order = params.len() > FEW && is_in_order(sql);
        for (number, param) in (1..).zip(params) {
            let bound = if is_in_order {
                bind_at(&mut statement, number, &param.value())
            } else {
                bind(&mut statement, number, &param.value())
            };
            bound.map_err(|error| match error {
                rusqlite::Error::InvalidParameterName(name) => {
                    Error::Misuse(format!("the statement has no parameter {name}: {sql}"))
                }
                other => self.failed(other, sql),
            })?;
        }
        Ok(statement)
    }

    /// Runs one of the short statements that frame transactions.
    fn control(&self, sql: &str) -> Result<()> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.raw_execute())
            .map(drop)
            .map_err(|error| self.error(error))
    }

    /// Runs a statement without parameters that is not worth keeping prepared.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<()> {
        self.connection.execute_batch(sql).map_err(|error| self.error(error))
    }

    /// Errs if a row refers to one that does not exist.
    pub(crate) fn check_foreign_keys(&self) -> Result<()> {
        let mut check =
            self.connection.prepare("PRAGMA foreign_key_check").map_err(|error| self.error(error))?;
        let broken = check.exists([]).map_err(|error| self.error(error))?;
        if broken { Err(Error::Constraint("foreign_key".to_owned())) } else { Ok(()) }
    }

    /// Makes ready for a write of the running unit, so that units that write nothing pay nothing.
    pub(crate) fn save(&mut self) -> Result<()> {
        if self.is_careful && !self.has_savepoint {
            self.control("SAVEPOINT unit")?;
            self.has_savepoint = true;
        }
        Ok(())
    }

    /// Notes whether the running unit has changed something.
    pub(crate) fn set_changed(&mut self, has_changed: bool) {
        self.has_changed = has_changed;
    }

    /// Ends the running unit inside its group, keeping what it did.
    fn keep(&mut self) -> Result<()> {
        self.has_changed = false;
        if std::mem::take(&mut self.has_savepoint) { self.control("RELEASE unit") } else { Ok(()) }
    }

    /// Ends the running unit inside its group, undoing what it did. False if that needs the whole group undone.
    fn undo(&mut self) -> Result<bool> {
        let has_changed = std::mem::take(&mut self.has_changed);
        if std::mem::take(&mut self.has_savepoint) {
            self.forget();
            self.control("ROLLBACK TO unit")?;
            self.control("RELEASE unit")?;
            return Ok(true);
        }
        Ok(!has_changed)
    }

    /// Forgets the running unit, whose transaction is gone.
    fn forget_unit(&mut self) {
        (self.has_savepoint, self.has_changed) = (false, false);
    }

    /// Whether a transaction is open. A full disk may end one without being asked to.
    fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// What an error means, with the statement if that is worth knowing.
    fn failed(&self, error: rusqlite::Error, sql: &str) -> Error {
        match self.error(error) {
            Error::Engine(cause) => Error::Engine(cause.of(sql)),
            other => other,
        }
    }

    fn error(&self, error: rusqlite::Error) -> Error {
        failure::error(&self.connection, error)
    }
}

/// Up to so many parameters are compared with their names one by one; SQLite walks over all of a statement's names to find
/// one.
const FEW: usize = 6;

/// Whether the parameters appear first in the order of their numbers, so that SQLite numbers them alike.
fn is_in_order(sql: &str) -> bool {
    let mut next = 1;
    // What stands between quotes is text.
    for part in sql.split('\'').step_by(2) {
        for piece in part.split('$').skip(1) {
            let digits = piece.bytes().take_while(u8::is_ascii_digit);
            let number = digits.fold(0_usize, |number, digit| number * 10 + usize::from(digit - b'0'));
            if number == 0 || number > next {
                return false;
            }
            next = next.max(number + 1);
        }
    }
    true
}

/// Binds by the parameter's *name*. SQLite numbers `$1`, `$2`, … in the order they appear in the text, so binding by
/// position would swap arguments without any error. Where the position has that name, which is nearly everywhere, it need
/// not be searched for.
fn bind(statement: &mut CachedStatement<'_>, number: usize, value: &Value<'_>) -> rusqlite::Result<()> {
    let is_in_place =
        |name: &str| name.strip_prefix('$').and_then(|digits| digits.parse().ok()) == Some(number);
    if statement.parameter_name(number).is_some_and(is_in_place) {
        return bind_at(statement, number, value);
    }
    let name = match NAMES.get(number - 1) {
        Some(name) => *name,
        None => return bind_at(statement, format!("${number}").as_str(), value),
    };
    bind_at(statement, name, value)
}

fn bind_at<I: rusqlite::BindIndex>(
    statement: &mut CachedStatement<'_>,
    name: I,
    value: &Value<'_>,
) -> rusqlite::Result<()> {
    match value {
        Value::Null => statement.raw_bind_parameter(name, rusqlite::types::Null),
        Value::Bool(value) => statement.raw_bind_parameter(name, value),
        Value::Integer(value) => statement.raw_bind_parameter(name, value),
        Value::Text(text) | Value::Json(text) => statement.raw_bind_parameter(name, text.as_ref()),
        Value::Uuid(uuid) => {
            let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
            statement.raw_bind_parameter(name, &*uuid.hyphenated().encode_lower(&mut text))
        }
        Value::Timestamp(timestamp) => statement.raw_bind_parameter(name, timestamp.text().stored()),
        Value::Bytes(bytes) => statement.raw_bind_parameter(name, bytes.as_ref()),
    }
}

/// The names of the first parameters, so that binding them allocates nothing.
const NAMES: [&CStr; 32] = [
    c"$1", c"$2", c"$3", c"$4", c"$5", c"$6", c"$7", c"$8", c"$9", c"$10", c"$11", c"$12", c"$13", c"$14",
    c"$15", c"$16", c"$17", c"$18", c"$19", c"$20", c"$21", c"$22", c"$23", c"$24", c"$25", c"$26", c"$27",
    c"$28", c"$29", c"$30", c"$31", c"$32",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_parameters_is_seen() {
        for sql in ["SELECT 1", "SELECT $1", "SELECT $1 + $2 - $1 + $3", "SELECT 'it''s $9', $1 || '$5', $2"]
        {
            assert!(is_in_order(sql), "{sql}");
        }
        for sql in ["SELECT $2", "SELECT $2 + $1", "SELECT $1 + $3 + $2", "SELECT $1, $$2", "SELECT '$1', $2"]
        {
            assert!(!is_in_order(sql), "{sql}");
        }
    }
}
