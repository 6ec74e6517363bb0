//! Reading of schemas: references followed, unions made flat, `null` told apart from the rest.

use serde_json::{Map, Value, json};

use super::document::{Document, entries, members};

/// A schema as the list of what a value may be.
#[derive(Debug, Default)]
pub struct Unfolded {
    /// Whether `null` is allowed.
    pub nullable: bool,
    /// The other possibilities; none means any value.
    pub alternatives: Vec<Alternative>,
}

/// One thing a value may be: a schema without references, unions or `null` at its top.
#[derive(Debug)]
pub struct Alternative {
    /// Name of the component it comes from.
    pub name: Option<String>,
    pub schema: Value,
}

/// Deepest chain of references and unions that is followed; only a document that refers to itself is deeper.
const DEEPEST: usize = 24;

impl Document {
    /// Opens a schema.
    pub fn unfold(&self, schema: &Value) -> Unfolded {
        let mut unfolded = Unfolded::default();
        self.collect(schema, None, DEEPEST, &mut unfolded);
        unfolded
    }

    /// How a type is called in a table: `UUID`, `array of string`, `Customer`, `"fixed"`.
    pub fn type_name(&self, schema: &Value) -> String {
        self.type_name_within(schema, DEEPEST)
    }

    fn collect(&self, schema: &Value, name: Option<&str>, depth: usize, into: &mut Unfolded) {
        let Some(depth) = depth.checked_sub(1) else { return };
        if let Some((name, target)) = schema["$ref"].as_str().and_then(|reference| self.follow(reference)) {
            return self.collect(target, Some(name), depth, into);
        }
        for key in ["anyOf", "oneOf"] {
            if schema.get(key).is_some() {
                return entries(schema, key).for_each(|option| self.collect(option, None, depth, into));
            }
        }
        if schema.get("allOf").is_some() {
            return self.collect(&self.merge(schema), name, depth, into);
        }
        match &schema["type"] {
            Value::String(word) if word == "null" => into.nullable = true,
            Value::Array(words) => {
                for word in words {
                    let mut single = schema.clone();
                    single["type"] = word.clone();
                    self.collect(&single, name, depth, into);
                }
            }
            _ if schema.as_object().is_none_or(Map::is_empty) => {}
            _ => {
                into.alternatives.push(Alternative { name: name.map(str::to_owned), schema: schema.clone() });
            }
        }
    }

    /// Puts the parts of an `allOf` together: members and required names add up, later words win.
    fn merge(&self, schema: &Value) -> Value {
        let mut merged = json!({});
        let mut properties = Map::new();
        let mut required = Vec::new();
        let mut own = schema.clone();
        if let Some(own) = own.as_object_mut() {
            own.remove("allOf");
        }
        for part in entries(schema, "allOf").chain([&own]) {
            let part = part["$ref"]
                .as_str()
                .and_then(|reference| self.follow(reference))
                .map_or(part, |(_, target)| target);
            let part = if part.get("allOf").is_some() { self.merge(part) } else { part.clone() };
            properties
                .extend(members(&part, "properties").map(|(name, member)| (name.clone(), member.clone())));
            required.extend(entries(&part, "required").cloned());
            for (key, value) in part.as_object().into_iter().flatten() {
                merged[key] = value.clone();
            }
        }
        if !properties.is_empty() {
            merged["properties"] = Value::Object(properties);
            merged["required"] = Value::Array(required);
        }
        merged
    }

    fn type_name_within(&self, schema: &Value, depth: usize) -> String {
        let Some(depth) = depth.checked_sub(1) else { return "any".to_owned() };
        if let Some((name, target)) = schema["$ref"].as_str().and_then(|reference| self.follow(reference)) {
            let named =
                self.unfold(target).alternatives.iter().any(|alternative| is_object(&alternative.schema));
            return if named { name.to_owned() } else { self.type_name_within(target, depth) };
        }
        for key in ["anyOf", "oneOf"] {
            if schema.get(key).is_some() {
                return one_of(
                    entries(schema, key)
                        .filter(|option| option["type"] != "null")
                        .map(|option| self.type_name_within(option, depth)),
                );
            }
        }
        if let Some(parts) = schema["allOf"].as_array() {
            return match parts.as_slice() {
                [only] => self.type_name_within(only, depth),
                _ => "object".to_owned(),
            };
        }
        if let Some(value) = schema.get("const") {
            return value.to_string();
        }
        match &schema["type"] {
            Value::Array(words) => one_of(words.iter().filter(|word| *word != "null").map(|word| {
                let mut single = schema.clone();
                single["type"] = word.clone();
                self.type_name_within(&single, depth)
            })),
            Value::String(word) => self.plain_type_name(word, schema, depth),
            _ => "any".to_owned(),
        }
    }

    fn plain_type_name(&self, word: &str, schema: &Value, depth: usize) -> String {
        match (word, schema["format"].as_str()) {
            ("string", Some("uuid" | "uuid4")) => "UUID".to_owned(),
            ("string", Some(format @ ("date-time" | "date" | "email"))) => format.to_owned(),
            ("string", Some("uri" | "url")) => "URL".to_owned(),
            ("string", Some(format)) => format!("string ({format})"),
            ("array", _) if schema.get("prefixItems").is_some() => {
                let names: Vec<String> =
                    entries(schema, "prefixItems").map(|entry| self.type_name_within(entry, depth)).collect();
                format!("[{}]", names.join(", "))
            }
            ("array", _) => match schema.get("items") {
                Some(items) => format!("array of {}", self.type_name_within(items, depth)),
                None => "array".to_owned(),
            },
            ("object", _) => match schema.get("additionalProperties") {
                Some(values @ Value::Object(_)) if members(schema, "properties").next().is_none() => {
                    format!("object of {}", self.type_name_within(values, depth))
                }
                _ => "object".to_owned(),
            },
            (word, _) => word.to_owned(),
        }
    }
}

/// Whether a schema describes an object with named members.
pub fn is_object(schema: &Value) -> bool {
    members(schema, "properties").next().is_some()
}

/// Joins names by "or", each once.
fn one_of(names: impl Iterator<Item = String>) -> String {
    let mut once: Vec<String> = Vec::new();
    for name in names {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    if once.is_empty() { "any".to_owned() } else { once.join(" or ") }
}
