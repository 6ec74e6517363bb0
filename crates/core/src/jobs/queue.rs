//! The queue of jobs.

use std::collections::BTreeSet;

use const_format::concatcp;
use merak_store::{Json, ReadTx, Sql, Timestamp, Tx, row};

use super::{FlowJob, Job, Outcome, Reason, failed_work};
use crate::benefits;
use crate::benefits::grants::{self, News, Purchase};
use crate::billing::hints;
use crate::checkouts;
use crate::customers::Customer;
use crate::kit::{Id, Kind, Refusal, Result};
use crate::organizations::Organization;
use crate::{
    custom_fields, customer_session_codes, customer_sessions, emails, events, files, idempotency,
    login_links, search, streams, user_sessions,
};

/// For how long a worker has a job to itself, in seconds.
pub const LEASE: i64 = 60;

/// After how many failures a job is set aside.
const FAILURES: i64 = 10;

/// After how many failures a job that calls the outside is set aside: at an hour each, nearly four days.
const FLOW_FAILURES: i64 = 100;

/// For how long a job that failed pauses at most, in seconds.
const LONGEST_PAUSE: i64 = 3600;

/// How many jobs that cannot be read are passed over in one look at the queue.
const MOST_UNREADABLE: usize = 100;

/// How many rows one purge removes of each kind before it comes back for more.
const PURGE_BATCH: i64 = 1000;

row! {
    /// A row of the queue.
    #[derive(Clone, Debug)]
    pub struct Waiting in "jobs" {
        /// Its id.
        pub id: Id<Waiting>,
        /// What it does.
        pub kind: String,
        /// When it may be taken.
        pub due_at: Timestamp,
        /// Until when a worker has it.
        pub leased_until: Option<Timestamp>,
        /// How often it failed.
        pub failures: i64,
        /// Why it did not end well last.
        pub last_error: Option<String>,
        /// When it was set aside.
        pub failed_at: Option<Timestamp>,
        /// When it was asked for.
        pub created_at: Timestamp,
    }
}

/// A job that a worker leased.
#[derive(Clone, Debug)]
pub struct Claimed {
    id: Id<Waiting>,
    attempts: i64,
    failures: i64,
    /// What to do.
    pub job: Job,
}

impl Claimed {
    /// The how-manieth failure it would be if it failed now, the first being 1.
    pub fn failure(&self) -> i64 {
        self.failures.saturating_add(1)
    }
}

/// Asks for a job, to be run as soon as a worker is free.
pub fn enqueue(tx: &mut Tx<'_>, job: &Job) -> Result<()> {
    let now = tx.now();
    insert(tx, job, now)
}

/// Makes sure that the jobs that come back by themselves are waiting.
pub fn ensure_recurring(tx: &mut Tx<'_>) -> Result<()> {
    enqueue(tx, &Job::ExpireCheckouts)?;
    enqueue(tx, &Job::Purge)
}

fn insert(tx: &mut Tx<'_>, job: &Job, due_at: Timestamp) -> Result<()> {
    let (id, created_at) = (Id::<Waiting>::new(tx), tx.now());
    tx.execute(
        "INSERT INTO jobs (id, kind, payload, lane, dedupe_key, due_at, attempts, created_at, is_flow, grant_id, \
         benefit_id) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, \
         coalesce($10, (SELECT benefit_id FROM benefit_grants WHERE id = $9))) ON CONFLICT (dedupe_key) DO NOTHING",
        &[
            &id,
            &job.kind(),
            &Json::new(job)?,
            &job.lane(),
            &job.dedupe_key(),
            &due_at,
            &created_at,
            &matches!(job, Job::Flow(_)),
            &job.grant_id(),
            &job.benefit_id(),
        ],
    )?;
    Ok(())
}

/// Leases the next job that is due and whose lane is free.
pub fn claim(tx: &mut Tx<'_>) -> Result<Option<Claimed>> {
    claim_with(tx, concatcp!(CLAIM, CLAIM_FIRST))
}

