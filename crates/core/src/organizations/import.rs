//! Organizations that come from elsewhere.

use merak_store::Tx;

use super::Organization;
use crate::kit::{Id, Imported, Result};
use crate::users::User;

/// Takes an organization over with its id, which apps in the field send, and its slug. Refused if either belongs to
/// another organization here.
pub fn import(
    tx: &mut Tx<'_>,
    organization: &Organization,
    members: &[Id<User>],
) -> Result<Imported<Organization>> {
    if !tx.insert_new(organization)? {
        return Ok(Imported::refused(format!(
            "an organization here has the slug {} or the same id",
            organization.slug
        )));
    }
    let now = tx.now();
    for member in members {
        tx.execute(
            "INSERT INTO organization_members (user_id, organization_id, created_at) VALUES ($1, $2, $3)",
            &[member, &organization.id, &now],
        )?;
    }
    super::commands::open_counts(tx, organization.id)?;
    Ok(Imported::New(organization.id))
}
