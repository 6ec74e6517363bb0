//! What changes grants. Only here do grants change state, and each change keeps the benefit's counts.

use const_format::concatcp;
use merak_store::{Json, ReadTx, Timestamp, Tx};
use serde::{Deserialize, Serialize};

use super::announce::{self, Occasion};
use super::{BenefitGrant, Scope, accesses};
use crate::advertisements;
use crate::benefits::kinds::{self, Outcome};
use crate::benefits::{self, Benefit};
use crate::clock;
use crate::customers::{self, Customer};
use crate::jobs;
use crate::kit::{Id, Refusal, Result};

/// How many grants a job changes in one unit of work.
pub const BATCH: i64 = 100;

/// What the customer has heard of what is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A mail about the purchase tells it.
    Told,
    /// Nothing. They are written to once they have it.
    Untold,
}

/// Gives a benefit to a customer for a purchase. A grant that is already granted stays as it is. That it is given is told
/// by whoever asks for it; only who still has to do something for it gets a mail, once that is done.
pub fn grant(
    tx: &mut Tx<'_>,
    benefit_id: Id<Benefit>,
    customer_id: Id<Customer>,
    scope: Scope,
) -> Result<BenefitGrant> {
    grant_as(tx, (benefit_id, customer_id), scope, News::Told)
}

/// As [`grant`], and writes to the customer once they have it: a seller gives it, and no mail about a purchase tells.
pub fn give(
    tx: &mut Tx<'_>,
    benefit_id: Id<Benefit>,
    customer_id: Id<Customer>,
    scope: Scope,
) -> Result<BenefitGrant> {
    grant_as(tx, (benefit_id, customer_id), scope, News::Untold)
}

pub(super) fn grant_as(
    tx: &mut Tx<'_>,
    (benefit_id, customer_id): (Id<Benefit>, Id<Customer>),
    scope: Scope,
    news: News,
) -> Result<BenefitGrant> {
    let benefit = require_benefit(tx, benefit_id, customer_id)?;
    let (mut grant, occasion) = match find_in_scope(tx, benefit_id, customer_id, scope)? {
        Some(grant) if grant.is_granted() => return Ok(grant),
        Some(grant) if grant.is_revoked() => {
            // A purchase that gives again what it had taken back gives nothing new; a seller's hand does.
            if news == News::Untold && scope == Scope::ByHand {
                tx.changed_one("UPDATE benefit_grants SET owes_mail = TRUE WHERE id = $1", &[&grant.id])?;
            }
            (grant, Occasion::First)
        }
        Some(grant) => (grant, Occasion::Again),
        None => (insert(tx, &benefit, customer_id, (scope, news))?, Occasion::First),
    };
    carry_out(tx, &benefit, &mut grant, occasion)?;
    Ok(grant)
}

/// Takes a benefit back for a purchase. What was never granted is recorded as revoked.
pub fn revoke(
    tx: &mut Tx<'_>,
    benefit_id: Id<Benefit>,
    customer_id: Id<Customer>,
    scope: Scope,
) -> Result<BenefitGrant> {
    let benefit = require_benefit(tx, benefit_id, customer_id)?;
    let mut grant = match find_in_scope(tx, benefit_id, customer_id, scope)? {
        Some(grant) => grant,
        None => insert(tx, &benefit, customer_id, (scope, News::Told))?,
    };
    if !grant.is_revoked() {
        take_back(tx, &benefit, &mut grant)?;
    }
    Ok(grant)
}

/// Where a job that walks over grants has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// `created_at` of the last grant that was done.
    pub created_at: Timestamp,
    /// Its id, which decides among equals.
    pub id: Id<BenefitGrant>,
}

