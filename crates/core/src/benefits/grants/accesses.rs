//! What other services give because of grants: which access an account has or may have, what is to be given, and what
//! is to be taken back.
//!
//! The services are asked outside of units of work, by a job, in steps that each may be the last before a crash:
//!
//! ```text
//! plan ──► (withdraw ──► withdrawn)… ──► give ──► given | refused
//! ```
//!
//! `plan` compares what the grant entitles to with the rows here, which say what the services may have given. It writes
//! down what is about to be given before anybody asks for it; so whatever was given is known, and is taken back from
//! where it was given, however the benefit looks by then. Each step can be repeated, and the whole job too.
//!
//! An account has one permission in a repository, whichever grants give it: the strongest that any of them entitles to.
//! The rows of all of them say what the service was told last.

use const_format::concatcp;
use merak_store::{Json, ReadTx, Sql, Timestamp, Tx, row};
use serde::Deserialize;

use super::commands::{WITH_BENEFIT, keep};
use super::{BenefitGrant, Change, announce};
use crate::benefits::Benefit;
use crate::benefits::kinds::{self, github_repository::PERMISSIONS};
use crate::connections::{self, CustomerAccount, Platform};
use crate::customers::{self, Customer};
use crate::jobs::{self, FlowJob};
use crate::kit::{Id, Result};

row! {
    /// Something that an account outside has, or may have, because of a grant.
    #[derive(Clone, Debug)]
    pub struct Access in "benefit_grant_accesses" {
        /// The row's id.
        pub id: Id<Access>,
        /// Because of which grant.
        pub grant_id: Id<BenefitGrant>,
        /// Whose grant it is.
        pub customer_id: Id<Customer>,
        /// What was granted.
        pub benefit_id: Id<Benefit>,
        /// Which service gives it.
        pub platform: Platform,
        /// To which account.
        pub account_id: String,
        /// On which server, or whose repository.
        pub container: String,
        /// Which role, or which repository.
        pub target: String,
        /// What the account may do with the repository.
        pub permission: Option<String>,
        /// Since when it is known to be given.
        pub given_at: Option<Timestamp>,
        /// Since when it may have been taken back.
        pub asked_back_at: Option<Timestamp>,
        /// When it was about to be asked for first.
        pub created_at: Timestamp,
    }
}

/// What an account can be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// By which service.
    pub platform: Platform,
    /// To which account.
    pub account_id: String,
    /// On which server, or whose repository.
    pub container: String,
    /// Which role, or which repository.
    pub target: String,
    /// What the account may do with the repository.
    pub permission: Option<String>,
}

impl Access {
    /// Whether this is access to the place, with whatever permission. Names at GitHub are the same in any letter case.
    fn is_to(&self, place: &Place) -> bool {
        self.platform == place.platform
            && self.account_id == place.account_id
            && self.container.eq_ignore_ascii_case(&place.container)
            && self.target.eq_ignore_ascii_case(&place.target)
    }
}

/// What a service is to be asked for.
#[derive(Clone, Debug)]
pub struct Errand {
    /// What is to be taken back first.
    pub withdraw: Vec<Access>,
    /// What is to be given then.
    pub give: Option<Gift>,
}

/// Something to be given.
#[derive(Clone, Debug)]
pub struct Gift {
    /// What, with the permission that it is to have.
    pub access: Access,
    /// The connected account.
    pub account: CustomerAccount,
}

/// The connected account that a buyer chose for a grant.
pub fn chosen_account(grant: &BenefitGrant) -> Result<Option<String>> {
    #[derive(Deserialize)]
    struct Choice {
        account_id: Option<String>,
    }
    Ok(grant.properties.parse::<Choice>()?.account_id)
}

/// Whether an account has, or may have, anything because of a grant.
pub(super) fn has_any(tx: &mut ReadTx<'_>, id: Id<BenefitGrant>) -> Result<bool> {
    const SQL: &str = "SELECT id FROM benefit_grant_accesses WHERE grant_id = $1 LIMIT 1";
    Ok(tx.find::<Id<Access>>(SQL, &[&id])?.is_some())
}

/// Finds out what is to be asked for because of a grant, and writes down what is about to be given.
pub fn plan(tx: &mut Tx<'_>, id: Id<BenefitGrant>) -> Result<Errand> {
    let mut errand = Errand { withdraw: Vec::new(), give: None };
    let Some((grant, benefit)) = find(tx, id)? else { return Ok(errand) };
    let entitled = entitlement(tx, &grant, &benefit)?;
    let place = entitled.as_ref().map(|(place, _)| place);
    let mut known = None;
    for access in of_grant(tx, id)? {
        if place.is_some_and(|place| access.is_to(place)) {
            known = Some(access);
        } else if is_left_to_others(tx, &access)? {
            remove(tx, &access)?;
        } else {
            // Should the grant come back to it before that is done, nobody knows whether it is still there.
            let now = tx.now();
            tx.execute(
                "UPDATE benefit_grant_accesses SET asked_back_at = $2 WHERE id = $1",
                &[&access.id, &now],
            )?;
            errand.withdraw.push(access);
        }
    }
    let Some((place, account)) = entitled else { return Ok(errand) };
    let own = place.permission.clone();
    let access = match known {
        Some(access) => access,
        None => announce(tx, &grant, place)?,
    };
    let permission = strongest(tx, &access, own.as_deref())?;
    let is_settled = grant.is_granted()
        && access.given_at.is_some()
        && access.asked_back_at.is_none()
        && access.permission == permission
        && remembered_permission(&grant)? == own;
    if is_settled {
        announce::settled(tx, &benefit, &grant)?;
        return Ok(errand);
    }
    let access = Access { permission, ..access };
    errand.give = Some(Gift { access, account });
    Ok(errand)
}

