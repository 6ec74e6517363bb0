//! Who uses the embedded database: many processes may work with it, but one that replaces it must be alone.
//!
//! The database's directory carries the lock, since replacing the database replaces its file.

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
