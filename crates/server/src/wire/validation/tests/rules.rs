//! Single values and lists: one table a kind of rule.

use serde_json::{Map, Value, json};

use super::{check, shape};
use crate::wire::validation::{Options, Shape};

/// Schema of one member, value sent, and what it becomes.
pub(super) fn accepts(schema: &Value, cases: &[(Value, Value)]) {
    let shape = shape(&json!({"type": "object", "properties": {"it": schema}}));
    for (given, expected) in cases {
        let checked = check(&shape, &json!({"it": given}));
        assert_eq!(checked, Ok(json!({"it": expected})), "{schema} {given}");
    }
}

/// Schema of one member, value sent, and the kind and `ctx` of the only problem at that member.
pub(super) fn refuses(schema: &Value, cases: &[(Value, &str, Value)]) {
    let shape = shape(&json!({"type": "object", "properties": {"it": schema}}));
    for (given, kind, ctx) in cases {
        let mut expected = json!({"type": kind, "loc": ["body", "it"], "input": given});
        if !ctx.is_null() {
            expected["ctx"] = ctx.clone();
        }
        assert_eq!(check(&shape, &json!({"it": given})), Err(vec![expected]), "{schema} {given}");
    }
}

#[test]
fn integers() {
    let any = json!({"type": "integer"});
    accepts(
        &any,
        &[
            (json!(12), json!(12)),
            (json!("12"), json!(12)),
            (json!(" +1_000 "), json!(1000)),
            (json!("-7.00"), json!(-7)),
            (json!(12.0), json!(12)),
            (serde_json::from_str("1e2").unwrap(), json!(100)),
            (json!(true), json!(1)),
            (json!(i64::MIN), json!(i64::MIN)),
        ],
    );
    refuses(
        &any,
        &[
            (json!(null), "int_type", json!(null)),
            (json!([]), "int_type", json!(null)),
            (json!({}), "int_type", json!(null)),
            (json!("many"), "int_parsing", json!(null)),
            (json!(""), "int_parsing", json!(null)),
            (json!("1__0"), "int_parsing", json!(null)),
            (json!("1.5"), "int_parsing", json!(null)),
            (json!("1e2"), "int_parsing", json!(null)),
            (json!(1.5), "int_from_float", json!(null)),
            (json!(u64::MAX), "int_parsing_size", json!(null)),
            (json!("99999999999999999999"), "int_parsing_size", json!(null)),
            (serde_json::from_str("1e30").unwrap(), "int_parsing_size", json!(null)),
            (serde_json::from_str("1e400").unwrap(), "finite_number", json!(null)),
        ],
    );
    refuses(
        &json!({"type": "integer", "exclusiveMinimum": 0.0, "maximum": 50.0}),
        &[
            (json!(0), "greater_than", json!({"gt": 0})),
            (json!(51), "less_than_equal", json!({"le": 50})),
            (json!("51"), "less_than_equal", json!({"le": 50})),
        ],
    );
    refuses(
        &json!({"type": "integer", "format": "int32", "minimum": 1, "exclusiveMaximum": 10}),
        &[
            (json!(0), "greater_than_equal", json!({"ge": 1})),
            (json!(10), "less_than", json!({"lt": 10})),
            (json!(2_147_483_648_i64), "less_than", json!({"lt": 10})),
        ],
    );
    refuses(
        &json!({"type": "integer", "format": "int32"}),
        &[(json!(2_147_483_648_i64), "less_than_equal", json!({"le": 2_147_483_647}))],
    );
}

#[test]
fn decimals() {
    let half = json!({"type": "number", "minimum": 0.5});
    accepts(&half, &[(json!(0.5), json!(0.5)), (json!(2), json!(2)), (json!("1.5"), json!(1.5))]);
    refuses(
        &half,
        &[
            (json!(0.25), "greater_than_equal", json!({"ge": 0.5})),
            (json!("x"), "float_parsing", json!(null)),
            (json!("nan"), "finite_number", json!(null)),
            (json!([]), "float_type", json!(null)),
        ],
    );
}

