//! What must hold for any input.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::shape;
use crate::wire::validation::{Loc, Problem, Shape, parse_json, query_object};

const NAMES: [&str; 9] = ["type", "name", "ids", "when", "meta", "url", "mail", "flag", "deep"];

/// A shape with something of everything.
fn broad() -> Shape {
    let metadata = json!({
        "type": "object", "maxProperties": 4, "propertyNames": {"minLength": 1, "maxLength": 8},
        "additionalProperties": {"anyOf": [
            {"type": "string", "minLength": 1}, {"type": "integer"}, {"type": "boolean"},
        ]},
    });
    let members = json!({
        "name": {"type": ["string", "null"], "minLength": 1, "maxLength": 6, "x-trim": true},
        "ids": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "string", "format": "uuid4"}},
        "when": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        "meta": metadata,
        "url": {"type": "string", "format": "uri"},
        "mail": {"type": "string", "format": "email"},
        "flag": {"type": "boolean"},
        "deep": {"type": "object", "properties": {
            "name": {"type": "string", "format": "slug"},
            "when": {"type": "string", "format": "date"},
            "ids": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer", "maximum": 9}]},
            "meta": {"type": "object"},
        }, "required": ["name", "when"]},
    });
    let branch = |tag: &str, required: Value| {
        let mut properties = json!({"type": {"const": tag}});
        properties.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        json!({"type": "object", "properties": properties, "required": required})
    };
    shape(&json!({
        "oneOf": [branch("a", json!([])), branch("b", json!(["name", "flag"]))],
        "discriminator": {"propertyName": "type"},
    }))
}

fn scalar() -> impl Strategy<Value = Value> {
    let words = [
        "a",
        "b",
        "",
        " x ",
        "12",
        "-3.0",
        "true",
        "\0",
        "ääääää",
        "https://Example.com/ä b",
        "Jo <jo@Example.COM>",
        "Some-Slug",
        "docs",
        "2025-01-07",
        "2025-01-07T10:00:00.5+02:00",
        "1736244000",
        "3F2B6C1E-8A4D-4F7B-9C0E-1D2A3B4C5D6E",
        "00000000-0000-0000-0000-000000000000",
        "$serde_json::private::Number",
    ];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        (-5_i64..5).prop_map(Value::from),
        proptest::sample::select(words.to_vec()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => proptest::sample::select(NAMES.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn json() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 48, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::Array),
            vec((name(), inner), 0..8).prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

/// JSON, mostly with a tag so that the members are reached.
fn body() -> impl Strategy<Value = Value> {
    (json(), proptest::sample::select(vec!["a", "b"]), proptest::bool::weighted(0.9)).prop_map(
        |(mut value, tag, is_tagged)| {
            if let (Value::Object(object), true) = (&mut value, is_tagged) {
                object.insert("type".to_owned(), Value::from(tag));
            }
            value
        },
    )
}

/// The value at `loc`, where names of union branches lead nowhere further.
fn value_at<'v>(mut value: &'v Value, loc: &[Loc]) -> Option<&'v Value> {
    for step in loc {
        value = match step {
            Loc::Index(index) => value.get(index)?,
            Loc::Field(name) => match value.get(name) {
                Some(member) => member,
                None if ["a", "b", "constrained-str", "int", "bool"].contains(&name.as_str()) => value,
                None => return None,
            },
        };
    }
    Some(value)
}

/// Whether a problem tells the place and the value of something that was sent.
fn points_into(problem: &Problem, sent: &Value) -> bool {
    let [Loc::Field(body), path @ ..] = problem.loc.as_slice() else { return false };
    let (value, expected) = match path {
        [enclosing @ .., last] if *last == Loc::from("[key]") => {
            return matches!(enclosing, [.., Loc::Field(name)] if problem.input == **name)
                && value_at(sent, enclosing).is_some();
        }
        [enclosing @ .., _] if problem.kind == "missing" => (value_at(sent, enclosing), &problem.input),
        _ => (value_at(sent, path), &problem.input),
    };
    body == "body" && value == Some(expected)
}

proptest! {
    #[test]
    fn problems_point_into_the_input_and_accepted_values_stay(sent in body()) {
        let shape = broad();
        let loc = [Loc::from("body")];
        let mut problems = Vec::new();
        let checked = shape.check(sent.clone(), &loc, &mut problems);
        if problems.is_empty() {
            let again = shape.check(checked.clone(), &loc, &mut problems);
            prop_assert_eq!(&problems, &vec![]);
            prop_assert_eq!(again, checked);
        }
        for problem in &problems {
            prop_assert!(points_into(problem, &sent), "{:?}", problem);
        }
    }

    #[test]
    fn what_formats_accept_they_accept_unchanged(text in "\\PC{0,40}|[a-z@.:/<> -]{0,30}|[0-9T:.+Z -]{0,30}") {
        for format in ["uuid4", "date-time", "date", "email", "uri", "slug", "country", "ipvanyaddress"] {
            let shape = shape(&json!({"type": "string", "format": format}));
            let mut problems = Vec::new();
            let checked = shape.check(Value::from(text.as_str()), &[], &mut problems);
            if problems.is_empty() {
                let again = shape.check(checked.clone(), &[], &mut problems);
                prop_assert_eq!(&problems, &vec![], "{} {}", format, text);
                prop_assert_eq!(again, checked);
            }
        }
    }

    #[test]
    fn text_is_read_as_serde_reads_it(text in r#"[\[\]{}:,"0-9a\\u. eE+\-]{0,24}|(\[|\{"a":)?(-?[0-9]{1,3}(\.[0-9])?([eE][+-]?[0-9])?|"[a\\ub]{0,8}"|null|true)(\]|\})?"#) {
        let ours = parse_json(text.as_bytes());
        let serdes = serde_json::from_str::<Value>(&text);
        match (&ours, &serdes) {
            (Ok(Some(ours)), Ok(serdes)) => {
                // Ours keeps the text of numbers, serde rewrites exponents.
                let rewritten: Value = serde_json::from_str(&ours.to_string()).unwrap();
                prop_assert_eq!(&rewritten, serdes);
            }
            (Ok(None), Err(_)) => prop_assert_eq!(text, ""),
            (Err(_), Err(_)) => {}
            _ => prop_assert!(false, "{:?} {:?}", ours, serdes),
        }
    }

    #[test]
    fn written_json_is_read_back(value in json()) {
        let text = value.to_string();
        let read = parse_json(text.as_bytes()).unwrap().unwrap();
        prop_assert_eq!(read.to_string(), text);
    }

    #[test]
    fn any_bytes_and_queries_are_survived(bytes in vec(any::<u8>(), 0..64), query in any::<String>()) {
        let _ = parse_json(&bytes);
        let shape = shape(&json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}}));
        let mut problems = Vec::new();
        shape.check_parameters(query_object(&query, &shape), "query", &mut problems);
    }
}
