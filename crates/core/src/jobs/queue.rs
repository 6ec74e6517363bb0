//! The queue of jobs.

use merak_store::{Json, ReadTx, Timestamp, Tx, row};

use super::Job;
use crate::benefits::grants;
use crate::kit::{Id, Kind, Result};
use crate::{customer_sessions, customers, files, idempotency, login_links, user_sessions};

/// For how long a worker has a job to itself, in seconds.
pub const LEASE: i64 = 60;

/// After how many failures a job is set aside.
const ATTEMPTS: i64 = 10;

/// How many rows one purge removes of each kind before it comes back for more.
const PURGE_BATCH: i64 = 1000;

row! {
    /// A row of the queue.
    #[derive(Clone, Debug)]
    struct JobRow in "jobs" {
        id: Id<JobRow>,
        kind: String,
        payload: Json,
        lane: Option<String>,
        dedupe_key: Option<String>,
        due_at: Timestamp,
        leased_until: Option<Timestamp>,
        attempts: i64,
        last_error: Option<String>,
        failed_at: Option<Timestamp>,
        created_at: Timestamp,
    }
}

/// A job that a worker leased.
#[derive(Clone, Debug)]
pub struct Claimed {
    id: Id<JobRow>,
    attempts: i64,
    /// What to do.
    pub job: Job,
}

/// What came of running a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// There is more to do: this job follows at once.
    Next(Job),
    /// It failed, for this reason, and is to be tried again later.
    Failed(String),
    /// A service outside failed, for this reason, and is to be left alone for so many seconds.
    Postponed(String, i64),
}

impl Claimed {
    /// Which attempt this is, the first being 1.
    pub fn attempt(&self) -> i64 {
        self.attempts
    }
}

/// Asks for a job, to be run as soon as a worker is free.
pub fn enqueue(tx: &mut Tx<'_>, job: &Job) -> Result<()> {
    let now = tx.now();
    insert(tx, job, now)
}

/// Makes sure that the jobs that come back by themselves are waiting.
pub fn ensure_recurring(tx: &mut Tx<'_>) -> Result<()> {
    enqueue(tx, &Job::Purge)
}

fn insert(tx: &mut Tx<'_>, job: &Job, due_at: Timestamp) -> Result<()> {
    let (id, created_at) = (Id::<JobRow>::new(tx), tx.now());
    tx.execute(
        "INSERT INTO jobs (id, kind, payload, lane, dedupe_key, due_at, attempts, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7) ON CONFLICT (dedupe_key) DO NOTHING",
        &[&id, &job.kind(), &Json::new(job)?, &job.lane(), &job.dedupe_key(), &due_at, &created_at],
    )?;
    Ok(())
}

/// Leases the next job that is due and whose lane is free.
pub fn claim(tx: &mut Tx<'_>) -> Result<Option<Claimed>> {
    let now = tx.now();
    let until = now.add_seconds(LEASE);
    let claimed = tx.returning::<(Id<JobRow>, i64, Json)>(
        "UPDATE jobs SET leased_until = $2, attempts = attempts + 1, dedupe_key = NULL WHERE id = \
         (SELECT due.id FROM jobs AS due WHERE due.failed_at IS NULL AND due.due_at <= $1 \
         AND (due.leased_until IS NULL OR due.leased_until <= $1) \
         AND NOT EXISTS (SELECT 1 FROM jobs AS other WHERE other.lane = due.lane AND other.leased_until > $1) \
         ORDER BY due.due_at, due.id LIMIT 1) RETURNING id, attempts, payload",
        &[&now, &until],
    )?;
    let Some((id, attempts, payload)) = claimed.into_iter().next() else { return Ok(None) };
    Ok(Some(Claimed { id, attempts, job: payload.parse()? }))
}

