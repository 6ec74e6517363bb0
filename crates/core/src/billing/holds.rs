//! What is due at organizations that are blocked or gone: it is held, so that no sweep looks at it again and again, however
//! much it is and of however many.
//!
//! A subscription is held by the first sweep that finds it due. From then on the queue does not show it; the organization
//! is looked at instead, now and then, and a few at a time. Once it is not blocked any more, the queue shows everything
//! again. Whoever writes a subscription lets go of it too, because it may be allowed to end now.

use std::collections::BTreeSet;

use merak_store::{ReadTx, Sql, Tx};

use crate::kit::{Id, Result};
use crate::organizations::Organization;
use crate::subscriptions::{Subscription, SubscriptionStatus};

/// After how many seconds an organization is looked at again.
const PAUSE: i64 = 600;
/// How many organizations one sweep looks at.
const MOST_ORGANIZATIONS: i64 = 100;
/// How many subscriptions one sweep lets go of.
const MOST_RELEASED: i64 = 1000;

/// Whether nobody may be charged for an organization.
pub(crate) fn is_blocked(tx: &mut ReadTx<'_>, id: Id<Organization>) -> Result<bool> {
    Ok(tx.one(
        "SELECT blocked_at IS NOT NULL OR deleted_at IS NOT NULL FROM organizations WHERE id = $1",
        &[&id],
    )?)
}

/// Holds those of these subscriptions for which nobody may be charged. Returns the others.
///
/// What is due stays due, and is done once the organization is not blocked any more, as after a time in which no server
/// was running. What was canceled ends in time nevertheless; a grace does not, because nobody can pay meanwhile.
pub(super) fn hold(tx: &mut Tx<'_>, due: Vec<Subscription>) -> Result<Vec<Subscription>> {
    let organizations: BTreeSet<Id<Organization>> = due.iter().map(|one| one.organization_id).collect();
    if organizations.is_empty() {
        return Ok(due);
    }
    let mut sql = Sql::new(
        "SELECT id FROM organizations WHERE (blocked_at IS NOT NULL OR deleted_at IS NOT NULL) AND id IN ",
    );
    sql.bind_list(organizations);
    let blocked: BTreeSet<Id<Organization>> = tx.list(&sql)?.into_iter().collect();
    let (held, rest): (Vec<_>, Vec<_>) =
        due.into_iter().partition(|one| blocked.contains(&one.organization_id) && !may_end(one));
    if held.is_empty() {
        return Ok(rest);
    }
    let mut sql = Sql::new("UPDATE subscriptions SET is_held = TRUE WHERE id IN ");
    sql.bind_list(held.iter().map(|one| one.id));
    tx.apply(&sql)?;
    let (look_at, mut separator) = (tx.now().add_seconds(PAUSE), " VALUES (");
    let mut sql = Sql::new("INSERT INTO held_organizations (organization_id, look_at)");
    for organization_id in held.iter().map(|one| one.organization_id).collect::<BTreeSet<_>>() {
        sql.push(separator).bind(organization_id).push(", ").bind(look_at).push(")");
        separator = ", (";
    }
    sql.push(" ON CONFLICT (organization_id) DO NOTHING");
    tx.apply(&sql)?;
    Ok(rest)
}

fn may_end(subscription: &Subscription) -> bool {
    subscription.cancel_at_period_end && subscription.status != SubscriptionStatus::PastDue
}

/// Whether it is time to look at an organization again.
pub(super) fn is_any_due(tx: &mut ReadTx<'_>) -> Result<bool> {
    let now = tx.now();
    Ok(tx.one("SELECT EXISTS (SELECT 1 FROM held_organizations WHERE look_at <= $1)", &[&now])?)
}

/// Lets go of what is held of organizations that are not blocked any more, if it is time to look at them.
pub(super) fn release(tx: &mut Tx<'_>) -> Result<()> {
    let now = tx.now();
    let looked_at: Vec<(Id<Organization>, bool, bool)> = tx.all(
        "SELECT organizations.id, organizations.blocked_at IS NOT NULL, organizations.deleted_at IS NOT NULL \
         FROM held_organizations JOIN organizations ON organizations.id = held_organizations.organization_id \
         WHERE held_organizations.look_at <= $1 ORDER BY held_organizations.look_at, organizations.id LIMIT $2",
        &[&now, &MOST_ORGANIZATIONS],
    )?;
    let those = |is_wanted: fn(bool, bool) -> bool| -> Vec<Id<Organization>> {
        let wanted = looked_at.iter().filter(|(_, is_blocked, is_gone)| is_wanted(*is_blocked, *is_gone));
        wanted.map(|(id, ..)| *id).collect()
    };
    let gone = those(|_, is_gone| is_gone);
    let blocked = those(|is_blocked, is_gone| is_blocked && !is_gone);
    let free = those(|is_blocked, is_gone| !is_blocked && !is_gone);
    if !blocked.is_empty() {
        let mut sql = Sql::new("UPDATE held_organizations SET look_at = ");
        sql.bind(now.add_seconds(PAUSE)).push(" WHERE organization_id IN ").bind_list(blocked);
        tx.apply(&sql)?;
    }
    let is_all_free = free_all_of(tx, &free)?;
    // What is gone does not come back.
    forget(tx, &gone)?;
    if is_all_free { forget(tx, &free) } else { Ok(()) }
}

/// Lets go of what is held of an organization, if it is not blocked any more.
pub(super) fn release_of(tx: &mut Tx<'_>, organization_id: Id<Organization>) -> Result<()> {
    let free: Option<Id<Organization>> = tx.find(
        "SELECT id FROM organizations WHERE id = $1 AND blocked_at IS NULL AND deleted_at IS NULL",
        &[&organization_id],
    )?;
    free_all_of(tx, free.as_slice()).map(drop)
}

/// Lets the queue show what is held of these organizations, a part at a time. Whether nothing is left.
fn free_all_of(tx: &mut Tx<'_>, organizations: &[Id<Organization>]) -> Result<bool> {
    if organizations.is_empty() {
        return Ok(true);
    }
    let mut sql = Sql::new(
        "UPDATE subscriptions SET is_held = FALSE WHERE id IN (SELECT id FROM subscriptions WHERE is_held \
         AND organization_id IN ",
    );
    sql.bind_list(organizations.iter().copied()).push(" LIMIT ").bind(MOST_RELEASED).push(")");
    Ok(tx.apply(&sql)? < MOST_RELEASED.unsigned_abs())
}

fn forget(tx: &mut Tx<'_>, organizations: &[Id<Organization>]) -> Result<()> {
    if organizations.is_empty() {
        return Ok(());
    }
    let mut sql = Sql::new("DELETE FROM held_organizations WHERE organization_id IN ");
    sql.bind_list(organizations.iter().copied());
    tx.apply(&sql)?;
    Ok(())
}
