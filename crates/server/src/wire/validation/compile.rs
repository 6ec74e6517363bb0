//! From a JSON schema to a shape.

use std::error::Error;
use std::fmt;

use merak_core::kit::lax::whole;
use serde_json::{Map, Value};

use super::formats::Format;
use super::pattern::Pattern;
use super::scalar::{Choice, Decimal, Integer, Text};
use super::shape::{Branch, Dictionary, List, Member, Node, Object, Union};
use super::unions::label;

/// What the schema cannot say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether mail addresses under `local`, `test` and the other names that are not on the
    /// Internet are accepted. Whoever runs Merak on a network of his own may need them.
    pub allow_special_use_domains: bool,
}

/// A schema that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    place: Vec<String>,
    reason: String,
}

impl SchemaError {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { place: Vec::new(), reason: reason.into() }
    }

    /// The same error, seen from one level further out.
    fn under(mut self, name: &str) -> Self {
        self.place.insert(0, name.to_owned());
        self
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the schema at /{} cannot be checked: {}", self.place.join("/"), self.reason)
    }
}

impl Error for SchemaError {}

pub(super) type Compiled<T = Node> = Result<T, SchemaError>;

/// Keywords that carry a rule.
const RULES: [&str; 26] = [
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "discriminator",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "oneOf",
    "pattern",
    "prefixItems",
    "properties",
    "propertyNames",
    "required",
    "type",
];

/// Keywords that only describe, beside all that begin with `x-`.
const DESCRIPTIONS: [&str; 11] = [
    "$comment",
    "contentEncoding",
    "contentMediaType",
    "default",
    "deprecated",
    "description",
    "example",
    "examples",
    "readOnly",
    "title",
    "writeOnly",
];

const REF_PREFIX: &str = "#/components/schemas/";

pub(super) struct Compiler<'c> {
    components: &'c Map<String, Value>,
    options: Options,
    /// The components that are being compiled, to refuse a schema that contains itself.
    open: Vec<String>,
}

pub(super) type Schema = Map<String, Value>;

impl<'c> Compiler<'c> {
    pub(super) fn new(components: &'c Map<String, Value>, options: Options) -> Self {
        Self { components, options, open: Vec::new() }
    }

    pub(super) fn compile(&mut self, schema: &Value) -> Compiled {
        let schema = match schema {
            Value::Bool(true) => return Ok(Node::Any),
            Value::Object(schema) => schema,
            _ => return Err(SchemaError::new("it is not an object")),
        };
        let is_known =
            |name: &str| RULES.contains(&name) || DESCRIPTIONS.contains(&name) || name.starts_with("x-");
        if let Some(unknown) = schema.keys().find(|name| !is_known(name)) {
            return Err(SchemaError::new(format!("the keyword `{unknown}` is not known")));
        }
        let node = if let Some(reference) = schema.get("$ref") {
            refuse_rules_beside(schema, &["$ref"])?;
            self.reference(reference)?
        } else if let Some(parts) = schema.get("allOf") {
            refuse_rules_beside(schema, &["allOf", "type", "properties", "required"])?;
            self.all_of(schema, parts)?
        } else if let Some(branches) = schema.get("anyOf").or_else(|| schema.get("oneOf")) {
            refuse_rules_beside(schema, &["anyOf", "oneOf", "discriminator", "type"])?;
            self.any_of(schema, branches)?
        } else if let Some(value) = schema.get("const") {
            Node::Choice(Choice::new(vec![value.clone()], true))
        } else {
            self.by_type(schema)?
        };
        let node = if is_set(schema, "x-trim") { trimmed(node) } else { node };
        Ok(if is_set(schema, "x-literal") { literal(node) } else { node })
    }

