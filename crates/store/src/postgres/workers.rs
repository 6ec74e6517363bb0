//! Threads that run units on PostgreSQL, one connection each.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use flume::{Receiver, RecvTimeoutError};
use rand::RngExt;

use super::{
    Manners, Met, Session, Target, Watch,
    attempt::{Attempt, Company, PATIENCE, Singles, reading, single, writing},
    lanes::{Entered, Lane, Lanes, Place, Turn},
};
use crate::{Error, Options, Result, Source, metrics::Meter, tx::Scope, work::Job};

const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// How often a worker without work looks for a lane that another one had to leave.
const LOOK_AROUND: Duration = Duration::from_millis(500);
/// How often a unit is given a new connection after its own broke under it; it might be the unit that breaks them.
const BREAKS: u32 = 2;
/// A connection that was idle for so long is asked whether it is alive before a unit of one write is trusted to it: that
/// unit cannot be run again if the connection turns out to be dead under its write.
const IDLE: Duration = Duration::from_secs(1);

/// How often a unit may meet others before it is run once without any. One that is longer than the others would lose to
/// them for ever, since the first to commit wins. Should the others not end in time for that, or should it meet a unit of
/// one write of another node even so, then it is run beside them as often again, since while it waits nobody begins.
const CONFLICTS_BESIDE_OTHERS: u32 = 5;

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
    shared: Shared,
    /// Nothing while there is no connection.
    session: Option<Session>,
    last_used: Instant,
}

/// What workers of one kind share.
#[derive(Clone)]
pub(crate) struct Shared {
    meter: Arc<Meter>,
    lanes: Arc<Lanes>,
    singles: Arc<Singles>,
    /// How many of them have a connection.
    connected: Arc<AtomicUsize>,
}

impl Shared {
    pub(crate) fn new(options: &Options, meter: &Arc<Meter>) -> Self {
        let lanes = Arc::new(Lanes::new(options.queue.max(1), meter));
        Self { meter: Arc::clone(meter), lanes, singles: Arc::default(), connected: Arc::default() }
    }
}

/// How it goes on with a unit.
enum Step {
    /// It is over; an error takes the place of what the unit returned.
    Over(Option<Error>),
    /// It is run again.
    Again,
    /// It is run again when it is its turn in this lane.
    InLane(Lane),
}

impl Worker {
    pub(crate) fn new(kind: Kind, target: Target, options: &Options, shared: &Shared) -> Self {
        Self {
            kind,
            target,
            reruns: options.reruns,
            source: Arc::clone(&options.source),
            shared: shared.clone(),
            session: None,
            last_used: Instant::now(),
        }
    }

