//! A unit of work on its way: what was asked, what came of it, and who waits for the answer.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, PoisonError},
};

use tokio::{runtime::Handle, sync::oneshot};

use crate::{
    Error, Source, Tx,
    metrics::Meter,
    tx::{Scope, Session, Write},
};

/// A unit of work that waits in a queue.
pub(crate) struct Job {
    pub(crate) scope: Scope,
    work: Box<dyn Work>,
    /// The runtime that the caller waits in, if it does.
    runtime: Option<Handle>,
    has_panicked: bool,
}

/// A unit with its types forgotten.
trait Work: Send {
    /// Whether the caller has gone away.
    fn is_abandoned(&self) -> bool;

    /// Runs the unit, and says whether it wants its effects kept.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;

    /// Answers the caller with what the unit returned, or with the failure that takes its place.
    fn answer(self: Box<Self>, failure: Option<Error>);
}

struct Typed<F, T, E> {
    unit: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Work for Typed<F, T, E>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        self.result = None;
        self.result.insert((self.unit)(tx)).is_ok()
    }

    fn answer(self: Box<Self>, failure: Option<Error>) {
        let Self { unit, result, reply } = *self;
        // What the unit holds may be shared with the caller, who must find it free.
        drop(unit);
        let answer = match (failure, result) {
            (Some(failure), _) => Err(failure.into()),
            (None, Some(result)) => result,
            (None, None) => Err(Error::Closed.into()),
        };
        // A caller that has gone away needs no answer.
        drop(reply.send(answer));
    }
}

/// What came of running a unit once.
pub(crate) enum Outcome {
    /// The unit wants its effects kept.
    Keep,
    /// The unit returned an error of its own, which is the answer; nothing of it is kept.
    Refused,
    /// A statement failed or the unit panicked, so nothing of it can be kept.
    Failed {
        error: Error,
        /// Whether the unit returned an error all the same, which then is the answer.
        refused: bool,
    },
}

impl Outcome {
    /// That of a unit which was not begun, because of others.
    pub(crate) fn conflict() -> Self {
        Self::Failed { error: Error::Conflict, refused: false }
    }

    pub(crate) fn is_panic(&self) -> bool {
        matches!(self, Self::Failed { error: Error::Panic, .. })
    }

    /// The answer that must take the place of what the unit returned.
    pub(crate) fn replacement(self) -> Option<Error> {
        match self {
            Self::Keep | Self::Refused | Self::Failed { refused: true, .. } => None,
            Self::Failed { error, refused: false } => Some(error),
        }
    }
}

impl Job {
    pub(crate) fn new<T, E>(
        scope: Scope,
        unit: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T, E>>)
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(Typed { unit, result: None, reply });
        (Self { scope, work, runtime: Handle::try_current().ok(), has_panicked: false }, answer)
    }

    /// Whether the caller has gone away, so that the unit should not be run: what an earlier run did has left no trace, or
    /// there would not be another.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.work.is_abandoned()
    }

    /// Runs the unit once; a panic ends in it. Also says how far the unit has come with writing.
    pub(crate) fn run(
        &mut self,
        session: Session<'_>,
        source: &dyn Source,
        meter: &Meter,
    ) -> (Outcome, Write) {
        // Nobody would learn that it was done, and who asks again would have it done twice.
        if self.is_abandoned() {
            return (Outcome::Refused, Write::None);
        }
        let (outcome, write) = attempt(session, source, self.scope, |tx| self.work.run(tx));
        // A unit that is run again panics again, and counts once.
        if outcome.is_panic() && !std::mem::replace(&mut self.has_panicked, true) {
            meter.panicked();
        }
        (outcome, write)
    }

    /// Answers the caller with the unit's own result, or with the failure that takes its place.
    pub(crate) fn answer(self, failure: Option<Error>) {
        // The caller's conversions and destructors run here; a panic in them must not end the thread.
        if catch_unwind(AssertUnwindSafe(|| self.work.answer(failure))).is_err() {
            tracing::error!("answering a unit of work panicked");
        }
    }
}

/// Runs a unit once, which says whether it wants its effects kept; a panic ends in it. Also says how far the unit has
/// come with writing.
pub(crate) fn attempt(
    session: Session<'_>,
    source: &dyn Source,
    scope: Scope,
    unit: impl FnOnce(&mut Tx<'_>) -> bool,
) -> (Outcome, Write) {
    let mut tx = Tx::new(session, source, scope);
    let run = catch_unwind(AssertUnwindSafe(|| unit(&mut tx)));
    let outcome = match (run, tx.failure()) {
        (Err(_), _) => Outcome::Failed { error: Error::Panic, refused: false },
        (Ok(kept), Some(error)) => Outcome::Failed { error: error.clone(), refused: !kept },
        (Ok(true), None) => Outcome::Keep,
        (Ok(false), None) => Outcome::Refused,
    };
    (outcome, tx.write())
}

/// Answers that belong together. They are given when this is dropped, so that none is lost wherever it ends.
#[derive(Default)]
pub(crate) struct Answers(Vec<(Job, Option<Error>)>);

impl Answers {
    pub(crate) fn push(&mut self, job: Job, failure: Option<Error>) {
        self.0.push((job, failure));
    }

    /// Fails all of them alike.
    pub(crate) fn fail(&mut self, error: &Error) {
        for (_, failure) in &mut self.0 {
            *failure = Some(error.clone());
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Gives the answers from inside the callers' runtime if they wait in one: waking many tasks from outside costs
    /// one crossing each, from inside next to nothing.
    pub(crate) fn give(self) {
        let runtime = self.0.first().and_then(|(job, _)| job.runtime.clone());
        match runtime {
            Some(runtime) if self.0.len() > 1 => drop(runtime.spawn(async move { drop(self) })),
            _ => drop(self),
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        for (job, failure) in self.0.drain(..) {
            job.answer(failure);
        }
    }
}

/// Counts the threads that still work, so that a shutdown can wait for the last.
#[derive(Default)]
pub(crate) struct Crew {
    at_work: Mutex<usize>,
    changed: Condvar,
}

impl Crew {
    pub(crate) fn join(self: &Arc<Self>) -> Member {
        *self.at_work.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Member(Arc::clone(self))
    }

    /// Waits until every member has gone home.
    pub(crate) fn wait(&self) {
        let at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(at_work, |at_work| *at_work > 0));
    }
}

/// One thread of the [`Crew`]; it leaves when this is dropped.
pub(crate) struct Member(Arc<Crew>);

impl Drop for Member {
    fn drop(&mut self) {
        *self.0.at_work.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.changed.notify_all();
    }
}
