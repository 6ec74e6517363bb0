//! SQLite's errors in the store's words.

use rusqlite::{Connection, ErrorCode, ffi};

use super::constraints;
use crate::Error;

/// Says what an error of rusqlite means. The connection is asked for the schema when a constraint was violated.
pub(crate) fn error(connection: &Connection, error: rusqlite::Error) -> Error {
    let rusqlite::Error::SqliteFailure(failure, message) = &error else {
        return Error::engine(error);
    };
    match failure.code {
        ErrorCode::DiskFull => Error::Full,
        // Writing, extending or flushing a file fails like this when the disk is full or broken; which of the two
        // it is, the library does not pass on.
        ErrorCode::SystemIoFailure if is_write_failure(failure.extended_code) => Error::Full,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Busy,
        ErrorCode::CannotOpen | ErrorCode::SystemIoFailure => Error::unavailable(error),
        ErrorCode::ConstraintViolation => {
            constraints::violated(connection, failure.extended_code, message.as_deref().unwrap_or_default())
                .map_or_else(|| Error::engine(error), Error::Constraint)
        }
        _ => Error::engine(error),
    }
}

/// Whether a file could not be written, made longer or flushed.
pub(super) fn is_write_failure(extended_code: i32) -> bool {
    matches!(
        extended_code,
        ffi::SQLITE_IOERR_WRITE
            | ffi::SQLITE_IOERR_FSYNC
            | ffi::SQLITE_IOERR_DIR_FSYNC
            | ffi::SQLITE_IOERR_TRUNCATE
            | ffi::SQLITE_IOERR_SHMSIZE
    )
}
