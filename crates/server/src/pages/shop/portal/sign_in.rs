//! Signing in by a code that comes by mail, and signing out.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use merak_core::kit::{Email, EmailRules};
use merak_core::organizations::Organization;
use merak_core::{customer_session_codes as codes, customer_sessions};
use merak_store::Tx;
use serde_json::json;
use url::form_urlencoded;

use super::super::Frame;
use super::desk::{Rooms, append, base_of, field, reply, see_other, too_many};
use crate::flows;
use crate::shell::{Response, Visitor};
use crate::wire::cookie::Session;

/// The operations whose budgets the two forms spend from.
const REQUEST: &str = "customer_portal:customer_session:request";
const AUTHENTICATE: &str = "customer_portal:customer_session:authenticate";

#[derive(Template)]
#[template(path = "shop/portal/request.html")]
struct RequestPage<'p> {
    frame: Frame<'p>,
    name: &'p str,
    base: String,
    email: String,
    problem: Option<String>,
    has_left: bool,
}

#[derive(Template)]
#[template(path = "shop/portal/authenticate.html")]
struct CodePage<'p> {
    frame: Frame<'p>,
    base: String,
    /// Whose code it is.
    email: String,
    minutes: i64,
    problem: Option<String>,
}

/// A form that asks for an address.
pub async fn ask(
    State(rooms): State<Rooms>,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let organization = match rooms.organization(&slug).await {
        Ok(organization) => organization,
        Err(response) => return response,
    };
    let query = query.unwrap_or_default();
    let has_left = field(query.as_bytes(), "told") == "signed-out";
    let email = field(query.as_bytes(), "email");
    request_page(&rooms, &organization, StatusCode::OK, (email, None, has_left))
}

fn request_page(
    rooms: &Rooms,
    organization: &Organization,
    status: StatusCode,
    (email, problem, has_left): (String, Option<String>, bool),
) -> Response {
    let frame = rooms.frame("Sign in", organization);
    let base = base_of(organization);
    let page = RequestPage { frame, name: &organization.name, base, email, problem, has_left };
    reply(status, &page)
}

/// Sends a code. Nobody learns whether there is such a customer.
pub async fn send(
    State(rooms): State<Rooms>,
    Path(slug): Path<String>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    form: Bytes,
) -> Response {
    let organization = match rooms.organization(&slug).await {
        Ok(organization) => organization,
        Err(response) => return response,
    };
    if !rooms.house.origins.admit(&headers) {
        return rooms.foreign_page(&organization);
    }
    let typed = field(&form, "email");
    let Ok(email) = Email::parse(&typed, &EmailRules::lenient()) else {
        let problem = Some(String::from("Enter an e-mail address such as ada@example.com."));
        let shown = (typed, problem, false);
        return request_page(&rooms, &organization, StatusCode::UNPROCESSABLE_ENTITY, shown);
    };
    let named = json!({"email": typed, "organization_id": organization.id});
    if let Err(seconds) = visitor.spend_scarce(REQUEST, &named) {
        return too_many(&rooms, &organization, seconds);
    }
    let (secret, id) = (rooms.house.secret.clone(), organization.id);
    let sent = rooms.house.store.write(move |tx| codes::request(tx, &secret, id, &email)).await;
    match sent {
        Ok(()) => {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("email", &typed).finish();
            see_other(&format!("{}/authenticate?{query}", base_of(&organization)))
        }
        Err(refusal) => rooms.refused(Some(&organization), &refusal.into()),
    }
}

/// A form that asks for the code.
pub async fn ask_code(
    State(rooms): State<Rooms>,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let email = field(query.unwrap_or_default().as_bytes(), "email");
    match rooms.organization(&slug).await {
        Ok(organization) => code_page(&rooms, &organization, StatusCode::OK, (email, None)),
        Err(response) => response,
    }
}

fn code_page(
    rooms: &Rooms,
    organization: &Organization,
    status: StatusCode,
    (email, problem): (String, Option<String>),
) -> Response {
    let frame = rooms.frame("Enter the code", organization);
    let page = CodePage { frame, base: base_of(organization), email, minutes: codes::LIFETIME / 60, problem };
    reply(status, &page)
}

/// Lets somebody in who has a code of the customer of this organization whose address they have typed.
pub async fn enter(
    State(rooms): State<Rooms>,
    Path(slug): Path<String>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    form: Bytes,
) -> Response {
    let organization = match rooms.organization(&slug).await {
        Ok(organization) => organization,
        Err(response) => return response,
    };
    if !rooms.house.origins.admit(&headers) {
        return rooms.foreign_page(&organization);
    }
    let named = json!({"organization_id": organization.id});
    if let Err(seconds) = visitor.spend_scarce(AUTHENTICATE, &named) {
        return too_many(&rooms, &organization, seconds);
    }
    // A code is often copied with the spaces between its letters.
    let code: String = field(&form, "code").split_whitespace().collect();
    let typed = field(&form, "email");
    let (secret, id) = (rooms.house.secret.clone(), organization.id);
    let opened = match Email::parse(&typed, &EmailRules::lenient()) {
        Ok(email) => {
            let unit = move |tx: &mut Tx<'_>| codes::redeem_of(tx, &secret, (id, &email), &code);
            rooms.house.store.write(unit).await
        }
        Err(_) => Ok(None),
    };
    match opened {
        Ok(Some(token)) => {
            let base = base_of(&organization);
            let mut response = see_other(&base);
            let cookies = rooms.house.origins.sign_in(token.as_str(), (&base, organization.id));
            append(&mut response, cookies);
            response
        }
        Ok(None) => {
            let problem = Some(String::from("This code is wrong, was used already, or is too old."));
            code_page(&rooms, &organization, StatusCode::UNAUTHORIZED, (typed, problem))
        }
        Err(refusal) => rooms.refused(Some(&organization), &refusal.into()),
    }
}

/// Ends the session.
pub async fn leave(
    State(rooms): State<Rooms>,
    Path(slug): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let organization = match rooms.organization(&slug).await {
        Ok(organization) => organization,
        Err(response) => return response,
    };
    let house = &rooms.house;
    let base = base_of(&organization);
    let session = Session::read_of_customer(&method, &headers, &house.secret, &house.origins);
    if let Some(session) = session {
        if session.is_misused {
            return rooms.foreign_page(&organization);
        }
        let hash = session.hash;
        if let Err(refusal) = house.store.write(move |tx| customer_sessions::end(tx, &hash)).await {
            return rooms.refused(Some(&organization), &flows::Error::Refused(refusal));
        }
    }
    let mut response = see_other(&format!("{base}/request?told=signed-out"));
    append(&mut response, house.origins.sign_out((&base, organization.id)));
    response
}
