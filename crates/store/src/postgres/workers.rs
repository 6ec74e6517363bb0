//! Threads that run units on PostgreSQL, one connection each.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use flume::Receiver;
use rand::RngExt;

use super::{Session, Target, connect::unavailable};
use crate::{
    Error, Options, Result, Source,
    metrics::Meter,
    tx::{self, Scope, Write},
    work::{Job, Outcome},
};

const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// How often a unit is given a new connection after its own broke under it; it might be the unit that breaks them.
const BREAKS: u32 = 2;
/// A connection that was idle for so long is asked whether it is alive before a unit of one write is trusted to it: that
/// unit cannot be run again if the connection turns out to be dead under its write.
const IDLE: Duration = Duration::from_secs(1);

/// Which units a worker runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Writer,
    Reader,
}

impl Kind {
    /// What its threads are called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Writer => "writer",
            Self::Reader => "reader",
        }
    }
}

/// The state of one thread.
pub(crate) struct Worker {
    kind: Kind,
    target: Target,
    reruns: u32,
    source: Arc<dyn Source>,
    meter: Arc<Meter>,
    /// Nothing while there is no connection.
    session: Option<Session>,
    last_used: Instant,
    /// How many workers of this kind have a connection.
    connected: Arc<AtomicUsize>,
}

/// How one attempt to run a unit ended.
enum Attempt {
    /// It is over; an error takes the place of what the unit returned.
    Done(Option<Error>),
    /// It met a concurrent change and left no trace.
    Conflicted,
    /// The connection broke before anything could have been kept.
    Broken(Error),
}

impl Worker {
    /// Workers of one kind share `connected`, which begins as zero.
    pub(crate) fn new(
        kind: Kind,
        target: Target,
        options: &Options,
        meter: &Arc<Meter>,
        connected: &Arc<AtomicUsize>,
    ) -> Self {
        Self {
            kind,
            target,
            reruns: options.reruns,
            source: Arc::clone(&options.source),
            meter: Arc::clone(meter),
            session: None,
            last_used: Instant::now(),
            connected: Arc::clone(connected),
        }
    }

