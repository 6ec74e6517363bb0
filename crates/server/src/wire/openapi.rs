//! The OpenAPI document, made from the operations.

use merak_core::access::{Admits, SubjectKind};
use merak_core::kit::{Kind, Scope};
use serde_json::{Map, Value, json};

use super::described::{Components, one_of_named, reference};
use super::route::Operation;
use crate::error::{status_and_name, usual_sentence};

/// Makes the document and fills the components that its schemas refer to.
pub fn document(operations: &[Operation], components: &mut Components, public_url: &str) -> Value {
    let mut paths = Map::new();
    for operation in operations.iter().filter(|operation| !operation.is_hidden) {
        let entry = describe(operation, components);
        let item = paths.entry(operation.path).or_insert_with(|| json!({}));
        item[operation.method.as_str().to_ascii_lowercase()] = entry;
    }
    scope_component(components);
    let mut schemas: Vec<(String, Value)> =
        components.iter().map(|(name, schema)| (name.clone(), schema.clone())).collect();
    schemas.sort_by(|one, other| one.0.cmp(&other.0));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Merak API",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Sell software from a server of your own.",
            "license": {"name": "Apache-2.0"}
        },
        "servers": [{"url": public_url}],
        "paths": paths,
        "webhooks": {},
        "components": {
            "schemas": schemas.into_iter().collect::<Map<_, _>>(),
            "securitySchemes": {
                "oidc": {"type": "openIdConnect", "openIdConnectUrl": "/.well-known/openid-configuration"},
                "pat": {"type": "http", "scheme": "bearer",
                        "description": "A personal access token, `polar_pat_…`."},
                "customer_session": {"type": "http", "scheme": "bearer",
                                     "description": "A customer session token, `polar_cst_…`."}
            }
        }
    })
}

fn scope_component(components: &mut Components) {
    one_of_named(components, "Scope", |_| {
        let labels: Map<String, Value> = Scope::ALL
            .iter()
            .filter(|scope| scope.is_grantable())
            .map(|scope| (scope.as_str().to_owned(), Value::from(scope.label())))
            .collect();
        json!({"type": "string", "enum": Scope::TEXTS, "enumNames": labels})
    });
}

fn describe(operation: &Operation, components: &mut Components) -> Value {
    let mut entry = json!({
        "operationId": operation.id,
        "summary": operation.title,
        "description": operation.about,
        "tags": tags(operation),
        "x-nav": operation.nav,
    });
    if let Admits::Subjects { kinds, scopes }
    | Admits::Purchases { kinds, scopes }
    | Admits::OrNobody { kinds, scopes }
    | Admits::Exactly { kinds, scopes } = &operation.admits
    {
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        let mut security = vec![json!({"oidc": scopes}), json!({"pat": []})];
        if kinds.contains(&SubjectKind::Customer) {
            security.push(json!({"customer_session": []}));
        }
        entry["security"] = Value::from(security);
        entry["x-polar-allowed-subjects"] = kinds.iter().map(|kind| kind.as_str()).collect();
    }
    let mut parameters = parameters(operation.path_schema, "path", components);
    parameters.extend(self::parameters(operation.query_schema, "query", components));
    if !parameters.is_empty() {
        entry["parameters"] = Value::from(parameters);
    }
    let body = (operation.body_schema)(components);
    let can_be_invalid = !body.is_null() || entry.get("parameters").is_some();
    if !body.is_null() {
        entry["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": body}}});
    }
    entry["responses"] = responses(operation, components, can_be_invalid);
    entry
}

/// The contract's tags: the path's nouns, whether it is documented, whether it is featured.
fn tags(operation: &Operation) -> Vec<&str> {
    let mut tags: Vec<&str> =
        operation.id.rsplitn(2, ':').last().into_iter().flat_map(|nouns| nouns.split(':')).collect();
    tags.push("documented");
    if operation.nav.starts_with("Featured") {
        tags.push("featured");
    }
    tags
}

/// The members of a struct as parameters. The struct itself has no place in the document.
fn parameters(schema: fn(&mut Components) -> Value, place: &str, components: &mut Components) -> Vec<Value> {
    let schema = schema(components);
    let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()).map(str::to_owned);
    let schema = match name {
        Some(name) => components.shift_remove(&name).unwrap_or_default(),
        None => schema,
    };
    let Some(members) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
    let required = schema.get("required").and_then(Value::as_array);
    members
        .iter()
        .map(|(name, schema)| {
            let is_required = required.is_some_and(|names| names.iter().any(|required| required == name));
            let mut schema = schema.clone();
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            let mut parameter = json!({"name": name, "in": place, "required": is_required});
            if let Some(description) = description {
                parameter["description"] = description;
            }
            parameter["schema"] = schema;
            parameter
        })
        .collect()
}

fn responses(operation: &Operation, components: &mut Components, can_be_invalid: bool) -> Value {
    let mut responses = Map::new();
    let success = match (operation.answer_schema)(components) {
        Some(schema) => json!({
            "description": "Successful Response",
            "content": {"application/json": {"schema": schema}}
        }),
        None => json!({"description": "Successful Response"}),
    };
    responses.insert(operation.status.to_string(), success);
    for kind in operation.refusals {
        let (status, name) = status_and_name(*kind);
        responses.insert(
            status.to_string(),
            json!({
                "description": usual_sentence(*kind),
                "content": {"application/json": {"schema": refusal(components, name, *kind)}}
            }),
        );
    }
    if can_be_invalid {
        responses.insert(
            String::from("422"),
            json!({
                "description": "Parts of the request are not as they should be; all of them are listed.",
                "content": {"application/json": {"schema": validation_error(components)}}
            }),
        );
    }
    Value::Object(responses)
}

fn refusal(components: &mut Components, name: &str, kind: Kind) -> Value {
    one_of_named(components, name, |_| {
        json!({
            "type": "object",
            "description": usual_sentence(kind),
            "properties": {
                "error": {"type": "string", "const": name},
                "detail": {"type": "string", "examples": [usual_sentence(kind)]}
            },
            "required": ["error", "detail"]
        })
    })
}

fn validation_error(components: &mut Components) -> Value {
    one_of_named(components, "ValidationError", |_| {
        json!({
            "type": "object",
            "properties": {
                "loc": {
                    "type": "array",
                    "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                    "description": "The way to the value, beginning with `body`, `query` or `path`."
                },
                "msg": {"type": "string", "description": "A sentence about it."},
                "type": {"type": "string", "description": "What is wrong, for programs."}
            },
            "required": ["loc", "msg", "type"]
        })
    });
    one_of_named(components, "HTTPValidationError", |_| {
        json!({
            "type": "object",
            "properties": {"detail": {"type": "array", "items": reference("ValidationError")}}
        })
    })
}
