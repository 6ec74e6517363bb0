//! Tests of the module as a whole; each format has its own beside it.

mod objects;
mod properties;
mod rules;
mod text;
mod traces;

use serde_json::{Map, Value};

use super::{Loc, Problem, Shape};

/// A shape of a schema that needs no components.
fn shape(schema: &Value) -> Shape {
    Shape::compile(schema, &Map::new()).expect("the schema of a test compiles")
}

/// Checks a body and gives what it became, or its problems as the wire shows them without the
/// sentences, which are no part of the contract.
fn check(shape: &Shape, body: &Value) -> Result<Value, Vec<Value>> {
    let mut problems = Vec::new();
    let checked = shape.check(body.clone(), &[Loc::from("body")], &mut problems);
    if problems.is_empty() { Ok(checked) } else { Err(problems.iter().map(without_sentence).collect()) }
}

fn without_sentence(problem: &Problem) -> Value {
    let mut shown = serde_json::to_value(problem).expect("a problem serializes");
    let sentence = shown.as_object_mut().and_then(|members| members.shift_remove("msg"));
    assert!(sentence.is_some_and(|sentence| !sentence.as_str().unwrap_or_default().is_empty()));
    shown
}