    /// Connects if there is no connection.
    pub(crate) fn connect(&mut self) -> Result<()> {
        if self.session.is_none() {
            self.session = Some(self.target.connect()?);
            self.shared.connected.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn disconnect(&mut self) {
        if self.session.take().is_some() {
            self.shared.connected.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether it has no connection and cannot have one, while others have. It would answer units faster than those can run
    /// them, so it takes none.
    fn is_cut_off(&mut self) -> bool {
        self.connect().is_err() && self.shared.connected.load(Ordering::Relaxed) > 0
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self, queue: &Receiver<Job>) {
        let lanes = Arc::clone(&self.shared.lanes);
        loop {
            let is_cut_off = self.is_cut_off();
            if is_cut_off && !queue.is_disconnected() {
                thread::sleep(LONGEST_PAUSE);
                continue;
            }
            if let Some((place, turn)) = lanes.go_on() {
                self.serve(&lanes, turn, Some(place));
                continue;
            }
            if is_cut_off {
                break;
            }
            match queue.recv_timeout(LOOK_AROUND) {
                Ok(job) => self.serve(&lanes, Turn::new(job), None),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.disconnect();
    }

    /// Runs a unit to its end, and then all that wait in its lane.
    fn serve<'l>(&mut self, lanes: &'l Lanes, mut turn: Turn, mut place: Option<Place<'l>>) {
        loop {
            match self.take(&mut turn, place.as_ref()) {
                Step::Again => {}
                Step::InLane(lane) => {
                    // It changes lanes once.
                    turn.is_polite = place.is_none();
                    match lanes.enter(lane, turn) {
                        Entered::In(taken, same) => (turn, place) = (same, Some(taken)),
                        Entered::Waits => return,
                        Entered::NoRoom(same) => {
                            turn = Turn { is_polite: false, ..same };
                            pause(turn.conflicts);
                        }
                    }
                }
                Step::Over(failure) => {
                    match self.kind {
                        Kind::Writer => self.shared.meter.group(1),
                        Kind::Reader => self.shared.meter.read(),
                    }
                    turn.job.answer(failure);
                    let Some(same) = place.take() else { return };
                    // Then somebody else goes on with the lane.
                    if self.is_cut_off() {
                        return;
                    }
                    let Some((same, next)) = same.next() else { return };
                    (turn, place) = (next, Some(same));
                }
            }
        }
    }

    /// Runs a unit once, and says how it goes on, within bounds.
    fn take(&mut self, turn: &mut Turn, place: Option<&Place<'_>>) -> Step {
        // It may have waited long.
        if turn.job.is_abandoned() {
            return Step::Over(None);
        }
        if let Err(error) = self.connect() {
            return Step::Over(Some(error));
        }
        let company = match turn.conflicts {
            _ if turn.job.scope == Scope::Alone => Company::Nobody,
            conflicts @ 1.. if conflicts.is_multiple_of(CONFLICTS_BESIDE_OTHERS) => Company::Nobody,
            _ => Company::Others,
        };
        let own = place.map(Place::lane);
        // Who has others behind it in its lane does not let them wait for yet another one.
        let is_polite = turn.is_polite && place.is_none_or(Place::is_private);
        let manners = match company {
            Company::Others if is_polite => Manners::Polite { own },
            Company::Others | Company::Nobody => Manners::None,
        };
        let (attempt, met) = self.attempt(&mut turn.job, company, manners);
        match attempt {
            Attempt::Done(failure) => Step::Over(failure),
            Attempt::Conflicted => {
                if let Some(Met::Taken(lane)) = met {
                    return Step::InLane(lane);
                }
                if turn.conflicts >= self.reruns {
                    self.shared.meter.conflicted();
                    return Step::Over(Some(Error::Conflict));
                }
                turn.conflicts += 1;
                self.shared.meter.rerun();
                match met {
                    Some(Met::Lost(lane))
                        if is_polite
                            && own.is_none_or(|own| own != lane && self.shared.lanes.is_taken(lane)) =>
                    {
                        Step::InLane(lane)
                    }
                    _ if turn.job.scope == Scope::Alone => {
                        // The others have waited for it as long, and one of them takes its time.
                        thread::sleep(PATIENCE);
                        Step::Again
                    }
                    _ => {
                        pause(turn.conflicts - 1);
                        Step::Again
                    }
                }
            }
            // A connection that has idled may have been closed by the other side; a new one may well work.
            Attempt::Broken(error) => {
                self.disconnect();
                turn.breaks += 1;
                if turn.breaks > BREAKS {
                    return Step::Over(Some(error));
                }
                self.shared.meter.reconnected();
                Step::Again
            }
        }
    }

    fn attempt(&mut self, job: &mut Job, company: Company, manners: Manners) -> (Attempt, Option<Met>) {
        let Some(session) = &mut self.session else {
            return (Attempt::Done(Some(Error::Closed)), None);
        };
        let idle = std::mem::replace(&mut self.last_used, Instant::now()).elapsed();
        let (source, meter) = (&*self.source, &*self.shared.meter);
        let singles = &*self.shared.singles;
        let attempt = match (job.scope, self.kind) {
            (Scope::Unit | Scope::Alone, Kind::Writer) => {
                session.watch = Some(Watch::new(&self.shared.lanes, manners));
                writing(session, job, (company, singles), (source, meter))
            }
            (_, Kind::Reader) => reading(session, job, source, meter),
            (Scope::One, Kind::Writer) => {
                if idle > IDLE
                    && let Err(error) = session.batch("")
                {
                    Attempt::Broken(error)
                } else {
                    single(session, job, singles, (source, meter))
                }
            }
        };
        let met = session.watch.take().and_then(|watch| watch.met);
        // A server that says nothing took all the time there was, and would take it again.
        let attempt = match attempt {
            Attempt::Broken(error) if session.is_silent() => Attempt::Done(Some(error)),
            attempt => attempt,
        };
        if session.is_unusable() {
            self.disconnect();
        }
        (attempt, met)
    }
}

/// Waits a random time, up to twice as long each time, so that units that met once do not meet again.
fn pause(reruns: u32) {
    let longest = SHORTEST_PAUSE.saturating_mul(1 << reruns.min(10)).min(LONGEST_PAUSE);
    thread::sleep(longest.mul_f64(rand::rng().random_range(0.0..1.0)));
}
