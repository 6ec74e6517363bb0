//! Addresses for programs that are not part of the API: `/healthz`, `/readyz`, `/openapi.json`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use bytes::Bytes;
use serde_json::json;

use crate::error::{framework, json_response};
use crate::shell::Response;
use crate::state::House;
use crate::wire::router::Routes;

pub fn router(house: Arc<House>, routes: &Arc<Routes>) -> Router {
    let document = Bytes::from(routes.document().to_string());
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(health))
        .with_state(house)
        .route("/openapi.json", get(move || async move { json_response(200, document) }))
}

/// Whether this node and its database answer.
async fn health(State(house): State<Arc<House>>) -> Response {
    match house.store.ping().await {
        Ok(()) => json_response(200, json!({"status": "ok"}).to_string()),
        Err(error) => {
            tracing::warn!(%error, "the database does not answer");
            framework(503, "Database is not available")
        }
    }
}
