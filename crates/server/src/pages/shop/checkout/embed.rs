//! `/embed/checkout.js`: the script with which a seller shows the checkout over a page of their own.
//!
//! The published script of this protocol listens to its own makers' origins only. This is ours: the origin of this
//! installation stands in it. Names of messages and of the global are those of the protocol, so that a page needs no
//! other change than the address of the script.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, StatusCode};
use url::Url;

use super::super::super::assets::fingerprint;
use crate::shell::Response;
use crate::state::House;

/// Where sellers' pages load it from.
const SCRIPT: &str = "/embed/checkout.js";

/// An hour: pages of sellers get a new one soon after an update.
const KEPT: &str = "public, max-age=3600";

/// What stands for the origin in the file.
const ORIGIN: &str = "\"MERAK_ORIGIN\"";

#[derive(Debug)]
struct Script {
    text: String,
    tag: String,
}

/// The script of this installation.
pub fn router(house: &House) -> Router {
    let origin = Url::parse(&house.public_url).map(|url| url.origin().ascii_serialization());
    let origin = serde_json::Value::from(origin.unwrap_or_default()).to_string();
    let text = include_str!("../../assets/embed.js").replace(ORIGIN, &origin);
    let tag = format!("\"{}\"", fingerprint(text.as_bytes()));
    Router::new().route(SCRIPT, get(script)).with_state(Arc::new(Script { text, tag }))
}

async fn script(State(script): State<Arc<Script>>, headers: HeaderMap) -> Response {
    let asked = headers.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    let is_known = asked.split(',').any(|tag| tag.trim().trim_start_matches("W/") == script.tag);
    let kept = [(CACHE_CONTROL, KEPT), (ETAG, script.tag.as_str()), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    if is_known {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    (kept, [(CONTENT_TYPE, "text/javascript; charset=utf-8")], script.text.clone()).into_response()
}
