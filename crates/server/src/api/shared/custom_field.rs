//! Custom fields: the five shapes, which differ in their properties only.

use merak_core::custom_fields::{self, CustomFieldType, FieldSlug, Properties};
use merak_core::kit::{Id, Metadata};
use merak_core::organizations;
use merak_store::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::wire::{Components, Described, one_of_named};

/// The part of each schema name that says the type, in the contract's order of the types.
fn type_name(r#type: CustomFieldType) -> &'static str {
    match r#type {
        CustomFieldType::Text => "Text",
        CustomFieldType::Number => "Number",
        CustomFieldType::Date => "Date",
        CustomFieldType::Checkbox => "Checkbox",
        CustomFieldType::Select => "Select",
    }
}

impl Described for CustomFieldType {
    fn schema(components: &mut Components) -> Value {
        one_of_named(
            components,
            "CustomFieldType",
            |_| json!({"type": "string", "enum": Self::TEXTS, "description": "What a field asks for."}),
        )
    }
}

/// A union with a shape for each type, named by the type in the place of `{}`.
pub fn of_each_type(
    components: &mut Components,
    name: &str,
    shape: impl Fn(CustomFieldType, &mut Components) -> Value,
) -> Value {
    let mut branches = Vec::new();
    let mut mapping = Map::new();
    for r#type in CustomFieldType::ALL {
        let name = name.replace("{}", type_name(*r#type));
        let branch = one_of_named(components, &name, |components| shape(*r#type, components));
        mapping.insert(r#type.as_str().to_owned(), branch["$ref"].clone());
        branches.push(branch);
    }
    json!({"oneOf": branches, "discriminator": {"propertyName": "type", "mapping": mapping}})
}

/// The schema of the properties of a type.
pub fn properties_schema(r#type: CustomFieldType, components: &mut Components) -> Value {
    let mut members = json!({
        "form_label": {"type": "string", "minLength": 1, "description": "What stands above the field."},
        "form_help_text": {"type": "string", "minLength": 1, "description": "What stands below the field."},
        "form_placeholder": {"type": "string", "minLength": 1,
                             "description": "What stands in the field while it is empty."}
    });
    match r#type {
        CustomFieldType::Text => {
            members["textarea"] =
                json!({"type": "boolean", "description": "Whether it may have several lines."});
            members["min_length"] = json!({"type": "integer", "minimum": 0});
            members["max_length"] = json!({"type": "integer", "minimum": 0});
        }
        CustomFieldType::Number => {
            members["ge"] = json!({"type": "integer", "description": "The least number."});
            members["le"] = json!({"type": "integer", "description": "The greatest number."});
        }
        CustomFieldType::Date => {
            let day = |which| format!("A moment of the {which} day, in Unix seconds; 0 is no bound.");
            members["ge"] = json!({"type": "integer", "description": day("earliest")});
            members["le"] = json!({"type": "integer", "description": day("latest")});
        }
        CustomFieldType::Checkbox => {}
        CustomFieldType::Select => {
            members["options"] =
                json!({"type": "array", "items": option_schema(components), "maxItems": 1000});
        }
    }
    let mut schema = json!({"type": "object", "properties": members});
    if r#type == CustomFieldType::Select {
        schema["required"] = json!(["options"]);
    }
    let name = format!("CustomField{}Properties", type_name(r#type));
    one_of_named(components, &name, |_| schema)
}

fn option_schema(components: &mut Components) -> Value {
    one_of_named(components, "CustomFieldSelectOption", |_| {
        json!({
            "type": "object",
            "properties": {
                "value": {"type": "string", "minLength": 1, "description": "What is stored."},
                "label": {"type": "string", "minLength": 1, "description": "What is shown."}
            },
            "required": ["value", "label"]
        })
    })
}

/// A question that an organization asks its buyers at the checkout.
#[derive(Clone, Debug, Serialize)]
pub struct CustomField {
    pub created_at: Timestamp,
    pub modified_at: Option<Timestamp>,
    pub id: Id<custom_fields::CustomField>,
    pub metadata: Metadata,
    pub r#type: CustomFieldType,
    pub slug: FieldSlug,
    pub name: String,
    pub organization_id: Id<organizations::Organization>,
    pub properties: Properties,
}

impl Described for CustomField {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "CustomField", |components| of_each_type(components, "CustomField{}", shape))
    }
}

fn shape(r#type: CustomFieldType, components: &mut Components) -> Value {
    let id = json!({"type": "string", "format": "uuid4"});
    let members = json!({
        "created_at": {"type": "string", "format": "date-time"},
        "modified_at": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        "id": id,
        "metadata": Metadata::schema(components),
        "type": {"type": "string", "const": r#type.as_str()},
        "slug": {"type": "string", "description": "The name of its answers in stored data."},
        "name": {"type": "string", "description": "What the organization calls it."},
        "organization_id": id,
        "properties": properties_schema(r#type, components)
    });
    let required: Vec<&String> = members.as_object().into_iter().flat_map(Map::keys).collect();
    json!({"type": "object", "properties": members, "required": required})
}

impl From<custom_fields::CustomField> for CustomField {
    fn from(field: custom_fields::CustomField) -> Self {
        Self {
            created_at: field.created_at,
            modified_at: field.modified_at,
            id: field.id,
            metadata: field.metadata,
            r#type: field.r#type,
            slug: field.slug,
            name: field.name,
            organization_id: field.organization_id,
            properties: field.properties,
        }
    }
}
