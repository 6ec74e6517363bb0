//! Addresses for programs that are not part of the API: `/healthz`, `/readyz`, `/openapi.json`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use merak_store::Store;
use serde_json::json;

use crate::error::{framework, json_response};
use crate::shell::Response;
use crate::wire::router::Routes;

/// For how long the database need not be asked again. Each time it is asked to write, and anybody may ask this server.
const GOOD_FOR: Duration = Duration::from_secs(1);

pub fn router(store: Store, routes: &Arc<Routes>) -> Router {
    let document = Bytes::from(routes.document().to_string());
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(health))
        .with_state(Arc::new(Pulse { store, latest: Mutex::default() }))
        .route("/openapi.json", get(move || async move { json_response(200, document) }))
}

/// Whether this node and its database answer.
async fn health(State(pulse): State<Arc<Pulse>>) -> Response {
    if pulse.feel().await {
        json_response(200, json!({"status": "ok"}).to_string())
    } else {
        framework(503, "Database is not available")
    }
}

/// Whether the database answers, found out once for all who ask within a second.
struct Pulse {
    store: Store,
    /// When it was asked last, and what it answers.
    latest: Mutex<Option<(Instant, Shared<BoxFuture<'static, bool>>)>>,
}

impl Pulse {
    /// What the database answered of late, or will. One that takes long holds nobody up who comes later.
    fn feel(&self) -> Shared<BoxFuture<'static, bool>> {
        // Nothing panics while it is locked.
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked_at, answer)) = &*latest
            && asked_at.elapsed() < GOOD_FOR
        {
            return answer.clone();
        }
        let store = self.store.clone();
        // A task of its own, which goes on when whoever asked first has gone.
        let asking = tokio::spawn(async move { store.ping().await });
        let answer = asking.map(|answer| match answer {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the database does not answer");
                false
            }
            Err(error) => {
                tracing::error!(%error, "the database could not be asked");
                false
            }
        });
        let answer = answer.boxed().shared();
        *latest = Some((Instant::now(), answer.clone()));
        answer
    }
}