/// Runs a job that needs nothing but the store. May be run again after a crash.
pub fn run(tx: &mut Tx<'_>, job: &Job) -> Result<Outcome> {
    Ok(match job {
        Job::UpdateGrantsOfBenefit { benefit_id, after } => {
            match grants::update_batch_of_benefit(tx, *benefit_id, *after)? {
                Some(cursor) => {
                    Outcome::Next(Job::UpdateGrantsOfBenefit { benefit_id: *benefit_id, after: Some(cursor) })
                }
                None => Outcome::Done,
            }
        }
        Job::RevokeGrantsOfBenefit { benefit_id } => {
            if grants::revoke_batch_of_benefit(tx, *benefit_id)? {
                Outcome::Next(job.clone())
            } else {
                Outcome::Done
            }
        }
        Job::RevokeGrantsOfCustomer { customer_id } => {
            if grants::revoke_batch_of_customer(tx, *customer_id)? {
                Outcome::Next(job.clone())
            } else {
                Outcome::Done
            }
        }
        Job::UpdateGrantsOfProduct { product_id, after } => {
            match grants::update_batch_of_product(tx, *product_id, *after)? {
                Some(cursor) => {
                    Outcome::Next(Job::UpdateGrantsOfProduct { product_id: *product_id, after: Some(cursor) })
                }
                None => Outcome::Done,
            }
        }
        Job::UpdateGrantsOfPurchase { purchase } => {
            match grants::grant_purchase(tx, purchase) {
                Ok(_) => Outcome::Done,
                // Buyer or product were deleted since: there is nothing to give any more.
                Err(refusal) if refusal.kind() == Some(Kind::NotFound) => Outcome::Done,
                Err(refusal) => return Err(refusal),
            }
        }
        Job::IndexCustomers { after } => match customers::search::index_batch(tx, *after)? {
            Some(last) => Outcome::Next(Job::IndexCustomers { after: Some(last) }),
            None => Outcome::Done,
        },
        Job::Purge => {
            let removed = [
                customer_sessions::purge(tx, PURGE_BATCH)?,
                user_sessions::purge(tx, PURGE_BATCH)?,
                login_links::purge(tx, PURGE_BATCH)?,
                idempotency::purge(tx, PURGE_BATCH)?,
                files::give_up_uploads(tx, PURGE_BATCH)?,
            ];
            let is_there_more = removed.iter().any(|removed| *removed >= PURGE_BATCH.unsigned_abs());
            if is_there_more { Outcome::Next(Job::Purge) } else { Outcome::Done }
        }
        Job::Flow(_) => {
            let sentence = format!("`{}` calls the outside and is no unit of work", job.kind());
            return Err(merak_store::Error::Misuse(sentence).into());
        }
    })
}

/// Records what came of a job, in the unit that did its work. A job whose lease was lost to another worker is left
/// alone.
pub fn settle(tx: &mut Tx<'_>, claimed: &Claimed, outcome: &Outcome) -> Result<()> {
    match outcome {
        Outcome::Done => match claimed.job.recurs_after() {
            Some(seconds) if remove(tx, claimed)? => {
                let due_at = tx.now().add_seconds(seconds);
                insert(tx, &claimed.job, due_at)
            }
            Some(_) => Ok(()),
            None => remove(tx, claimed).map(|_| ()),
        },
        Outcome::Next(job) => {
            if remove(tx, claimed)? {
                enqueue(tx, job)?;
            }
            Ok(())
        }
        Outcome::Failed(reason) => {
            let pause = 2_i64.saturating_pow(u32::try_from(claimed.attempts.clamp(0, 12)).unwrap_or(12));
            fail(tx, claimed, reason, pause)
        }
        Outcome::Postponed(reason, pause) => fail(tx, claimed, reason, *pause),
    }
}

/// Takes a finished job out of the queue. False if another worker has it by now, or did so before: each claim counts
/// as an attempt, so the number tells whose lease it is.
fn remove(tx: &mut Tx<'_>, claimed: &Claimed) -> Result<bool> {
    let sql = "DELETE FROM jobs WHERE id = $1 AND attempts = $2";
    Ok(tx.execute(sql, &[&claimed.id, &claimed.attempts])? == 1)
}

fn fail(tx: &mut Tx<'_>, claimed: &Claimed, reason: &str, pause: i64) -> Result<()> {
    let now = tx.now();
    // A job that comes back by itself is never set aside: nobody would ask for it again.
    let is_last = claimed.attempts >= ATTEMPTS && claimed.job.recurs_after().is_none();
    tx.execute(
        "UPDATE jobs SET leased_until = NULL, last_error = $2, due_at = $3, failed_at = $4 \
         WHERE id = $1 AND attempts = $5",
        &[&claimed.id, &reason, &now.add_seconds(pause), &is_last.then_some(now), &claimed.attempts],
    )?;
    Ok(())
}

/// When the next job can be taken, if there is one: a leased one when its lease ends, should its worker have died.
pub fn next_due(tx: &mut ReadTx<'_>) -> Result<Option<Timestamp>> {
    Ok(tx.find::<Timestamp>(
        "SELECT CASE WHEN leased_until > due_at THEN leased_until ELSE due_at END AS takeable_at \
         FROM (SELECT due_at, leased_until FROM jobs WHERE failed_at IS NULL ORDER BY due_at, id LIMIT 100) AS first \
         ORDER BY takeable_at LIMIT 1",
        &[],
    )?)
}

/// How many jobs wait or run, and how many were set aside.
pub fn backlog(tx: &mut ReadTx<'_>) -> Result<(i64, i64)> {
    Ok(tx.one(
        "SELECT count(*) - count(failed_at), count(failed_at) FROM (SELECT failed_at FROM jobs LIMIT 100000) AS jobs",
        &[],
    )?)
}
