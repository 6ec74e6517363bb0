//! PostgreSQL's errors in the store's words.

use tokio_postgres::error::SqlState;

use crate::{Error, error::Cause, sqlite};

/// Says what an error of the driver means, with the statement and never with its values.
pub(crate) fn error(error: &tokio_postgres::Error, sql: &str) -> Error {
    let Some(reply) = error.as_db_error() else {
        return if error.is_closed() || is_io(error) {
            Error::Unavailable(cause(error, sql))
        } else {
            Error::Engine(cause(error, sql))
        };
    };
    let code = reply.code();
    if *code == SqlState::T_R_SERIALIZATION_FAILURE
        || *code == SqlState::T_R_DEADLOCK_DETECTED
        // What holds the lock has not ended within the time that a unit waits for it.
        || *code == SqlState::LOCK_NOT_AVAILABLE
        // An earlier statement of the unit has failed, and what it said was not heard.
        || *code == SqlState::IN_FAILED_SQL_TRANSACTION
        || is_stale_plan(error)
    {
        return Error::Conflict;
    }
    if *code == SqlState::DISK_FULL {
        return Error::Full;
    }
    match &code.code()[..2] {
        "23" => constraint(reply),
        // Connection exceptions, missing resources, a server that stops or starts, a query that took too long, and a
        // server that became a replica.
        "08" | "53" | "57" => Error::Unavailable(cause(error, sql)),
        // The unit has said nothing for too long.
        _ if *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Error::Unavailable(cause(error, sql)),
        _ if *code == SqlState::READ_ONLY_SQL_TRANSACTION => Error::Unavailable(cause(error, sql)),
        _ => Error::Engine(cause(error, sql)),
    }
}

/// Whether a statement was prepared before another node migrated the schema; it only has to be prepared anew.
pub(super) fn is_stale_plan(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|reply| {
        *reply.code() == SqlState::FEATURE_NOT_SUPPORTED && reply.message().starts_with("cached plan")
    })
}

fn constraint(reply: &tokio_postgres::error::DbError) -> Error {
    let name = match *reply.code() {
        SqlState::FOREIGN_KEY_VIOLATION => "foreign_key".to_owned(),
        SqlState::NOT_NULL_VIOLATION => {
            sqlite::not_null(reply.table().unwrap_or_default(), reply.column().unwrap_or_default())
        }
        _ => reply.constraint().unwrap_or_default().to_owned(),
    };
    Error::Constraint(name)
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    use std::error::Error as _;
    error.source().and_then(|source| source.downcast_ref::<std::io::Error>()).is_some()
}

fn cause(error: &tokio_postgres::Error, sql: &str) -> Cause {
    Cause::new(Failure(format!("{}: {sql}", chain(error))))
}

/// What the driver says with all its reasons, except for the row's values, which the server puts into the detail.
fn chain(error: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    if let Some(reply) = error.as_db_error() {
        let code = reply.code().code();
        // Sentences about values that do not fit quote them.
        let message = if code.starts_with("22") { "a value does not fit" } else { reply.message() };
        return format!("{message} ({code})");
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(reason) = source {
        text = format!("{text}: {reason}");
        source = reason.source();
    }
    text
}

/// An error of the driver as a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failure(String);
