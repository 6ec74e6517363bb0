//! Readers: each unit sees one snapshot and blocks nobody.

use std::{path::PathBuf, sync::Arc};

use flume::Receiver;

use super::{Role, Session};
use crate::{Options, Result, Source, metrics::Meter, tx, work::Job};

/// The state of one reading thread.
pub(crate) struct Reader {
    path: PathBuf,
    statements: usize,
    source: Arc<dyn Source>,
    meter: Arc<Meter>,
    session: Session,
}

impl Reader {
    /// Opens the connection. The writer must have made the database.
    pub(crate) fn open(path: PathBuf, options: &Options, meter: Arc<Meter>) -> Result<Self> {
        let session = Session::open(&path, Role::Reader, options.statements)?;
        Ok(Self { path, statements: options.statements, source: Arc::clone(&options.source), meter, session })
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self, queue: &Receiver<Job>) {
        for mut job in queue {
            let failure = match self.session.control("BEGIN") {
                Ok(()) => {
                    let session = tx::Session::Sqlite(&mut self.session);
                    job.run(session, &*self.source, &self.meter).0.replacement()
                }
                Err(error) => Some(error),
            };
            if self.session.in_transaction() && self.session.control("ROLLBACK").is_err() {
                self.reopen();
            }
            self.meter.read();
            job.answer(failure);
        }
    }

    fn reopen(&mut self) {
        match Session::open(&self.path, Role::Reader, self.statements) {
            Ok(session) => {
                self.session = session;
                self.meter.reconnected();
            }
            // The next unit fails to begin, is answered with the reason, and comes here again.
            Err(error) => tracing::error!(%error, "a reader's connection cannot be opened again"),
        }
    }
}
