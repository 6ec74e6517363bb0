//! What is the same about two answers: values by value, ids, secrets and times of the recording by form, sentences not
//! at all.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::Answer;
use crate::trace::{Case, Values};
use crate::{Deviations, filled, lines};

/// The headers that clients look at.
const HEADERS: [&str; 10] = [
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "allow",
    "content-type",
    "location",
    "www-authenticate",
];

/// The deviations of a file: columns are the file, the case, what differs, the reason.
pub fn deviations(file: &str) -> Deviations {
    let mut deviations = Deviations::new();
    for line in lines(include_str!("../trace-deviations.tsv")) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [of, case, what, reason] = columns[..] else { panic!("a deviation has four columns: {line}") };
        assert!(reason.contains('§') || reason.contains("T-"), "a deviation has a reason: {line}");
        if of == file {
            assert!(deviations.insert(case.to_owned(), what.to_owned()).is_none(), "{case} is listed twice");
        }
    }
    deviations
}

/// What differs, in few words; empty if nothing does.
pub fn differences(case: &Case, answer: &Answer, values: &Values) -> String {
    let recorded = &case.response;
    let Some(status) = recorded["status"].as_u64() else {
        // The reference failed; the refusal that is right instead is in the list of deviations.
        let error = if answer.body.is_empty() { Value::Null } else { answer.json()["error"].clone() };
        return format!("{} {}", answer.status, error.as_str().unwrap_or("-"));
    };
    if status != u64::from(answer.status) {
        let body = if answer.body.is_empty() { Value::Null } else { answer.json() };
        return format!("{} {}", answer.status, body["error"].as_str().unwrap_or("-"));
    }
    let mut found = Vec::new();
    for name in HEADERS {
        let expected = recorded["headers"].get(name).and_then(Value::as_str).map(|text| filled(text, values));
        let actual = answer.header(name).map(str::to_owned);
        let is_same = match (&expected, &actual) {
            (Some(expected), Some(actual)) if name == "www-authenticate" => {
                challenge(expected) == challenge(actual)
            }
            _ => expected == actual,
        };
        if !is_same {
            found.push(name.to_owned());
        }
    }
    if let Some(raw) = recorded["body_raw"].as_str() {
        if answer.text() != raw {
            found.push(String::from("body"));
        }
    } else if answer.body.is_empty() || recorded["body"].is_null() {
        if !answer.body.is_empty() || !recorded["body"].is_null() {
            found.push(String::from("body"));
        }
    } else {
        let expected: Value = serde_json::from_str(&filled(&recorded["body"].to_string(), values)).unwrap();
        compare(&expected, &answer.json(), "body", &mut found);
    }
    found.join(" ")
}

/// A challenge in parts; the words of a quoted value are a set.
fn challenge(text: &str) -> BTreeSet<(String, BTreeSet<String>)> {
    text.trim_start_matches("Bearer ")
        .split(", ")
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (name.to_owned(), value.trim_matches('"').split(' ').map(str::to_owned).collect())
        })
        .collect()
}

fn compare(expected: &Value, actual: &Value, place: &str, found: &mut Vec<String>) {
    let is_same = match (expected, actual) {
        (Value::String(expected), Value::String(actual)) => is_same_text(expected, actual),
        (Value::Number(expected), Value::Number(actual)) => expected.as_f64() == actual.as_f64(),
        (Value::Array(expected), Value::Array(actual)) => {
            for (n, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                compare(expected, actual, &format!("{place}.{n}"), found);
            }
            expected.len() == actual.len()
        }
        (Value::Object(expected), Value::Object(actual)) => {
            for (name, expected) in expected {
                if let Some(actual) = actual.get(name) {
                    compare(expected, actual, &format!("{place}.{name}"), found);
                }
            }
            // Members have an order that people and their scripts got used to.
            expected.keys().eq(actual.keys())
        }
        _ => expected == actual,
    };
    if !is_same {
        found.push(place.to_owned());
    }
}

fn is_same_text(expected: &str, actual: &str) -> bool {
    if expected == "<text>" {
        return !actual.is_empty();
    }
    expected == actual
        || (is_time(expected) && is_time(actual))
        || (uuid::Uuid::parse_str(expected).is_ok() && uuid::Uuid::parse_str(actual).is_ok())
}

/// Whether this is a time as every answer writes it: in UTC, with six digits of fraction or none.
fn is_time(text: &str) -> bool {
    let form: String =
        text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    form == "0000-00-00T00:00:00Z" || form == "0000-00-00T00:00:00.000000Z"
}
