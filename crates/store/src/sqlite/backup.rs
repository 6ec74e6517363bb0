//! A copy of the database while it is in use.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};

use super::{Role, Session};
use crate::{Error, Result};

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
            .map_err(Error::unavailable)
    });
    if copied.is_err() {
        // Best effort: the error that is answered matters more than a file left behind.
        drop(fs::remove_file(partial));
    }
    copied
}

fn copy(path: &Path, to: &Path) -> Result<()> {
    // Left over from a backup that was killed, it would be written into rather than replaced.
    if to.exists() {
        fs::remove_file(to).map_err(Error::unavailable)?;
    }
    let source = Session::open(path, Role::Reader, 1)?;
    // Customers' data are for its owner only. SQLite takes an empty file for an empty database.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(Error::unavailable)?;
    let mut target = Connection::open(to).map_err(Error::unavailable)?;
    let steps = Backup::new(source.connection(), &mut target).map_err(|error| source.error(error))?;
    // All pages in one step are read from one snapshot. Pauses between steps would let every write in between begin
    // the copy anew.
    let done = steps.step(-1).map_err(|error| source.error(error))?;
    drop(steps);
    match done {
        StepResult::Done => {}
        _ => return Err(Error::Busy),
    }
    // As a single file the copy needs no log beside it.
    target.pragma_update(None, "journal_mode", "DELETE").map_err(|error| source.error(error))
}
