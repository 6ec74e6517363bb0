//! Objects, unions of objects, whole bodies and queries.

use serde_json::{Map, Value, json};

use super::rules::{accepts, refuses};
use super::{check, shape, without_sentence};
use crate::wire::validation::{Body, Shape, query_object};

#[test]
fn unknown_members_are_dropped_and_defaults_are_left_to_the_reader() {
    let shape = shape(&json!({
        "type": "object",
        "properties": {"a": {"type": "integer", "default": 3}, "b": {"type": "object", "properties": {}}},
    }));
    assert_eq!(check(&shape, &json!({"x": 1, "b": {"y": 2}})), Ok(json!({"b": {}})));
}

#[test]
fn problems_follow_the_declaration_and_echo_what_was_sent() {
    let shape = shape(&json!({
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}, "c": {"type": "boolean"}},
        "required": ["b", "c"],
    }));
    let sent = json!({"c": "maybe", "extra": 1, "a": "7"});
    assert_eq!(
        check(&shape, &sent),
        Err(vec![
            json!({"type": "missing", "loc": ["body", "b"], "input": sent}),
            json!({"type": "bool_parsing", "loc": ["body", "c"], "input": "maybe"}),
        ])
    );
    assert_eq!(
        check(&shape, &json!([])),
        Err(vec![json!({"type": "model_attributes_type", "loc": ["body"], "input": []})])
    );
}

