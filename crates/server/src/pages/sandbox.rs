//! `/sandbox/authenticate/{client_secret}`: the page of the sandbox's bank, which asks the customer whether it is they
//! who pay. The secret in the address is all that is needed to answer, so no other site can answer in their name.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use merak_adapters::payments;
use merak_adapters::payments::sandbox::{AUTHENTICATE, Action, Sandbox, Verdict};
use url::{Url, form_urlencoded};

use super::docs::Docs;
use crate::error::{Failure, framework};
use crate::shell::Response;
use crate::state::House;

/// The longest form that is read, in bytes; a verdict is one word.
const LONGEST_FORM: usize = 1024;

#[derive(Clone)]
struct Rooms {
    house: Arc<House>,
    docs: Arc<Docs>,
}

impl Rooms {
    /// The sandbox, if payments are played.
    fn sandbox(&self) -> Option<Arc<Sandbox>> {
        Arc::clone(&self.house.adapters.payments).as_sandbox()
    }
}

#[derive(Template)]
#[template(path = "sandbox_authenticate.html")]
struct Page<'p> {
    style: &'p str,
    amount: Option<String>,
    is_open: bool,
}

pub fn router(house: Arc<House>, docs: Arc<Docs>) -> Router {
    Router::new()
        .route(&format!("{AUTHENTICATE}{{client_secret}}"), get(ask).post(answer))
        .with_state(Rooms { house, docs })
}

async fn ask(State(rooms): State<Rooms>, Path(client_secret): Path<String>) -> Response {
    let Some(sandbox) = rooms.sandbox() else { return nothing() };
    shown(&rooms, sandbox.find_action(&client_secret).await)
}

async fn answer(State(rooms): State<Rooms>, Path(client_secret): Path<String>, form: Bytes) -> Response {
    let Some(sandbox) = rooms.sandbox() else { return nothing() };
    let Some(verdict) = verdict(&form) else {
        return framework(400, "The form has no verdict.");
    };
    match finish(&sandbox, &client_secret, verdict).await {
        Ok(Some(return_url)) => go_on(&return_url),
        Ok(None) => shown(&rooms, sandbox.find_action(&client_secret).await),
        Err(error) => unavailable(error),
    }
}

/// What the customer says by a button.
fn verdict(form: &[u8]) -> Option<Verdict> {
    if form.len() > LONGEST_FORM {
        return None;
    }
    let (_, word) = form_urlencoded::parse(form).find(|(name, _)| name == "verdict")?;
    match &*word {
        "approve" => Some(Verdict::Approve),
        "fail" => Some(Verdict::Fail),
        _ => None,
    }
}

/// Where the customer goes on, if there is such a place.
async fn finish(
    sandbox: &Sandbox,
    client_secret: &str,
    verdict: Verdict,
) -> payments::Result<Option<String>> {
    let finished = sandbox.finish_action(client_secret, verdict).await?;
    Ok(finished.and_then(|action| action.return_url))
}

fn shown(rooms: &Rooms, found: payments::Result<Option<Action>>) -> Response {
    let action = match found {
        Ok(Some(action)) => action,
        Ok(None) => return nothing(),
        Err(error) => return unavailable(error),
    };
    let page = Page {
        style: rooms.docs.style(),
        amount: action.amount.as_ref().map(|(cents, currency)| amount(*cents, currency)),
        is_open: action.is_open,
    };
    let page = page.render().expect("a template that only reads its own fields renders into a String");
    let mut response = Response::new(page.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, policy(action.return_url.as_deref()));
    private(response)
}

/// A checkout may stand in a frame of any seller's page, and this page in its place; nothing can be stolen where no money
/// moves. A form may lead to where it redirects, which browsers check too.
fn policy(return_url: Option<&str>) -> HeaderValue {
    let origin = return_url.and_then(|url| Some(Url::parse(url).ok()?.origin().ascii_serialization()));
    let origin = origin.filter(|origin| origin != "null").unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self' {origin}; \
         frame-ancestors *"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// 303 to where the checkout goes on.
fn go_on(return_url: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(return_url) else { return nothing() };
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, location);
    private(response)
}

/// The address holds the secret, and what is shown changes.
fn private(mut response: Response) -> Response {
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn nothing() -> Response {
    private(framework(404, "Not Found"))
}

fn unavailable(error: payments::Error) -> Response {
    private(Failure::Outside(error.into()).into_response("sandbox"))
}

/// An amount as people write it. The currencies of the sandbox all have a hundred minor units.
fn amount(cents: i64, currency: &str) -> String {
    format!("{}.{:02} {}", cents / 100, cents % 100, currency.to_uppercase())
}
