//! What was to be given, changed or taken back of one benefit and failed, as its seller sees it.

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp, Tx};

use super::{Job, Waiting};
use crate::benefits::Benefit;
use crate::benefits::grants::BenefitGrant;
use crate::customers::Customer;
use crate::kit::{Id, Kind, Page, Paged, Refusal, Result, text_enum};

/// How much of it is shown at most, the oldest. When a service is away for long, everything that it gives fails.
const MOST: i64 = 10_000;

/// What sellers are told of failures that they can do nothing about.
const OURS: &str = "Something went wrong on this server.";

text_enum! {
    /// What was to be done.
    pub enum Work {
        /// A customer was to be given the benefit.
        Grant = "grant",
        /// Those who hold it were to get what it is by now.
        Update = "update",
        /// It was to be taken back.
        Revoke = "revoke",
    }
}

/// Work that failed and waits for its next attempt, or was set aside.
#[derive(Clone, Debug)]
pub struct FailedWork {
    /// Its id.
    pub id: Id<Waiting>,
    /// What was to be done.
    pub work: Work,
    /// For which grant, if it is for one.
    pub grant_id: Option<Id<BenefitGrant>>,
    /// For whom, if it is for one.
    pub customer: Option<Customer>,
    /// How often it failed since it was asked for, or since somebody let it run again.
    pub failures: i64,
    /// Why it failed last.
    pub error: String,
    /// When it is tried again, unless it was set aside.
    pub due_at: Option<Timestamp>,
    /// When it was set aside.
    pub failed_at: Option<Timestamp>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

type Found = (Waiting, Option<String>, Option<BenefitGrant>, Option<Customer>);

impl From<Found> for FailedWork {
    fn from((job, told, grant, customer): Found) -> Self {
        let work = match &grant {
            Some(grant) if grant.is_revoked() => Work::Revoke,
            Some(grant) if !grant.is_granted() => Work::Grant,
            None if job.kind == "revoke_grants_of_benefit" => Work::Revoke,
            Some(_) | None => Work::Update,
        };
        Self {
            id: job.id,
            work,
            grant_id: grant.map(|grant| grant.id),
            customer,
            failures: job.failures,
            error: told.unwrap_or_else(|| OURS.to_owned()),
            due_at: job.failed_at.is_none().then_some(job.due_at),
            failed_at: job.failed_at,
            created_at: job.created_at,
        }
    }
}

/// Lists what failed of a benefit, the oldest first.
pub fn list_failed_of_benefit(
    tx: &mut ReadTx<'_>,
    benefit_id: Id<Benefit>,
    page: Page,
) -> Result<Paged<FailedWork>> {
    const COUNT: &str =
        "SELECT count(*) FROM (SELECT id FROM jobs WHERE benefit_id = $1 AND failures > 0 LIMIT $2) AS jobs";
    const SQL: &str = concatcp!(
        "SELECT ",
        Waiting::COLUMNS,
        ", jobs.told, ",
        BenefitGrant::COLUMNS,
        ", ",
        Customer::COLUMNS,
        " FROM (SELECT * FROM jobs WHERE benefit_id = $1 AND failures > 0 ORDER BY created_at, id LIMIT $2 OFFSET $3) \
         AS jobs LEFT JOIN benefit_grants ON benefit_grants.id = jobs.grant_id \
         LEFT JOIN customers ON customers.id = benefit_grants.customer_id ORDER BY jobs.created_at, jobs.id"
    );
    let total = tx.one(COUNT, &[&benefit_id, &MOST])?;
    let rows = page.rows().min(MOST - page.offset());
    if rows <= 0 {
        return Ok(Paged::new(Vec::new(), total));
    }
    let found = tx.all::<Found>(SQL, &[&benefit_id, &rows, &page.offset()])?;
    Ok(Paged::new(found.into_iter().map(FailedWork::from).collect(), total))
}

/// Forgets what was set aside of the same grant, or of the same work on a whole benefit: the newest run knows how it stands.
pub(super) fn forget_older(tx: &mut Tx<'_>, newest: Id<Waiting>, job: &Job) -> Result<()> {
    if let Some(grant_id) = job.grant_id() {
        tx.execute(
            "DELETE FROM jobs WHERE grant_id = $1 AND failed_at IS NOT NULL AND id <> $2",
            &[&grant_id, &newest],
        )?;
    } else if let Some(benefit_id) = job.benefit_id() {
        // With a benefit that is no more, nothing of it is left to be changed.
        tx.execute(
            "DELETE FROM jobs WHERE benefit_id = $1 AND failures > 0 AND grant_id IS NULL AND failed_at IS NOT NULL \
             AND id <> $2 AND (kind = $3 OR kind = 'update_grants_of_benefit')",
            &[&benefit_id, &newest, &job.kind()],
        )?;
    }
    Ok(())
}

/// Forgets what was set aside of a grant of which nothing is left to be given or taken back.
pub fn forget_failed_of_grant(tx: &mut Tx<'_>, grant_id: Id<BenefitGrant>) -> Result<()> {
    tx.execute("DELETE FROM jobs WHERE grant_id = $1 AND failed_at IS NOT NULL", &[&grant_id])?;
    Ok(())
}

/// Lets work that failed of a benefit run at once, as if it had never failed; else not found. What runs already is left
/// to run.
pub fn retry_of_benefit(tx: &mut Tx<'_>, benefit_id: Id<Benefit>, id: Id<Waiting>) -> Result<()> {
    const FAILED: &str =
        "SELECT EXISTS (SELECT 1 FROM jobs WHERE id = $1 AND benefit_id = $2 AND failures > 0)";
    if !tx.one::<bool>(FAILED, &[&id, &benefit_id])? {
        return Err(Refusal::not_found());
    }
    match super::retry(tx, id) {
        Err(refusal) if refusal.kind() == Some(Kind::NotFound) => Ok(()),
        retried => retried,
    }
}
