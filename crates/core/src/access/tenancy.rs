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
        Subject::Anonymous | Subject::Customer(_) | Subject::Purchase { .. } => Vec::new(),
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

/// The organization that a create body is for: a user names one of theirs, an organization must leave it out. One of
/// somebody else is told like one that is not there.
pub fn require_organization(
    tx: &mut ReadTx<'_>,
    actor: &Actor,
    named: Option<Id<Organization>>,
) -> Result<Id<Organization>> {
    match named_organization(tx, actor, named)? {
        Named::Own(id) => Ok(id),
        Named::Foreign(named) => Err(no_organization(named)),
    }
}

/// [`require_organization`] for the nouns where one of somebody else is not permitted: products and files.
pub fn require_own_organization(
    tx: &mut ReadTx<'_>,
    actor: &Actor,
    named: Option<Id<Organization>>,
) -> Result<Id<Organization>> {
    match named_organization(tx, actor, named)? {
        Named::Own(id) => Ok(id),
        Named::Foreign(_) => Err(Refusal::not_permitted("You are not a member of this organization.")),
    }
}

/// An organization that a create body names and that is there.
enum Named {
    /// The caller works for it.
    Own(Id<Organization>),
    /// The caller does not.
    Foreign(Id<Organization>),
}

fn named_organization(tx: &mut ReadTx<'_>, actor: &Actor, named: Option<Id<Organization>>) -> Result<Named> {
    let place = at("body").field("organization_id");
    match (actor.subject, named) {
        (Subject::Organization(id), None) => Ok(Named::Own(id)),
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
            let is_open = tx
                .find::<Id<Organization>>(
                    "SELECT id FROM organizations WHERE id = $1 AND blocked_at IS NULL AND deleted_at IS NULL",
                    &[&named],
                )?
                .is_some();
            if !is_open {
                return Err(no_organization(named));
            }
            Ok(if tenancy(tx, actor)?.contains(named) { Named::Own(named) } else { Named::Foreign(named) })
        }
    }
}

fn no_organization(named: Id<Organization>) -> Refusal {
    let place = at("body").field("organization_id");
    Refusal::invalid(place.value_error("Organization not found.", named.to_string()))
}
