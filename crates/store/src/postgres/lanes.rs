//! Where units that change the same rows go on one after the other.
//!
//! A unit that lost against a concurrent one at a statement that writes is run again in a *lane*, which is named after
//! that statement. While somebody is in a lane, whoever else of this process comes to its statement stands back, leaves
//! no trace, and is run when it is their turn. So units that meet at a hot row lose one start each, instead of running
//! against each other with one winner a round.
//!
//! A unit may have lost at a statement that nobody else comes to, since it names an id of its own. So who has nobody
//! behind it in its lane still stands back where another one is taken, and then waits there instead; once only, or two units
//! could wait for each other's lane in turns.
//!
//! What waits in a lane is a unit in a list and not a thread: the worker that is in the lane runs all that stand in it,
//! and the other workers do other work. Should it lose its connection, one of the others goes on with the lane.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{Param, Value, metrics::Meter, work::Job};

/// What a lane is called: the text of a statement, and the ids among its parameters. Other parameters are mostly what is
/// written, and differ from unit to unit. Should two rows share a name, their units wait for each other without need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Lane(u64);

/// A unit, and what it has been through.
pub(super) struct Turn {
    pub(super) job: Job,
    /// How often it has met a concurrent unit.
    pub(super) conflicts: u32,
    /// How often its connection broke.
    pub(super) breaks: u32,
    /// Whether it stands back where a lane is taken. One that there was no room for does not, nor one that has gone from
    /// one lane into another: it might go to and fro for ever.
    pub(super) is_polite: bool,
}

impl Turn {
    pub(super) fn new(job: Job) -> Self {
        Self { job, conflicts: 0, breaks: 0, is_polite: true }
    }
}

/// All lanes of a process.
pub(crate) struct Lanes {
    hasher: RandomState,
    /// How many units may wait in all lanes together.
    room: usize,
    meter: Arc<Meter>,
    state: Mutex<State>,
    /// Whether there is any lane, so that it costs nothing to learn that there is none.
    any: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Who waits for the one that is in the lane. A lane that nobody is in is not there, unless it is adrift.
    lanes: HashMap<Lane, VecDeque<Turn>>,
    /// Lanes that were left by the worker that was in them, while there is somebody who waits.
    adrift: VecDeque<Lane>,
    /// How many wait in all lanes.
    waiting: usize,
}

/// What became of a unit that was to go into a lane.
pub(super) enum Entered<'l> {
    /// It is in the lane.
    In(Place<'l>, Turn),
    /// It waits, and will be run by the worker that is in the lane.
    Waits,
    /// Too many wait.
    NoRoom(Turn),
}

impl Lanes {
    pub(crate) fn new(room: usize, meter: &Arc<Meter>) -> Self {
        Self {
            hasher: RandomState::new(),
            room,
            meter: Arc::clone(meter),
            state: Mutex::default(),
            any: AtomicBool::new(false),
        }
    }

    /// The lane of a statement that writes.
    pub(super) fn of(&self, sql: &str, params: &[&dyn Param]) -> Lane {
        let ids = params.iter().filter_map(|param| match param.value() {
            Value::Uuid(id) => Some(id),
            _ => None,
        });
        Lane(self.hasher.hash_one((sql, ids.collect::<Vec<_>>())))
    }

    /// The lane of a statement that writes, if somebody is in it.
    pub(super) fn taken(&self, sql: &str, params: &[&dyn Param]) -> Option<Lane> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let lane = self.of(sql, params);
        self.is_taken(lane).then_some(lane)
    }

    /// Whether somebody is in a lane.
    pub(super) fn is_taken(&self, lane: Lane) -> bool {
        self.lock().lanes.contains_key(&lane)
    }

    /// Goes into a lane, or waits in it if somebody else is there.
    pub(super) fn enter(&self, lane: Lane, turn: Turn) -> Entered<'_> {
        let mut state = self.lock();
        let State { lanes, waiting, .. } = &mut *state;
        match lanes.get_mut(&lane) {
            Some(_) if *waiting >= self.room => Entered::NoRoom(turn),
            Some(behind) => {
                behind.push_back(turn);
                *waiting += 1;
                self.meter.waits_in_lane();
                Entered::Waits
            }
            None => {
                lanes.insert(lane, VecDeque::new());
                self.any.store(true, Ordering::Relaxed);
                Entered::In(Place { lanes: self, lane }, turn)
            }
        }
    }

    /// Goes into a lane that was left, with the unit whose turn it is.
    pub(super) fn go_on(&self) -> Option<(Place<'_>, Turn)> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let lane = self.lock().adrift.pop_front()?;
        Place { lanes: self, lane }.next()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in here leaves the lists whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Being in a lane. When it is dropped, the lane is free; if somebody waits there, it is adrift, and the next worker that
/// has ended a unit goes on with it.
pub(super) struct Place<'l> {
    lanes: &'l Lanes,
    lane: Lane,
}

impl Place<'_> {
    pub(super) fn lane(&self) -> Lane {
        self.lane
    }

    /// Whether nobody waits for the one that is in the lane.
    pub(super) fn is_private(&self) -> bool {
        self.lanes.lock().lanes.get(&self.lane).is_none_or(VecDeque::is_empty)
    }

    /// Who is to be run next in this lane. If nobody waits, it is left.
    pub(super) fn next(self) -> Option<(Self, Turn)> {
        let mut state = self.lanes.lock();
        let turn = state.lanes.get_mut(&self.lane).and_then(VecDeque::pop_front)?;
        state.waiting -= 1;
        drop(state);
        self.lanes.meter.waited_in_lane();
        Some((self, turn))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.lanes.lock();
        // Under one lock, or somebody could come to wait in a lane that nobody is in any more.
        if state.lanes.get(&self.lane).is_none_or(VecDeque::is_empty) {
            state.lanes.remove(&self.lane);
            self.lanes.any.store(!state.lanes.is_empty(), Ordering::Relaxed);
        } else {
            state.adrift.push_back(self.lane);
        }
    }
}
