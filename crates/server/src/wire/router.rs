//! Which operation a request is for. Routes are matched in the order in which they are declared, by path and then by
//! method, as clients of the contract see it: `GET …/validate` is the `GET …/{id}` with an odd id.

use http::Method;
use matchit::Router as Tree;
use serde_json::{Map, Value};

use super::described::Components;
use super::openapi;
use super::route::Operation;
use super::validation::{Options as SchemaOptions, SchemaError};

/// All operations of the API.
pub struct Routes {
    operations: Vec<Operation>,
    /// For each distinct path, the operations that match it, in the order of declaration.
    tree: Tree<Vec<usize>>,
    document: Value,
}

/// What a path and a method lead to.
pub enum Found<'r> {
    /// An operation, with the path's parameters.
    Operation(usize, &'r Operation, Map<String, Value>),
    /// The path exists with a slash more or less.
    Redirect(String),
    /// The path exists, but not with this method; this one is the first it has.
    WrongMethod(&'r Method),
    /// No such path.
    Nothing,
}

impl Routes {
    /// Compiles the operations: their router, their document and their schemas.
    pub fn new(
        mut operations: Vec<Operation>,
        public_url: &str,
        options: SchemaOptions,
    ) -> Result<Self, SchemaError> {
        let mut components = Components::new();
        let document = openapi::document(&operations, &mut components, public_url);
        for operation in &mut operations {
            operation.compile(&mut components, options)?;
        }
        let mut tree = Tree::new();
        let mut seen: Vec<&str> = Vec::new();
        for operation in &operations {
            if seen.contains(&operation.path) {
                continue;
            }
            seen.push(operation.path);
            let matching =
                (0..operations.len()).filter(|n| covers(operations[*n].path, operation.path)).collect();
            // Two spellings of one shape of path would be a mistake of ours, seen by every test that starts the house.
            tree.insert(operation.path, matching).expect("paths differ by more than the names of parameters");
        }
        let mut aliases: Vec<(&str, Vec<usize>)> = Vec::new();
        for (n, operation) in operations.iter().enumerate() {
            let Some(alias) = operation.alias else { continue };
            match aliases.iter_mut().find(|(known, _)| *known == alias) {
                Some((_, of_alias)) => of_alias.push(n),
                None => aliases.push((alias, vec![n])),
            }
        }
        for (alias, of_alias) in aliases {
            tree.insert(alias, of_alias).expect("an alias is no path of another operation");
        }
        Ok(Self { operations, tree, document })
    }

    /// The operations in the order of declaration.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The OpenAPI document.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Finds the operation of a request.
    pub fn find(&self, method: &Method, path: &str) -> Found<'_> {
        let Ok(matched) = self.tree.at(path) else {
            let other = match path.strip_suffix('/') {
                Some(shorter) => shorter.to_owned(),
                None => format!("{path}/"),
            };
            return if self.tree.at(&other).is_ok() { Found::Redirect(other) } else { Found::Nothing };
        };
        let candidates = matched.value;
        match candidates.iter().copied().find(|n| self.operations[*n].method == *method) {
            Some(n) => {
                let operation = &self.operations[n];
                Found::Operation(n, operation, bind(operation.path, path))
            }
            None => match candidates.first() {
                Some(first) => Found::WrongMethod(&self.operations[*first].method),
                None => Found::Nothing,
            },
        }
    }
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{')
}

/// Whether every path of the shape `narrow` is also of the shape `wide`.
fn covers(wide: &str, narrow: &str) -> bool {
    let (wide, narrow): (Vec<&str>, Vec<&str>) = (wide.split('/').collect(), narrow.split('/').collect());
    wide.len() == narrow.len()
        && wide
            .iter()
            .zip(&narrow)
            .all(|(wide, narrow)| wide == narrow || (is_parameter(wide) && !narrow.is_empty()))
}

/// The parameters that a path has under a pattern that matches it.
fn bind(pattern: &str, path: &str) -> Map<String, Value> {
    if !pattern.contains('{') {
        return Map::new();
    }
    pattern
        .split('/')
        .zip(path.split('/'))
        .filter(|(name, _)| is_parameter(name))
        .map(|(name, text)| (name.trim_matches(['{', '}']).to_owned(), Value::from(decoded(text))))
        .collect()
}

/// Percent-decodes a segment of a path.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
