//! Short reads: most reading units look up a few rows by an index, which takes less time than handing them to another
//! thread and back. They are run by whoever asks for them, within bounds; what turns out to take longer is stopped and
//! left to the reading threads.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use super::{Role, Session};
use crate::{
    Error, Options, Result, Source, Tx,
    metrics::Meter,
    tx,
    work::{Outcome, attempt},
};

/// After so many instructions of SQLite's virtual machine it is asked whether the unit may go on.
const STRIDE: i32 = 1000;
/// How often it may: altogether about a millisecond's work.
const STRIDES: u32 = 20;

/// The connections for short reads, and what they need.
pub(crate) struct ShortReads {
    path: PathBuf,
    statements: usize,
    source: Arc<dyn Source>,
    meter: Arc<Meter>,
    idle: Mutex<Vec<Desk>>,
}

/// One connection, which is used by one unit at a time.
struct Desk {
    session: Session,
    /// How many strides the running unit has taken.
    strides: Arc<AtomicU32>,
}

impl ShortReads {
    /// Opens as many connections as there are reading threads. The writer must have made the database.
    pub(crate) fn open(path: PathBuf, options: &Options, meter: Arc<Meter>) -> Result<Self> {
        let short = Self {
            path,
            statements: options.statements,
            source: Arc::clone(&options.source),
            meter,
            idle: Mutex::default(),
        };
        for _ in 0..options.readers.max(1) {
            let desk = short.desk()?;
            short.put_back(desk);
        }
        Ok(short)
    }

    fn desk(&self) -> Result<Desk> {
        let mut session = Session::open(&self.path, Role::Reader, self.statements)?;
        let strides = Arc::new(AtomicU32::new(0));
        let taken = Arc::clone(&strides);
        let is_too_long = move || taken.fetch_add(1, Ordering::Relaxed) >= STRIDES;
        let watched = session.connection.progress_handler(STRIDE, Some(is_too_long));
        watched.map_err(|error| session.error(error))?;
        Ok(Desk { session, strides })
    }

    fn put_back(&self, desk: Desk) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(desk);
    }

    /// Runs the unit on a snapshot, here and now. Nothing if it must be run by a reading thread: it took too long,
    /// every connection is in use, or the connection failed.
    pub(crate) fn run<T, E: From<Error>>(
        &self,
        unit: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let mut desk = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        desk.strides.store(0, Ordering::Relaxed);
        if desk.session.control("BEGIN").is_err() {
            // The reading thread that gets the unit now finds out why.
            self.replace(desk);
            return None;
        }
        let mut result = None;
        let (outcome, _) =
            attempt(tx::Session::Sqlite(&mut desk.session), &*self.source, tx::Scope::Unit, |tx| {
                result.insert(unit(tx)).is_ok()
            });
        let is_too_long = desk.strides.load(Ordering::Relaxed) > STRIDES;
        if desk.session.in_transaction() && desk.session.control("ROLLBACK").is_err() {
            self.replace(desk);
        } else {
            self.put_back(desk);
        }
        if is_too_long
            || matches!(outcome, Outcome::Failed { error: Error::Busy | Error::Unavailable(_), .. })
        {
            return None;
        }
        if outcome.is_panic() {
            self.meter.panicked();
        }
        self.meter.read();
        match outcome.replacement() {
            Some(error) => Some(Err(error.into())),
            None => result,
        }
    }

    /// Puts a new connection in the place of one that failed.
    fn replace(&self, failed: Desk) {
        drop(failed);
        match self.desk() {
            Ok(desk) => {
                self.put_back(desk);
                self.meter.reconnected();
            }
            // The reading threads go on without.
            Err(error) => tracing::error!(%error, "a connection for short reads cannot be opened again"),
        }
    }
}
