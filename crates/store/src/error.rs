//! What can go wrong below the domain.

use std::{fmt, sync::Arc};

/// The result of everything the store does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the store could not do what it was asked.
///
/// The value is cheap to clone, because one failed commit is the answer to every unit of its group.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The unit lost against concurrent ones more often than it may be rerun. Trying again later helps.
    #[error("the unit of work met too many concurrent changes")]
    Conflict,
    /// The queue of waiting units is full, or another process holds the database. Trying again later helps.
    #[error("the store has too much work waiting")]
    Busy,
    /// The store is shutting down, or has.
    #[error("the store is closed")]
    Closed,
    /// A row that must exist does not: from `one`, and from `changed_one`.
    #[error("there is no such row")]
    NoRow,
    /// A constraint of the schema refused a statement. Holds the constraint's name, the same on both engines:
    /// that of the schema, or PostgreSQL's default name where the schema gives none. All foreign keys are
    /// called `foreign_key`, because SQLite does not say which one it was.
    #[error("the constraint {0} was violated")]
    Constraint(String),
    /// A stored value is not what the reader expects: a defect of schema or code.
    #[error("a stored value could not be read: {0}")]
    Decode(String),
    /// The disk under the database is full. The store goes on by itself once there is space again.
    #[error("the disk of the database is full")]
    Full,
    /// The database cannot be reached now. The store goes on by itself once it can.
    #[error("the database is unavailable: {0}")]
    Unavailable(Cause),
    /// The unit of work panicked; nothing of it was kept.
    #[error("the unit of work panicked")]
    Panic,
    /// The store was used against its rules: a defect of the caller.
    #[error("the store was misused: {0}")]
    Misuse(String),
    /// A migration cannot be applied.
    #[error("migration {name}: {reason}")]
    Migration {
        /// The migration's name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Anything else the engine said, with the statement, and without any values.
    #[error("the database refused a statement: {0}")]
    Engine(Cause),
}

impl Error {
    pub(crate) fn engine(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Engine(Cause::new(error))
    }

    pub(crate) fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Unavailable(Cause::new(error))
    }
}

/// What the driver said behind an [`Error`], with all its reasons, shared so that errors can be cloned.
#[derive(Clone)]
pub struct Cause(Arc<str>);

impl Cause {
    pub(crate) fn new(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(reason) = source {
            let said = reason.to_string();
            // Drivers often repeat a reason in their own sentence.
            if !text.contains(&said) {
                text = format!("{text}: {said}");
            }
            source = reason.source();
        }
        Self(text.into())
    }

    /// The same, said of a statement. A driver may have said so itself.
    pub(crate) fn of(self, sql: &str) -> Self {
        if self.0.contains(sql) { self } else { Self(format!("{}: {sql}", self.0).into()) }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, formatter)
    }
}

/// Why there is no backup.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BackupError {
    /// The database did not do its part.
    #[error(transparent)]
    Store(#[from] Error),
    /// The file to make cannot be written. Says why, without its name.
    #[error("the backup cannot be written: {0}")]
    Target(Cause),
}

impl BackupError {
    pub(crate) fn target(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Target(Cause::new(error))
    }
}

/// Turns the violation of a named constraint into the domain's own error, where the statement is.
pub trait ResultExt<T> {
    /// Answers `refusal()` when the constraint `name` was violated; every other error passes as it is.
    fn on_constraint<E: From<Error>>(self, name: &str, refusal: impl FnOnce() -> E) -> Result<T, E>;
}

impl<T> ResultExt<T> for Result<T> {
    fn on_constraint<E: From<Error>>(self, name: &str, refusal: impl FnOnce() -> E) -> Result<T, E> {
        self.map_err(|error| match error {
            Error::Constraint(violated) if violated == name => refusal(),
            other => other.into(),
        })
    }
}
