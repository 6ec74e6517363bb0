//! The reference made from this server's own document: it must be complete, not only well made.

use std::collections::HashSet;

use serde_json::Value;

use super::{assert_no_dead_link, between, text};
use crate::pages::docs::Docs;

fn document() -> Value {
    crate::openapi("https://shop.example").expect("the schemas of this server can be compiled")
}

/// Every operation of the document with its method and path.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, methods)| {
            methods
                .as_object()
                .unwrap()
                .iter()
                .map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
        .collect()
}

fn has_words(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.split_whitespace().count() > 1)
}

#[test]
fn no_link_is_dead() {
    assert_no_dead_link(&Docs::new(&document(), "https://shop.example"));
}

#[test]
fn every_operation_has_a_title_a_sentence_and_a_place() {
    let document = document();
    let mut ids = HashSet::new();
    for (name, operation) in operations(&document) {
        assert!(has_words(&operation["summary"]), "{name} has no title");
        let sentence = operation["description"].as_str().unwrap_or_default();
        assert!(
            has_words(&operation["description"]) && sentence.ends_with('.'),
            "{name} is not described: {sentence}"
        );
        let place = operation["x-nav"].as_str().and_then(|place| place.split_once('>'));
        assert!(
            place.is_some_and(|(group, section)| !group.trim().is_empty() && !section.trim().is_empty()),
            "{name}"
        );
        let id = operation["operationId"].as_str().unwrap_or_default();
        assert!(!id.is_empty() && ids.insert(id), "{name} has no id of its own: {id}");
    }
    assert!(!ids.is_empty());
}

#[test]
fn every_page_has_a_command_and_an_answer() {
    let docs = Docs::new(&document(), "https://shop.example");
    for operation in docs.document.operations() {
        let page = docs.page(&operation.href()).unwrap();
        let html = String::from_utf8(page.body.to_vec()).unwrap();
        let command = text(between(&html, "<pre", "</pre>"));
        let begin = format!("curl -X {}", operation.method);
        assert!(command.contains(&begin), "{}: {command}", operation.href());
        assert!(!command.contains('{') || command.contains(" -d '"), "{}: {command}", operation.href());
        assert!(html.matches("<pre").count() >= 2, "{} shows no answer", operation.href());
    }
}
