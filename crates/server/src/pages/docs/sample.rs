//! Example values made from schemas.

use serde_json::{Map, Value, json};

use super::document::{Document, entries, members};

/// The direction a sample travels in; it decides which members are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What must be sent; everything that may be sent if nothing must.
    Request,
    /// Everything that is answered.
    Response,
}

/// Looks like nothing, yet is a version 4 UUID: the nil UUID is refused by the server.
const UUID: &str = "00000000-0000-4000-8000-000000000000";
const INSTANT: &str = "2025-01-07T00:00:00Z";
const DAY: &str = "2025-01-07";

/// A value that fits the schema, as plain as possible.
pub fn sample(document: &Document, schema: &Value, direction: Direction) -> Value {
    Sampler { document, direction, open: Vec::new() }.value(schema)
}

struct Sampler<'d> {
    document: &'d Document,
    direction: Direction,
    /// Names of the components being sampled, so that one that holds itself comes to an end.
    open: Vec<String>,
}

impl Sampler<'_> {
    fn value(&mut self, schema: &Value) -> Value {
        if let Some(given) = given(schema) {
            return given;
        }
        let unfolded = self.document.unfold(schema);
        let Some(first) = unfolded.alternatives.into_iter().next() else { return Value::Null };
        let Some(name) = first.name else { return self.plain(&first.schema) };
        if self.open.contains(&name) {
            return Value::Null;
        }
        self.open.push(name);
        let value = self.plain(&first.schema);
        self.open.pop();
        value
    }

    fn plain(&mut self, schema: &Value) -> Value {
        if let Some(given) = given(schema) {
            return given;
        }
        match schema["type"].as_str() {
            Some("string") => Value::String(text(schema)),
            Some("integer" | "number") => number(schema),
            Some("boolean") => Value::Bool(false),
            Some("array") => self.array(schema),
            _ if schema.get("properties").is_some() => self.object(schema),
            Some("object") => json!({}),
            _ => Value::Null,
        }
    }

    fn array(&mut self, schema: &Value) -> Value {
        if schema.get("prefixItems").is_some() {
            return entries(schema, "prefixItems").map(|entry| self.value(entry)).collect();
        }
        match schema.get("items").map(|items| self.value(items)) {
            Some(Value::Null) | None => json!([]),
            Some(entry) => json!([entry]),
        }
    }

    fn object(&mut self, schema: &Value) -> Value {
        let required: Vec<&str> = entries(schema, "required").filter_map(Value::as_str).collect();
        let everything = self.direction == Direction::Response || required.is_empty();
        let mut object = Map::new();
        for (name, member) in members(schema, "properties") {
            if everything && member["deprecated"] != true || required.contains(&name.as_str()) {
                object.insert(name.clone(), self.value(member));
            }
        }
        Value::Object(object)
    }
}

/// An example, constant or first enumerated value that the schema itself names.
fn given(schema: &Value) -> Option<Value> {
    schema
        .get("example")
        .or_else(|| schema["examples"].get(0))
        .or_else(|| schema.get("const"))
        .or_else(|| schema["enum"].get(0))
        .cloned()
}

fn text(schema: &Value) -> String {
    let plain = match schema["format"].as_str() {
        Some("uuid" | "uuid4") => return UUID.to_owned(),
        Some("date-time") => return INSTANT.to_owned(),
        Some("date") => return DAY.to_owned(),
        Some("email") => return "person@example.com".to_owned(),
        Some("uri" | "url") => return "https://example.com".to_owned(),
        _ => "string",
    };
    if let Some(fitting) = schema["pattern"].as_str().and_then(fitting) {
        return fitting.to_owned();
    }
    let least = length(schema, "minLength").unwrap_or(0);
    let most = length(schema, "maxLength").unwrap_or(usize::MAX);
    plain.chars().cycle().take(plain.len().max(least).min(most)).collect()
}

/// A text that fits a pattern. Only the few patterns of the contract are known: a country, a fixed word, a picture.
/// Slugs need no entry because `string` is one.
fn fitting(pattern: &str) -> Option<&str> {
    match pattern {
        r"^\w{2}$" | r"^\D{2}$" => Some("US"),
        word if word.chars().all(char::is_alphanumeric) => Some(word),
        pictures if pictures.starts_with("^image") => Some("image/png"),
        _ => None,
    }
}

fn length(schema: &Value, key: &str) -> Option<usize> {
    schema[key].as_u64().and_then(|length| usize::try_from(length).ok())
}

fn number(schema: &Value) -> Value {
    let bound = |key: &str| schema[key].as_f64();
    let least = bound("minimum").into_iter().chain(bound("exclusiveMinimum").map(|value| value + 1.0));
    let least = least.fold(0.0, f64::max).ceil();
    // Bounds are small numbers; formatting avoids a cast and keeps them whole.
    format!("{least:.0}").parse::<i64>().map_or(json!(0), Value::from)
}