#[test]
fn free_objects_keep_everything_that_can_be_stored() {
    let free = json!({"type": "object"});
    let value: Value =
        serde_json::from_str(r#"{"a": [1.50, {"b": null}], "c": 123456789012345678901}"#).unwrap();
    accepts(&free, &[(value.clone(), value)]);
    refuses(&free, &[(json!([]), "dict_type", json!(null)), (json!(null), "dict_type", json!(null))]);
    let shape = shape(&free);
    let refused = |body: Value, loc: Value, input: &str| {
        let expected = json!({"type": "value_error", "loc": loc, "input": input, "ctx": {"error": {}}});
        assert_eq!(check(&shape, &body), Err(vec![expected]));
    };
    refused(json!({"a": [1, "x\0"]}), json!(["body", "a", 1]), "x\0");
    refused(json!({"a": {"k\0": 1}}), json!(["body", "a", "k\0", "[key]"]), "k\0");
    refused(json!({"k\0": 1}), json!(["body", "k\0", "[key]"]), "k\0");
    let private = "$serde_json::private::Number";
    refused(json!({"a": {private: "x"}}), json!(["body", "a", private, "[key]"]), private);
    refused(json!({private: "x"}), json!(["body", private, "[key]"]), private);
}

fn metadata() -> Shape {
    shape(&json!({
        "type": "object",
        "maxProperties": 3,
        "propertyNames": {"minLength": 1, "maxLength": 5},
        "additionalProperties": {"anyOf": [
            {"type": "string", "minLength": 1, "maxLength": 4}, {"type": "integer"}, {"type": "boolean"},
        ]},
    }))
}

#[test]
fn metadata_keeps_types_and_tells_each_branch() {
    let metadata = metadata();
    let given = json!({"a": "5", "b": true, "c": 1.0});
    assert_eq!(check(&metadata, &given), Ok(json!({"a": "5", "b": true, "c": 1})));
    assert_eq!(
        check(&metadata, &json!({"a": "", "toolong": 1, "b": "x"})),
        Err(vec![
            json!({"type": "string_too_short", "loc": ["body", "a", "constrained-str"], "input": "", "ctx": {"min_length": 1}}),
            json!({"type": "int_parsing", "loc": ["body", "a", "int"], "input": ""}),
            json!({"type": "bool_parsing", "loc": ["body", "a", "bool"], "input": ""}),
            json!({"type": "string_too_long", "loc": ["body", "toolong", "[key]"], "input": "toolong", "ctx": {"max_length": 5}}),
        ])
    );
    let four = json!({"a": 1, "b": 2, "c": 3, "d": 4});
    let ctx = json!({"field_type": "Dictionary", "max_length": 3, "actual_length": 4});
    assert_eq!(
        check(&metadata, &four),
        Err(vec![json!({"type": "too_long", "loc": ["body"], "input": four, "ctx": ctx})])
    );
}

#[test]
fn names_of_a_dictionary_are_coerced_too() {
    let archived = shape(&json!({
        "type": "object", "additionalProperties": {"type": "boolean"}, "propertyNames": {"format": "uuid4"},
    }));
    assert_eq!(
        check(&archived, &json!({"3F2B6C1E8A4D4F7B9C0E1D2A3B4C5D6E": "yes"})),
        Ok(json!({"3f2b6c1e-8a4d-4f7b-9c0e-1d2a3b4c5d6e": true}))
    );
}

fn branches() -> (Value, Map<String, Value>) {
    let branch = |tag: &str, rule: Value| {
        json!({
            "type": "object",
            "properties": {"type": {"const": tag}, "size": rule},
            "required": ["type", "size"],
        })
    };
    let components = json!({
        "Box": branch("box", json!({"type": "integer"})),
        "Bag": branch("bag", json!({"type": "string"})),
    });
    let references = json!([{"$ref": "#/components/schemas/Box"}, {"$ref": "#/components/schemas/Bag"}]);
    (references, components.as_object().unwrap().clone())
}

#[test]
fn a_discriminator_makes_the_tag_a_part_of_loc() {
    let (references, components) = branches();
    let schema = json!({"oneOf": references, "discriminator": {"propertyName": "type"}});
    let shape = Shape::compile(&schema, &components).unwrap();
    assert_eq!(check(&shape, &json!({"type": "box", "size": "3"})), Ok(json!({"type": "box", "size": 3})));
    for (body, expected) in [
        (
            json!({"type": "box", "size": "x"}),
            json!({"type": "int_parsing", "loc": ["body", "box", "size"], "input": "x"}),
        ),
        (
            json!({"type": "cake"}),
            json!({"type": "union_tag_invalid", "loc": ["body"], "input": {"type": "cake"},
                "ctx": {"discriminator": "'type'", "tag": "cake", "expected_tags": "'box', 'bag'"}}),
        ),
        (
            json!({"type": 5}),
            json!({"type": "union_tag_invalid", "loc": ["body"], "input": {"type": 5},
                "ctx": {"discriminator": "'type'", "tag": "5", "expected_tags": "'box', 'bag'"}}),
        ),
        (
            json!({}),
            json!({"type": "union_tag_not_found", "loc": ["body"], "input": {}, "ctx": {"discriminator": "'type'"}}),
        ),
        (json!("box"), json!({"type": "model_attributes_type", "loc": ["body"], "input": "box"})),
    ] {
        assert_eq!(check(&shape, &body), Err(vec![expected]));
    }
}

#[test]
fn a_tag_that_only_the_mapping_knows_survives() {
    let components = json!({"Box": {"type": "object", "properties": {"size": {"type": "integer"}}}});
    let schema = json!({
        "oneOf": [{"$ref": "#/components/schemas/Box"}, {"type": "object", "properties": {"type": {"const": "bag"}}}],
        "discriminator": {"propertyName": "type", "mapping": {"box": "#/components/schemas/Box"}},
    });
    let shape = Shape::compile(&schema, components.as_object().unwrap()).unwrap();
    for body in [json!({"type": "box", "size": 1}), json!({"type": "bag"})] {
        assert_eq!(check(&shape, &body), Ok(body));
    }
}

#[test]
fn without_a_discriminator_the_branch_is_chosen_by_its_constants() {
    let (references, components) = branches();
    let shape = Shape::compile(&json!({"anyOf": references}), &components).unwrap();
    assert_eq!(check(&shape, &json!({"type": "bag", "size": "3"})), Ok(json!({"type": "bag", "size": "3"})));
    assert_eq!(
        check(&shape, &json!({"type": "bag", "size": 3})),
        Err(vec![json!({"type": "string_type", "loc": ["body", "Bag", "size"], "input": 3})])
    );
    assert_eq!(
        check(&shape, &json!({})),
        Err(vec![
            json!({"type": "missing", "loc": ["body", "Box", "type"], "input": {}}),
            json!({"type": "missing", "loc": ["body", "Bag", "type"], "input": {}}),
        ])
    );
    let literal = |name: &str, tag: &str| json!({"type": "literal_error", "loc": ["body", name, "type"], "input": "x", "ctx": {"expected": tag}});
    assert_eq!(
        check(&shape, &json!({"type": "x"})),
        Err(vec![literal("Box", "'box'"), literal("Bag", "'bag'")])
    );
}

#[test]
fn without_constants_the_complete_branch_is_meant() {
    let branch = |name: &str| json!({"type": "object", "properties": {name: {"type": "integer"}}, "required": [name], "x-label": name});
    let shape = shape(&json!({"anyOf": [branch("price"), branch("product")]}));
    assert_eq!(check(&shape, &json!({"product": "1"})), Ok(json!({"product": 1})));
    assert_eq!(
        check(&shape, &json!({"product": "x"})),
        Err(vec![json!({"type": "int_parsing", "loc": ["body", "product", "product"], "input": "x"})])
    );
    assert_eq!(check(&shape, &json!({})).unwrap_err().len(), 2);
}

#[test]
fn parts_of_all_of_are_one_object() {
    let shape = shape(&json!({"allOf": [
        {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
        {"type": "object", "properties": {"b": {"type": "integer"}}},
    ]}));
    assert_eq!(check(&shape, &json!({"a": "1", "b": "2", "c": "3"})), Ok(json!({"a": 1, "b": 2})));
}

#[test]
fn bodies_may_be_absent_only_where_null_is_admitted() {
    let strict = shape(&json!({"type": "object", "properties": {}}));
    for body in [Body::Absent, Body::Json(Value::Null)] {
        let mut problems = Vec::new();
        strict.check_body(body, &mut problems);
        let shown: Vec<Value> = problems.iter().map(without_sentence).collect();
        assert_eq!(shown, [json!({"type": "missing", "loc": ["body"], "input": null})]);
    }
    let open = shape(&json!({"anyOf": [{"type": "object", "properties": {}}, {"type": "null"}]}));
    let mut problems = Vec::new();
    assert_eq!(open.check_body(Body::Absent, &mut problems), Value::Null);
    assert_eq!(problems, []);
}

#[test]
fn the_number_of_problems_is_limited() {
    let shape = shape(&json!({"type": "array", "items": {"type": "integer"}}));
    assert_eq!(check(&shape, &json!(vec!["x"; 5000])).unwrap_err().len(), 1000);
}

#[test]
fn queries() {
    let id = json!({"type": "integer"});
    let shape = shape(&json!({
        "type": "object",
        "properties": {
            "ids": {"anyOf": [id, {"type": "array", "items": id}, {"type": "null"}]},
            "sorting": {"anyOf": [{"type": "array", "items": {"enum": ["a", "-a"]}}, {"type": "null"}]},
            "page": {"type": "integer", "exclusiveMinimum": 0},
            "day": {"type": "string"},
        },
        "required": ["day"],
    }));
    let ask = |query: &str| {
        let mut problems = Vec::new();
        let checked = shape.check_parameters(query_object(query, &shape), "query", &mut problems);
        if problems.is_empty() { Ok(checked) } else { Err(problems.iter().map(without_sentence).collect()) }
    };
    for (query, expected) in [
        ("day=x", json!({"day": "x"})),
        ("day=x&other=1&day=y+%C3%A9&ids=1", json!({"day": "y é", "ids": [1]})),
        (
            "ids=1&day=&ids=2&page=3&sorting=-a",
            json!({"ids": [1, 2], "day": "", "page": 3, "sorting": ["-a"]}),
        ),
        ("day=%ff", json!({"day": "\u{fffd}"})),
    ] {
        assert_eq!(ask(query), Ok::<_, Vec<Value>>(expected), "{query}");
    }
    for (query, expected) in [
        ("", json!({"type": "missing", "loc": ["query", "day"], "input": null})),
        ("day=x&ids=1,2", json!({"type": "int_parsing", "loc": ["query", "ids", 0], "input": "1,2"})),
        ("day=x&ids=1&ids=", json!({"type": "int_parsing", "loc": ["query", "ids", 1], "input": ""})),
        ("day=x&page=null", json!({"type": "int_parsing", "loc": ["query", "page"], "input": "null"})),
        (
            "day=x&page=0",
            json!({"type": "greater_than", "loc": ["query", "page"], "input": "0", "ctx": {"gt": 0}}),
        ),
        (
            "day=x&sorting=",
            json!({"type": "enum", "loc": ["query", "sorting", 0], "input": "", "ctx": {"expected": "'a' or '-a'"}}),
        ),
        (
            "day=%00",
            json!({"type": "value_error", "loc": ["query", "day"], "input": "\0", "ctx": {"error": {}}}),
        ),
    ] {
        assert_eq!(ask(query), Err(vec![expected]), "{query}");
    }
}

#[test]
fn schemas_that_could_not_be_checked_do_not_compile() {
    let components =
        json!({"Loop": {"type": "object", "properties": {"it": {"$ref": "#/components/schemas/Loop"}}}});
    for (schema, complaint) in [
        (json!({"type": "string", "format": "colour"}), "format `colour`"),
        (json!({"type": "string", "pattern": "a.b"}), "pattern"),
        (json!({"type": "array", "uniqueItems": true}), "`uniqueItems`"),
        (json!({"$ref": "#/components/schemas/None"}), "no component `None`"),
        (json!({"$ref": "#/components/schemas/Loop"}), "contains itself"),
        (json!({"type": "integer", "minimum": 0.5}), "`minimum` is 0.5"),
        (json!({"type": "object", "properties": {}, "required": ["x"]}), "`x` is not declared"),
        (
            json!({"anyOf": [{"type": "integer"}, {"type": "null"}], "minimum": 1}),
            "`minimum` stands beside `anyOf`",
        ),
        (json!({"$ref": "#/components/schemas/Loop", "maxLength": 1}), "`maxLength` stands beside `$ref`"),
        (json!(5), "not an object"),
    ] {
        let error = Shape::compile(&schema, components.as_object().unwrap()).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
    }
}

#[test]
fn problems_serialize_as_the_wire_wants_them() {
    let shape = shape(&json!({"type": "object", "properties": {"a": {"type": "string", "minLength": 3}}}));
    let mut problems = Vec::new();
    shape.check_body(Body::Json(json!({"a": "x"})), &mut problems);
    assert_eq!(
        serde_json::to_string(&problems).unwrap(),
        r#"[{"type":"string_too_short","loc":["body","a"],"msg":"String should have at least 3 characters","input":"x","ctx":{"min_length":3}}]"#
    );
}

#[test]
fn several_members_can_name_a_branch_together() {
    let branch = |member: &str| {
        json!({
            "type": "object",
            "properties": {"type": {"type": "string"}, "duration": {"enum": ["once", "ever", "months"]}, member: {"type": "integer"}},
            "required": ["type", "duration", member],
        })
    };
    let names = ["a.short", "a.long", "b.short", "b.long"];
    let components: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), branch(&format!("of {name}")))).collect();
    let reference = |name: &&str| json!(format!("#/components/schemas/{name}"));
    let branches: Vec<Value> = names.iter().map(|name| json!({"$ref": reference(name)})).collect();
    let mapping: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), reference(name))).collect();
    let schema = json!({"oneOf": branches, "x-discriminator": {
        "parts": [
            {"propertyName": "type"},
            {"propertyName": "duration", "classes": {"once": "short", "ever": "short"}, "others": "long"},
        ],
        "mapping": mapping,
    }});
    let shape = Shape::compile(&schema, &components).unwrap();
    let good = json!({"type": "a", "duration": "ever", "of a.short": 1});
    assert_eq!(check(&shape, &good), Ok(good));
    for (sent, problems) in [
        (
            json!({"type": "b", "duration": "months"}),
            vec![("missing", json!(["body", "b.long", "of b.long"]))],
        ),
        (
            json!({"type": "b", "duration": "weeks", "of b.long": 1}),
            vec![("enum", json!(["body", "b.long", "duration"]))],
        ),
        (json!({"type": "c", "duration": "once"}), vec![("union_tag_invalid", json!(["body"]))]),
        (json!({"type": null, "duration": "once"}), vec![("union_tag_invalid", json!(["body"]))]),
        (json!({"duration": "once"}), vec![("missing", json!(["body", "type"]))]),
        (json!({}), vec![("missing", json!(["body", "type"])), ("missing", json!(["body", "duration"]))]),
        (json!([]), vec![("model_attributes_type", json!(["body"]))]),
    ] {
        let found = check(&shape, &sent).unwrap_err();
        let found: Vec<_> =
            found.iter().map(|found| (found["type"].as_str().unwrap(), found["loc"].clone())).collect();
        assert_eq!(found, problems, "{sent}");
    }
}