/// Brings the next grants of a benefit up to date with its settings. Returns where to go on; `None` when done.
pub fn update_batch_of_benefit(
    tx: &mut Tx<'_>,
    benefit_id: Id<Benefit>,
    after: Option<Cursor>,
) -> Result<Option<Cursor>> {
    const FIRST: &str = concatcp!(
        "SELECT ",
        BenefitGrant::COLUMNS,
        " FROM benefit_grants WHERE benefit_id = $1 AND revoked_at IS NULL ORDER BY created_at, id LIMIT $2"
    );
    const NEXT: &str = concatcp!(
        "SELECT ",
        BenefitGrant::COLUMNS,
        " FROM benefit_grants WHERE benefit_id = $1 AND revoked_at IS NULL AND (created_at, id) > ($3, $4) \
         ORDER BY created_at, id LIMIT $2"
    );
    let Some(benefit) = benefits::find(tx, benefit_id)? else { return Ok(None) };
    let batch: Vec<BenefitGrant> = match after {
        None => tx.all(FIRST, &[&benefit_id, &BATCH])?,
        Some(cursor) => tx.all(NEXT, &[&benefit_id, &BATCH, &cursor.created_at, &cursor.id])?,
    };
    let is_last = batch.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
    let mut cursor = None;
    for mut grant in batch {
        cursor = Some(Cursor { created_at: grant.created_at, id: grant.id });
        carry_out(tx, &benefit, &mut grant, Occasion::Update)?;
    }
    Ok(cursor.filter(|_| !is_last))
}

/// Takes the next grants of a deleted benefit back. Returns whether any may be left.
pub fn revoke_batch_of_benefit(tx: &mut Tx<'_>, benefit_id: Id<Benefit>) -> Result<bool> {
    const SQL: &str = concatcp!(
        WITH_BENEFIT,
        " WHERE benefit_grants.benefit_id = $1 AND revoked_at IS NULL \
         ORDER BY benefit_grants.created_at, benefit_grants.id LIMIT $2"
    );
    let batch = tx.all(SQL, &[&benefit_id, &BATCH])?;
    take_back_all(tx, batch)
}

/// Takes the next grants of a deleted customer back. Returns whether any may be left.
pub fn revoke_batch_of_customer(tx: &mut Tx<'_>, customer_id: Id<Customer>) -> Result<bool> {
    const SQL: &str = concatcp!(
        WITH_BENEFIT,
        " WHERE customer_id = $1 AND revoked_at IS NULL ORDER BY benefit_grants.id LIMIT $2"
    );
    let batch = tx.all(SQL, &[&customer_id, &BATCH])?;
    take_back_all(tx, batch)
}

/// Grants with their benefits, live or deleted.
pub(super) const WITH_BENEFIT: &str = concatcp!(
    "SELECT ",
    BenefitGrant::COLUMNS,
    ", ",
    Benefit::COLUMNS,
    " FROM benefit_grants JOIN benefits ON benefits.id = benefit_grants.benefit_id"
);

fn take_back_all(tx: &mut Tx<'_>, batch: Vec<(BenefitGrant, Benefit)>) -> Result<bool> {
    let may_be_more = batch.len() >= usize::try_from(BATCH).unwrap_or(usize::MAX);
    for (mut grant, benefit) in batch {
        take_back(tx, &benefit, &mut grant)?;
    }
    Ok(may_be_more)
}

/// What becomes of a grant.
pub(super) enum Change {
    /// The buyer has the benefit, with these properties.
    Granted(Json),
    /// The buyer, or the seller, has to do something first; the grant waits with these properties.
    ActionRequired(Json),
    /// Another service is asked by a job; the grant is live, and waits or is granted as before.
    Asked(Json),
    /// The buyer has it no more; these properties are left.
    Revoked(Json),
}

/// Lets the kind do its part, and records and tells what came of it.
fn carry_out(tx: &mut Tx<'_>, benefit: &Benefit, grant: &mut BenefitGrant, occasion: Occasion) -> Result<()> {
    let change = match kinds::of(benefit.r#type).grant(tx, benefit, grant)? {
        Outcome::Granted(properties) => Change::Granted(properties),
        Outcome::ActionRequired(properties) => Change::ActionRequired(properties),
        Outcome::Outside(properties) => Change::Asked(properties),
    };
    let is_settled = !matches!(change, Change::Asked(_));
    keep(tx, benefit, grant, change)?;
    if is_settled {
        announce::carried_out(tx, benefit, grant, occasion)?;
    } else {
        announce::owe(tx, grant, occasion)?;
    }
    settle_outside(tx, benefit, grant)
}

