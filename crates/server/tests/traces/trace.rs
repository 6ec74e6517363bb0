//! The recordings: what was sent, what was answered.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::support::{Answer, Client};
use crate::{filled, lines};

/// What placeholders stand for.
#[derive(Clone, Debug, Default)]
pub struct Values(BTreeMap<String, String>);

impl Values {
    /// Gives a placeholder its value.
    pub fn set(&mut self, name: &str, value: impl Display) {
        self.0.insert(name.to_owned(), value.to_string());
    }

    /// What of them are ids.
    pub fn ids(&self) -> impl Iterator<Item = Uuid> {
        self.0.values().filter_map(|value| Uuid::parse_str(value).ok())
    }

    /// What a placeholder stands for, changed as its suffix says.
    pub fn text(&self, placeholder: &str) -> String {
        let (name, change) = placeholder.split_once(':').unwrap_or((placeholder, ""));
        let value = self.0.get(name).unwrap_or_else(|| panic!("nothing is known of ${{{name}}}"));
        match change {
            "" => value.clone(),
            "last6" => value[value.len() - 6..].to_owned(),
            "upper" => value.to_uppercase(),
            "lower" => value.to_lowercase(),
            "nodash" => value.replace('-', ""),
            other => panic!("{other} is no change of a placeholder"),
        }
    }
}

/// A recorded request and its answer.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// The path with its query.
    pub path: String,
    /// The recorded answer.
    pub response: Value,
    method: String,
    headers: Map<String, Value>,
    body: Option<String>,
    captures: Map<String, Value>,
}

/// Reads a recording.
pub fn read(file: &str) -> Vec<Case> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contract/traces").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "the recorded answers of the reference belong into a folder `shared` beside the checkout, but {} cannot be \
             read: {error}",
            path.display()
        )
    });
    // The first line describes the fixtures.
    lines(&text).skip(1).map(case).collect()
}

fn case(line: &str) -> Case {
    let mut case: Map<String, Value> = serde_json::from_str(line).unwrap();
    let mut take = |name: &str| case.remove(name).unwrap_or_default();
    let (name, request, response, captures) =
        (take("name"), take("request"), take("response"), take("capture"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Case {
        name: text(&name),
        path: text(&request["path"]),
        response,
        method: text(&request["method"]),
        headers: request["headers"].as_object().cloned().unwrap_or_default(),
        body: match (request.get("body"), request.get("body_raw")) {
            (_, Some(raw)) => Some(text(raw)),
            (Some(body), None) => Some(spaced(body)),
            (None, None) => None,
        },
        captures: captures.as_object().cloned().unwrap_or_default(),
    }
}

/// JSON as the recording client wrote it: with a space after commas and colons.
fn spaced(body: &Value) -> String {
    let mut text = Vec::new();
    body.serialize(&mut Serializer::with_formatter(&mut text, Spaced)).unwrap();
    String::from_utf8(text).unwrap()
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, is_first: bool) -> io::Result<()> {
        if is_first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, is_first: bool) -> io::Result<()> {
        self.begin_array_value(writer, is_first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

impl Case {
    /// Sends the request.
    pub async fn send(&self, client: &Client, values: &Values) -> Answer {
        let mut client = client.clone();
        for (name, value) in &self.headers {
            let name = match name.to_ascii_lowercase().as_str() {
                "authorization" => "authorization",
                "content-type" => "content-type",
                "origin" => "origin",
                "access-control-request-method" => "access-control-request-method",
                "access-control-request-headers" => "access-control-request-headers",
                other => panic!("the recordings send no header {other}"),
            };
            client = client.with(name, filled(value.as_str().unwrap(), values));
        }
        let body = self.body.as_deref().map(|body| filled(body, values)).unwrap_or_default();
        client.send_bytes(&self.method, &filled(&self.path, values), body).await
    }

    /// Remembers what later cases refer to.
    pub fn capture(&self, answer: &Answer, values: &mut Values) {
        for (name, path) in &self.captures {
            let pointer = format!("/{}", path.as_str().unwrap().replace('.', "/"));
            let body = answer.json();
            let value = body.pointer(&pointer).unwrap_or_else(|| panic!("{}: {body}", self.name));
            values.set(name, value.as_str().unwrap());
        }
    }
}