#[test]
fn the_content_chooses_the_branch_that_is_told() {
    let price = |tag: &str| {
        json!({"type": "object", "required": ["kind", "amount"], "properties": {
            "kind": {"type": "string", "const": tag}, "amount": {"type": "integer", "minimum": 50}
        }, "x-label": tag})
    };
    let shape = shape(&json!({
        "anyOf": [
            {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}, "x-label": "Known"},
            price("fixed"),
            price("free")
        ],
        "x-choose": [
            {"where": {"/id": true}, "branch": 0},
            {"where": {"/kind": "fixed"}, "branch": 1},
            {"where": {"/kind": "free"}, "branch": 2}
        ]
    }));
    let places = |sent: Value| -> Vec<String> {
        let problems = check(&shape, &sent).unwrap_err();
        problems
            .iter()
            .map(|problem| format!("{} {}", problem["type"], problem["loc"]).replace('"', ""))
            .collect()
    };
    assert_eq!(check(&shape, &json!({"id": "7", "kind": "fixed", "amount": 1})), Ok(json!({"id": 7})));
    let fixed = json!({"kind": "fixed", "amount": 50});
    assert_eq!(check(&shape, &json!({"id": null, "kind": "fixed", "amount": "50"})), Ok(fixed));
    assert_eq!(places(json!({"id": "x"})), ["int_parsing [body,Known,id]"]);
    assert_eq!(places(json!({"kind": "fixed", "amount": 49})), ["greater_than_equal [body,fixed,amount]"]);
    assert_eq!(places(json!({"kind": "free"})), ["missing [body,free,amount]"]);
    // What means no branch is told by all of them.
    assert_eq!(places(json!({})).len(), 5);
}

