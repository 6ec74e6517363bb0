//! What a unit of work sees: statements, the time, ids.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use uuid::Uuid;

use crate::{
    Engine, Error, FromRow, Insert, Lookup, Param, Result, Row, Source, Sql, Timestamp, postgres, sqlite,
};

/// A unit of work that reads: one snapshot of the database.
///
/// The first statement that fails decides the unit: every later one repeats its error without being run, and nothing
/// of the unit is kept. [`Error::NoRow`] and [`Error::Decode`] are answers, not failed statements.
pub struct ReadTx<'c> {
    session: Session<'c>,
    source: &'c dyn Source,
    now: Timestamp,
    scope: Scope,
    write: Write,
    failed: Option<Error>,
}

/// A unit of work that writes.
///
/// It dereferences to [`ReadTx`], so that whatever reads takes `&mut ReadTx` and works in both.
pub struct Tx<'c> {
    read: ReadTx<'c>,
}

pub(crate) enum Session<'c> {
    Sqlite(&'c mut sqlite::Session),
    Postgres(&'c mut postgres::Session),
}

/// How far a unit's effects reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All or nothing, in a transaction.
    Unit,
    /// The same, with no other unit beside it.
    Alone,
    /// A single statement writes, outside of any transaction of the unit's own.
    One,
}

/// How far a unit has come with writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// Nothing was asked for.
    None,
    /// A statement was tried, and failed or changed nothing.
    Tried,
    /// A statement has changed something.
    Done,
}

/// What a statement is allowed to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// What has more bytes of text than this is looked up again and again.
const LONGEST_KEPT: usize = 4096;

/// Sees one row and says whether it wants the next.
pub(crate) type Each<'e> = &'e mut dyn FnMut(&Row<'_>) -> Result<bool>;

impl<'c> Tx<'c> {
    pub(crate) fn new(session: Session<'c>, source: &'c dyn Source, scope: Scope) -> Self {
        Self { read: ReadTx { session, source, now: source.now(), scope, write: Write::None, failed: None } }
    }

    /// The statement failure that decides this unit, if there was one.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.read.failed.as_ref()
    }

    pub(crate) fn write(&self) -> Write {
        self.read.write
    }

    /// A new UUID of version 7; the ids of a unit ascend.
    pub fn uuid(&mut self) -> Uuid {
        self.read.source.uuid(self.read.now)
    }

    /// Fills the bytes with randomness fit for secrets.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.read.source.fill(bytes);
    }

    /// Runs a statement that writes, and says how many rows it changed.
    pub fn execute(&mut self, sql: &str, params: &[&dyn Param]) -> Result<u64> {
        self.read.begin_write()?;
        let result = match &mut self.read.session {
            Session::Sqlite(session) => session.execute(sql, params),
            Session::Postgres(session) => session.execute(sql, params),
        };
        let result = self.read.noted(result);
        // One that changed nothing has left nothing.
        if self.read.failed.is_none() && result.as_ref().is_ok_and(|changed| *changed > 0) {
            self.read.note_change();
        }
        result
    }

    /// Runs a statement that must change exactly one row, the normal way to write; [`Error::NoRow`] otherwise. It has
    /// done its work even then, so hand the error on and the unit leaves no trace.
    pub fn changed_one(&mut self, sql: &str, params: &[&dyn Param]) -> Result<()> {
        if self.execute(sql, params)? == 1 { Ok(()) } else { Err(Error::NoRow) }
    }

    /// Runs an `INSERT`, `UPDATE` or `DELETE` that ends in `RETURNING`, and reads what it returns.
    pub fn returning<T: FromRow>(&mut self, sql: &str, params: &[&dyn Param]) -> Result<Vec<T>> {
        self.read.begin_write()?;
        let before = self.read.write;
        // Should a returned row be unreadable, or reading it panic, then the statement has done its work all the same.
        self.read.note_change();
        let mut values = Vec::new();
        let result = self.read.rows(sql, params, Access::Write, &mut |row| {
            values.push(row.get(0)?);
            Ok(true)
        });
        let has_changed = match &result {
            Ok(()) => !values.is_empty(),
            Err(error) => self.read.failed.is_none() && matches!(error, Error::NoRow | Error::Decode(_)),
        };
        if !has_changed {
            self.read.forget_change(before);
        }
        result.map(|()| values)
    }

    /// Runs a statement that was put together piece by piece, and says how many rows it changed.
    pub fn apply(&mut self, sql: &Sql) -> Result<u64> {
        self.execute(sql.text(), &sql.params())
    }

    /// Inserts a row of a struct that [`row!`](crate::row!) made.
    pub fn insert<T: Insert>(&mut self, row: &T) -> Result<()> {
        row.insert(self)
    }

    /// Inserts such a row unless a unique constraint is in the way. Returns whether it was inserted; the unit goes on
    /// either way.
    pub fn insert_new<T: Insert>(&mut self, row: &T) -> Result<bool> {
        row.insert_new(self)
    }

    /// Inserts such a row with values of more columns, which are kept for lists and never read.
    pub fn insert_with<T: Insert>(&mut self, row: &T, others: &[(&'static str, &dyn Param)]) -> Result<()> {
        row.insert_with(self, others)
    }
}

impl<'c> Deref for Tx<'c> {
    type Target = ReadTx<'c>;

    fn deref(&self) -> &ReadTx<'c> {
        &self.read
    }
}