/// As [`claim`], of those that need nothing but the store.
pub fn claim_unit(tx: &mut Tx<'_>) -> Result<Option<Claimed>> {
    claim_with(tx, concatcp!(CLAIM, ONLY_UNITS, CLAIM_FIRST))
}

const CLAIM: &str = "UPDATE jobs SET leased_until = $2, attempts = attempts + 1, dedupe_key = NULL WHERE id = \
     (SELECT due.id FROM jobs AS due WHERE due.failed_at IS NULL AND due.due_at <= $1 \
     AND (due.leased_until IS NULL OR due.leased_until <= $1) \
     AND NOT EXISTS (SELECT 1 FROM jobs AS other WHERE other.lane = due.lane AND other.leased_until > $1)";
const ONLY_UNITS: &str = " AND NOT is_flow";
const CLAIM_FIRST: &str = " ORDER BY due.due_at, due.id LIMIT 1) RETURNING id, attempts, failures, payload";

fn claim_with(tx: &mut Tx<'_>, sql: &str) -> Result<Option<Claimed>> {
    let now = tx.now();
    let until = now.add_seconds(LEASE);
    for _ in 0..MOST_UNREADABLE {
        let Some(row) = tx.returning::<ClaimedRow>(sql, &[&now, &until])?.pop() else { break };
        if let Some(claimed) = read(tx, row)? {
            return Ok(Some(claimed));
        }
    }
    Ok(None)
}

type ClaimedRow = (Id<Waiting>, i64, i64, Json);

/// Reads a job that was leased. One that cannot be read fails for itself and keeps no other waiting: a newer release may
/// have asked for it, and take it when it is back.
fn read(tx: &mut Tx<'_>, (id, attempts, failures, payload): ClaimedRow) -> Result<Option<Claimed>> {
    if let Ok(job) = payload.parse() {
        return Ok(Some(Claimed { id, attempts, failures, job }));
    }
    let now = tx.now();
    let is_last = failures.saturating_add(1) >= FLOW_FAILURES;
    tx.execute(
        "UPDATE jobs SET leased_until = NULL, last_error = $2, told = NULL, due_at = $3, failed_at = $4, \
         failures = failures + 1 WHERE id = $1",
        &[&id, &"this release cannot read the job", &now.add_seconds(LONGEST_PAUSE), &is_last.then_some(now)],
    )?;
    Ok(None)
}