/// Records that a service took something back. What other revoked grants of the organization gave the account there is
/// settled with it; what others still give is asked for again.
pub fn withdrawn(tx: &mut Tx<'_>, access: &Access) -> Result<()> {
    remove(tx, access)?;
    for (other, grant) in others_to_same_place(tx, access)? {
        if grant.is_revoked() {
            remove(tx, &other)?;
        } else if grant.is_granted() {
            // It came while the service was asked, so the service took it too.
            tx.execute("UPDATE benefit_grant_accesses SET given_at = NULL WHERE id = $1", &[&other.id])?;
            enqueue(tx, &grant)?;
        }
    }
    Ok(())
}

/// Records that a service gave something. If the grant still entitles to it, the grant is granted; else the job that
/// follows the change takes it back.
pub fn given(tx: &mut Tx<'_>, access: &Access) -> Result<()> {
    let now = tx.now();
    let updated = tx.execute(
        "UPDATE benefit_grant_accesses SET given_at = $6, asked_back_at = NULL, permission = $7 WHERE grant_id = $1 AND platform = $2 \
         AND account_id = $3 AND container = $4 AND target = $5",
        &[
            &access.grant_id,
            &access.platform,
            &access.account_id,
            &access.container,
            &access.target,
            &now,
            &access.permission,
        ],
    )?;
    if updated == 0 {
        // Somebody took it back and forgot it while the service was slow to give it.
        tx.insert(&Access { given_at: Some(now), asked_back_at: None, ..access.clone() })?;
    }
    let Some((mut grant, benefit)) = find(tx, access.grant_id)? else { return Ok(()) };
    let Some((place, _)) = entitlement(tx, &grant, &benefit)? else { return Ok(()) };
    let Some(outside) = kinds::of(benefit.r#type).outside() else { return Ok(()) };
    if !access.is_to(&place) || strength(access.permission.as_deref()) < strength(place.permission.as_deref())
    {
        return Ok(());
    }
    let properties = outside.remembered(&place)?;
    keep(tx, &benefit, &mut grant, Change::Granted(properties))?;
    announce::settled(tx, &benefit, &grant)?;
    let others = granted_to_same_place(tx, access)?;
    tell(tx, &others, access)?;
    if strongest(tx, access, place.permission.as_deref())? != access.permission {
        // Something else came or went while the service was asked.
        enqueue(tx, &grant)?;
    }
    Ok(())
}

/// Records that a service will not give something until somebody does something about it: the grant waits. What was not
/// given before is nothing to be taken back.
pub fn refused(tx: &mut Tx<'_>, access: &Access) -> Result<()> {
    tx.execute("DELETE FROM benefit_grant_accesses WHERE id = $1 AND given_at IS NULL", &[&access.id])?;
    let Some((mut grant, benefit)) = find(tx, access.grant_id)? else { return Ok(()) };
    let Some((place, _)) = entitlement(tx, &grant, &benefit)? else { return Ok(()) };
    if !access.is_to(&place) {
        return Ok(());
    }
    let properties = Json::from(serde_json::json!({"account_id": place.account_id}));
    keep(tx, &benefit, &mut grant, Change::ActionRequired(properties))?;
    announce::settled(tx, &benefit, &grant)
}

/// What a grant entitles its holder's account to, if the holder chose one.
fn entitlement(
    tx: &mut ReadTx<'_>,
    grant: &BenefitGrant,
    benefit: &Benefit,
) -> Result<Option<(Place, CustomerAccount)>> {
    let Some(outside) = kinds::of(benefit.r#type).outside() else { return Ok(None) };
    let is_over = grant.is_revoked() || benefit.deleted_at.is_some();
    if is_over || customers::find(tx, grant.customer_id)?.is_none() {
        return Ok(None);
    }
    let Some(account_id) = chosen_account(grant)? else { return Ok(None) };
    let account = connections::find_of_customer(tx, grant.customer_id, outside.platform(), &account_id)?;
    account.map(|account| Ok((outside.place(benefit, &account_id)?, account))).transpose()
}

/// A grant with its benefit, live or deleted.
fn find(tx: &mut ReadTx<'_>, id: Id<BenefitGrant>) -> Result<Option<(BenefitGrant, Benefit)>> {
    const SQL: &str = concatcp!(WITH_BENEFIT, " WHERE benefit_grants.id = $1");
    Ok(tx.find(SQL, &[&id])?)
}

fn of_grant(tx: &mut ReadTx<'_>, id: Id<BenefitGrant>) -> Result<Vec<Access>> {
    const SQL: &str =
        concatcp!("SELECT ", Access::COLUMNS, " FROM benefit_grant_accesses WHERE grant_id = $1 ORDER BY id");
    Ok(tx.all(SQL, &[&id])?)
}

/// Whether another grant gives the same account the same, whichever benefit of the organization it is of. If one does,
/// what is left to the account has the permission of those that are left.
fn is_left_to_others(tx: &mut Tx<'_>, access: &Access) -> Result<bool> {
    let others = granted_to_same_place(tx, access)?;
    if strongest(tx, access, None)? != access.permission {
        tell(tx, &others, access)?;
        for (_, grant) in &others {
            enqueue(tx, grant)?;
        }
    }
    Ok(!others.is_empty())
}

/// Writes down that the service was told this last, which holds for what these grants give too.
fn tell(tx: &mut Tx<'_>, others: &[(Access, BenefitGrant)], access: &Access) -> Result<()> {
    let stale = others.iter().filter(|(other, _)| other.permission != access.permission);
    let stale: Vec<Id<Access>> = stale.map(|(other, _)| other.id).collect();
    if stale.is_empty() {
        return Ok(());
    }
    let mut sql = Sql::new("UPDATE benefit_grant_accesses SET permission = ");
    sql.bind(access.permission.clone()).push(" WHERE id IN ").bind_list(stale);
    tx.apply(&sql)?;
    Ok(())
}

/// How much a permission allows; nothing allows least.
fn strength(permission: Option<&str>) -> Option<usize> {
    PERMISSIONS.iter().position(|known| Some(*known) == permission)
}

/// The strongest of a permission and of those that other grants give the same account in the same place.
fn strongest(tx: &mut ReadTx<'_>, access: &Access, own: Option<&str>) -> Result<Option<String>> {
    let mut strongest = own.map(str::to_owned);
    for (_, grant) in granted_to_same_place(tx, access)? {
        let permission = remembered_permission(&grant)?;
        if strength(permission.as_deref()) > strength(strongest.as_deref()) {
            strongest = permission;
        }
    }
    Ok(strongest)
}

/// The permission that a grant gives by itself.
fn remembered_permission(grant: &BenefitGrant) -> Result<Option<String>> {
    #[derive(Deserialize)]
    struct Remembered {
        permission: Option<String>,
    }
    Ok(grant.properties.parse::<Remembered>()?.permission)
}

fn granted_to_same_place(tx: &mut ReadTx<'_>, access: &Access) -> Result<Vec<(Access, BenefitGrant)>> {
    let mut others = others_to_same_place(tx, access)?;
    others.retain(|(_, grant)| grant.is_granted());
    Ok(others)
}

/// What other grants of the organization gave the same account in the same place.
fn others_to_same_place(tx: &mut ReadTx<'_>, access: &Access) -> Result<Vec<(Access, BenefitGrant)>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Access::COLUMNS,
        ", ",
        BenefitGrant::COLUMNS,
        " FROM benefit_grant_accesses JOIN benefit_grants ON benefit_grants.id = benefit_grant_accesses.grant_id \
         JOIN benefits ON benefits.id = benefit_grants.benefit_id \
         WHERE benefit_grant_accesses.platform = $1 AND benefit_grant_accesses.account_id = $2 \
         AND lower(benefit_grant_accesses.container) = lower($3) AND lower(benefit_grant_accesses.target) = lower($4) \
         AND benefit_grant_accesses.grant_id <> $5 \
         AND benefits.organization_id = (SELECT organization_id FROM benefits WHERE id = $6) \
         ORDER BY benefit_grant_accesses.id"
    );
    Ok(tx.all(
        SQL,
        &[
            &access.platform,
            &access.account_id,
            &access.container,
            &access.target,
            &access.grant_id,
            &access.benefit_id,
        ],
    )?)
}

/// Asks for the job that brings another service into line with a grant.
pub(super) fn enqueue(tx: &mut Tx<'_>, grant: &BenefitGrant) -> Result<()> {
    let job = FlowJob::SettleAccess { grant_id: grant.id, customer_id: grant.customer_id };
    jobs::enqueue(tx, &job.into())
}

fn announce(tx: &mut Tx<'_>, grant: &BenefitGrant, place: Place) -> Result<Access> {
    let access = Access {
        id: Id::new(tx),
        grant_id: grant.id,
        customer_id: grant.customer_id,
        benefit_id: grant.benefit_id,
        platform: place.platform,
        account_id: place.account_id,
        container: place.container,
        target: place.target,
        permission: place.permission,
        given_at: None,
        asked_back_at: None,
        created_at: tx.now(),
    };
    tx.insert(&access)?;
    Ok(access)
}

fn remove(tx: &mut Tx<'_>, access: &Access) -> Result<()> {
    tx.execute("DELETE FROM benefit_grant_accesses WHERE id = $1", &[&access.id])?;
    Ok(())
}