impl<'c> DerefMut for Tx<'c> {
    fn deref_mut(&mut self) -> &mut ReadTx<'c> {
        &mut self.read
    }
}

impl ReadTx<'_> {
    /// The instant of this unit, the same however often it is asked.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The engine that runs this unit.
    pub fn engine(&self) -> Engine {
        match self.session {
            Session::Sqlite(_) => Engine::Sqlite,
            Session::Postgres(_) => Engine::Postgres,
        }
    }

    /// Picks the text for the engine that runs this unit, where one text cannot serve both.
    pub fn dialect<'s>(&self, sqlite: &'s str, postgres: &'s str) -> &'s str {
        match self.engine() {
            Engine::Sqlite => sqlite,
            Engine::Postgres => postgres,
        }
    }

    /// All rows of a `SELECT`.
    pub fn all<T: FromRow>(&mut self, sql: &str, params: &[&dyn Param]) -> Result<Vec<T>> {
        let mut values = Vec::new();
        self.rows(sql, params, Access::Read, &mut |row| {
            values.push(row.get(0)?);
            Ok(true)
        })?;
        Ok(values)
    }

    /// The first row of a `SELECT`, if it has any.
    pub fn find<T: FromRow>(&mut self, sql: &str, params: &[&dyn Param]) -> Result<Option<T>> {
        let mut value = None;
        self.rows(sql, params, Access::Read, &mut |row| {
            value = Some(row.get(0)?);
            Ok(false)
        })?;
        Ok(value)
    }

    /// The first row of a `SELECT` that must have one; [`Error::NoRow`] otherwise.
    pub fn one<T: FromRow>(&mut self, sql: &str, params: &[&dyn Param]) -> Result<T> {
        self.find(sql, params)?.ok_or(Error::NoRow)
    }

    /// What the lookup finds, which need not be read again while the rows that it is made of stay as they are.
    pub fn look_up<T: FromRow + Send + Sync + 'static>(
        &mut self,
        lookup: &'static Lookup<T>,
        params: &[&dyn Param],
    ) -> Result<Option<Arc<T>>> {
        let recall = match &self.session {
            Session::Sqlite(session) => session.recall().cloned(),
            Session::Postgres(_) => None,
        };
        let Some(recall) = recall else {
            return Ok(self.find(lookup.plain(), params)?.map(Arc::new));
        };
        if self.failed.is_none() {
            match recall.get(lookup.number(), params) {
                sqlite::Recalled::Found(known) => return Ok(Some(known)),
                sqlite::Recalled::Nothing => return Ok(None),
                sqlite::Recalled::Unknown => {}
            }
        }
        let tables = lookup.tables();
        let mut found = None;
        self.rows(lookup.numbered(), params, Access::Read, &mut |row| {
            let rows: Result<Vec<_>> =
                (0..).zip(tables).map(|(at, table)| Ok((*table, row.get::<i64>(at)?))).collect();
            found = Some((Arc::new(row.get(tables.len())?), rows?, row.text_bytes()));
            Ok(false)
        })?;
        match &found {
            Some((value, rows, bytes)) if *bytes <= LONGEST_KEPT => {
                recall.put(lookup.number(), params, value, rows);
            }
            None if lookup.keeps_nothing() => recall.put_nothing(lookup.number(), params, tables),
            Some(_) | None => {}
        }
        Ok(found.map(|(value, ..)| value))
    }

    /// All rows of a `SELECT` that was put together piece by piece.
    pub fn list<T: FromRow>(&mut self, sql: &Sql) -> Result<Vec<T>> {
        self.all(sql.text(), &sql.params())
    }

    /// The number that a `SELECT count(…)` put together piece by piece gives; 0 if it gives null or no row.
    pub fn count(&mut self, sql: &Sql) -> Result<i64> {
        Ok(self.find::<Option<i64>>(sql.text(), &sql.params())?.flatten().unwrap_or(0))
    }

    fn rows(&mut self, sql: &str, params: &[&dyn Param], access: Access, each: Each<'_>) -> Result<()> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = match &mut self.session {
            Session::Sqlite(session) => session.query(sql, params, access, each),
            Session::Postgres(session) => session.query(sql, params, access, each),
        };
        self.noted(result)
    }

    /// Makes ready for a statement that writes: a savepoint, or the check that it is the only one.
    fn begin_write(&mut self) -> Result<()> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = match (self.scope, &mut self.session) {
            (_, Session::Sqlite(session)) => session.save(),
            (Scope::One, Session::Postgres(_)) if self.write == Write::Done => {
                Err(Error::Misuse("a unit of one write has a second one".to_owned()))
            }
            (_, Session::Postgres(_)) => Ok(()),
        };
        if self.write == Write::None {
            self.write = Write::Tried;
        }
        self.noted(result)
    }

    /// Notes that the unit has something to undo.
    fn note_change(&mut self) {
        self.write = Write::Done;
        if let Session::Sqlite(session) = &mut self.session {
            session.set_changed(true);
        }
    }

    /// Takes the last note back: what the statement was expected to change it has not.
    fn forget_change(&mut self, before: Write) {
        self.write = before;
        if let Session::Sqlite(session) = &mut self.session {
            session.set_changed(before == Write::Done);
        }
    }

    /// Remembers the first failed statement, because what the unit makes of the error is not to be relied on, and those after it
    /// fail because of it.
    fn noted<T>(&mut self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result
            && !matches!(error, Error::NoRow | Error::Decode(_))
        {
            self.failed.get_or_insert_with(|| error.clone());
        }
        result
    }
}