    fn reference(&mut self, reference: &Value) -> Compiled {
        let name = component_name(reference)
            .ok_or_else(|| SchemaError::new(format!("the reference {reference} leads elsewhere")))?;
        let components = self.components;
        let schema = components
            .get(name)
            .ok_or_else(|| SchemaError::new(format!("there is no component `{name}`")))?;
        if self.open.iter().any(|open| open == name) {
            return Err(SchemaError::new(format!("the component `{name}` contains itself")));
        }
        self.open.push(name.to_owned());
        let node = self.compile(schema).map_err(|error| error.under(name));
        self.open.pop();
        node
    }

    /// One part stands for itself; several are objects whose members are put together.
    fn all_of(&mut self, schema: &Schema, parts: &Value) -> Compiled {
        let parts = array(parts, "allOf")?;
        if let [only] = parts
            && !schema.contains_key("properties")
        {
            return self.compile(only);
        }
        let (mut members, mut ordered) = (Vec::<Member>::new(), None);
        let own = schema.contains_key("properties").then(|| self.object(schema)).transpose()?;
        let parts = parts.iter().map(|part| self.compile(part)).collect::<Compiled<Vec<_>>>()?;
        for part in parts.into_iter().chain(own) {
            let Node::Object(object) = part else {
                return Err(SchemaError::new("`allOf` of something else than objects"));
            };
            members.extend(object.members);
            ordered = ordered.or(object.ordered);
        }
        Ok(Node::Object(Object { members, ordered }))
    }

    fn by_type(&mut self, schema: &Schema) -> Compiled {
        let named: Vec<&str> = match schema.get("type") {
            None => return self.by_keywords(schema),
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            Some(other) => return Err(SchemaError::new(format!("the type {other}"))),
        };
        let some: Vec<&str> = named.iter().copied().filter(|name| *name != "null").collect();
        let node = match some.as_slice() {
            [] => return Ok(Node::Null),
            [only] => self.of_type(schema, only)?,
            several => {
                let branches = several.iter().map(|name| {
                    let node = self.of_type(schema, name)?;
                    Ok(Branch { label: label(&Value::Null, &node), node })
                });
                let branches = branches.collect::<Compiled<Vec<_>>>()?;
                Node::Union(Union::of_types(branches))
            }
        };
        let node = if is_set(schema, "x-trim") { trimmed(node) } else { node };
        Ok(if some.len() < named.len() { nullable(node) } else { node })
    }

    fn by_keywords(&mut self, schema: &Schema) -> Compiled {
        let has = |names: &[&str]| names.iter().any(|name| schema.contains_key(*name));
        if has(&["enum"]) {
            return choice(schema);
        }
        if has(&["properties", "additionalProperties", "propertyNames"]) {
            return self.of_type(schema, "object");
        }
        if has(&["items", "prefixItems"]) {
            return self.of_type(schema, "array");
        }
        if has(&["format", "minLength", "maxLength", "pattern"]) {
            return self.of_type(schema, "string");
        }
        Ok(Node::Any)
    }

    fn of_type(&mut self, schema: &Schema, name: &str) -> Compiled {
        if schema.contains_key("enum") {
            return choice(schema);
        }
        match name {
            "boolean" => Ok(Node::Boolean),
            "integer" => integer(schema).map(Node::Integer),
            "number" => Ok(Node::Decimal(Decimal {
                above: schema.get("exclusiveMinimum").and_then(Value::as_f64),
                at_least: schema.get("minimum").and_then(Value::as_f64),
                below: schema.get("exclusiveMaximum").and_then(Value::as_f64),
                at_most: schema.get("maximum").and_then(Value::as_f64),
            })),
            "string" => self.text(schema).map(Node::Text),
            "array" => self.array(schema),
            "object" if schema.contains_key("properties") => self.object(schema),
            "object" => self.dictionary(schema),
            other => Err(SchemaError::new(format!("the type `{other}`"))),
        }
    }

