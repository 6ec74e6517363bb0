//! The one writer: it takes all waiting units into one transaction, each in its own savepoint, and commits them
//! together, because making a commit durable costs more than everything else.

use std::{path::PathBuf, sync::Arc, time::Instant};

use flume::{Receiver, Sender};

use super::{Role, Session, log::LogWatch};
use crate::{
    Error, Options, Result, Source,
    metrics::Meter,
    tx,
    work::{Answers, Job, Outcome},
};

/// The thread's state.
pub(crate) struct Writer {
    path: PathBuf,
    statements: usize,
    group: usize,
    source: Arc<dyn Source>,
    meter: Arc<Meter>,
    session: Session,
    log: LogWatch,
}

impl Writer {
    /// Opens the connection, making the database if it is missing. `keeper` is called when the log is long.
    pub(crate) fn open(
        path: PathBuf,
        options: &Options,
        meter: Arc<Meter>,
        keeper: Sender<()>,
    ) -> Result<Self> {
        let session = Session::open(&path, Role::Writer, options.statements)?;
        Ok(Self {
            path,
            statements: options.statements,
            group: options.group.max(1),
            source: Arc::clone(&options.source),
            meter,
            session,
            log: LogWatch::new(keeper),
        })
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self, queue: &Receiver<Job>) {
        while let Ok(first) = queue.recv() {
            // What arrives while the group runs still joins it: the queue is looked at after each unit.
            let mut waiting = std::iter::once(first).chain(queue.try_iter().take(self.group - 1)).peekable();
            // A group that loses its transaction half way leaves the rest of the units to the next one.
            while waiting.peek().is_some() {
                self.commit_group(&mut waiting);
            }
        }
        // Best effort: statistics for the planner; a failure costs nothing but them.
        drop(self.session.control("PRAGMA optimize"));
    }

    fn commit_group(&mut self, waiting: &mut impl Iterator<Item = Job>) {
        let mut answers = Answers::default();
        let result = self.run_units(waiting, &mut answers).and_then(|()| self.commit());
        if let Err(error) = result {
            // Whatever a unit answered, it may have seen what another one of the group wrote and lost.
            answers.fail(&error);
            self.reset();
        }
        self.meter.group(answers.len());
        answers.give();
        self.log.look(&self.session);
    }

    /// Runs units in a new transaction. An error means that the transaction and all it held is gone.
    fn run_units(&mut self, waiting: &mut impl Iterator<Item = Job>, answers: &mut Answers) -> Result<()> {
        if let Err(error) = self.session.control("BEGIN IMMEDIATE") {
            waiting.for_each(|job| answers.push(job, None));
            return Err(error);
        }
        for mut job in waiting {
            let (outcome, _) = job.run(tx::Session::Sqlite(&mut self.session), &*self.source, &self.meter);
            let cause = match &outcome {
                Outcome::Failed { error, .. } => error.clone(),
                Outcome::Keep | Outcome::Refused => Error::Closed,
            };
            let ended = match &outcome {
                _ if !self.session.in_transaction() => Err(cause),
                Outcome::Keep => self.session.keep(),
                Outcome::Refused | Outcome::Failed { .. } => self.session.undo(),
            };
            answers.push(job, outcome.replacement());
            ended?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        let began = Instant::now();
        self.session.control("COMMIT")?;
        self.meter.committed(began.elapsed());
        Ok(())
    }

    /// Brings the connection back to where no transaction is open, by a new one if it must be.
    fn reset(&mut self) {
        self.session.savepoint = false;
        if !self.session.in_transaction() || self.session.control("ROLLBACK").is_ok() {
            return;
        }
        match Session::open(&self.path, Role::Writer, self.statements) {
            Ok(session) => {
                self.session = session;
                self.meter.reconnected();
            }
            // The next group fails to begin, is answered with the reason, and comes here again.
            Err(error) => tracing::error!(%error, "the writer's connection cannot be opened again"),
        }
    }
}