/// Marks a grant revoked. What is shared among purchases is withdrawn only with the last of them; what was given
/// outside is compared by the job, account by account.
fn take_back(tx: &mut Tx<'_>, benefit: &Benefit, grant: &mut BenefitGrant) -> Result<()> {
    let kind = kinds::of(benefit.r#type);
    let properties = if kind.is_individual() || !is_held_otherwise(tx, grant)? {
        kind.revoke(tx, grant)?
    } else {
        grant.properties.clone()
    };
    keep(tx, benefit, grant, Change::Revoked(properties))?;
    announce::revoked(tx, benefit, grant)?;
    settle_outside(tx, benefit, grant)
}

/// Asks for the job that brings another service into line with a grant, if there is anything to be given or to be taken
/// back.
fn settle_outside(tx: &mut Tx<'_>, benefit: &Benefit, grant: &BenefitGrant) -> Result<()> {
    if !benefit.r#type.is_outside() {
        return Ok(());
    }
    let is_to_be_given = !grant.is_revoked() && accesses::chosen_account(grant)?.is_some();
    if !is_to_be_given && !accesses::has_any(tx, grant.id)? {
        return jobs::forget_failed_of_grant(tx, grant.id);
    }
    accesses::enqueue(tx, grant)
}

/// Names the connected account through which a live grant is to be given, and asks for it to be given. What the account
/// chosen before has is taken back.
pub fn choose_account(
    tx: &mut Tx<'_>,
    benefit: &Benefit,
    grant: &mut BenefitGrant,
    account_id: &str,
) -> Result<()> {
    let mut properties: serde_json::Map<String, serde_json::Value> = grant.properties.parse()?;
    properties.insert(String::from("account_id"), account_id.into());
    keep(tx, benefit, grant, Change::Asked(Json::from(serde_json::Value::Object(properties))))?;
    announce::owe(tx, grant, Occasion::Update)?;
    settle_outside(tx, benefit, grant)
}

fn is_held_otherwise(tx: &mut ReadTx<'_>, grant: &BenefitGrant) -> Result<bool> {
    let other = tx.find::<Id<BenefitGrant>>(
        "SELECT id FROM benefit_grants WHERE customer_id = $1 AND benefit_id = $2 AND granted_at IS NOT NULL \
         AND id <> $3 LIMIT 1",
        &[&grant.customer_id, &grant.benefit_id, &grant.id],
    )?;
    Ok(other.is_some())
}

