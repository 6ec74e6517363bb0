//! What changes custom fields.

use merak_store::{ReadTx, ResultExt, Tx};

use super::{CustomField, CustomFieldType, FieldSlug, Properties, queries, renames};
use crate::access::Tenancy;
use crate::kit::{Id, Metadata, Refusal, Result, at};
use crate::organizations::Organization;
use crate::search;

/// A new custom field.
#[derive(Clone, Debug)]
pub struct CreateCustomField {
    /// Whose field.
    pub organization_id: Id<Organization>,
    /// What it asks for.
    pub r#type: CustomFieldType,
    /// The name of its answers in stored data.
    pub slug: FieldSlug,
    /// What the organization calls it.
    pub name: String,
    /// How it is shown and what it accepts; members of other types are dropped.
    pub properties: Properties,
    /// The organization's own notes.
    pub metadata: Metadata,
}

/// Makes a field. A slug that a live field of the organization has is refused.
pub fn create(tx: &mut Tx<'_>, command: &CreateCustomField) -> Result<CustomField> {
    require_left(tx, command.organization_id, &command.slug, None)?;
    let field = CustomField {
        id: Id::new(tx),
        organization_id: command.organization_id,
        r#type: command.r#type,
        slug: command.slug.clone(),
        name: command.name.clone(),
        properties: accepted(command.r#type, &command.properties)?,
        metadata: command.metadata.clone(),
        created_at: tx.now(),
        modified_at: None,
        deleted_at: None,
    };
    tx.insert(&field).on_constraint(SLUG_KEY, || slug_taken(&field.slug))?;
    search::add(tx, &field)?;
    count(tx, &field, 1)?;
    Ok(field)
}

const SLUG_KEY: &str = "custom_fields_organization_id_slug_key";

fn slug_taken(slug: &FieldSlug) -> Refusal {
    let place = at("body").field("slug");
    Refusal::invalid(place.value_error("A custom field with this slug already exists.", slug.as_str()))
}

/// A slug that another field had until a moment ago can be taken when the stored answers have followed it.
fn require_left(
    tx: &mut ReadTx<'_>,
    organization_id: Id<Organization>,
    slug: &FieldSlug,
    by: Option<Id<CustomField>>,
) -> Result<()> {
    if !renames::is_being_left(tx, organization_id, slug, by)? {
        return Ok(());
    }
    let sentence = "Answers to another field still have this slug. Try again in a moment.";
    Err(Refusal::invalid(at("body").field("slug").value_error(sentence, slug.as_str())))
}

pub(super) fn accepted(r#type: CustomFieldType, properties: &Properties) -> Result<Properties> {
    let properties = properties.clone().of_type(r#type);
    let problems = properties.problems(r#type);
    if problems.is_empty() { Ok(properties) } else { Err(Refusal::invalid_all(problems)) }
}

/// A change of a custom field. Absent members stay as they are.
#[derive(Clone, Debug)]
pub struct UpdateCustomField {
    /// The type the caller believes it to be.
    pub r#type: CustomFieldType,
    /// A new slug.
    pub slug: Option<FieldSlug>,
    /// A new name.
    pub name: Option<String>,
    /// Replaced as a whole.
    pub properties: Option<Properties>,
    /// Replaced as a whole.
    pub metadata: Option<Metadata>,
}

/// Changes a field the caller may see. A job lets the stored answers follow a new slug.
pub fn update(
    tx: &mut Tx<'_>,
    tenancy: &Tenancy,
    id: Id<CustomField>,
    command: &UpdateCustomField,
) -> Result<CustomField> {
    let before = queries::get(tx, tenancy, id)?;
    let mut field = before.clone();
    if command.r#type != field.r#type {
        let place = at("body").field("type");
        let problem =
            place.value_error("The type of a custom field can't be changed.", command.r#type.as_str());
        return Err(Refusal::invalid(problem));
    }
    let UpdateCustomField { r#type, slug, name, properties, metadata } = command;
    if slug.is_none() && name.is_none() && properties.is_none() && metadata.is_none() {
        return Ok(field);
    }
    if let Some(slug) = slug {
        require_left(tx, field.organization_id, slug, Some(id))?;
        renames::begin(tx, &field, slug)?;
        field.slug.clone_from(slug);
    }
    if let Some(name) = name {
        field.name.clone_from(name);
    }
    if let Some(properties) = properties {
        field.properties = accepted(*r#type, properties)?;
    }
    if let Some(metadata) = metadata {
        field.metadata.clone_from(metadata);
    }
    field.modified_at = Some(tx.now());
    tx.changed_one(
        "UPDATE custom_fields SET slug = $2, name = $3, properties = $4, metadata = $5, modified_at = $6 \
         WHERE id = $1",
        &[&field.id, &field.slug, &field.name, &field.properties, &field.metadata, &field.modified_at],
    )
    .on_constraint(SLUG_KEY, || slug_taken(&field.slug))?;
    search::change(tx, &before, &field)?;
    Ok(field)
}

/// Deletes a field the caller may see. No product asks for it any more, and its slug is free again.
pub fn delete(tx: &mut Tx<'_>, tenancy: &Tenancy, id: Id<CustomField>) -> Result<()> {
    let field = queries::get(tx, tenancy, id)?;
    let now = tx.now();
    tx.changed_one("UPDATE custom_fields SET deleted_at = $2, modified_at = $2 WHERE id = $1", &[&id, &now])?;
    tx.execute("DELETE FROM product_custom_fields WHERE custom_field_id = $1", &[&id])?;
    search::remove(tx, &field)?;
    count(tx, &field, -1)
}

/// Keeps the totals of the list.
pub(super) fn count(tx: &mut Tx<'_>, field: &CustomField, change: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO custom_field_counts (organization_id, type, custom_fields) VALUES ($1, $2, 0) \
         ON CONFLICT (organization_id, type) DO NOTHING",
        &[&field.organization_id, &field.r#type],
    )?;
    Ok(tx.changed_one(
        "UPDATE custom_field_counts SET custom_fields = custom_fields + $3 \
         WHERE organization_id = $1 AND type = $2",
        &[&field.organization_id, &field.r#type, &change],
    )?)
}
