//! Tables of fields: what an object consists of, nested as deep as the schema goes.

use askama::Template;
use askama::filters::HtmlSafe;
use serde_json::Value;

use super::document::{Document, entries, members};
use super::prose::{self, Markup};
use super::sample::Direction;
use super::schema::{Alternative, is_object};

/// Fields of one object, or parameters of one kind.
#[derive(Template)]
#[template(path = "docs/fields.html")]
pub struct FieldList {
    pub fields: Vec<Field>,
}

/// One row of the table.
pub struct Field {
    pub name: String,
    pub kind: String,
    pub presence: Presence,
    pub nullable: bool,
    pub deprecated: bool,
    pub constraints: Vec<Constraint>,
    pub description: Markup,
    /// What the value itself consists of; several if it may be one of several objects.
    pub shapes: Vec<Shape>,
}

/// Whether a field is there; only what is not to be expected is written on the page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Must be sent.
    Required,
    /// May be left out of a request.
    Optional,
    /// Stands in every answer.
    Always,
    /// Can be missing from an answer.
    Sometimes,
}

/// A rule for a value beyond its type.
pub struct Constraint {
    pub words: String,
    /// Literal values the words speak of.
    pub values: Vec<String>,
}

/// An object a value may be.
pub struct Shape {
    pub title: String,
    /// The constant member by which this shape is told apart, such as `type: "fixed"`.
    pub mark: Option<String>,
    pub list: FieldList,
}

impl HtmlSafe for FieldList {}

impl Presence {
    fn new(direction: Direction, required: bool) -> Presence {
        match (direction, required) {
            (Direction::Request, true) => Presence::Required,
            (Direction::Request, false) => Presence::Optional,
            (Direction::Response, true) => Presence::Always,
            (Direction::Response, false) => Presence::Sometimes,
        }
    }
}

/// Longest list of values that is shown without being asked for.
const SHORT_LIST: usize = 12;

impl Constraint {
    /// Whether the values are so many that they are folded away.
    pub fn is_long(&self) -> bool {
        self.values.len() > SHORT_LIST
    }
}

impl Field {
    /// A sentence that invites to open the nested shapes.
    pub fn invitation(&self) -> String {
        match self.shapes.as_slice() {
            [only] => match only.list.fields.len() {
                1 => format!("{}: 1 field", only.title),
                several => format!("{}: {several} fields", only.title),
            },
            several => format!("One of {} shapes", several.len()),
        }
    }
}

/// Writes tables; remembers which components are open so that one that holds itself comes to an end.
pub struct Tabulator<'d> {
    document: &'d Document,
    direction: Direction,
    open: Vec<String>,
}

impl<'d> Tabulator<'d> {
    pub fn new(document: &'d Document, direction: Direction) -> Self {
        Tabulator { document, direction, open: Vec::new() }
    }

    /// Table of the parameters found in one place: `path`, `query` or `header`.
    pub fn parameters(&mut self, operation: &Value, place: &str) -> FieldList {
        let fields = entries(operation, "parameters")
            .filter(|parameter| parameter["in"] == place)
            .map(|parameter| {
                let name = parameter["name"].as_str().unwrap_or_default();
                let mut field = self.field(name, &parameter["schema"], parameter["required"] == true);
                field.deprecated |= parameter["deprecated"] == true;
                // A path or a query has no way to say `null`; leaving the parameter out is what it means.
                field.nullable = false;
                if place == "query" && field.kind.contains("array of") {
                    let words = "repeat it for several values".to_owned();
                    field.constraints.push(Constraint { words, values: Vec::new() });
                }
                if let Some(description) = parameter["description"].as_str() {
                    field.description = prose::render(description);
                }
                field
            })
            .collect();
        FieldList { fields }
    }

    /// The objects a value may be.
    pub fn shapes(&mut self, schema: &Value) -> Vec<Shape> {
        let mut shapes = Vec::new();
        for Alternative { name, schema } in self.document.unfold(schema).alternatives {
            if let Some(name) = &name {
                if self.open.contains(name) {
                    continue;
                }
                self.open.push(name.clone());
            }
            if is_object(&schema) {
                let list = self.object(&schema);
                let title = name.clone().unwrap_or_else(|| "object".to_owned());
                shapes.push(Shape { mark: mark(&schema), title, list });
            } else if let Some(items) = schema.get("items") {
                shapes.extend(self.shapes(items));
            } else if schema["additionalProperties"].is_object() {
                shapes.extend(self.shapes(&schema["additionalProperties"]));
            }
            if name.is_some() {
                self.open.pop();
            }
        }
        shapes
    }