    fn text(&self, schema: &Schema) -> Compiled<Text> {
        let format = match schema.get("format").and_then(Value::as_str) {
            None | Some("password") => None,
            Some(name) => {
                let format = Format::named(name, self.options.allow_special_use_domains);
                Some(format.ok_or_else(|| SchemaError::new(format!("the format `{name}`")))?)
            }
        };
        let pattern = match schema.get("pattern").and_then(Value::as_str) {
            // The list of countries is stricter than the pattern that stands beside it, and has a
            // kind of its own.
            Some(source) if format != Some(Format::Country) => {
                Some(Pattern::compile(source).map_err(SchemaError::new)?)
            }
            _ => None,
        };
        Ok(Text {
            min_length: size(schema, "minLength")?.unwrap_or(0),
            max_length: size(schema, "maxLength")?,
            format,
            pattern,
            trim: is_set(schema, "x-trim"),
            blank_is_null: false,
        })
    }

    fn array(&mut self, schema: &Schema) -> Compiled {
        if let Some(places) = schema.get("prefixItems") {
            let places = array(places, "prefixItems")?;
            return places.iter().map(|place| self.compile(place)).collect::<Compiled<_>>().map(Node::Tuple);
        }
        let item = match schema.get("items") {
            Some(items) => self.compile(items).map_err(|error| error.under("items"))?,
            None => Node::Any,
        };
        let (min, max) = (size(schema, "minItems")?.unwrap_or(0), size(schema, "maxItems")?);
        let distinct = schema.get("x-distinct").and_then(Value::as_str).map(str::to_owned);
        Ok(Node::List(Box::new(List { item, min, max, distinct })))
    }

    fn object(&mut self, schema: &Schema) -> Compiled {
        if schema.get("additionalProperties").is_some_and(|others| *others != Value::Bool(false)) {
            return Err(SchemaError::new("an object with both known and free members"));
        }
        let properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .ok_or_else(|| SchemaError::new("`properties` is not an object"))?;
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if let Some(unknown) = required.iter().find(|name| !properties.contains_key(**name)) {
            return Err(SchemaError::new(format!("the required member `{unknown}` is not declared")));
        }
        let ordered = schema.get("x-ordered").map(|names| ordered(names, properties)).transpose()?;
        let members = properties.iter().map(|(name, schema)| {
            let node = self.compile(schema).map_err(|error| error.under(name))?;
            Ok(Member { name: name.clone(), node, is_required: required.contains(&name.as_str()) })
        });
        Ok(Node::Object(Object { members: members.collect::<Compiled<_>>()?, ordered }))
    }

    fn dictionary(&mut self, schema: &Schema) -> Compiled {
        let value = match schema.get("additionalProperties") {
            None | Some(Value::Bool(_)) => Node::Any,
            Some(schema) => self.compile(schema).map_err(|error| error.under("additionalProperties"))?,
        };
        let key = match schema.get("propertyNames").and_then(Value::as_object) {
            Some(names) => self.text(names)?,
            None => Text::default(),
        };
        let (min, max) = (size(schema, "minProperties")?.unwrap_or(0), size(schema, "maxProperties")?);
        Ok(Node::Dictionary(Box::new(Dictionary { key, value, min, max })))
    }
}

fn ordered(names: &Value, properties: &Schema) -> Compiled<[String; 2]> {
    let names: Vec<&str> = array(names, "x-ordered")?.iter().filter_map(Value::as_str).collect();
    match names.as_slice() {
        [first, second] if names.iter().all(|name| properties.contains_key(*name)) => {
            Ok([(*first).to_owned(), (*second).to_owned()])
        }
        _ => Err(SchemaError::new("`x-ordered` does not name two members")),
    }
}

pub(super) fn component_name(reference: &Value) -> Option<&str> {
    reference.as_str()?.strip_prefix(REF_PREFIX)
}

pub(super) fn array<'v>(value: &'v Value, keyword: &str) -> Compiled<&'v [Value]> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| SchemaError::new(format!("`{keyword}` is not a list")))
}

