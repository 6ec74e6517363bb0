//! Code on a page: coloured on the server, a span for each kind of word.

use serde_json::Value;

use super::prose::{Markup, escape};

/// What a piece of code is, and so which colour it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Plain,
    Command,
    Flag,
    Key,
    Text,
    Number,
    Word,
}

/// Code in the making.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    pieces: Vec<(Ink, String)>,
}

impl Listing {
    /// Appends a piece.
    pub fn push(&mut self, ink: Ink, text: impl Into<String>) {
        self.pieces.push((ink, text.into()));
    }

    /// Appends a JSON value over several lines, two spaces a level.
    pub fn push_json(&mut self, value: &Value) {
        self.push_value(value, 0);
    }

    /// Changes the text of every piece, for quoting.
    pub fn map(&mut self, change: impl Fn(&str) -> String) {
        for (_, text) in &mut self.pieces {
            *text = change(text);
        }
    }

    /// Appends another listing.
    pub fn append(&mut self, other: Listing) {
        self.pieces.extend(other.pieces);
    }

    /// The code as HTML for the inside of a `code` element.
    pub fn markup(&self) -> Markup {
        let html = self
            .pieces
            .iter()
            .map(|(ink, text)| match ink.class() {
                Some(class) => format!("<span class=\"{class}\">{}</span>", escape(text)),
                None => escape(text),
            })
            .collect();
        Markup::from_escaped(html)
    }

    fn push_value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Null | Value::Bool(_) => self.push(Ink::Word, value.to_string()),
            Value::Number(_) => self.push(Ink::Number, value.to_string()),
            Value::String(_) => self.push(Ink::Text, value.to_string()),
            Value::Array(entries) if entries.is_empty() => self.push(Ink::Plain, "[]"),
            Value::Object(members) if members.is_empty() => self.push(Ink::Plain, "{}"),
            Value::Array(entries) => {
                self.push(Ink::Plain, "[");
                for (index, entry) in entries.iter().enumerate() {
                    self.push_line(index > 0, depth + 1);
                    self.push_value(entry, depth + 1);
                }
                self.push_line(false, depth);
                self.push(Ink::Plain, "]");
            }
            Value::Object(members) => {
                self.push(Ink::Plain, "{");
                for (index, (name, member)) in members.iter().enumerate() {
                    self.push_line(index > 0, depth + 1);
                    self.push(Ink::Key, Value::from(name.as_str()).to_string());
                    self.push(Ink::Plain, ": ");
                    self.push_value(member, depth + 1);
                }
                self.push_line(false, depth);
                self.push(Ink::Plain, "}");
            }
        }
    }

    fn push_line(&mut self, after_another: bool, depth: usize) {
        let comma = if after_another { "," } else { "" };
        self.push(Ink::Plain, format!("{comma}\n{}", "  ".repeat(depth)));
    }
}

impl Ink {
    fn class(self) -> Option<&'static str> {
        match self {
            Ink::Plain => None,
            Ink::Command => Some("c-cmd"),
            Ink::Flag => Some("c-flag"),
            Ink::Key => Some("c-key"),
            Ink::Text => Some("c-str"),
            Ink::Number => Some("c-num"),
            Ink::Word => Some("c-word"),
        }
    }
}

/// A JSON value as coloured HTML.
pub fn json(value: &Value) -> Markup {
    let mut listing = Listing::default();
    listing.push_json(value);
    listing.markup()
}
