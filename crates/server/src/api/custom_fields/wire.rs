//! What sellers send of custom fields. The five shapes differ in their properties only, so requests are checked by
//! those shapes and then read into one struct for all types.

use merak_core::custom_fields::slug::LONGEST as LONGEST_SLUG;
use merak_core::custom_fields::{CustomFieldType, FieldSlug, Properties};
use merak_core::kit::{Id, LONGEST_NAME, Metadata};
use merak_core::organizations::Organization;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::shared::custom_field::{of_each_type, properties_schema};
use crate::wire::{Components, Described, one_of_named};

fn slug() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": LONGEST_SLUG, "pattern": "^[a-z0-9-_]+$",
           "description": "The name of its answers in stored data."})
}

fn name() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": LONGEST_NAME, "description": "What you call it."})
}

fn nullable(schema: &Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

/// A custom field to be made, of whatever type.
#[derive(Clone, Debug, Deserialize)]
pub struct CustomFieldCreate {
    #[serde(default)]
    pub metadata: Metadata,
    pub r#type: CustomFieldType,
    pub slug: FieldSlug,
    pub name: String,
    pub organization_id: Option<Id<Organization>>,
    pub properties: Properties,
}

impl Described for CustomFieldCreate {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "CustomFieldCreate", |components| {
            of_each_type(components, "CustomFieldCreate{}", |r#type, components| {
                json!({
                    "type": "object",
                    "properties": {
                        "metadata": Metadata::schema(components),
                        "type": {"type": "string", "const": r#type.as_str()},
                        "slug": slug(),
                        "name": name(),
                        "organization_id": nullable(&json!({"type": "string", "format": "uuid4"})),
                        "properties": properties_schema(r#type, components)
                    },
                    "required": ["type", "slug", "name", "properties"]
                })
            })
        })
    }
}

/// A change of a custom field, of whatever type. Null changes nothing.
#[derive(Clone, Debug, Deserialize)]
pub struct CustomFieldUpdate {
    pub metadata: Option<Metadata>,
    pub name: Option<String>,
    pub slug: Option<FieldSlug>,
    pub r#type: CustomFieldType,
    pub properties: Option<Properties>,
}

impl Described for CustomFieldUpdate {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "CustomFieldUpdate", |components| {
            of_each_type(components, "CustomFieldUpdate{}", |r#type, components| {
                json!({
                    "type": "object",
                    "properties": {
                        "metadata": nullable(&Metadata::schema(components)),
                        "name": nullable(&name()),
                        "slug": nullable(&slug()),
                        "type": {"type": "string", "const": r#type.as_str()},
                        "properties": nullable(&properties_schema(r#type, components))
                    },
                    "required": ["type"]
                })
            })
        })
    }
}
