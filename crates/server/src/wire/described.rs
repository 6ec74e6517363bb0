//! Types that know their own JSON schema.
//!
//! The derive of an OpenAPI library cannot be put on the core's types (ids, times, addresses), and the contract's
//! unions and closed choices are spelled in ways of their own; so wire structs are declared by two small macros,
//! [`request!`] and [`answer!`], that make the struct and its schema from one text.

use std::collections::BTreeMap;

use merak_core::kit::{Address, Email, Id, Metadata, Patch, ScopeSet, TaxId, TaxIdFormat, WebUrl};
use merak_store::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The schemas of the document that others refer to, by name.
pub type Components = Map<String, Value>;

/// A type with a JSON schema.
pub trait Described {
    /// Whether a member of this type may be left out of a request.
    const OPTIONAL: bool = false;

    /// The schema. A type with a name enters itself into `components` and answers a reference.
    fn schema(components: &mut Components) -> Value;
}

/// A reference to a component.
pub fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Enters a component under its name unless it is there, and answers the reference.
pub fn one_of_named(
    components: &mut Components,
    name: &str,
    make: impl FnOnce(&mut Components) -> Value,
) -> Value {
    if !components.contains_key(name) {
        components.insert(name.to_owned(), Value::Null);
        let schema = make(components);
        components.insert(name.to_owned(), schema);
    }
    reference(name)
}

/// The schema of a member: that of its type, with what the declaration adds.
pub fn member(mut schema: Value, added: &Value, description: &str) -> Value {
    let mut target = &mut schema;
    // Rules of a nullable value stand in the branch that is not null.
    if !added.is_null() && target.get("anyOf").is_some() {
        target = &mut target["anyOf"][0];
    }
    if let (Some(target), Some(added)) = (target.as_object_mut(), added.as_object()) {
        for (name, rule) in added {
            if rule.is_null() {
                target.remove(name);
            } else if !["default", "deprecated", "required"].contains(&name.as_str()) {
                target.insert(name.clone(), rule.clone());
            }
        }
    }
    if let Some(schema) = schema.as_object_mut() {
        for name in ["default", "deprecated"] {
            if let Some(rule) = added.get(name) {
                schema.insert(name.to_owned(), rule.clone());
            }
        }
        if !description.is_empty() {
            schema.insert("description".to_owned(), Value::from(description));
        }
    }
    schema
}