#[test]
fn booleans() {
    let any = json!({"type": "boolean"});
    let lax = [json!("true"), json!("YES"), json!("on"), json!("t"), json!("1"), json!(1), json!(1.0)];
    accepts(&any, &lax.map(|word| (word, json!(true))));
    let lax = [json!("False"), json!("no"), json!("off"), json!("f"), json!("N"), json!("0"), json!(0)];
    accepts(&any, &lax.map(|word| (word, json!(false))));
    refuses(
        &any,
        &[
            (json!("perhaps"), "bool_parsing", json!(null)),
            (json!(""), "bool_parsing", json!(null)),
            (json!(2), "bool_parsing", json!(null)),
            (json!(1.5), "bool_type", json!(null)),
            (json!(null), "bool_type", json!(null)),
            (json!({}), "bool_type", json!(null)),
        ],
    );
}

#[test]
fn texts() {
    let short = json!({"type": "string", "minLength": 2, "maxLength": 3});
    accepts(&short, &[(json!("ééé"), json!("ééé")), (json!("ab"), json!("ab"))]);
    refuses(
        &short,
        &[
            (json!("é"), "string_too_short", json!({"min_length": 2})),
            (json!("éééé"), "string_too_long", json!({"max_length": 3})),
            (json!(12), "string_type", json!(null)),
            (json!(null), "string_type", json!(null)),
            (json!("a\0b"), "value_error", json!({"error": {}})),
        ],
    );
    let trimmed = json!({"type": ["string", "null"], "x-trim": true, "maxLength": 3});
    accepts(
        &trimmed,
        &[(json!("  abc  "), json!("abc")), (json!("   "), json!(null)), (json!(""), json!(null))],
    );
    for spelling in [
        json!({"anyOf": [{"type": "string"}, {"type": "null"}], "x-trim": true}),
        json!({"oneOf": [{"type": "null"}, {"type": "string", "x-trim": true}]}),
    ] {
        accepts(&spelling, &[(json!(" a "), json!("a")), (json!(" "), json!(null))]);
    }
    accepts(&json!({"type": "string", "x-trim": true}), &[(json!(" "), json!(""))]);
    refuses(
        &json!({"type": "string", "pattern": "^[a-z0-9-_]+$"}),
        &[(json!("Not OK"), "string_pattern_mismatch", json!({"pattern": "^[a-z0-9-_]+$"}))],
    );
}

#[test]
fn formats() {
    refuses(
        &json!({"type": "string", "format": "uuid4"}),
        &[
            (json!(7), "uuid_type", json!(null)),
            (
                json!("abc"),
                "uuid_parsing",
                json!({"error": "invalid length: expected length 32 for simple format, found 3"}),
            ),
        ],
    );
    let moment = json!({"type": "string", "format": "date-time"});
    accepts(&moment, &[(json!(1_736_244_000), json!("2025-01-07T10:00:00Z"))]);
    refuses(
        &moment,
        &[
            (json!(true), "datetime_type", json!(null)),
            (json!("soon"), "datetime_from_date_parsing", json!({"error": "input is too short"})),
        ],
    );
    refuses(
        &json!({"type": "string", "format": "date"}),
        &[(json!([]), "date_type", json!(null)), (json!(3600), "date_from_datetime_inexact", json!(null))],
    );
    let url = json!({"type": "string", "format": "uri", "minLength": 1, "maxLength": 2083});
    accepts(&url, &[(json!("https://Example.com"), json!("https://example.com/"))]);
    refuses(
        &url,
        &[
            (json!(1), "url_type", json!(null)),
            (json!(""), "url_parsing", json!({"error": "input is empty"})),
            (json!("ftp://a"), "url_scheme", json!({"expected_schemes": "'http' or 'https'"})),
        ],
    );
    let slug = json!({"type": "string", "format": "slug", "minLength": 3});
    accepts(&slug, &[(json!("Acme"), json!("acme"))]);
    refuses(
        &slug,
        &[
            (json!("y"), "string_too_short", json!({"min_length": 3})),
            (json!("Not A Slug"), "value_error", json!({"error": {}})),
            (json!("Docs"), "value_error", json!({"error": {}})),
        ],
    );
    let country = json!({"type": "string", "format": "country", "pattern": "^\\w{2}$"});
    accepts(&country, &[(json!("fr"), json!("FR"))]);
    refuses(
        &country,
        &[(json!("FRA"), "country_alpha2", json!(null)), (json!(null), "string_type", json!(null))],
    );
    let address = json!({"type": "string", "format": "ipvanyaddress"});
    accepts(&address, &[(json!("::1"), json!("::1")), (json!("127.0.0.1"), json!("127.0.0.1"))]);
    refuses(&address, &[(json!("1.2.3"), "ip_any_address", json!(null))]);
}

