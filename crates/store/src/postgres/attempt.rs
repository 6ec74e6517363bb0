//! Running a unit once on a connection.

use std::time::{Duration, Instant};

use parking_lot::RwLock;
use tokio_postgres::error::SqlState;

use super::{Session, connect::unavailable, failure};
use crate::{
    Error, Result, Source,
    metrics::Meter,
    tx::{self, Write},
    work::{Job, Outcome},
};

/// How one attempt to run a unit ended.
pub(super) enum Attempt {
    /// It is over; an error takes the place of what the unit returned.
    Done(Option<Error>),
    /// It met a concurrent change and left no trace.
    Conflicted,
    /// The connection broke before anything could have been kept.
    Broken(Error),
}

/// Whom a unit that writes shares the database with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    /// All others.
    Others,
    /// Nobody: it begins when all units have ended that are running, on all nodes, and none begins before it has ended.
    /// Only units of one write go on, on other nodes than this one.
    Nobody,
}

/// Held by each unit of one write of this process for reading, since those have no transaction that could lock anything;
/// and for writing by a unit that is to have no company.
pub(super) type Singles = RwLock<()>;

impl Company {
    /// Every unit locks a table that is there for nothing else, and the lock ends with the transaction, wherever that
    /// ends. Those of [`Others`](Self::Others) do not exclude each other.
    ///
    /// `LOCK TABLE` takes no snapshot. So who has waited for it sees all that was committed meanwhile. An advisory lock is
    /// taken by a statement that has its snapshot before it waits; so it would have to be taken before the transaction,
    /// by a round trip of its own, and given back on every way out of it.
    fn begin(self) -> &'static str {
        match self {
            Self::Others => {
                "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE; LOCK TABLE unit_lock IN ROW SHARE MODE"
            }
            // While it waits nobody else begins, so it does not wait long for one that does not end; and should its own
            // node stop in the middle, the others do not wait long for it.
            Self::Nobody => {
                "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE; SET LOCAL idle_in_transaction_session_timeout = '2s'; \
                 SET LOCAL lock_timeout = '500ms'; LOCK TABLE unit_lock IN EXCLUSIVE MODE; \
                 SET LOCAL lock_timeout TO DEFAULT"
            }
        }
    }
}

/// Without the table to lock: the database was not migrated yet, or its role may not lock the table.
const WITHOUT_LOCK: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE";

/// How long a unit that is to run alone waits for others. Nobody begins meanwhile.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// Runs a unit in a serializable transaction of its own.
pub(super) fn writing(
    session: &mut Session,
    job: &mut Job,
    (company, singles): (Company, &Singles),
    (source, meter): (&dyn Source, &Meter),
) -> Attempt {
    let has_lock = match begin(session, company) {
        Ok(has_lock) => has_lock,
        Err(Error::Conflict) => return rollback(session, Outcome::conflict()),
        Err(error) => return Attempt::Broken(unavailable(error)),
    };
    let _alone = match company {
        Company::Others => None,
        Company::Nobody => {
            // They end soon, since no other unit has anything locked. If not, this one lets the others go on, too.
            let Some(alone) = singles.try_write_for(PATIENCE) else {
                return rollback(session, Outcome::conflict());
            };
            if has_lock {
                meter.ran_alone();
            }
            Some(alone)
        }
    };
    let (outcome, _) = job.run(tx::Session::Postgres(session), source, meter);
    match outcome {
        Outcome::Keep => commit(session, meter),
        outcome => rollback(session, outcome),
    }
}

/// Begins a transaction, and says whether it has the lock.
fn begin(session: &mut Session, company: Company) -> Result<bool> {
    if !session.can_lock {
        return session.batch(WITHOUT_LOCK).map(|()| false);
    }
    let Err(error) = session.try_batch(company.begin())? else { return Ok(true) };
    match error.code() {
        Some(&SqlState::UNDEFINED_TABLE) => {}
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            tracing::warn!(
                "the role may not lock the table unit_lock, so no unit can run alone; grant it UPDATE"
            );
            session.can_lock = false;
        }
        // It has waited for one without company as long as a statement may take. Nothing is wrong with the connection.
        Some(&SqlState::QUERY_CANCELED) => return Err(Error::Conflict),
        _ => return Err(failure::error(&error, company.begin())),
    }
    session.batch("ROLLBACK")?;
    session.batch(WITHOUT_LOCK).map(|()| false)
}

/// Runs a unit on a snapshot.
pub(super) fn reading(session: &mut Session, job: &mut Job, source: &dyn Source, meter: &Meter) -> Attempt {
    if let Err(error) = session.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") {
        return Attempt::Broken(unavailable(error));
    }
    let (outcome, _) = job.run(tx::Session::Postgres(session), source, meter);
    rollback(session, outcome)
}

/// Runs a unit of one write, whose statement commits by itself.
pub(super) fn single(
    session: &mut Session,
    job: &mut Job,
    singles: &Singles,
    (source, meter): (&dyn Source, &Meter),
) -> Attempt {
    let _beside_others = singles.read();
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