/// Leases more mails that are due, at most so many, so that one unit opens and one unit settles many. They are looked for
/// among the jobs that have been due for longest.
pub fn claim_mails(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Claimed>> {
    const SQL: &str = "UPDATE jobs SET leased_until = $2, attempts = attempts + 1, dedupe_key = NULL WHERE id IN \
         (SELECT due.id FROM (SELECT id, kind, lane, leased_until FROM jobs WHERE failed_at IS NULL AND due_at <= $1 \
         ORDER BY due_at, id LIMIT 1000) AS due WHERE due.kind = 'send_email' \
         AND (due.leased_until IS NULL OR due.leased_until <= $1) \
         AND NOT EXISTS (SELECT 1 FROM jobs AS other WHERE other.lane = due.lane AND other.leased_until > $1) \
         LIMIT $3) RETURNING id, attempts, failures, payload";
    let now = tx.now();
    let until = now.add_seconds(LEASE);
    let rows = tx.returning::<ClaimedRow>(SQL, &[&now, &until, &limit])?;
    rows.into_iter().filter_map(|row| read(tx, row).transpose()).collect()
}

/// Whether a job can be taken now, or one of those that need nothing but the store.
pub fn is_any_due(tx: &mut ReadTx<'_>, is_unit: bool) -> Result<bool> {
    const DUE: &str = "SELECT id FROM jobs WHERE failed_at IS NULL AND due_at <= $1 \
         AND (leased_until IS NULL OR leased_until <= $1)";
    const FIRST: &str = " ORDER BY due_at, id LIMIT 1";
    let sql = if is_unit { concatcp!(DUE, ONLY_UNITS, FIRST) } else { concatcp!(DUE, FIRST) };
    let now = tx.now();
    Ok(tx.find::<Id<Waiting>>(sql, &[&now])?.is_some())
}

/// Runs a job that needs nothing but the store. May be run again after a crash.
pub fn run(tx: &mut Tx<'_>, job: &Job) -> Result<Outcome> {
    Ok(match job {
        Job::UpdateGrantsOfBenefit { benefit_id, after } => {
            let cursor = grants::update_batch_of_benefit(tx, *benefit_id, *after)?;
            let next = cursor
                .map(|cursor| Job::UpdateGrantsOfBenefit { benefit_id: *benefit_id, after: Some(cursor) });
            walked(tx, next, BENEFIT, *benefit_id)?
        }
        Job::UpdateGrantsOfFile { file_id, after } => {
            let cursor = benefits::update_batch_of_file(tx, *file_id, *after)?;
            let next =
                cursor.map(|cursor| Job::UpdateGrantsOfFile { file_id: *file_id, after: Some(cursor) });
            walked(tx, next, FILE, *file_id)?
        }
        Job::RevokeGrantsOfBenefit { benefit_id } => {
            let next = grants::revoke_batch_of_benefit(tx, *benefit_id)?.then(|| job.clone());
            walked(tx, next, BENEFIT, *benefit_id)?
        }
        Job::RevokeGrantsOfCustomer { customer_id } => {
            let next = grants::revoke_batch_of_customer(tx, *customer_id)?.then(|| job.clone());
            walked(tx, next, CUSTOMER, *customer_id)?
        }
        Job::UpdateGrantsOfProduct { product_id, after } => {
            let cursor = grants::update_batch_of_product(tx, *product_id, *after)?;
            let next = cursor
                .map(|cursor| Job::UpdateGrantsOfProduct { product_id: *product_id, after: Some(cursor) });
            walked(tx, next, PRODUCT, *product_id)?
        }
        Job::UpdateGrantsOfPurchase { purchase } => update_purchase(tx, purchase, News::Told)?,
        Job::UpdateUntoldGrantsOfPurchase { purchase } => update_purchase(tx, purchase, News::Untold)?,
        Job::Index { noun, after } => match search::index_batch(tx, *noun, *after)? {
            Some(last) => Outcome::Next(Job::Index { noun: *noun, after: Some(last) }),
            None => Outcome::Done,
        },
        Job::MoveAnswers { organization_id } => {
            if custom_fields::move_batch(tx, *organization_id)? {
                Outcome::Next(job.clone())
            } else {
                Outcome::Done
            }
        }
        Job::ExpireCheckouts => {
            let expired = checkouts::expire(tx, PURGE_BATCH)?;
            let is_there_more = expired >= PURGE_BATCH.unsigned_abs();
            if is_there_more { Outcome::Next(Job::ExpireCheckouts) } else { Outcome::Done }
        }
        Job::Purge => {
            let removed = [
                customer_sessions::purge(tx, PURGE_BATCH)?,
                user_sessions::purge(tx, PURGE_BATCH)?,
                login_links::purge(tx, PURGE_BATCH)?,
                idempotency::purge(tx, PURGE_BATCH)?,
                files::give_up_uploads(tx, PURGE_BATCH)?,
                events::purge(tx, PURGE_BATCH)?,
                streams::purge(tx, PURGE_BATCH)?,
                emails::purge(tx, PURGE_BATCH)?,
                customer_session_codes::purge(tx, PURGE_BATCH)?,
                hints::purge(tx, PURGE_BATCH)?,
                checkouts::purge(tx, PURGE_BATCH)?,
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

fn update_purchase(tx: &mut Tx<'_>, purchase: &Purchase, news: News) -> Result<Outcome> {
    match grants::update_purchase(tx, purchase, news) {
        Err(refusal) if refusal.kind() == Some(Kind::NotFound) => {
            match walked(tx, None, CUSTOMER, purchase.customer_id)? {
                Outcome::Done => walked(tx, None, PRODUCT, purchase.product_id),
                outcome => Ok(outcome),
            }
        }
        updated => updated.map(|()| Outcome::Done),
    }
}

/// What jobs are about: how it is called, and whether its row is there, live or deleted.
type Subject = (&'static str, &'static str);
const BENEFIT: Subject = ("benefit", "SELECT EXISTS (SELECT 1 FROM benefits WHERE id = $1)");
const CUSTOMER: Subject = ("customer", "SELECT EXISTS (SELECT 1 FROM customers WHERE id = $1)");
const FILE: Subject = ("file", "SELECT EXISTS (SELECT 1 FROM files WHERE id = $1)");
const PRODUCT: Subject = ("product", "SELECT EXISTS (SELECT 1 FROM products WHERE id = $1)");

/// What came of a job about something, with the job that follows if there is more to do. What was deleted since has nothing
/// to do any more, as its deletion asked for what else there is to do. Rows are never removed: a job about something that
/// never was there is a mistake, no later attempt will mend it, and the operator is told.
fn walked<T>(tx: &mut Tx<'_>, next: Option<Job>, (name, is_there): Subject, id: Id<T>) -> Result<Outcome> {
    if let Some(job) = next {
        return Ok(Outcome::Next(job));
    }
    let is_there: bool = tx.one(is_there, &[&id])?;
    Ok(if is_there { Outcome::Done } else { Outcome::SetAside(format!("there is no {name} {id}").into()) })
}

/// Records what came of a job, in the unit that did its work. A job whose lease was lost to another worker is left
/// alone.
pub fn settle(tx: &mut Tx<'_>, claimed: &Claimed, outcome: &Outcome) -> Result<()> {
    match outcome {
        Outcome::Done => {
            if !remove(tx, claimed)? {
                return Ok(());
            }
            failed_work::forget_older(tx, claimed.id, &claimed.job)?;
            match claimed.job.recurs_after() {
                Some(seconds) => {
                    let due_at = tx.now().add_seconds(seconds);
                    insert(tx, &claimed.job, due_at)
                }
                None => Ok(()),
            }
        }
        Outcome::Next(job) => {
            if remove(tx, claimed)? {
                enqueue(tx, job)?;
            }
            Ok(())
        }
        Outcome::Failed(reason) => {
            let pause = 2_i64.saturating_pow(u32::try_from(claimed.failure().clamp(0, 12)).unwrap_or(12));
            fail(tx, claimed, reason, pause)
        }
        Outcome::FailedOutside(reason, pause) => fail(tx, claimed, reason, *pause),
        Outcome::SetAside(reason) => set_aside(tx, claimed, reason, false),
        Outcome::Refused(reason) => set_aside(tx, claimed, reason, true),
        Outcome::Postponed(reason, pause) => {
            let due_at = tx.now().add_seconds(*pause);
            // Too many concurrent changes tell a seller nothing about what failed before.
            tx.execute(
                "UPDATE jobs SET leased_until = NULL, last_error = $2, told = coalesce($3, told), due_at = $4, \
                 not_before = $4 WHERE id = $1 AND attempts = $5",
                &[&claimed.id, &reason.noted, &reason.told, &due_at, &claimed.attempts],
            )?;
            Ok(())
        }
    }
}

/// Records that a job was refused, in a unit of its own: that which did its work has left no trace. A batch of
/// purchases, one of which was refused, is parted, so that the others do not wait for it.
pub fn settle_refused(tx: &mut Tx<'_>, claimed: &Claimed, refusal: &Refusal) -> Result<()> {
    let outcome = match &claimed.job {
        Job::UpdateGrantsOfProduct { product_id, after } if !matches!(refusal, Refusal::Store(_)) => {
            match grants::part_batch_of_product(tx, *product_id, *after)? {
                Some(cursor) => {
                    Outcome::Next(Job::UpdateGrantsOfProduct { product_id: *product_id, after: Some(cursor) })
                }
                None => Outcome::Done,
            }
        }
        _ => Outcome::of_refusal(refusal),
    };
    settle(tx, claimed, &outcome)
}

/// Takes a finished job out of the queue. False if another worker has it by now, or did so before: each claim counts
/// as an attempt, so the number tells whose lease it is.
fn remove(tx: &mut Tx<'_>, claimed: &Claimed) -> Result<bool> {
    let sql = "DELETE FROM jobs WHERE id = $1 AND attempts = $2";
    Ok(tx.execute(sql, &[&claimed.id, &claimed.attempts])? == 1)
}

fn set_aside(tx: &mut Tx<'_>, claimed: &Claimed, reason: &Reason, is_refused: bool) -> Result<()> {
    let now = tx.now();
    let updated = tx.execute(
        "UPDATE jobs SET leased_until = NULL, last_error = $2, told = $3, failed_at = $4, not_before = NULL, \
         failures = failures + 1, is_refused = $5 WHERE id = $1 AND attempts = $6",
        &[&claimed.id, &reason.noted, &reason.told, &now, &is_refused, &claimed.attempts],
    )?;
    if updated == 1 { failed_work::forget_older(tx, claimed.id, &claimed.job) } else { Ok(()) }
}

fn fail(tx: &mut Tx<'_>, claimed: &Claimed, reason: &Reason, pause: i64) -> Result<()> {
    let now = tx.now();
    let most = if matches!(claimed.job, Job::Flow(_)) { FLOW_FAILURES } else { FAILURES };
    // A job that comes back by itself is never set aside: nobody would ask for it again.
    let is_last = claimed.failure() >= most && claimed.job.recurs_after().is_none();
    tx.execute(
        "UPDATE jobs SET leased_until = NULL, last_error = $2, told = $3, due_at = $4, failed_at = $5, \
         not_before = NULL, failures = failures + 1 WHERE id = $1 AND attempts = $6",
        &[
            &claimed.id,
            &reason.noted,
            &reason.told,
            &now.add_seconds(pause.min(LONGEST_PAUSE)),
            &is_last.then_some(now),
            &claimed.attempts,
        ],
    )?;
    Ok(())
}

/// When the next job can be taken, if there is one: a leased one when its lease ends, should its worker have died.
pub fn next_due(tx: &mut ReadTx<'_>) -> Result<Option<Timestamp>> {
    Ok(tx.find(concatcp!(NEXT_DUE, NEXT_DUE_FIRST), &[])?)
}

/// As [`next_due`], of those that need nothing but the store.
pub fn next_unit_due(tx: &mut ReadTx<'_>) -> Result<Option<Timestamp>> {
    Ok(tx.find(concatcp!(NEXT_DUE, ONLY_UNITS, NEXT_DUE_FIRST), &[])?)
}

const NEXT_DUE: &str = "SELECT CASE WHEN leased_until > due_at THEN leased_until ELSE due_at END AS takeable_at \
     FROM (SELECT due_at, leased_until FROM jobs WHERE failed_at IS NULL";
const NEXT_DUE_FIRST: &str = " ORDER BY due_at, id LIMIT 100) AS first ORDER BY takeable_at LIMIT 1";

/// The jobs that were set aside, the oldest first, at most so many.
pub fn list_failed(tx: &mut ReadTx<'_>, limit: i64) -> Result<Vec<Waiting>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Waiting::COLUMNS,
        " FROM jobs WHERE failed_at IS NOT NULL ORDER BY failed_at, id LIMIT $1"
    );
    Ok(tx.all(SQL, &[&limit])?)
}

/// The jobs that wait or run, the next first, at most so many.
pub fn list_waiting(tx: &mut ReadTx<'_>, limit: i64) -> Result<Vec<Waiting>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Waiting::COLUMNS,
        " FROM jobs WHERE failed_at IS NULL ORDER BY due_at, id LIMIT $1"
    );
    Ok(tx.all(SQL, &[&limit])?)
}

/// Whether what came with purchases of a customer is still to be given, by a job that was not set aside.
pub fn has_grants_to_update(tx: &mut ReadTx<'_>, customer_id: Id<Customer>) -> Result<bool> {
    const SQL: &str =
        "SELECT EXISTS (SELECT 1 FROM jobs WHERE lane = $1 AND kind = $2 AND failed_at IS NULL)";
    let of_customer = Job::RevokeGrantsOfCustomer { customer_id }.lane();
    Ok(tx.one(SQL, &[&of_customer, &"update_grants_of_purchase"])?)
}

/// Whether a mail of the organization is about to be sent, or something about to be given to or taken from its customers:
/// by a job that has not failed yet and is due within so many seconds. Looked at are the jobs that have been due for longest.
pub fn is_any_of(tx: &mut ReadTx<'_>, organization_id: Id<Organization>, within: i64) -> Result<bool> {
    const WAITING: &str = "SELECT payload FROM jobs WHERE failed_at IS NULL AND failures = 0 AND due_at <= $1 \
         ORDER BY due_at, id LIMIT 1000";
    let (mut mails, mut customers) = (BTreeSet::new(), BTreeSet::new());
    let due_at = tx.now().add_seconds(within);
    for payload in tx.all::<Json>(WAITING, &[&due_at])? {
        // Whose it is cannot be told of one that cannot be read.
        let Ok(job) = payload.parse::<Job>() else { continue };
        match job {
            Job::Flow(FlowJob::SendEmail { email_id }) => {
                mails.insert(email_id);
            }
            Job::UpdateGrantsOfPurchase { purchase } | Job::UpdateUntoldGrantsOfPurchase { purchase } => {
                customers.insert(purchase.customer_id);
            }
            Job::Flow(FlowJob::SettleAccess { customer_id, .. }) => {
                customers.insert(customer_id);
            }
            _ => {}
        }
    }
    let mut sql = Sql::new("SELECT EXISTS (SELECT 1 FROM emails WHERE organization_id = ");
    sql.bind(organization_id).push(" AND id IN ").bind_list(mails);
    sql.push(") OR EXISTS (SELECT 1 FROM customers WHERE organization_id = ").bind(organization_id);
    sql.push(" AND id IN ").bind_list(customers).push(")");
    Ok(tx.list::<bool>(&sql)?.pop().unwrap_or(false))
}

/// Lets a job that was set aside, or waits, run at once, as if it had never failed; if a service asked to be left alone, after
/// that. One that does not exist or runs is not found.
pub fn retry(tx: &mut Tx<'_>, id: Id<Waiting>) -> Result<()> {
    let now = tx.now();
    let updated = tx.execute(
        "UPDATE jobs SET failed_at = NULL, failures = 0, is_refused = FALSE, leased_until = NULL, \
         due_at = CASE WHEN not_before > $2 THEN not_before ELSE $2 END WHERE id = $1 AND (leased_until IS NULL OR leased_until <= $2)",
        &[&id, &now],
    )?;
    if updated == 1 { Ok(()) } else { Err(Refusal::not_found()) }
}

/// Lets every job that was set aside run at once, as if it had never failed, but for what a service refused: that waits for its
/// seller. Returns how many there were.
pub fn retry_failed(tx: &mut Tx<'_>) -> Result<u64> {
    let now = tx.now();
    Ok(tx.execute(
        "UPDATE jobs SET failed_at = NULL, failures = 0, due_at = $1 \
         WHERE failed_at IS NOT NULL AND is_refused = FALSE",
        &[&now],
    )?)
}

/// How many jobs there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Those that wait or run.
    pub waiting: i64,
    /// Those that were set aside and are the operator's to look at.
    pub failed: i64,
    /// Those that a service refused, for their sellers to look at.
    pub refused: i64,
}

/// How many jobs there are, of each kind at most a hundred thousand.
pub fn backlog(tx: &mut ReadTx<'_>) -> Result<Backlog> {
    let mut count = |what: &str| {
        tx.one(&format!("SELECT count(*) FROM (SELECT id FROM jobs WHERE {what} LIMIT 100000) AS jobs"), &[])
    };
    Ok(Backlog {
        waiting: count("failed_at IS NULL")?,
        failed: count("failed_at IS NOT NULL AND is_refused = FALSE")?,
        refused: count("failed_at IS NOT NULL AND is_refused = TRUE")?,
    })
}
