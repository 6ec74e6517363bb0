//! What makes commits durable: a thread that flushes the write-ahead log and then gives the answers, while the writer
//! goes on with the next group.
//!
//! SQLite would flush inside each commit and keep the writer waiting. It flushes all else that safety needs by itself:
//! the log before pages are moved from it, and the log's head when it begins anew. So after a crash the database is that
//! of some commit, and no commit that was answered is lost. Readers may see a commit a moment before it is durable.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use flume::{Receiver, Sender};

use crate::{Error, metrics::Meter, work::Answers};

/// How many committed groups may wait for the flush; more than one flush's worth never do.
const WAITING: usize = 64;

/// The thread's state.
pub(crate) struct Flusher {
    log: PathBuf,
    meter: Arc<Meter>,
    groups: Receiver<Group>,
    wake: Sender<()>,
    progress: Arc<Progress>,
}

/// What the two threads know of each other.
#[derive(Default)]
struct Progress {
    /// How many groups were flushed and answered.
    flushed: AtomicU64,
    /// Whether a flush has failed since the writer last asked.
    failed: AtomicBool,
}

/// What the writer hands over.
struct Group {
    answers: Answers,
    began: Instant,
    /// Whether the writer has opened the log anew since the last group.
    is_new_log: bool,
}

/// The writer's end.
pub(crate) struct Flushing {
    groups: Sender<Group>,
    /// Something arrives here after a flush.
    woken: Receiver<()>,
    progress: Arc<Progress>,
    /// How many groups were handed over.
    handed: u64,
    is_new_log: bool,
}

impl Flusher {
    /// A flusher of the database at `path`, and the writer's end of it.
    pub(crate) fn new(path: &Path, meter: Arc<Meter>) -> (Self, Flushing) {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let (groups, waiting) = flume::bounded(WAITING);
        let (wake, woken) = flume::bounded(1);
        let progress = Arc::<Progress>::default();
        let flusher = Self { log: log.into(), meter, groups: waiting, wake, progress: Arc::clone(&progress) };
        (flusher, Flushing { groups, woken, progress, handed: 0, is_new_log: false })
    }

    /// Works until the writer has gone and everything is answered.
    pub(crate) fn run(self) {
        let mut log = None;
        while let Ok(first) = self.groups.recv() {
            let groups: Vec<Group> = std::iter::once(first).chain(self.groups.try_iter()).collect();
            if groups.iter().any(|group| group.is_new_log) {
                log = None;
            }
            let flushed = self.flush(&mut log);
            if let Err(error) = &flushed {
                tracing::error!(%error, "the write-ahead log could not be flushed");
                self.progress.failed.store(true, Ordering::Release);
            }
            self.progress.flushed.fetch_add(groups.len() as u64, Ordering::Release);
            // If this is refused, the writer has not looked since the last time and will.
            let _ = self.wake.try_send(());
            for Group { mut answers, began, .. } in groups {
                match &flushed {
                    Ok(()) => self.meter.committed(began.elapsed()),
                    // Whether these commits outlive a crash, nobody can know.
                    Err(error) => answers.fail(error),
                }
                answers.give();
            }
        }
    }

    /// The file is the same as long as the writer has it open.
    fn flush(&self, log: &mut Option<File>) -> Result<(), Error> {
        let file = match log {
            Some(file) => file,
            None => log.insert(File::options().write(true).open(&self.log).map_err(Error::unavailable)?),
        };
        let flushed = file.sync_data();
        if flushed.is_err() {
            *log = None;
        }
        flushed.map_err(|error| match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Error::Full,
            _ => Error::unavailable(error),
        })
    }
}

impl Flushing {
    /// Hands over the answers of a group that was committed. They are given when it is durable.
    pub(super) fn hand_over(&mut self, answers: Answers, began: Instant) {
        let is_new_log = std::mem::take(&mut self.is_new_log);
        self.handed += 1;
        // The flusher ends after the writer; should it have ended all the same, nothing is known of durability.
        if let Err(flume::SendError(mut group)) = self.groups.send(Group { answers, began, is_new_log }) {
            group.answers.fail(&Error::Closed);
        }
    }

    /// Notes that the writer has opened the log anew: it may be another file.
    pub(super) fn renew(&mut self) {
        self.is_new_log = true;
    }

    /// Whether a flush is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.progress.flushed.load(Ordering::Acquire) < self.handed
    }

    /// Waits for the next unit or for the end of the flush, whichever comes first.
    pub(super) fn next<T>(&self, queue: &Receiver<T>) -> Option<T> {
        while self.is_busy() {
            let next =
                flume::Selector::new().recv(queue, |next| Some(next.ok())).recv(&self.woken, |_| None).wait();
            if let Some(next) = next {
                return next;
            }
        }
        None
    }

    /// Whether a flush has failed since this was last asked.
    pub(super) fn has_failed(&self) -> bool {
        self.progress.failed.swap(false, Ordering::AcqRel)
    }
}
