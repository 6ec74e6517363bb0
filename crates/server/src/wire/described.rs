//! Types that know their own JSON schema.
//!
//! The derive of an OpenAPI library cannot be put on the core's types (ids, times, addresses), and the contract's
//! unions and closed choices are spelled in ways of their own; so wire structs are declared by two small macros,
//! `request!` and `answer!`, that make the struct and its schema from one text.

use std::collections::BTreeMap;
use std::net::IpAddr;

use merak_core::kit::{Address, Cents, Currency, Email, Id, Metadata, Patch, TaxId, TaxIdFormat, WebUrl};
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

/// A schema that admits null too.
pub fn nullable(schema: Value) -> Value {
    let mut either = json!({"anyOf": [null, {"type": "null"}]});
    either["anyOf"][0] = schema;
    either
}

/// The schema of an object with these members.
pub fn object(properties: Value, required: &[&str]) -> Value {
    let mut schema = json!({"type": "object"});
    schema["properties"] = properties;
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// The schema of a member: that of its type, with what the declaration adds.
fn member(mut schema: Value, added: &Value, description: &str) -> Value {
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
fn prose(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// Declares structs with their schemas. `$given` is what a declaration adds to the schema of a member's type; the rule
/// says whether a member with it is required.
macro_rules! described {
    ($derive:path, $is_required:expr, $(
        $(#[doc = $doc:expr])*
        pub struct $name:ident {
            $($(#[doc = $field_doc:expr])* $(#[serde($($serde:tt)*)])* pub $field:ident : $type:ty $(= $added:tt)? ,)*
        }
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, $derive)]
        pub struct $name {
            $($(#[doc = $field_doc])* $(#[serde($($serde)*)])* pub $field: $type,)*
        }
        impl $crate::wire::Described for $name {
            fn schema(components: &mut $crate::wire::Components) -> serde_json::Value {
                $crate::wire::one_of_named(components, stringify!($name), |components| {
                    let is_required: fn(bool, &serde_json::Value) -> bool = $is_required;
                    let mut object = $crate::wire::described::Members::default();
                    $({
                        let added: &[serde_json::Value] = &[$(serde_json::json!($added))?];
                        let added = added.first().unwrap_or(&serde_json::Value::Null);
                        object.push(
                            stringify!($field),
                            <$type as $crate::wire::Described>::schema(components),
                            is_required(<$type as $crate::wire::Described>::OPTIONAL, added),
                            added,
                            &[$($field_doc),*],
                        );
                    })*
                    object.finish(&[$($doc),*])
                })
            }
        }
    )*};
}
pub(crate) use described;

/// Declares structs that requests are read into. A member is optional if its type says so or a `default` is given,
/// unless the declaration says `"required": true`: it may then be null, but not left out.
macro_rules! request {
    ($($declaration:tt)*) => {
        $crate::wire::described::described! {
            serde::Deserialize,
            |optional, added| {
                (!optional && added.get("default").is_none())
                    || added.get("required").is_some_and(|required| required == true)
            },
            $($declaration)*
        }
    };
}
pub(crate) use request;

/// Declares structs that answers are written from. Every member is always present; where the contract nevertheless
/// does not promise it, the declaration says `"required": false`.
macro_rules! answer {
    ($($declaration:tt)*) => {
        $crate::wire::described::described! {
            serde::Serialize,
            |_, added| added.get("default").is_none() && added.get("required").is_none(),
            $($declaration)*
        }
    };
}
pub(crate) use answer;

/// The members of an object schema in the making.
#[derive(Default)]
pub struct Members {
    properties: Map<String, Value>,
    required: Vec<String>,
}

impl Members {
    /// Adds a member: the schema of its type, with what the declaration adds.
    pub fn push(&mut self, field: &str, schema: Value, is_required: bool, added: &Value, docs: &[&str]) {
        let name = field.trim_start_matches("r#").to_owned();
        if is_required {
            self.required.push(name.clone());
        }
        self.properties.insert(name, member(schema, added, &prose(docs)));
    }

    /// The schema of the object.
    pub fn finish(self, docs: &[&str]) -> Value {
        let mut schema = json!({"type": "object", "properties": self.properties});
        if !self.required.is_empty() {
            schema["required"] = json!(self.required);
        }
        let docs = prose(docs);
        if !docs.is_empty() {
            schema["description"] = Value::from(docs);
        }
        schema
    }
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
    IpAddr => {"type": "string", "format": "ipvanyaddress"},
    Uuid => {"type": "string", "format": "uuid4"},
    Timestamp => {"type": "string", "format": "date-time"},
    Email => {"type": "string", "format": "email"},
    WebUrl => {"type": "string", "format": "uri", "minLength": 1, "maxLength": 2083},
    JsonObject => {"type": "object"},
    merak_store::Json => {"type": "object"},
}

/// Any JSON object, as it was sent.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct JsonObject(pub Map<String, Value>);

/// A length of time in seconds, sent as a number or as ISO 8601 text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub i64);

impl Described for Seconds {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string", "format": "duration"})
    }
}

/// Reads the normal form that the check of the schema leaves.
impl<'de> serde::Deserialize<'de> for Seconds {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl Described for Cents {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "integer"})
    }
}

impl Described for Currency {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string"})
    }
}

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