/// Writes what became of a grant, keeps the benefit's counts, lets open portals know of what their customer has now, and
/// writes to the customer if that is owed.
pub(super) fn keep(
    tx: &mut Tx<'_>,
    benefit: &Benefit,
    grant: &mut BenefitGrant,
    change: Change,
) -> Result<()> {
    let (was_granted, now) = (grant.is_granted(), clock::now(tx, benefit.organization_id)?);
    let owes_mail = match &change {
        Change::Granted(_) | Change::Revoked(_) => Some(false),
        // What waits is told of once it is there.
        Change::ActionRequired(_) if !was_granted => Some(true),
        Change::ActionRequired(_) | Change::Asked(_) => None,
    };
    let is_new = matches!(change, Change::Granted(_)) && !was_granted;
    let is_owed = is_new && tx.one("SELECT owes_mail FROM benefit_grants WHERE id = $1", &[&grant.id])?;
    let properties = match change {
        Change::Granted(properties) => {
            (grant.granted_at, grant.revoked_at) = (grant.granted_at.or(Some(now)), None);
            properties
        }
        Change::ActionRequired(properties) => {
            (grant.granted_at, grant.revoked_at) = (None, None);
            properties
        }
        Change::Asked(properties) => {
            grant.revoked_at = None;
            properties
        }
        Change::Revoked(properties) => {
            (grant.granted_at, grant.revoked_at) = (None, Some(now));
            properties
        }
    };
    grant.properties = properties;
    grant.modified_at = Some(now);
    tx.changed_one(
        "UPDATE benefit_grants SET granted_at = $2, revoked_at = $3, properties = $4, modified_at = $5, \
         owes_mail = coalesce($6, owes_mail) WHERE id = $1",
        &[&grant.id, &grant.granted_at, &grant.revoked_at, &grant.properties, &grant.modified_at, &owes_mail],
    )?;
    let change = i64::from(grant.is_granted()) - i64::from(was_granted);
    if change != 0 {
        tx.changed_one(
            "UPDATE benefit_counts SET granted = granted + $2 WHERE benefit_id = $1",
            &[&grant.benefit_id, &change],
        )?;
    }
    if change > 0 {
        announce::publish_granted(tx, benefit, grant)?;
    }
    if is_owed {
        announce::mail(tx, benefit, grant)?;
    }
    advertisements::settle_named(tx, &grant.properties)
}

fn insert(
    tx: &mut Tx<'_>,
    benefit: &Benefit,
    customer_id: Id<Customer>,
    (scope, news): (Scope, News),
) -> Result<BenefitGrant> {
    let (subscription_id, order_id) = match scope {
        Scope::Subscription(id) => (Some(id), None),
        Scope::Order(id) => (None, Some(id)),
        Scope::ByHand => {
            customers::outgrow(tx, customer_id, None)?;
            (None, None)
        }
    };
    let grant = BenefitGrant {
        id: Id::new(tx),
        customer_id,
        benefit_id: benefit.id,
        subscription_id,
        order_id,
        granted_at: None,
        revoked_at: None,
        properties: Json::default(),
        created_at: clock::now(tx, benefit.organization_id)?,
        modified_at: None,
    };
    tx.insert_with(&grant, &[("owes_mail", &(news == News::Untold))])?;
    tx.changed_one("UPDATE benefit_counts SET grants = grants + 1 WHERE benefit_id = $1", &[&benefit.id])?;
    Ok(grant)
}

pub(super) fn find_in_scope(
    tx: &mut ReadTx<'_>,
    benefit_id: Id<Benefit>,
    customer_id: Id<Customer>,
    scope: Scope,
) -> Result<Option<BenefitGrant>> {
    const BASE: &str = concatcp!(
        "SELECT ",
        BenefitGrant::COLUMNS,
        " FROM benefit_grants WHERE customer_id = $1 AND benefit_id = $2"
    );
    const OF_SUBSCRIPTION: &str = concatcp!(BASE, " AND subscription_id = $3");
    const OF_ORDER: &str = concatcp!(BASE, " AND order_id = $3");
    const BY_HAND: &str = concatcp!(BASE, " AND subscription_id IS NULL AND order_id IS NULL");
    Ok(match scope {
        Scope::Subscription(id) => tx.find(OF_SUBSCRIPTION, &[&customer_id, &benefit_id, &id])?,
        Scope::Order(id) => tx.find(OF_ORDER, &[&customer_id, &benefit_id, &id])?,
        Scope::ByHand => tx.find(BY_HAND, &[&customer_id, &benefit_id])?,
    })
}

/// The live benefit, if the live customer is one of the same organization's; else not found.
fn require_benefit(
    tx: &mut ReadTx<'_>,
    benefit_id: Id<Benefit>,
    customer_id: Id<Customer>,
) -> Result<Benefit> {
    let benefit = benefits::find(tx, benefit_id)?.ok_or_else(Refusal::not_found)?;
    let customer = customers::find(tx, customer_id)?.ok_or_else(Refusal::not_found)?;
    if customer.organization_id == benefit.organization_id { Ok(benefit) } else { Err(Refusal::not_found()) }
}
