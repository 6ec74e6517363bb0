//! Questions that an organization asks its buyers at the checkout.

mod commands;
mod import;
mod properties;
mod queries;
mod renames;
pub mod rules;
pub mod slug;

use merak_store::{Timestamp, row};

pub use self::commands::{CreateCustomField, UpdateCustomField, create, delete, update};
pub use self::import::import;
pub use self::properties::{Properties, SelectOption};
pub use self::queries::{ListCustomFields, find_many, get, list};
pub use self::renames::{AnswersIn, move_batch};
pub use self::slug::{FieldSlug, FieldSlugProblem};
use crate::kit::{Id, Metadata, sort_properties, text_enum};
use crate::organizations::Organization;

text_enum! {
    /// What a field asks for, in the wire's order.
    pub enum CustomFieldType {
        /// Text.
        Text = "text",
        /// A whole number.
        Number = "number",
        /// A day or a moment.
        Date = "date",
        /// A yes or no.
        Checkbox = "checkbox",
        /// One of several options.
        Select = "select",
    }
}

row! {
    /// A question that an organization asks its buyers.
    #[derive(Clone, Debug)]
    pub struct CustomField in "custom_fields" {
        /// The field's id.
        pub id: Id<CustomField>,
        /// Whose field this is.
        pub organization_id: Id<Organization>,
        /// What it asks for, which never changes.
        pub r#type: CustomFieldType,
        /// The name of its answers in stored data, unique among the organization's live fields.
        pub slug: FieldSlug,
        /// What the organization calls it.
        pub name: String,
        /// How it is shown and what it accepts.
        pub properties: Properties,
        /// The organization's own notes.
        pub metadata: Metadata,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// When it was deleted.
        pub deleted_at: Option<Timestamp>,
    }
}

sort_properties! {
    /// What a list of custom fields can be sorted by.
    pub enum CustomFieldSort {
        /// When the field was made.
        CreatedAt = "created_at" => "custom_fields.created_at",
        /// The slug.
        Slug = "slug" => "custom_fields.slug",
        /// The name, whatever its letter case.
        Name = "name" => "custom_fields.name_lower",
        /// The type, by its spelling.
        Type = "type" => "custom_fields.type",
    }
}
