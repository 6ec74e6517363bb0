//! Malformed JSON, with the words and offsets that clients get.

use serde_json::{Value, json};

use crate::wire::validation::{Body, BodyError, Loc, MAX_DEPTH, parse_json, read_body};

fn failure(text: &str) -> (String, usize) {
    let Err(BodyError::Invalid(problem)) = parse_json(text.as_bytes()) else {
        panic!("{text} is malformed");
    };
    assert_eq!(problem.kind, "json_invalid");
    assert_eq!(problem.input, json!({}));
    let [Loc::Field(body), Loc::Index(at)] = problem.loc.as_slice() else {
        panic!("{:?} is the body and an offset", problem.loc);
    };
    assert_eq!(body, "body");
    let error = problem.ctx.expect("the error is told")["error"].as_str().map(str::to_owned);
    (error.expect("the error is text"), *at)
}

#[test]
fn malformed_text_is_told_with_its_offset_in_characters() {
    const NAME: &str = "Expecting property name enclosed in double quotes";
    const VALUE: &str = "Expecting value";
    const COMMA: &str = "Expecting ',' delimiter";
    const COLON: &str = "Expecting ':' delimiter";
    const OPEN: &str = "Unterminated string starting at";
    const UNICODE: &str = "Invalid \\uXXXX escape";
    for (text, error, at) in [
        (" ", VALUE, 1),
        ("nope", VALUE, 0),
        ("NaN", VALUE, 0),
        ("-Infinity", VALUE, 0),
        ("-", VALUE, 0),
        ("[1,", VALUE, 3),
        ("[1,]", VALUE, 3),
        ("[", VALUE, 1),
        ("[1 2]", COMMA, 3),
        ("[1", COMMA, 2),
        ("{", NAME, 1),
        ("{nope}", NAME, 1),
        ("{\"key\":\"a\",}", NAME, 11),
        ("{\"key\": \"a\", ", NAME, 13),
        ("{\"a\" 1}", COLON, 5),
        ("{\"a\"", COLON, 4),
        ("{\"name\": ", VALUE, 9),
        ("{\"a\": 1 \"b\"}", COMMA, 8),
        ("{\"a\": 1", COMMA, 7),
        ("{\"key\":\"a", OPEN, 7),
        ("\"", OPEN, 0),
        ("\"a\\", OPEN, 0),
        ("\"é\u{1}\"", "Invalid control character at", 2),
        ("\"a\\x\"", "Invalid \\escape", 2),
        ("\"\\u12\"", UNICODE, 2),
        ("\"\\u12x4\"", UNICODE, 2),
        ("\"\\u1234", UNICODE, 2),
        ("\"\\ud800\"", UNICODE, 2),
        ("\"\\udc00\"", UNICODE, 2),
        ("\"\\ud800\\u0041\"", UNICODE, 2),
        ("{} x", "Extra data", 3),
        ("01", "Extra data", 1),
        ("1.", "Extra data", 1),
        ("1e", "Extra data", 1),
        ("[\"é\", x]", VALUE, 6),
        ("[01]", COMMA, 2),
    ] {
        assert_eq!(failure(text), (error.to_owned(), at), "{text}");
    }
}

#[test]
fn well_formed_text_is_read() {
    for (text, expected) in [
        ("null", Value::Null),
        (" {\"a\" : [ 1 , true , false, null ] }\r\n", json!({"a": [1, true, false, null]})),
        ("{}", json!({})),
        ("[ ]", json!([])),
        ("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00z\"", json!("a\"\\/\u{8}\u{c}\n\r\té😀z")),
        ("\"\\u0000\"", json!("\0")),
        ("{\"a\": 1, \"b\": 2, \"a\": 3}", json!({"a": 3, "b": 2})),
        ("\u{feff}1", json!(1)),
    ] {
        assert_eq!(parse_json(text.as_bytes()), Ok(Some(expected)), "{text}");
    }
    assert_eq!(parse_json(b""), Ok(None));
    assert_eq!(parse_json(b"\"\xff\""), Err(BodyError::NotUtf8));
}

#[test]
fn numbers_keep_their_text() {
    for number in ["0", "-0", "1.50", "1E5", "12345678901234567890123", "1e400", "-1.0e-7"] {
        let value = parse_json(number.as_bytes()).unwrap().unwrap();
        assert_eq!(value.to_string(), number);
    }
}

#[test]
fn deep_nesting_is_refused() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse_json(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(failure(&nested(MAX_DEPTH + 1)).1, MAX_DEPTH);
    assert_eq!(failure(&"{\"a\":".repeat(1_000_000)).1, 5 * MAX_DEPTH);
}

#[test]
fn the_content_type_decides_what_a_body_is() {
    assert_eq!(read_body(Some("application/json"), b""), Ok(Body::Absent));
    assert_eq!(read_body(None, b"{}"), Ok(Body::Json(json!({}))));
    assert_eq!(read_body(Some("application/ld+json; x=y"), b"{}"), Ok(Body::Json(json!({}))));
    assert_eq!(read_body(Some("text/plain"), b"{}"), Ok(Body::Other("{}".to_owned())));
    assert_eq!(read_body(Some("application/json"), b"\xff"), Err(BodyError::NotUtf8));
}
