//! What answers are accepted, and in which form they are stored.

use merak_store::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::kit::{Id, Metadata};

fn field(slug: &str, r#type: CustomFieldType, properties: Value) -> CustomField {
    let id = Uuid::from_u128(1);
    CustomField {
        id: Id::from_uuid(id),
        organization_id: Id::from_uuid(id),
        r#type,
        slug: slug.parse().unwrap(),
        name: String::from("A question"),
        properties: serde_json::from_value(properties).unwrap(),
        metadata: Metadata::default(),
        created_at: Timestamp::from_micros(0),
        modified_at: None,
        deleted_at: None,
    }
}

/// What becomes of one answer, or its kind of problem.
fn answer(field: &CustomField, required: bool, answer: impl Into<Value>) -> Result<Value, &'static str> {
    let answers = Map::from_iter([(field.slug.to_string(), answer.into())]);
    let checked = check_answers(&[Asked { field, required }], &answers);
    checked.map(|stored| stored[field.slug.as_str()].clone()).map_err(|problems| {
        assert_eq!(problems.len(), 1);
        let place = at("body").field("custom_field_data").field(field.slug.to_string());
        assert_eq!(problems[0].loc, place.into_loc());
        problems[0].kind
    })
}

/// What becomes of no answer.
fn silence(field: &CustomField, required: bool) -> Result<Value, &'static str> {
    let checked = check_answers(&[Asked { field, required }], &Answers::new());
    checked.map(|stored| stored[field.slug.as_str()].clone()).map_err(|problems| problems[0].kind)
}

