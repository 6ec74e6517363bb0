//! The one writer: it takes all waiting units into one transaction and commits them together, because making a commit
//! durable costs more than everything else.
//!
//! Units of a group are told apart by savepoints only when they must be. Nearly every unit that fails does so before
//! its first write, and leaves nothing to undo. When one does leave something, the whole group is undone and run again,
//! each unit in a savepoint of its own, and so are the groups after it for a while.

use std::{path::PathBuf, sync::Arc, time::Instant};

use flume::{Receiver, Sender};

use super::{Role, Session, log::LogWatch};
use crate::{
    Error, Options, Result, Source,
    metrics::Meter,
    tx,
    work::{Answers, Job, Outcome},
};

/// How many groups get savepoints after one that needed them.
const CAREFUL_GROUPS: u32 = 64;

/// The thread's state.
pub(crate) struct Writer {
    path: PathBuf,
    statements: usize,
    group: usize,
    source: Arc<dyn Source>,
    meter: Arc<Meter>,
    session: Session,
    log: LogWatch,
    /// How many groups are still to get savepoints.
    careful: u32,
}

/// How a group's run through its units ended.
enum Run {
    /// It can be committed.
    Whole,
    /// A unit has left something that cannot be undone without the rest.
    Entangled,
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
            careful: 0,
        })
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self, queue: &Receiver<Job>) {
        while let Ok(first) = queue.recv() {
            self.commit_group(first, queue);
        }
        // Best effort: statistics for the planner; a failure costs nothing but them.
        drop(self.session.control("PRAGMA optimize"));
    }

    fn commit_group(&mut self, first: Job, queue: &Receiver<Job>) {
        let mut jobs = vec![first];
        let mut outcomes = Vec::new();
        let run = match self.begin() {
            Ok(()) => self.run_units(&mut jobs, Some(queue), &mut outcomes),
            Err(error) => {
                // It would be no better for those that wait, and each would wait as long.
                jobs.extend(queue.try_iter().take(self.group));
                Err(error)
            }
        };
        let run = match run {
            Ok(Run::Entangled) => self.run_again(&mut jobs, &mut outcomes),
            other => other,
        };
        let result = run.and_then(|_| self.commit());
        let mut answers = Answers::default();
        let mut outcomes = outcomes.into_iter();
        for job in jobs {
            answers.push(job, outcomes.next().and_then(Outcome::replacement));
        }
        if let Err(error) = result {
            // Whatever a unit answered, it may have seen what another one of the group wrote and lost.
            answers.fail(&error);
            self.reset();
        }
        self.meter.group(answers.len());
        answers.give();
        self.log.look(&self.session);
    }

    fn begin(&mut self) -> Result<()> {
        self.session.is_careful = self.careful > 0;
        self.careful = self.careful.saturating_sub(1);
        self.session.control("BEGIN IMMEDIATE")?;
        self.session.look_at_others()
    }

    /// Runs the units, and with a queue also what arrives meanwhile. An error means that the transaction and all it held
    /// is gone.
    fn run_units(
        &mut self,
        jobs: &mut Vec<Job>,
        queue: Option<&Receiver<Job>>,
        outcomes: &mut Vec<Outcome>,
    ) -> Result<Run> {
        let mut at = 0;
        loop {
            if at == jobs.len() {
                match queue.filter(|_| at < self.group).and_then(|queue| queue.try_recv().ok()) {
                    Some(job) => jobs.push(job),
                    None => return Ok(Run::Whole),
                }
            }
            let session = tx::Session::Sqlite(&mut self.session);
            let (outcome, _) = jobs[at].run(session, &*self.source, &self.meter);
            at += 1;
            let cause = match &outcome {
                Outcome::Failed { error, .. } => error.clone(),
                Outcome::Keep | Outcome::Refused => Error::Closed,
            };
            let ended = match &outcome {
                // A full disk may end a transaction without being asked to.
                _ if !self.session.in_transaction() => Err(cause),
                Outcome::Keep => self.session.keep().map(|()| true),
                Outcome::Refused | Outcome::Failed { .. } => self.session.undo(),
            };
            outcomes.push(outcome);
            if !ended? {
                return Ok(Run::Entangled);
            }
        }
    }

    fn commit(&mut self) -> Result<()> {
        let began = Instant::now();
        self.session.control("COMMIT")?;
        self.meter.committed(began.elapsed());
        Ok(())
    }

    /// Undoes the group and runs it again, each unit in a savepoint of its own.
    fn run_again(&mut self, jobs: &mut Vec<Job>, outcomes: &mut Vec<Outcome>) -> Result<Run> {
        self.session.forget();
        self.session.control("ROLLBACK")?;
        outcomes.clear();
        self.careful = CAREFUL_GROUPS;
        self.session.is_careful = true;
        self.session.control("BEGIN IMMEDIATE")?;
        self.run_units(jobs, None, outcomes)
    }

    /// Brings the connection back to where no transaction is open, by a new one if it must be.
    fn reset(&mut self) {
        self.session.forget();
        self.session.forget_unit();
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