    fn object(&mut self, schema: &Value) -> FieldList {
        let required: Vec<&str> = entries(schema, "required").filter_map(Value::as_str).collect();
        let fields = members(schema, "properties")
            .map(|(name, member)| self.field(name, member, required.contains(&name.as_str())))
            .collect();
        FieldList { fields }
    }

    fn field(&mut self, name: &str, schema: &Value, required: bool) -> Field {
        let unfolded = self.document.unfold(schema);
        let mut constraints = Vec::new();
        for alternative in &unfolded.alternatives {
            self.constrain(&alternative.schema, "", &mut constraints);
        }
        if let Some(default) = schema.get("default").filter(|default| !default.is_null()) {
            constraints.push(Constraint { words: "default".to_owned(), values: vec![default.to_string()] });
        }
        Field {
            name: name.to_owned(),
            kind: self.document.type_name(schema),
            presence: Presence::new(self.direction, required),
            nullable: unfolded.nullable,
            deprecated: schema["deprecated"] == true,
            constraints,
            description: prose::render(schema["description"].as_str().unwrap_or_default()),
            shapes: self.shapes(schema),
        }
    }

    /// Collects the rules of one possibility; `each` tells the rules of a list's entries from those of the list.
    fn constrain(&self, schema: &Value, each: &str, into: &mut Vec<Constraint>) {
        let mut say = |words: String, values: Vec<String>| {
            let words = format!("{each}{words}");
            if !into.iter().any(|other| other.words == words && other.values == values) {
                into.push(Constraint { words, values });
            }
        };
        if schema.get("enum").is_some() {
            say("one of".to_owned(), entries(schema, "enum").map(Value::to_string).collect());
        }
        for (least, most, thing) in [
            ("minLength", "maxLength", "character"),
            ("minItems", "maxItems", "entry"),
            ("minProperties", "maxProperties", "member"),
        ] {
            if let Some(words) = count(&schema[least], &schema[most], thing) {
                say(words, Vec::new());
            }
        }
        for (key, sign) in
            [("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<")]
        {
            if schema[key].is_number() {
                say(format!("{sign} {}", whole(&schema[key])), Vec::new());
            }
        }
        if let Some(pattern) = schema["pattern"].as_str() {
            say("matches".to_owned(), vec![pattern.to_owned()]);
        }
        let names = &schema["propertyNames"];
        if let Some(words) = count(&names["minLength"], &names["maxLength"], "character") {
            say(format!("names of {words}"), Vec::new());
        }
        if !each.is_empty() {
            return;
        }
        for (index, entry) in entries(schema, "prefixItems").enumerate() {
            self.constrain_entries(entry, &format!("entry {}: ", index + 1), into);
        }
        if let Some(items) = schema.get("items") {
            self.constrain_entries(items, "each ", into);
        }
    }

    fn constrain_entries(&self, schema: &Value, each: &str, into: &mut Vec<Constraint>) {
        for entry in self.document.unfold(schema).alternatives {
            if !is_object(&entry.schema) {
                self.constrain(&entry.schema, each, into);
            }
        }
    }
}

/// The first required member with a constant value.
fn mark(schema: &Value) -> Option<String> {
    let required: Vec<&str> = entries(schema, "required").filter_map(Value::as_str).collect();
    members(schema, "properties")
        .find(|(name, member)| member.get("const").is_some() && required.contains(&name.as_str()))
        .map(|(name, member)| format!("{name}: {}", member["const"]))
}

/// "1 to 64 characters", "exactly 2 entries", "at least 1 entry", or nothing.
fn count(least: &Value, most: &Value, thing: &str) -> Option<String> {
    let (least, most) = (least.as_u64(), most.as_u64());
    let counted = |number: u64| match (number, thing) {
        (1, thing) => format!("1 {thing}"),
        (number, "entry") => format!("{number} entries"),
        (number, thing) => format!("{number} {thing}s"),
    };
    match (least, most) {
        (None | Some(0), None) => None,
        (Some(least), Some(most)) if least == most => Some(format!("exactly {}", counted(most))),
        (Some(least), None) => Some(format!("at least {}", counted(least))),
        (None | Some(0), Some(most)) => Some(format!("at most {}", counted(most))),
        (Some(least), Some(most)) => Some(format!("{least} to {}", counted(most))),
    }
}

/// Bounds are often written `0.0`; readers want `0`.
fn whole(number: &Value) -> String {
    let text = number.to_string();
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}