#[test]
fn an_unlabelled_union_leaves_no_trace_in_the_place() {
    let list = |kind: &str, most: u64| {
        let item = json!({"type": "object", "required": ["kind"], "properties": {
            "kind": {"type": "string", "const": kind}, "interval": {"type": "string"}
        }});
        json!({"type": "array", "items": item, "maxItems": most, "minItems": 1, "x-distinct": "interval"})
    };
    let shape = shape(&json!({
        "anyOf": [list("fixed", 2), list("free", 1)],
        "x-choose": [{"where": {"/0/kind": "free"}, "branch": 1}, {"branch": 0}],
        "x-unlabelled": true
    }));
    let month = |kind: &str| json!({"kind": kind, "interval": "month"});
    let refused = |sent: Value, kind: &str, loc: Value| {
        let problems = check(&shape, &sent).unwrap_err();
        assert_eq!(
            (problems.len(), &problems[0]["type"], &problems[0]["loc"]),
            (1, &json!(kind), &loc),
            "{sent}"
        );
    };
    refused(json!([]), "too_short", json!(["body"]));
    refused(json!([month("free"), month("free")]), "too_long", json!(["body"]));
    refused(json!([month("fixed"), month("free")]), "literal_error", json!(["body", 1, "kind"]));
    let twice = json!([month("fixed"), month("fixed")]);
    refused(twice.clone(), "value_error", json!(["body"]));
    assert_eq!(check(&shape, &twice).unwrap_err()[0]["input"], twice);
    for good in [json!([month("free")]), json!([month("fixed"), {"kind": "fixed", "interval": "year"}])] {
        assert_eq!(check(&shape, &good), Ok(good.clone()));
    }
    // A member that is left out is equal to nothing.
    let without = json!([{"kind": "fixed"}, {"kind": "fixed"}]);
    assert_eq!(check(&shape, &without), Ok(without.clone()));
}

