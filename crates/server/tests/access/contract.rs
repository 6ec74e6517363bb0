//! The access rules against the contract's table and the document.

use std::fs;
use std::path::PathBuf;

use merak_core::access::Admits;
use merak_server::wire::Operation;
use serde_json::Value;

/// The operations that are not only for our own pages.
fn documented() -> impl Iterator<Item = Operation> {
    merak_server::api::operations().into_iter().filter(|operation| !operation.is_hidden)
}

/// Subjects and scopes as the contract's table writes them.
fn rule(operation: &Operation) -> (String, String) {
    if matches!(operation.admits, Admits::Everybody) {
        return (String::from("none"), String::from("-"));
    }
    let kinds: Vec<&str> = operation.admits.kinds().iter().map(|kind| kind.as_str()).collect();
    let scopes = operation.admits.scopes();
    let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    let scopes = if scopes.is_empty() { String::from("-") } else { scopes.join(",") };
    (kinds.join(","), scopes)
}

#[test]
fn subjects_and_scopes_are_those_of_the_contract() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contract/operations.tsv");
    let table = fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "the contract belongs into a folder `shared` beside the checkout, but {} cannot be read: {error}",
            path.display()
        )
    });
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('\t').collect()).collect();
    for operation in documented() {
        let row = rows
            .iter()
            .find(|row| row[0] == operation.method.as_str() && row[1] == operation.path)
            .unwrap_or_else(|| panic!("{} {} is not in the contract", operation.method, operation.path));
        assert_eq!(row[2], operation.id);
        assert_eq!(row[4], operation.nav, "{}", operation.id);
        let (kinds, scopes) = rule(&operation);
        assert_eq!((row[5], row[6]), (kinds.as_str(), scopes.as_str()), "{}", operation.id);
    }
}

#[test]
fn the_document_says_who_may_call() {
    let document = merak_server::openapi("http://localhost").unwrap();
    for operation in documented() {
        let described = &document["paths"][operation.path][operation.method.as_str().to_ascii_lowercase()];
        assert_eq!(described["operationId"], operation.id);
        let kinds: Vec<&str> = operation.admits.kinds().iter().map(|kind| kind.as_str()).collect();
        let named: Vec<&str> = described["x-polar-allowed-subjects"]
            .as_array()
            .map(|kinds| kinds.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        assert_eq!(named, kinds, "{}", operation.id);
        assert_eq!(described.get("security").is_some(), !kinds.is_empty(), "{}", operation.id);
    }
}

/// Nothing else says that they are there.
#[test]
fn operations_beside_the_contract_are_in_the_conventions() {
    let conventions = include_str!("../../../../docs/api-conventions.md");
    for operation in merak_server::api::operations().into_iter().filter(|operation| operation.is_hidden) {
        let (method, path) = (format!("`{}", operation.method), format!("{}`", operation.path));
        let is_listed = conventions.lines().any(|line| line.contains(&method) && line.contains(&path));
        assert!(is_listed, "{} {} is not in docs/api-conventions.md", operation.method, operation.path);
    }
}
