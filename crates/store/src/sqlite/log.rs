//! The write-ahead log: its pages go to their places in the file beside the writer, so that no unit waits for that.
//!
//! SQLite's own habit is to do it inside the commit that makes the log long enough. With a million rows hit at random
//! those pages are all different, and the commit takes twenty milliseconds instead of half a one. Here a thread of its
//! own does most of the work. What is left to the writer is the end of it: only while nobody writes can the log be
//! found empty and begun anew, so when it has grown long the writer moves the last few pages itself.

use std::path::{Path, PathBuf};

use flume::{Receiver, Sender};

use super::{Role, Session};
use crate::{Error, Result};

/// How many pages wait in the log before they are moved. Pages written again meanwhile are moved once.
const PASS_PAGES: i64 = 4_000;
/// How long the log grows before the writer sees to it that it can begin anew: 33 MB. Beyond this size finding a page
/// in the log takes longer.
const LONG_PAGES: i64 = 16_000;
/// How many pages the writer moves itself: flushing them takes some milliseconds, in which no unit goes on. While more are
/// left the thread goes on moving them, until the log is twice as long.
const FEW_PAGES: i64 = 1_000;
/// How much more must be written after an attempt that a reader of an old snapshot kept from ending.
const PATIENCE_PAGES: i64 = 2_000;

/// Leaves a single file behind when everything else is closed. Connections that close side by side hinder each other in
/// this. Best effort: what is left in the log is found there the next time.
pub(crate) fn finish_log(path: &Path) {
    // Opening would make a file that is no longer there.
    if !path.exists() {
        return;
    }
    drop(Session::open(path, Role::LogKeeper, 1).and_then(|session| session.move_pages()));
}

/// How long the log is, and how much of it is in its place already.
#[derive(Clone, Copy, Debug)]
struct Length {
    pages: i64,
    placed: i64,
    /// Whether somebody else is moving pages.
    is_busy: bool,
}

/// The thread that moves pages. It ends when the writer is gone.
pub(crate) struct LogKeeper {
    path: PathBuf,
    calls: Receiver<()>,
}

impl LogKeeper {
    /// A keeper, and what the writer calls it by. At most one call waits.
    pub(crate) fn new(path: PathBuf) -> (Self, Sender<()>) {
        let (sender, calls) = flume::bounded(1);
        (Self { path, calls }, sender)
    }

    /// Moves pages whenever it is called. A failure is left to the next call: the log only grows meanwhile.
    pub(crate) fn run(self) {
        let mut session = None;
        while self.calls.recv().is_ok() {
            let result = match session.take() {
                Some(open) => Ok(open),
                None => Session::open(&self.path, Role::LogKeeper, 4),
            };
            match result.and_then(|open: Session| open.move_pages().map(|_| open)) {
                Ok(open) => session = Some(open),
                Err(error) => tracing::warn!(%error, "the write-ahead log could not be moved"),
            }
        }
    }
}

/// The writer's part.
pub(super) struct LogWatch {
    keeper: Sender<()>,
    /// How long the log must be for the next attempt to begin it anew.
    long: i64,
}

impl LogWatch {
    pub(super) fn new(keeper: Sender<()>) -> Self {
        Self { keeper, long: LONG_PAGES }
    }

    /// Looks at the log after a commit. Best effort: what fails here is tried again after the next one.
    pub(super) fn look(&mut self, session: &Session) {
        let Ok(length) = session.log_length() else { return };
        let left = length.pages - length.placed;
        if length.pages >= self.long && (left <= FEW_PAGES || length.pages >= 2 * LONG_PAGES) {
            match session.move_pages() {
                Ok(moved) if !moved.is_busy => {
                    let is_done = moved.placed >= moved.pages;
                    self.long = if is_done { LONG_PAGES } else { moved.pages + PATIENCE_PAGES };
                }
                Ok(_) | Err(_) => {}
            }
        } else if left >= PASS_PAGES || length.pages >= self.long {
            // If this is refused, it has been called already.
            let _ = self.keeper.try_send(());
        }
        if length.pages < LONG_PAGES {
            self.long = LONG_PAGES;
        }
    }
}

impl Session {
    fn log_length(&self) -> Result<Length> {
        self.log("PRAGMA wal_checkpoint(NOOP)")
    }

    /// Moves what no reader of an older snapshot still needs in the log, without making anybody wait.
    fn move_pages(&self) -> Result<Length> {
        self.log("PRAGMA wal_checkpoint(PASSIVE)")
    }

    fn log(&self, sql: &str) -> Result<Length> {
        let read = || -> rusqlite::Result<Length> {
            let mut statement = self.connection().prepare_cached(sql)?;
            statement.query_row([], |row| {
                Ok(Length { is_busy: row.get::<_, i64>(0)? != 0, pages: row.get(1)?, placed: row.get(2)? })
            })
        };
        read().map_err(|error| -> Error { self.error(error) })
    }
}