#[test]
fn two_moments_are_in_their_order() {
    let moment = json!({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]});
    let plain = json!({"type": "object", "x-ordered": ["start", "end"], "properties": {
        "start": moment, "end": moment, "number": {"type": "integer"}
    }});
    let put_together =
        json!({"allOf": [plain, {"type": "object", "properties": {"more": {"type": "string"}}}]});
    for schema in [plain, put_together] {
        let shape = shape(&schema);
        let places = |sent: &Value| {
            let problems = check(&shape, sent).err().unwrap_or_default();
            problems.iter().map(|problem| problem["loc"].clone()).collect::<Vec<_>>()
        };
        let noon = "2025-01-01T12:00:00Z";
        for end in
            [noon, "2025-01-01T13:00:00+01:00", "2025-01-01T11:59:59.999999Z", "2025-01-01", "1735732800"]
        {
            let sent = json!({"start": noon, "end": end});
            assert_eq!(places(&sent), [json!(["body"])], "{sent}");
            assert_eq!(check(&shape, &sent).unwrap_err()[0]["input"], sent);
        }
        // Fractions sort after the whole second, though "." sorts before "Z".
        for end in [json!("2025-01-01T12:00:00.000001Z"), json!("2025-01-01T12:00:00-01:00"), json!(null)] {
            assert!(places(&json!({"start": noon, "end": end})).is_empty(), "{end}");
        }
        assert!(places(&json!({"end": noon})).is_empty());
        let wrong = json!({"start": noon, "end": noon, "number": "x"});
        assert_eq!(places(&wrong), [json!(["body", "number"])]);
    }
    for names in [json!(["start"]), json!(["start", "end"]), json!("start")] {
        let schema = json!({"type": "object", "properties": {"start": moment}, "x-ordered": names});
        assert!(Shape::compile(&schema, &Map::new()).is_err(), "{names}");
    }
}
