//! The reference's recorded answers: every schema problem of the resources of the first milestone
//! must be told with the same kind, place, input and parameters.

use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::without_sentence;
use crate::wire::validation::{Body, BodyError, Problem, Shape, parse_json, query_object, read_body};

const PREFIXES: [&str; 3] = ["/v1/customer-portal/license-keys", "/v1/organizations", "/v1/benefits"];

/// Stands for every placeholder: it is good as an identifier and as a key.
const STAND_IN: &str = "3f2b6c1e-8a4d-4f7b-9c0e-1d2a3b4c5d6e";

/// Answers that come from looking something up, although they look like schema problems.
const BEYOND_THE_SCHEMA: [&str; 1] = ["benefit create discord bad token"];

fn shared(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contract").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(text: &str) -> Value {
    parse_json(text.as_bytes()).unwrap().unwrap()
}

/// The contract with the rules that its schemas do not tell.
fn contract() -> Value {
    let mut contract = read(&shared("openapi-2025-01-07.json"));
    let schemas = &mut contract["components"]["schemas"];
    schemas["OrganizationCreate"]["properties"]["slug"]["format"] = json!("slug");
    schemas["BenefitLicenseKeyExpirationProperties"]["properties"]["timeframe"]["x-literal"] = json!(true);
    contract
}

#[test]
fn every_request_body_of_the_contract_compiles() {
    let contract = contract();
    let components = contract["components"]["schemas"].as_object().unwrap();
    let mut compiled = 0;
    for (path, operations) in contract["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            if !schema.is_null() {
                Shape::compile(schema, components).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
                compiled += 1;
            }
            for part in ["query", "path"] {
                Shape::compile(&parameters(operation, part), components).unwrap();
            }
        }
    }
    assert!(compiled > 20);
}

#[test]
fn recorded_problems_are_told_in_the_same_way() {
    let contract = contract();
    let mut compared = 0;
    for file in ["license-keys.jsonl", "catalog.jsonl"] {
        for line in shared(&format!("traces/{file}")).lines() {
            let trace = read(&without_placeholders(line));
            if !is_about_the_schema(&trace) {
                continue;
            }
            let name = trace["name"].as_str().unwrap();
            let told: Vec<Value> = answer(&contract, &trace).iter().map(without_sentence).collect();
            assert_eq!(told, expected(&trace), "{file}: {name}");
            compared += 1;
        }
    }
    assert!(compared >= 40, "only {compared} answers were compared");
}

fn is_about_the_schema(trace: &Value) -> bool {
    let path = trace["request"]["path"].as_str().unwrap_or_default();
    trace["response"]["status"] == 422
        && trace["response"]["body"]["error"] == "RequestValidationError"
        && PREFIXES.iter().any(|prefix| path.starts_with(prefix))
        && !BEYOND_THE_SCHEMA.iter().any(|name| trace["name"] == *name)
}

fn without_placeholders(line: &str) -> String {
    let mut parts = line.split("${");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part.split_once('}').unwrap();
        text.push_str(STAND_IN);
        text.push_str(rest);
    }
    text
}

/// The recorded problems without what is told otherwise on purpose: the sentence, the names of
/// internal types, and the second telling of a list filter.
fn expected(trace: &Value) -> Vec<Value> {
    let mut problems = trace["response"]["body"]["detail"].as_array().unwrap().clone();
    problems.retain(|problem| !problem["loc"][2].as_str().is_some_and(|name| name.starts_with("str-enum")));
    for problem in &mut problems {
        problem.as_object_mut().unwrap().shift_remove("msg");
        if problem["loc"][2].as_str().is_some_and(|name| name.starts_with("json-or-python")) {
            problem["loc"].as_array_mut().unwrap().remove(2);
        }
        if let Some(tags) = problem["ctx"]["expected_tags"].as_str() {
            let tags = tags.split(", ").map(|tag| tag.split(": ").nth(1).unwrap().trim_end_matches('>'));
            problem["ctx"]["expected_tags"] = tags.collect::<Vec<_>>().join(", ").into();
        }
        if problem["ctx"].is_null() {
            problem.as_object_mut().unwrap().shift_remove("ctx");
        }
    }
    problems
}

fn answer(contract: &Value, trace: &Value) -> Vec<Problem> {
    let request = &trace["request"];
    let (path, query) = split_path(request["path"].as_str().unwrap());
    let (operation, path_values) = find_operation(contract, request["method"].as_str().unwrap(), path);
    let components = contract["components"]["schemas"].as_object().unwrap();
    let compile = |schema: &Value| Shape::compile(schema, components).unwrap();

    let mut problems = Vec::new();
    compile(&parameters(operation, "path")).check_parameters(path_values, "path", &mut problems);
    let shape = compile(&parameters(operation, "query"));
    shape.check_parameters(query_object(query, &shape), "query", &mut problems);
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !schema.is_null() {
        match body(trace) {
            Ok(body) => {
                compile(schema).check_body(body, &mut problems);
            }
            Err(BodyError::Invalid(problem)) => problems.push(*problem),
            Err(BodyError::NotUtf8) => panic!("the traces are UTF-8"),
        }
    }
    problems
}

fn body(trace: &Value) -> Result<Body, BodyError> {
    let request = &trace["request"];
    let content_type = request["headers"]["Content-Type"].as_str();
    if let Some(raw) = request["body_raw"].as_str() {
        return read_body(content_type, raw.as_bytes());
    }
    if content_type.is_some_and(|content_type| !content_type.starts_with("application/")) {
        // The spaces between the members are not recorded in the request, only in the answer.
        let raw = trace["response"]["body"]["detail"][0]["input"].as_str().unwrap();
        return read_body(content_type, raw.as_bytes());
    }
    match &request["body"] {
        Value::Null => read_body(content_type, b""),
        body => read_body(content_type, body.to_string().as_bytes()),
    }
}

fn split_path(path: &str) -> (&str, &str) {
    path.split_once('?').unwrap_or((path, ""))
}

/// The operation whose path matches, and the values of the path's parameters.
fn find_operation<'c>(contract: &'c Value, method: &str, path: &str) -> (&'c Value, Value) {
    let given: Vec<&str> = path.split('/').collect();
    for (template, operations) in contract["paths"].as_object().unwrap() {
        let operation = &operations[method.to_lowercase()];
        let segments: Vec<&str> = template.split('/').collect();
        if operation.is_null() || segments.len() != given.len() {
            continue;
        }
        let mut values = Map::new();
        let is_match = segments.iter().zip(&given).all(|(segment, given)| {
            let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
                return segment == given;
            };
            values.insert(name.to_owned(), Value::from(*given));
            true
        });
        if is_match {
            return (operation, Value::Object(values));
        }
    }
    panic!("no operation for {method} {path}")
}

fn parameters(operation: &Value, part: &str) -> Value {
    let all = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of_part = all.iter().filter(|parameter| parameter["in"] == part);
    let mut properties = Map::new();
    let mut required = Vec::new();
    for parameter in of_part {
        let name = parameter["name"].as_str().unwrap();
        properties.insert(name.to_owned(), parameter["schema"].clone());
        if parameter["required"] == true {
            required.push(name);
        }
    }
    json!({"type": "object", "properties": properties, "required": required})
}