    /// Connects if there is no connection.
    pub(crate) fn connect(&mut self) -> Result<()> {
        if self.session.is_none() {
            self.session = Some(self.target.connect()?);
            self.connected.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn disconnect(&mut self) {
        if self.session.take().is_some() {
            self.connected.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self, queue: &Receiver<Job>) {
        loop {
            // A worker that has no connection would answer units faster than the others can run them; so while there
            // are others, it takes none.
            if self.connect().is_err() && self.connected.load(Ordering::Relaxed) > 0 {
                if queue.is_disconnected() {
                    break;
                }
                thread::sleep(LONGEST_PAUSE);
                continue;
            }
            let Ok(mut job) = queue.recv() else { break };
            let failure = self.finish(&mut job);
            match self.kind {
                Kind::Writer => self.meter.group(1),
                Kind::Reader => self.meter.read(),
            }
            job.answer(failure);
        }
        self.disconnect();
    }

    /// Runs a unit as often as it takes, within bounds.
    fn finish(&mut self, job: &mut Job) -> Option<Error> {
        let (mut reruns, mut breaks) = (0, 0);
        loop {
            if let Err(error) = self.connect() {
                return Some(error);
            }
            match self.attempt(job) {
                Attempt::Done(failure) => return failure,
                Attempt::Conflicted if reruns < self.reruns => {
                    pause(reruns);
                    reruns += 1;
                    self.meter.rerun();
                }
                Attempt::Conflicted => {
                    self.meter.conflicted();
                    return Some(Error::Conflict);
                }
                // A connection that has idled may have been closed by the other side; a new one may well work.
                Attempt::Broken(error) => {
                    self.disconnect();
                    breaks += 1;
                    if breaks > BREAKS {
                        return Some(error);
                    }
                    self.meter.reconnected();
                }
            }
        }
    }

    fn attempt(&mut self, job: &mut Job) -> Attempt {
        let Some(session) = &mut self.session else {
            return Attempt::Done(Some(Error::Closed));
        };
        let idle = std::mem::replace(&mut self.last_used, Instant::now()).elapsed();
        let attempt = match (job.scope, self.kind) {
            (Scope::Unit, Kind::Writer) => writing(session, job, &*self.source, &self.meter),
            (_, Kind::Reader) => reading(session, job, &*self.source, &self.meter),
            (Scope::One, Kind::Writer) => {
                if idle > IDLE
                    && let Err(error) = session.batch("")
                {
                    Attempt::Broken(error)
                } else {
                    single(session, job, &*self.source, &self.meter)
                }
            }
        };
        // A server that says nothing took all the time there was, and would take it again.
        let attempt = match attempt {
            Attempt::Broken(error) if session.is_silent() => Attempt::Done(Some(error)),
            attempt => attempt,
        };
        if session.is_unusable() {
            self.disconnect();
        }
        attempt
    }
}

/// Runs a unit in a serializable transaction of its own.
fn writing(session: &mut Session, job: &mut Job, source: &dyn Source, meter: &Meter) -> Attempt {
    if let Err(error) = session.batch("BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE") {
        return Attempt::Broken(unavailable(error));
    }
    let (outcome, _) = job.run(tx::Session::Postgres(session), source, meter);
    match outcome {
        Outcome::Keep => commit(session, meter),
        outcome => rollback(session, outcome),
    }
}

/// Runs a unit on a snapshot.
fn reading(session: &mut Session, job: &mut Job, source: &dyn Source, meter: &Meter) -> Attempt {
    if let Err(error) = session.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") {
        return Attempt::Broken(unavailable(error));
    }
    let (outcome, _) = job.run(tx::Session::Postgres(session), source, meter);
    rollback(session, outcome)
}

/// Runs a unit of one write, whose statement commits by itself.
fn single(session: &mut Session, job: &mut Job, source: &dyn Source, meter: &Meter) -> Attempt {
    let began = Instant::now();
    let (outcome, write) = job.run(tx::Session::Postgres(session), source, meter);
    if let (Outcome::Keep, Write::Done) = (&outcome, write) {
        meter.committed(began.elapsed());
    }
    match outcome {
        // A refused statement has left no trace, so it may be tried again.
        Outcome::Failed { error: Error::Conflict, .. } if write != Write::Done => Attempt::Conflicted,
        Outcome::Failed { error: error @ Error::Unavailable(_), .. } => {
            session.give_up();
            match write {
                Write::None => Attempt::Broken(error),
                // Whether the server has carried the write out, nobody here can know.
                Write::Tried | Write::Done => Attempt::Done(Some(error)),
            }
        }
        outcome => Attempt::Done(outcome.replacement()),
    }
}

fn commit(session: &mut Session, meter: &Meter) -> Attempt {
    let began = Instant::now();
    let Err(error) = session.batch("COMMIT") else {
        meter.committed(began.elapsed());
        return Attempt::Done(None);
    };
    // The server has ended the transaction if it still answers; this makes sure, and finds out whether it does.
    if session.batch("ROLLBACK").is_err() {
        session.give_up();
    }
    match error {
        Error::Conflict => Attempt::Conflicted,
        // A commit whose answer was lost may have happened, so the unit is not run again.
        error => Attempt::Done(Some(error)),
    }
}

fn rollback(session: &mut Session, outcome: Outcome) -> Attempt {
    let alive = session.batch("ROLLBACK").is_ok();
    if !alive {
        session.give_up();
    }
    match outcome {
        Outcome::Failed { error: Error::Conflict, .. } => Attempt::Conflicted,
        Outcome::Failed { error: error @ Error::Unavailable(_), .. } => {
            session.give_up();
            // A server that answers and yet cannot serve will not do better on the spot.
            if alive { Attempt::Done(Some(error)) } else { Attempt::Broken(error) }
        }
        outcome => Attempt::Done(outcome.replacement()),
    }
}

/// Waits a random time, up to twice as long each time, so that units that met once do not meet again.
fn pause(reruns: u32) {
    let longest = SHORTEST_PAUSE.saturating_mul(1 << reruns.min(10)).min(LONGEST_PAUSE);
    thread::sleep(longest.mul_f64(rand::rng().random_range(0.0..1.0)));
}
