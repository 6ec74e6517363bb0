//! Where a unit's time, ids and randomness come from.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use uuid::Uuid;

use crate::Timestamp;

/// What a unit of work knows of the world: the time, new ids, random bytes. A unit has no other source of them, so
/// that any rule can be run at any time with any dice.
pub trait Source: Send + Sync {
    /// The present instant. A unit asks once and keeps the answer; a rerun may get a later one.
    fn now(&self) -> Timestamp;

    /// A new UUID of version 7 for a unit that runs at `now`. Ids of one source ascend in the order they are asked for.
    fn uuid(&self, now: Timestamp) -> Uuid;

    /// Fills the bytes with randomness fit for secrets.
    fn fill(&self, bytes: &mut [u8]);
}

/// The clock of the machine and its cryptographic randomness.
#[derive(Debug, Default)]
pub struct SystemSource {
    ids: Mutex<AscendingIds>,
}

impl SystemSource {
    /// A source that has made no ids yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Source for SystemSource {
    fn now(&self) -> Timestamp {
        jiff::Timestamp::now().into()
    }

    fn uuid(&self, now: Timestamp) -> Uuid {
        let mut random = [0; 8];
        self.fill(&mut random);
        lock(&self.ids).next(now, u64::from_le_bytes(random))
    }

    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// A clock that moves only by hand, with ids and randomness from a seed: the same calls give the same answers.
#[derive(Debug)]
pub struct TestSource {
    state: Mutex<TestState>,
}

#[derive(Debug)]
struct TestState {
    now: Timestamp,
    random: StdRng,
    ids: AscendingIds,
}

impl TestSource {
    /// A source whose clock stands at `2025-01-07T10:00:00Z`.
    pub fn new(seed: u64) -> Self {
        Self {
            state: Mutex::new(TestState {
                now: Timestamp::from_seconds(1_736_244_000),
                random: StdRng::seed_from_u64(seed),
                ids: AscendingIds::default(),
            }),
        }
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, now: Timestamp) {
        lock(&self.state).now = now;
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut state = lock(&self.state);
        state.now = state.now.add_micros(i64::try_from(by.as_micros()).unwrap_or(i64::MAX));
    }
}

impl Source for TestSource {
    fn now(&self) -> Timestamp {
        lock(&self.state).now
    }

    fn uuid(&self, now: Timestamp) -> Uuid {
        let mut state = lock(&self.state);
        let random = state.random.next_u64();
        state.ids.next(now, random)
    }

    fn fill(&self, bytes: &mut [u8]) {
        lock(&self.state).random.fill_bytes(bytes);
    }
}

/// Makes UUIDs of version 7 that ascend: the millisecond, its fraction in twelve bits, then 62 random bits. When
/// the clock has not moved past the last id, the next one is a random step above it.
#[derive(Debug, Default)]
struct AscendingIds {
    /// The 122 bits of the last id that are not version or variant.
    last: u128,
}

impl AscendingIds {
    fn next(&mut self, now: Timestamp, random: u64) -> Uuid {
        let micros = u64::try_from(now.as_micros()).unwrap_or(0);
        let (millis, fraction) = (micros / 1000, micros % 1000 * 4096 / 1000);
        let fresh = u128::from(millis) << 74 | u128::from(fraction) << 62 | u128::from(random >> 2);
        self.last = if fresh > self.last { fresh } else { self.last + 1 + u128::from(random >> 32) };
        let bits = self.last;
        let (high, middle, low) = (bits >> 74, bits >> 62 & 0xfff, bits & ((1 << 62) - 1));
        Uuid::from_u128((high & 0xffff_ffff_ffff) << 80 | 0x7 << 76 | middle << 64 | 0b10 << 62 | low)
    }
}

/// A source's state is a clock and dice, whole after any panic, so a poisoned lock is no reason to stop.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
