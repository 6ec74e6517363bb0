//! What is the same about two answers: values by value, secrets and times of the recording by form, sentences not at all.
//! Of ids it is the same ones all along that stand for each other.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use uuid::Uuid;

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

/// Which of our ids stands for which one of the recording.
#[derive(Debug, Default)]
pub struct Pairs {
    ours: HashMap<Uuid, Uuid>,
    recorded: HashMap<Uuid, Uuid>,
}

impl Pairs {
    /// Whether `ours` stands for `recorded` and for no other one, and no other one for it. What is seen for the first time
    /// does from now on.
    fn are_one(&mut self, recorded: Uuid, ours: Uuid) -> bool {
        match (self.ours.get(&recorded), self.recorded.get(&ours)) {
            (None, None) => {
                self.ours.insert(recorded, ours);
                self.recorded.insert(ours, recorded);
                true
            }
            (known, _) => known == Some(&ours),
        }
    }
}

/// What differs, in few words; empty if nothing does.
pub fn differences(case: &Case, answer: &Answer, values: &Values, pairs: &mut Pairs) -> String {
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
        // What has a placeholder in the recording stands there as what it is here.
        for id in values.ids() {
            assert!(pairs.are_one(id, id), "{}: {id} stood for another one of the recording", case.name);
        }
        compare(&expected, &answer.json(), "body", &mut Found { pairs, places: &mut found });
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

/// What is known on the way through an answer.
struct Found<'f> {
    pairs: &'f mut Pairs,
    places: &'f mut Vec<String>,
}

fn compare(expected: &Value, actual: &Value, place: &str, found: &mut Found<'_>) {
    let is_same = match (expected, actual) {
        (Value::String(expected), Value::String(actual)) => is_same_text(expected, actual, found.pairs),
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
        found.places.push(place.to_owned());
    }
}

fn is_same_text(expected: &str, actual: &str, pairs: &mut Pairs) -> bool {
    if expected == "<text>" {
        return !actual.is_empty();
    }
    if let (Some(expected), Some(actual)) = (id(expected), id(actual)) {
        return pairs.are_one(expected, actual);
    }
    expected == actual || (is_time(expected) && is_time(actual))
}

/// The id that this is, as every answer writes ids.
fn id(text: &str) -> Option<Uuid> {
    Uuid::parse_str(text).ok().filter(|id| id.to_string() == text)
}

/// Whether this is a time as every answer writes it: in UTC, with six digits of fraction or none.
fn is_time(text: &str) -> bool {
    let form: String =
        text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    form == "0000-00-00T00:00:00Z" || form == "0000-00-00T00:00:00.000000Z"
}

#[test]
fn ids_stand_for_each_other_all_along() {
    let ids = ["a", "b", "c"].map(|letter| format!("{0}-1111-4111-8111-111111111111", letter.repeat(8)));
    let of = |ids: [&String; 2]| serde_json::json!({"id": ids[0], "items": [{"id": ids[1]}]});
    let mut pairs = Pairs::default();
    let mut places = |expected, actual| {
        let mut places = Vec::new();
        compare(&of(expected), &of(actual), "body", &mut Found { pairs: &mut pairs, places: &mut places });
        places
    };
    let [a, b, c] = &ids;
    assert!(places([a, b], [b, c]).is_empty());
    assert!(places([b, a], [c, b]).is_empty(), "in a later answer as well");
    assert_eq!(places([a, a], [b, c]), ["body.items.0.id"], "one of theirs is one of ours");
    assert_eq!(places([a, c], [b, c]), ["body.items.0.id"], "one of ours is one of theirs");
    assert_eq!(places([a, b], [&b.to_uppercase(), c]), ["body.id"], "ids are written in one way");
}
