//! The reference over HTTP: conditional requests, caching and the security policy of its pages.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use url::form_urlencoded;

use super::{Docs, Page};

/// Everything comes from this server, nothing stands inline, and nobody may frame the pages.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

pub fn router(docs: Arc<Docs>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/docs", get(overview))
        .route("/docs/", get(without_slash))
        .route("/docs/{*operation}", get(page))
        .route("/assets/{file}", get(asset))
        .with_state(docs)
}

async fn page(State(docs): State<Arc<Docs>>, uri: Uri, headers: HeaderMap) -> Response {
    match docs.page(uri.path()) {
        Some(page) => answer(StatusCode::OK, page, &headers),
        None => answer(StatusCode::NOT_FOUND, docs.missing(), &headers),
    }
}

async fn overview(
    state: State<Arc<Docs>>,
    RawQuery(query): RawQuery,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let question = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .find(|(name, _)| name == "q")
        .map(|(_, question)| question.trim().to_owned())
        .filter(|question| !question.is_empty());
    match question {
        Some(question) => answer(StatusCode::OK, state.results(&question), &headers),
        None => page(state, uri, headers).await,
    }
}

async fn without_slash() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(LOCATION, "/docs")]).into_response()
}

async fn asset(State(docs): State<Arc<Docs>>, uri: Uri) -> Response {
    let Some(asset) = docs.assets.find(uri.path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    asset.answer()
}

/// A page with its headers, or 304 if the browser has it already.
pub fn answer(status: StatusCode, page: Page, request: &HeaderMap) -> Response {
    let known = request.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let unchanged = known.flat_map(|list| list.split(',')).any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.trim_start_matches("W/") == page.etag
    });
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
    ];
    let etag = [(ETAG, page.etag)];
    if unchanged && status == StatusCode::OK {
        return (StatusCode::NOT_MODIFIED, headers, etag).into_response();
    }
    (status, headers, etag, page.body).into_response()
}
