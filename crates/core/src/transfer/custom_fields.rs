//! Custom fields.

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Place;
use super::batch::{Batch, Taken};
use super::export::{PAGE, Wanted, rows};
use super::record::Portable;
use crate::custom_fields::{self, CustomField, CustomFieldType, FieldSlug, Properties};
use crate::kit::{Id, Metadata, Result};

/// A custom field, with the members of the API's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CustomFieldRecord {
    /// The field's id.
    pub id: Id<CustomField>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub modified_at: Option<Timestamp>,
    /// What it asks for.
    pub r#type: CustomFieldType,
    /// The name of its answers in stored data.
    pub slug: FieldSlug,
    /// What the organization calls it.
    pub name: String,
    /// How it is shown and what it accepts.
    pub properties: Properties,
    /// The organization's own notes.
    #[serde(default)]
    pub metadata: Metadata,
}

const SQL: &str = concatcp!(
    "SELECT ",
    CustomField::COLUMNS,
    " FROM custom_fields WHERE organization_id = $1 AND deleted_at IS NULL",
    PAGE
);

impl CustomFieldRecord {
    pub(super) fn export(
        tx: &mut ReadTx<'_>,
        wanted: &Wanted,
        after: Option<Place>,
    ) -> Result<(Vec<Self>, Option<Place>)> {
        let (fields, place) =
            rows::<CustomField>(tx, wanted, (SQL, after), |field| (field.created_at, field.id.uuid()))?;
        Ok((fields.into_iter().map(Self::from).collect(), place))
    }
}

impl From<CustomField> for CustomFieldRecord {
    fn from(field: CustomField) -> Self {
        Self {
            id: field.id,
            created_at: field.created_at,
            modified_at: field.modified_at,
            r#type: field.r#type,
            slug: field.slug,
            name: field.name,
            properties: field.properties,
            metadata: field.metadata,
        }
    }
}

impl Portable for CustomFieldRecord {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn subject(&self) -> String {
        self.slug.as_str().to_owned()
    }

    fn take(&self, batch: &mut Batch<'_, '_>) -> Result<Taken> {
        let of = self.clone();
        let field = CustomField {
            id: of.id,
            organization_id: batch.organization_id(),
            r#type: of.r#type,
            slug: of.slug,
            name: of.name,
            properties: of.properties,
            metadata: of.metadata,
            created_at: of.created_at,
            modified_at: of.modified_at,
            deleted_at: None,
        };
        Ok(custom_fields::import(batch.tx, field)?.into())
    }
}