pub(super) fn is_set(schema: &Schema, extension: &str) -> bool {
    schema.get(extension).and_then(Value::as_bool) == Some(true)
}

fn size(schema: &Schema, keyword: &str) -> Compiled<Option<usize>> {
    let Some(value) = schema.get(keyword) else { return Ok(None) };
    let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
    number.map(Some).ok_or_else(|| SchemaError::new(format!("`{keyword}` is {value}")))
}

pub(super) fn trimmed(mut node: Node) -> Node {
    match &mut node {
        Node::Text(text) => text.trim = true,
        Node::Nullable(inner) => {
            if let Node::Text(text) = &mut **inner {
                text.trim = true;
                text.blank_is_null = true;
            }
        }
        _ => {}
    }
    node
}

fn literal(node: Node) -> Node {
    match node {
        Node::Choice(choice) => Node::Choice(choice.into_literal()),
        Node::Nullable(inner) => Node::Nullable(Box::new(literal(*inner))),
        other => other,
    }
}

/// A rule beside a reference or a union would not be looked at, so it must stand inside.
fn refuse_rules_beside(schema: &Schema, admitted: &[&str]) -> Compiled<()> {
    let is_rule = |name: &str| RULES.contains(&name) && !admitted.contains(&name);
    match schema.keys().find(|name| is_rule(name)) {
        Some(rule) => Err(SchemaError::new(format!("`{rule}` stands beside `{}`", admitted[0]))),
        None => Ok(()),
    }
}

pub(super) fn nullable(mut node: Node) -> Node {
    if node.admits_null() {
        return node;
    }
    if let Node::Text(text) = &mut node {
        text.blank_is_null = text.trim;
    }
    Node::Nullable(Box::new(node))
}

fn choice(schema: &Schema) -> Compiled {
    let values = schema.get("enum").and_then(Value::as_array).cloned().unwrap_or_default();
    let some: Vec<Value> = values.iter().filter(|value| !value.is_null()).cloned().collect();
    if some.is_empty() {
        return Err(SchemaError::new("`enum` is empty"));
    }
    let has_null = some.len() < values.len();
    let node = Node::Choice(Choice::new(some, is_set(schema, "x-literal")));
    Ok(if has_null { nullable(node) } else { node })
}

fn integer(schema: &Schema) -> Compiled<Integer> {
    let bound = |keyword: &str| -> Compiled<Option<i64>> {
        let Some(value) = schema.get(keyword) else { return Ok(None) };
        let number = value.as_i64().or_else(|| value.as_f64().and_then(whole));
        number.map(Some).ok_or_else(|| SchemaError::new(format!("`{keyword}` is {value}")))
    };
    // What does not fit the type that the value is read into must be told here, with a place.
    let (least, most) = match schema.get("format").and_then(Value::as_str) {
        None | Some("int64") => (None, None),
        Some("int8") => (Some(i64::from(i8::MIN)), Some(i64::from(i8::MAX))),
        Some("int16") => (Some(i64::from(i16::MIN)), Some(i64::from(i16::MAX))),
        Some("int32") => (Some(i64::from(i32::MIN)), Some(i64::from(i32::MAX))),
        Some("uint8") => (Some(0), Some(i64::from(u8::MAX))),
        Some("uint16") => (Some(0), Some(i64::from(u16::MAX))),
        Some("uint32") => (Some(0), Some(i64::from(u32::MAX))),
        Some("uint64") => (Some(0), None),
        Some(other) => return Err(SchemaError::new(format!("the format `{other}`"))),
    };
    let (above, below) = (bound("exclusiveMinimum")?, bound("exclusiveMaximum")?);
    Ok(Integer {
        above,
        at_least: bound("minimum")?.or(if above.is_some() { None } else { least }),
        below,
        at_most: bound("maximum")?.or(if below.is_some() { None } else { most }),
    })
}
