//! Who uses the embedded database: many processes may work with it, but one that replaces it must be alone.
//!
//! The database's directory carries the lock, since replacing the database replaces its file. A server has a second one,
//! on a file of its own: there is one server for a database, while other commands come and go.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::failure::Failure;

/// Marks the database in this directory as in use for as long as the answer lives, if the file system can.
pub fn share(directory: &Path) -> Result<Option<File>, Failure> {
    // File systems that cannot lock directories exist; the mark is a precaution, so that one is no reason to stop.
    let Ok(mark) = File::open(directory) else { return Ok(None) };
    match mark.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Err(Failure::runtime(format!(
            "a backup is being restored into {}; try again when that is done",
            directory.display()
        ))),
        Ok(()) => Ok(Some(mark)),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Keeps every other server from this database for as long as the answer lives, if the file system can. The system lets go
/// of it when the process ends, however it does.
pub fn serve(database: &Path) -> Result<Option<File>, Failure> {
    let mut beside = database.as_os_str().to_owned();
    beside.push("-server");
    // As above: the mark is a precaution.
    let Ok(mark) = File::create(beside) else { return Ok(None) };
    match mark.try_lock() {
        Err(TryLockError::WouldBlock) => Err(Failure::runtime(format!(
            "another server works with {}; stop it first, or serve from PostgreSQL to have several",
            database.display()
        ))),
        Ok(()) => Ok(Some(mark)),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Keeps every other process from the database in this directory for as long as the answer lives.
pub fn alone(directory: &Path) -> Result<File, Failure> {
    let cannot =
        |error: std::io::Error| Failure::runtime(format!("cannot lock {}: {error}", directory.display()));
    let mark = File::open(directory).map_err(cannot)?;
    match mark.try_lock() {
        Ok(()) => Ok(mark),
        Err(TryLockError::WouldBlock) => Err(Failure::runtime(format!(
            "the database in {} is in use; stop the server first",
            directory.display()
        ))),
        Err(TryLockError::Error(error)) => Err(cannot(error)),
    }
}
