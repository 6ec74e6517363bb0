//! What the store counts about itself.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// What the store has done since it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Writing units that wait now.
    pub queued_writes: u64,
    /// Reading units that wait now.
    pub queued_reads: u64,
    /// Writing units that wait now until those have ended that change the same rows, see [`lane_waits`](Self::lane_waits).
    pub queued_in_lanes: u64,
    /// Writing units that were run and answered.
    pub writes: u64,
    /// Reading units that were run and answered.
    pub reads: u64,
    /// Groups of writing units that shared a transaction; on PostgreSQL every unit is its own group.
    pub groups: u64,
    /// Units in all those groups, so that `grouped / groups` is the mean size.
    pub grouped: u64,
    /// Commits that succeeded.
    pub commits: u64,
    /// Microseconds that all those commits took.
    pub commit_micros: u64,
    /// How many commits took at most so many microseconds, each counted once, in the first bucket that holds it. The
    /// bounds are [`COMMIT_BUCKETS`]; the last number is of commits that took longer than all of them.
    pub commit_histogram: [u64; COMMIT_BUCKETS.len() + 1],
    /// Units that were run again because they met a concurrent change.
    pub reruns: u64,
    /// Units that waited, after they had begun and left no trace, until those ended that change the same rows.
    pub lane_waits: u64,
    /// Runs of units for which all others stood still, because they had met concurrent changes too often or were to
    /// be alone; only units of one write went on, on other nodes.
    pub ran_alone: u64,
    /// Units that were answered with a conflict, because rerunning did not help.
    pub conflicts: u64,
    /// Units that were refused because the queue was full.
    pub refused: u64,
    /// Units that panicked.
    pub panics: u64,
    /// Connections that were opened anew after they had failed.
    pub reconnects: u64,
}

/// The upper bounds, in microseconds, of [`Statistics::commit_histogram`].
pub const COMMIT_BUCKETS: [u64; 11] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000];

/// The counters behind [`Statistics`].
#[derive(Default)]
pub(crate) struct Meter {
    writes: AtomicU64,
    reads: AtomicU64,
    groups: AtomicU64,
    grouped: AtomicU64,
    commits: AtomicU64,
    commit_micros: AtomicU64,
    commit_histogram: [AtomicU64; COMMIT_BUCKETS.len() + 1],
    reruns: AtomicU64,
    queued_in_lanes: AtomicU64,
    lane_waits: AtomicU64,
    ran_alone: AtomicU64,
    conflicts: AtomicU64,
    refused: AtomicU64,
    panics: AtomicU64,
    reconnects: AtomicU64,
}

impl Meter {
    pub(crate) fn read(&self) {
        add(&self.reads, 1);
    }

    pub(crate) fn group(&self, units: usize) {
        add(&self.groups, 1);
        add(&self.grouped, units as u64);
        add(&self.writes, units as u64);
    }

    pub(crate) fn committed(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        add(&self.commits, 1);
        add(&self.commit_micros, micros);
        add(&self.commit_histogram[COMMIT_BUCKETS.partition_point(|bound| *bound < micros)], 1);
    }

    pub(crate) fn rerun(&self) {
        add(&self.reruns, 1);
    }

    pub(crate) fn waits_in_lane(&self) {
        add(&self.queued_in_lanes, 1);
        add(&self.lane_waits, 1);
    }

    pub(crate) fn waited_in_lane(&self) {
        self.queued_in_lanes.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn ran_alone(&self) {
        add(&self.ran_alone, 1);
    }

    pub(crate) fn conflicted(&self) {
        add(&self.conflicts, 1);
    }

    pub(crate) fn refused(&self) {
        add(&self.refused, 1);
    }

    pub(crate) fn panicked(&self) {
        add(&self.panics, 1);
    }

    pub(crate) fn reconnected(&self) {
        add(&self.reconnects, 1);
    }

    pub(crate) fn statistics(&self, queued_writes: usize, queued_reads: usize) -> Statistics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            queued_writes: queued_writes as u64,
            queued_reads: queued_reads as u64,
            queued_in_lanes: read(&self.queued_in_lanes),
            writes: read(&self.writes),
            reads: read(&self.reads),
            groups: read(&self.groups),
            grouped: read(&self.grouped),
            commits: read(&self.commits),
            commit_micros: read(&self.commit_micros),
            commit_histogram: std::array::from_fn(|bucket| read(&self.commit_histogram[bucket])),
            reruns: read(&self.reruns),
            lane_waits: read(&self.lane_waits),
            ran_alone: read(&self.ran_alone),
            conflicts: read(&self.conflicts),
            refused: read(&self.refused),
            panics: read(&self.panics),
            reconnects: read(&self.reconnects),
        }
    }
}

/// Counters are read for display only, so no other memory is ordered by them.
fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}
