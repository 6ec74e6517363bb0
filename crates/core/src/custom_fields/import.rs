//! Custom fields that come from elsewhere.

use merak_store::Tx;

use super::CustomField;
use super::commands::{accepted, count};
use crate::kit::{Id, Imported, Refusal, Result, problem_of_name};
use crate::organizations::Organization;
use crate::search;

/// Takes a field over, if its settings are sound. One whose slug a live field of the organization has is that field, if
/// both ask for the same.
pub fn import(tx: &mut Tx<'_>, mut field: CustomField) -> Result<Imported<CustomField>> {
    const OWNER: &str = "SELECT organization_id FROM custom_fields WHERE id = $1";
    const SAME_SLUG: &str = "SELECT id, type FROM custom_fields \
         WHERE organization_id = $1 AND slug = $2 AND deleted_at IS NULL";
    if let Some(reason) = problem_of_name(&field.name) {
        return Ok(Imported::refused(reason));
    }
    field.properties = match accepted(field.r#type, &field.properties) {
        Ok(properties) => properties,
        Err(Refusal::Store(error)) => return Err(error.into()),
        Err(refusal) => return Ok(Imported::Refused(refusal.sentences())),
    };
    if !tx.insert_new(&field)? {
        if tx.find::<Id<Organization>>(OWNER, &[&field.id])? == Some(field.organization_id) {
            return Ok(Imported::Found(field.id));
        }
        let same = tx.find::<(Id<CustomField>, String)>(SAME_SLUG, &[&field.organization_id, &field.slug])?;
        if let Some((id, r#type)) = same {
            return Ok(if r#type == field.r#type.as_str() {
                Imported::Found(id)
            } else {
                Imported::refused("a field here has the same slug and asks for something else")
            });
        }
        field.id = Id::new(tx);
        tx.insert(&field)?;
    }
    if field.deleted_at.is_none() {
        search::add(tx, &field)?;
        count(tx, &field, 1)?;
    }
    Ok(Imported::New(field.id))
}