/// spec 20 §9.4 C3
#[test]
fn a_renamed_slug_renames_the_answer_in_its_place() {
    let answers = |json: Value| json.as_object().unwrap().clone();
    let rename = |json: Value| {
        let renamed = renamed(answers(json), &"text1".parse().unwrap(), &"updatedslug".parse().unwrap());
        serde_json::to_string(&renamed).unwrap()
    };
    assert_eq!(rename(json!({"foo": "bar", "text1": "x"})), r#"{"foo":"bar","updatedslug":"x"}"#);
    assert_eq!(rename(json!({"text1": "x", "foo": 1})), r#"{"updatedslug":"x","foo":1}"#);
    assert_eq!(rename(json!({"foo": "bar"})), r#"{"foo":"bar"}"#);
    assert_eq!(rename(json!({"updatedslug": "old", "text1": "x"})), r#"{"updatedslug":"x"}"#);
}

/// spec 20 §9.4 C4
#[test]
fn answers_follow_the_rules_of_their_fields() {
    let text = field("text", CustomFieldType::Text, json!({}));
    let number = field("number", CustomFieldType::Number, json!({"ge": 0}));
    let options = json!([{"value": "a", "label": "A"}, {"value": "b", "label": "B"}]);
    let select = field("select", CustomFieldType::Select, json!({"options": options}));
    let asked = [
        Asked { field: &text, required: true },
        Asked { field: &number, required: false },
        Asked { field: &select, required: false },
    ];
    let check = |answers: Value| match check_answers(&asked, answers.as_object().unwrap()) {
        Ok(stored) => Ok(Value::Object(stored)),
        Err(problems) => Err(problems.iter().map(|problem| problem.kind).collect::<Vec<_>>()),
    };
    assert_eq!(check(json!({"text": "x", "number": "abc"})), Err(vec!["int_parsing"]));
    assert_eq!(check(json!({"text": "x", "number": -1})), Err(vec!["greater_than_equal"]));
    assert_eq!(check(json!({"text": "x", "select": "c"})), Err(vec!["literal_error"]));
    assert_eq!(check(json!({})), Err(vec!["missing"]));
    assert_eq!(
        check(json!({"number": 0.5, "select": 1})),
        Err(vec!["missing", "int_from_float", "literal_error"]),
        "all problems are told, in the order of the fields"
    );
    let alone = check(json!({"text": "x"}));
    assert_eq!(alone, Ok(json!({"text": "x", "number": null, "select": null})));
    let all = json!({"text": "x", "number": 1, "select": "a"});
    assert_eq!(check(all.clone()), Ok(all));
    let with_others = check(json!({"text": "x", "number": 1, "select": "a", "other": [1]}));
    assert_eq!(with_others, Ok(json!({"text": "x", "number": 1, "select": "a"})));
}

/// spec 20 §9.4 C5 and §4.3
#[test]
fn a_required_box_must_be_checked() {
    let terms = field("terms", CustomFieldType::Checkbox, json!({}));
    assert_eq!(silence(&terms, false), Ok(json!(false)));
    assert_eq!(answer(&terms, false, json!(true)), Ok(json!(true)));
    assert_eq!(answer(&terms, false, json!(false)), Ok(json!(false)));
    assert_eq!(answer(&terms, false, json!(null)), Err("bool_type"));
    assert_eq!(silence(&terms, true), Err("missing"));
    assert_eq!(answer(&terms, true, json!(false)), Err("literal_error"));
    assert_eq!(answer(&terms, true, json!("no")), Err("literal_error"));
    assert_eq!(answer(&terms, true, json!(null)), Err("bool_type"));
    assert_eq!(answer(&terms, true, json!(true)), Ok(json!(true)));
    assert_eq!(answer(&terms, true, json!("yes")), Ok(json!(true)));
    assert_eq!(answer(&terms, true, json!(1)), Ok(json!(true)));
}

/// spec 20 §4.3 and T-41
#[test]
fn a_text_has_the_length_that_is_asked_for() {
    let free = field("company", CustomFieldType::Text, json!({}));
    assert_eq!(answer(&free, true, json!("")), Ok(json!("")));
    assert_eq!(answer(&free, true, json!(null)), Err("string_type"));
    assert_eq!(answer(&free, true, json!(5)), Err("string_type"));
    assert_eq!(answer(&free, false, json!(null)), Ok(json!(null)));
    let bound = field("company", CustomFieldType::Text, json!({"min_length": 2, "max_length": 3}));
    for (text, outcome) in [
        ("é", Err("string_too_short")),
        ("éé", Ok(json!("éé"))),
        ("ééé", Ok(json!("ééé"))),
        ("éééé", Err("string_too_long")),
    ] {
        assert_eq!(answer(&bound, false, json!(text)), outcome, "{text}");
    }
}

/// spec 20 §4.3
#[test]
fn a_number_may_be_written_as_a_text() {
    let seats = field("seats", CustomFieldType::Number, json!({"ge": 1, "le": 10}));
    assert_eq!(answer(&seats, true, json!("5")), Ok(json!(5)));
    assert_eq!(answer(&seats, true, json!(5.0)), Ok(json!(5)));
    assert_eq!(answer(&seats, true, json!(11)), Err("less_than_equal"));
    assert_eq!(answer(&seats, true, json!(null)), Err("int_type"));
    assert_eq!(answer(&seats, false, json!(null)), Ok(json!(null)));
}

/// spec 20 §4.3 and T-29
#[test]
fn a_date_is_stored_as_a_moment_and_ends_with_the_midnight_of_its_last_day() {
    let free = field("start", CustomFieldType::Date, json!({"ge": 0, "le": 0}));
    for (sent, stored) in [
        (json!("2024-01-01"), "2024-01-01T00:00:00"),
        (json!("2024-01-01T10:00:00+02:00"), "2024-01-01T10:00:00+02:00"),
        (json!(1_704_067_200), "2024-01-01T00:00:00Z"),
        (json!(-86_400), "1969-12-31T00:00:00Z"),
    ] {
        assert_eq!(answer(&free, true, sent), Ok(json!(stored)));
    }
    for (sent, kind) in [
        (json!("soon"), "datetime_from_date_parsing"),
        (json!("9999-12-31"), "datetime_from_date_parsing"),
        (json!(true), "datetime_type"),
        (json!(null), "datetime_type"),
    ] {
        assert_eq!(answer(&free, true, sent), Err(kind));
    }
    // Ten o'clock of 1 January, and of 3 January 2024.
    let bound = field("start", CustomFieldType::Date, json!({"ge": 1_704_103_200, "le": 1_704_276_000}));
    assert_eq!(answer(&bound, true, json!("2023-12-31T23:59:59")), Err("greater_than_equal"));
    assert!(answer(&bound, true, json!("2024-01-01")).is_ok());
    assert!(answer(&bound, true, json!("2024-01-03")).is_ok());
    assert_eq!(answer(&bound, true, json!("2024-01-03T10:00:00")), Err("less_than_equal"));
    assert_eq!(answer(&bound, true, json!("2024-01-03T00:00:00-01:00")), Err("less_than_equal"));
}

/// spec 20 §4.3: a slug that begins with an underscore works like any other.
#[test]
fn a_slug_may_begin_with_an_underscore() {
    let hidden = field("_hidden", CustomFieldType::Text, json!({}));
    assert_eq!(answer(&hidden, true, json!("x")), Ok(json!("x")));
}

proptest! {
    #[test]
    fn what_was_accepted_is_accepted_again_and_stays(
        ge in proptest::option::of(any::<i64>()),
        le in proptest::option::of(any::<i64>()),
        sent in prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            "[0-9T:+ Z-]{0,25}".prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
            Just(Value::Null),
        ],
        required: bool,
    ) {
        for r#type in CustomFieldType::ALL {
            let options = json!([{"value": "1", "label": "one"}]);
            let question = field("q", *r#type, json!({"min_length": 1, "options": options}));
            let question = CustomField {
                properties: Properties { ge, le, ..question.properties.clone() },
                ..question
            };
            if let Ok(stored) = answer(&question, required, sent.clone()) {
                prop_assert_eq!(answer(&question, required, stored.clone()), Ok(stored));
            }
        }
    }
}
