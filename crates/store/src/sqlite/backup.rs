//! A copy of the database while it is in use.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rusqlite::{
    Connection, ErrorCode,
    backup::{Backup, StepResult},
    ffi,
};

use super::{Role, Session, failure::is_write_failure};
use crate::{BackupError, Error};

type Result<T> = std::result::Result<T, BackupError>;

/// Copies the database at `path` to the file `to`, which is replaced only when the copy is whole. The copy is of one
/// instant; writers go on meanwhile.
pub(crate) fn backup(path: &Path, to: &Path) -> Result<()> {
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    let copied = copy(path, partial).and_then(|()| {
        File::open(partial)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(partial, to))
            .map_err(BackupError::target)
    });
    if copied.is_err() {
        // Best effort: the error that is answered matters more than a file left behind.
        for suffix in ["", "-journal", "-wal", "-shm"] {
            let mut left = partial.as_os_str().to_owned();
            left.push(suffix);
            drop(fs::remove_file(left));
        }
    }
    copied
}

fn copy(path: &Path, to: &Path) -> Result<()> {
    // Left over from a backup that was killed, it would be written into rather than replaced.
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(BackupError::target(error)),
        _ => {}
    }
    let source = Session::open(path, Role::Reader, 1)?;
    // Customers' data are for its owner only. SQLite takes an empty file for an empty database.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(BackupError::target)?;
    let mut target = Connection::open(to).map_err(BackupError::target)?;
    let steps = Backup::new(source.connection(), &mut target).map_err(|error| source.error(error))?;
    // All pages in one step are read from one snapshot. Pauses between steps would let every write in between begin
    // the copy anew.
    let done = steps.step(-1).map_err(|error| whose(&source, error))?;
    drop(steps);
    match done {
        StepResult::Done => {}
        _ => return Err(Error::Busy.into()),
    }
    // As a single file the copy needs no log beside it.
    target.pragma_update(None, "journal_mode", "DELETE").map_err(|error| whose(&source, error))
}

/// Of the two databases the copy alone is written and made, so these failures are its own.
fn whose(source: &Session, error: rusqlite::Error) -> BackupError {
    let is_of_copy = matches!(
        &error,
        rusqlite::Error::SqliteFailure(failure, _)
            if matches!(failure.code, ErrorCode::DiskFull | ErrorCode::CannotOpen | ErrorCode::ReadOnly)
                || is_write_failure(failure.extended_code)
    );
    let is_full = matches!(
        &error,
        rusqlite::Error::SqliteFailure(failure, _)
            if failure.code == ErrorCode::DiskFull || failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE
    );
    match is_of_copy {
        // SQLite would say that the database is full.
        true if is_full => BackupError::target(io::Error::new(
            io::ErrorKind::StorageFull,
            "there is no space left on its disk",
        )),
        true => BackupError::target(error),
        false => source.error(error).into(),
    }
}
