//! The OpenAPI document as the pages read it: operations with their place in the navigation.

use serde_json::{Map, Value};

/// The document and the list of its operations, in document order.
pub struct Document {
    root: Value,
    operations: Vec<Operation>,
}

/// What is known of an operation without opening its schemas.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Path of its page below `/docs/`, made from the operation id.
    pub slug: String,
    /// Upper case.
    pub method: String,
    /// Path template, for example `/v1/benefits/{id}`.
    pub path: String,
    /// A few words; the heading of its page.
    pub summary: String,
    /// Markdown, possibly empty.
    pub description: String,
    /// Navigation group, for example `Featured Endpoints`.
    pub group: String,
    /// Section of that group, for example `License Keys`.
    pub section: String,
    /// Still answered, but not to be used by new programs.
    pub deprecated: bool,
}

impl Document {
    /// Keeps the document and lists its operations.
    pub fn new(root: Value) -> Document {
        let operations = members(&root, "paths")
            .flat_map(|(path, item)| {
                item.as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(method, _)| METHODS.contains(&method.as_str()))
                    .map(move |(method, operation)| Operation::new(method, path, operation))
            })
            .collect();
        Document { root, operations }
    }

    /// Every operation, in document order.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The operation object behind a listed operation.
    pub fn detail(&self, operation: &Operation) -> &Value {
        &self.root["paths"][&operation.path][operation.method.to_ascii_lowercase()]
    }

    /// What a reference such as `#/components/schemas/Customer` points to, with its last word.
    pub fn follow<'d>(&'d self, reference: &'d str) -> Option<(&'d str, &'d Value)> {
        let target = self.root.pointer(reference.strip_prefix('#')?)?;
        Some((reference.rsplit('/').next().unwrap_or(reference), target))
    }
}

impl Operation {
    fn new(method: &str, path: &str, operation: &Value) -> Operation {
        let method = method.to_ascii_uppercase();
        let slug = match operation["operationId"].as_str() {
            Some(id) => id.replace(':', "/"),
            None => format!("{}{path}", method.to_ascii_lowercase()),
        };
        let (group, section) = operation["x-nav"]
            .as_str()
            .and_then(|place| place.split_once('>'))
            .unwrap_or(("Other Endpoints", "Other"));
        Operation {
            summary: operation["summary"].as_str().map_or_else(|| format!("{method} {path}"), str::to_owned),
            description: operation["description"].as_str().unwrap_or_default().to_owned(),
            group: group.trim().to_owned(),
            section: section.trim().to_owned(),
            deprecated: operation["deprecated"] == true,
            path: path.to_owned(),
            slug,
            method,
        }
    }

    /// Path of the operation's page.
    pub fn href(&self) -> String {
        format!("/docs/{}", self.slug)
    }

    /// Title of the operation's page. Two operations may share a summary, never method and path.
    pub fn title(&self) -> String {
        format!("{} · {} {} · Merak API", self.summary, self.method, self.path)
    }

    /// The method in lower case, for style classes.
    pub fn method_class(&self) -> String {
        self.method.to_ascii_lowercase()
    }

    /// What the filter of the navigation and the search look at, in lower case.
    pub fn haystack(&self) -> String {
        let text = format!("{} {} {} {}", self.method, self.path, self.summary, self.section);
        text.to_lowercase()
    }
}

const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// Members of an object found under a key; none if there is no such object.
pub fn members<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    value.get(key).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

/// Entries of an array found under a key; none if there is no such array.
pub fn entries<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}
