//! Statements whose text depends on the request: lists with filters, updates of some columns.

use std::fmt::Write;

use crate::{Param, Value};

/// A statement that is put together piece by piece. Placeholders are written by [`bind`](Self::bind) and
/// [`bind_list`](Self::bind_list), never by hand, so that numbers and values cannot drift apart.
///
/// ```
/// let mut sql = merak_store::Sql::new("SELECT id FROM notes WHERE author = ");
/// sql.bind("Ada").push(" AND colour IN ").bind_list(["red", "green"]);
/// assert_eq!(sql.text(), "SELECT id FROM notes WHERE author = $1 AND colour IN ($2, $3)");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sql {
    text: String,
    values: Vec<Value<'static>>,
}

impl Sql {
    /// Begins a statement. The text must come from the program, never from a request.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    /// Appends text that comes from the program, never from a request.
    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends a placeholder for this value.
    pub fn bind(&mut self, param: impl Param) -> &mut Self {
        self.values.push(param.value().into_owned());
        write!(self.text, "${}", self.values.len()).expect("writing to a string cannot fail");
        self
    }

    /// Appends `($3, $4, …)`, to follow `IN`. An empty list gives `(NULL)`, which nothing is in; do not write it
    /// after `NOT IN`, where it would exclude everything.
    pub fn bind_list<P: Param>(&mut self, params: impl IntoIterator<Item = P>) -> &mut Self {
        let mut separator = "(";
        for param in params {
            self.push(separator).bind(param);
            separator = ", ";
        }
        self.push(if separator == "(" { "(NULL)" } else { ")" })
    }

    /// Appends another statement's text and values, renumbered: a filter that is shared by a list and its count.
    pub fn append(&mut self, other: &Self) -> &mut Self {
        let offset = self.values.len();
        let mut rest = other.text.as_str();
        // The values of `other` were bound in order, so its placeholders stand in the order of their numbers.
        for number in 1..=other.values.len() {
            let placeholder = format!("${number}");
            let at = rest.find(&placeholder).unwrap_or(rest.len());
            self.text.push_str(&rest[..at]);
            write!(self.text, "${}", offset + number).expect("writing to a string cannot fail");
            rest = rest.get(at + placeholder.len()..).unwrap_or("");
        }
        self.text.push_str(rest);
        self.values.extend(other.values.iter().cloned());
        self
    }

    /// The text so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The values so far, in the order of their numbers.
    pub fn params(&self) -> Vec<&dyn Param> {
        self.values.iter().map(|value| value as &dyn Param).collect()
    }
}
