//! Which organizations a caller works for.

use merak_store::ReadTx;

use super::{Actor, Subject};
use crate::kit::{Id, Refusal, Result, at};
use crate::organizations::Organization;

/// The organizations whose rows a caller may see. Empty for anonymous callers and customers.
#[derive(Clone, Debug, Default)]
pub struct Tenancy(Vec<Id<Organization>>);

/// Reads the caller's tenancy: a user's live memberships, or the organization itself.
pub fn tenancy(tx: &mut ReadTx<'_>, actor: &Actor) -> Result<Tenancy> {
    Ok(Tenancy(match actor.subject {
        Subject::Organization(id) => vec![id],
        Subject::User(id) => tx.all(
            "SELECT organizations.id FROM organization_members \
             JOIN organizations ON organizations.id = organization_members.organization_id \
             WHERE organization_members.user_id = $1 AND organization_members.deleted_at IS NULL \
             AND organizations.deleted_at IS NULL ORDER BY organizations.id",
            &[&id],
        )?,
        Subject::Anonymous | Subject::Customer(_) => Vec::new(),
    }))
}

impl Tenancy {
    /// The tenancy of one organization, for work that the system does on its behalf.
    pub fn of(id: Id<Organization>) -> Self {
        Self(vec![id])
    }

    /// Whether rows of this organization are visible.
    pub fn contains(&self, id: Id<Organization>) -> bool {
        self.0.contains(&id)
    }

    /// The organizations.
    pub fn ids(&self) -> &[Id<Organization>] {
        &self.0
    }

    /// Only those organizations that the filter names. An empty filter is no filter; it never widens.
    #[must_use]
    pub fn narrowed(self, filter: &[Id<Organization>]) -> Self {
        if filter.is_empty() {
            return self;
        }
        Self(self.0.into_iter().filter(|id| filter.contains(id)).collect())
    }
}

/// The same as [`require_organization`] where somebody who is not a member is told so.
pub fn require_own_organization(
    tx: &mut ReadTx<'_>,
    actor: &Actor,
    named: Option<Id<Organization>>,
) -> Result<Id<Organization>> {
    match (actor.subject, named) {
        (Subject::User(_), Some(id)) if !tenancy(tx, actor)?.contains(id) && is_open(tx, id)? => {
            Err(Refusal::not_permitted("You are not a member of this organization."))
        }
        _ => require_organization(tx, actor, named),
    }
}

/// The organization that a create body is for: a user names one of theirs, an organization must leave it out.
pub fn require_organization(
    tx: &mut ReadTx<'_>,
    actor: &Actor,
    named: Option<Id<Organization>>,
) -> Result<Id<Organization>> {
    let place = at("body").field("organization_id");
    match (actor.subject, named) {
        (Subject::Organization(id), None) => Ok(id),
        (Subject::Organization(_), Some(named)) => Err(Refusal::invalid(place.problem(
            "organization_token",
            "Setting organization_id is disallowed when using an organization token.",
            named.to_string(),
        ))),
        (_, None) => Err(Refusal::invalid(place.problem(
            "missing",
            "organization_id is required.",
            serde_json::Value::Null,
        ))),
        (_, Some(named)) => {
            if is_open(tx, named)? && tenancy(tx, actor)?.contains(named) {
                Ok(named)
            } else {
                Err(Refusal::invalid(place.value_error("Organization not found.", named.to_string())))
            }
        }
    }
}

fn is_open(tx: &mut ReadTx<'_>, id: Id<Organization>) -> Result<bool> {
    let sql = "SELECT id FROM organizations WHERE id = $1 AND blocked_at IS NULL AND deleted_at IS NULL";
    Ok(tx.find::<Id<Organization>>(sql, &[&id])?.is_some())
}