/// Joins the lines of a doc comment.
pub fn prose(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// Declares a struct that requests are read into. A member is optional if its type says so or a `default` is given.
macro_rules! request {
    ($(
        $(#[doc = $doc:expr])*
        pub struct $name:ident {
            $($(#[doc = $field_doc:expr])* $(#[serde($($serde:tt)*)])* pub $field:ident : $type:ty $(= $added:tt)? ,)*
        }
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, serde::Deserialize)]
        pub struct $name {
            $($(#[doc = $field_doc])* $(#[serde($($serde)*)])* pub $field: $type,)*
        }
        impl $crate::wire::Described for $name {
            fn schema(components: &mut $crate::wire::Components) -> serde_json::Value {
                $crate::wire::one_of_named(components, stringify!($name), |components| {
                    let _ = &components;
                    let mut properties = serde_json::Map::new();
                    let mut required: Vec<&str> = Vec::new();
                    $({
                        #[allow(unused_mut, unused_assignments, clippy::allow_attributes)]
                        let mut added = serde_json::Value::Null;
                        $(added = serde_json::json!($added);)?
                        let name = stringify!($field).trim_start_matches("r#");
                        if !<$type as $crate::wire::Described>::OPTIONAL && added.get("default").is_none() {
                            required.push(name);
                        }
                        let schema = <$type as $crate::wire::Described>::schema(components);
                        let docs = $crate::wire::described::prose(&[$($field_doc),*]);
                        properties.insert(name.to_owned(), $crate::wire::described::member(schema, &added, &docs));
                    })*
                    $crate::wire::described::object(properties, &required, &[$($doc),*])
                })
            }
        }
    )*};
}
pub(crate) use request;

/// Declares a struct that answers are written from. Every member is always present; where the contract nevertheless
/// does not promise it, the declaration says `"required": false`.
macro_rules! answer {
    ($(
        $(#[doc = $doc:expr])*
        pub struct $name:ident {
            $($(#[doc = $field_doc:expr])* $(#[serde($($serde:tt)*)])* pub $field:ident : $type:ty $(= $added:tt)? ,)*
        }
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, serde::Serialize)]
        pub struct $name {
            $($(#[doc = $field_doc])* $(#[serde($($serde)*)])* pub $field: $type,)*
        }
        impl $crate::wire::Described for $name {
            fn schema(components: &mut $crate::wire::Components) -> serde_json::Value {
                $crate::wire::one_of_named(components, stringify!($name), |components| {
                    let mut properties = serde_json::Map::new();
                    let mut required: Vec<&str> = Vec::new();
                    $({
                        #[allow(unused_mut, unused_assignments, clippy::allow_attributes)]
                        let mut added = serde_json::Value::Null;
                        $(added = serde_json::json!($added);)?
                        let name = stringify!($field).trim_start_matches("r#");
                        if added.get("default").is_none() && added.get("required").is_none() {
                            required.push(name);
                        }
                        let schema = <$type as $crate::wire::Described>::schema(components);
                        let docs = $crate::wire::described::prose(&[$($field_doc),*]);
                        properties.insert(name.to_owned(), $crate::wire::described::member(schema, &added, &docs));
                    })*
                    $crate::wire::described::object(properties, &required, &[$($doc),*])
                })
            }
        }
    )*};
}
pub(crate) use answer;

/// The schema of an object with these members.
pub fn object(properties: Map<String, Value>, required: &[&str], docs: &[&str]) -> Value {
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let docs = prose(docs);
    if !docs.is_empty() {
        schema["description"] = Value::from(docs);
    }
    schema
}

macro_rules! plain {
    ($($type:ty => $schema:tt),* $(,)?) => {$(
        impl Described for $type {
            fn schema(_: &mut Components) -> Value {
                json!($schema)
            }
        }
    )*};
}

plain! {
    bool => {"type": "boolean"},
    i64 => {"type": "integer"},
    String => {"type": "string"},
    Uuid => {"type": "string", "format": "uuid4"},
    Timestamp => {"type": "string", "format": "date-time"},
    Email => {"type": "string", "format": "email"},
    WebUrl => {"type": "string", "format": "uri", "minLength": 1, "maxLength": 2083},
    ScopeSet => {"type": "string"},
    JsonObject => {"type": "object"},
    merak_store::Json => {"type": "object"},
}

/// Any JSON object, as it was sent.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct JsonObject(pub Map<String, Value>);

impl<T> Described for Id<T> {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string", "format": "uuid4"})
    }
}

impl<T: Described> Described for Option<T> {
    const OPTIONAL: bool = true;

    fn schema(components: &mut Components) -> Value {
        json!({"anyOf": [T::schema(components), {"type": "null"}]})
    }
}

impl<T: Described> Described for Patch<T> {
    const OPTIONAL: bool = true;

    fn schema(components: &mut Components) -> Value {
        json!({"anyOf": [T::schema(components), {"type": "null"}]})
    }
}

/// A member that may be left out but is not null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given<T>(pub Option<T>);

impl<T> Default for Given<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for Given<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(|value| Self(Some(value)))
    }
}

impl<T: Described> Described for Given<T> {
    const OPTIONAL: bool = true;

    fn schema(components: &mut Components) -> Value {
        T::schema(components)
    }
}

impl<T: Described> Described for Vec<T> {
    fn schema(components: &mut Components) -> Value {
        json!({"type": "array", "items": T::schema(components)})
    }
}

impl<T: Described> Described for BTreeMap<String, T> {
    fn schema(components: &mut Components) -> Value {
        json!({"type": "object", "additionalProperties": T::schema(components)})
    }
}

impl<T: Described> Described for Box<T> {
    const OPTIONAL: bool = T::OPTIONAL;

    fn schema(components: &mut Components) -> Value {
        T::schema(components)
    }
}

impl Described for Metadata {
    fn schema(_: &mut Components) -> Value {
        json!({
            "type": "object",
            "maxProperties": 50,
            "propertyNames": {"minLength": 1, "maxLength": 40},
            "additionalProperties": {"anyOf": [
                {"type": "string", "minLength": 1, "maxLength": 500, "x-label": "constrained-str"},
                {"type": "integer", "x-label": "int"},
                {"type": "boolean", "x-label": "bool"}
            ]}
        })
    }
}

impl Described for Address {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "Address", |_| {
            let line = json!({"anyOf": [{"type": "string", "x-trim": true}, {"type": "null"}]});
            json!({
                "type": "object",
                "properties": {
                    "line1": line, "line2": line, "postal_code": line, "city": line, "state": line,
                    "country": {"type": "string", "format": "country", "examples": ["US"],
                                "description": "ISO 3166-1 alpha-2 code of the country."}
                },
                "required": ["country"]
            })
        })
    }
}

impl Described for TaxId {
    fn schema(components: &mut Components) -> Value {
        let format = one_of_named(
            components,
            "TaxIDFormat",
            |_| json!({"type": "string", "enum": TaxIdFormat::TEXTS, "description": "The kind of tax number."}),
        );
        json!({"type": "array", "prefixItems": [{"type": "string"}, format], "minItems": 2, "maxItems": 2})
    }
}