#[test]
fn special_use_domains_are_an_option() {
    let schema = json!({"type": "string", "format": "email"});
    let mut problems = Vec::new();
    let strict = shape(&schema);
    strict.check(json!("jo@shop.test"), &[], &mut problems);
    assert_eq!(problems.len(), 1);
    let options = Options { allow_special_use_domains: true };
    let open = Shape::compile_with(&schema, &Map::new(), options).unwrap();
    problems.clear();
    assert_eq!(open.check(json!("Jo <jo@Shop.TEST>"), &[], &mut problems), json!("jo@shop.test"));
    assert_eq!(problems, []);
}

#[test]
fn choices() {
    let expected = json!({"expected": "'year', 'month' or 'day'"});
    let values = json!(["year", "month", "day"]);
    refuses(&json!({"type": "string", "enum": values}), &[(json!("week"), "enum", expected.clone())]);
    let literal = json!({"enum": values, "x-literal": true});
    refuses(&literal, &[(json!(5), "literal_error", expected)]);
    let nullable = json!({"anyOf": [{"enum": ["a"]}, {"type": "null"}], "x-literal": true});
    refuses(&nullable, &[(json!(5), "literal_error", json!({"expected": "'a'"}))]);
    refuses(&json!({"const": "a"}), &[(json!("b"), "literal_error", json!({"expected": "'a'"}))]);
    accepts(&json!({"type": ["string", "null"], "enum": ["a", null]}), &[(json!(null), json!(null))]);
    let described = json!({"oneOf": [{"type": "string", "enum": ["a"]}, {"type": "string", "enum": ["b"]}]});
    refuses(&described, &[(json!("c"), "enum", json!({"expected": "'a' or 'b'"}))]);
}

#[test]
fn every_spelling_of_nullable_admits_null() {
    for schema in [
        json!({"type": ["integer", "null"]}),
        json!({"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        json!({"oneOf": [{"type": "null"}, {"type": "integer"}]}),
    ] {
        accepts(&schema, &[(json!(null), json!(null)), (json!("1"), json!(1))]);
        refuses(&schema, &[(json!("x"), "int_parsing", json!(null))]);
    }
}

#[test]
fn lists_and_tuples() {
    let list = json!({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3});
    accepts(&list, &[(json!(["1", 2]), json!([1, 2]))]);
    let ctx = |name: &str, bound: u8, actual: u8| json!({"field_type": "List", name: bound, "actual_length": actual});
    refuses(
        &list,
        &[
            (json!(["1"]), "too_short", ctx("min_length", 2, 1)),
            (json!([1, 2, 3, "x"]), "too_long", ctx("max_length", 3, 4)),
            (json!("free"), "list_type", json!(null)),
            (json!({}), "list_type", json!(null)),
        ],
    );
    let tuple = json!({"type": "array", "prefixItems": [{"type": "string"}, {"enum": ["eu_vat"]}]});
    accepts(&tuple, &[(json!(["FR1", "eu_vat"]), json!(["FR1", "eu_vat"]))]);
    refuses(
        &tuple,
        &[
            (json!("FR1"), "tuple_type", json!(null)),
            (
                json!(["a", "eu_vat", "c"]),
                "too_long",
                json!({"field_type": "Tuple", "max_length": 2, "actual_length": 3}),
            ),
        ],
    );
    let checked = check(&shape(&tuple), &json!(["FR1"]));
    assert_eq!(checked, Err(vec![json!({"type": "missing", "loc": ["body", 1], "input": ["FR1"]})]));
}
