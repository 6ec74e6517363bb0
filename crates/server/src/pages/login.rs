//! `/login`: where a sign-in link leads, and `/login/by-mail`: where one leads that came by mail. They are opened by
//! people, so they answer pages.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::routing::get;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use merak_core::kit::{InstanceSecret, Refusal, Token, TokenHash};
use merak_core::{login_links, user_sessions};
use merak_store::{ReadTx, Tx};
use url::form_urlencoded;

use super::docs::Docs;
use crate::error::Failure;
use crate::shell::Response;
use crate::state::House;
use crate::wire::cookie::{Session, user_agent};

/// How long what the button sends may be, in bytes: a token and its name.
const LONGEST_FORM: usize = 1024;

/// What the page needs: the data, and the frame around every page.
#[derive(Clone)]
struct Rooms {
    house: Arc<House>,
    docs: Arc<Docs>,
}

pub fn router(house: Arc<House>, docs: Arc<Docs>) -> Router {
    // A HEAD request would use the link up, so it is answered without one.
    let page = get(login).head(|| async { StatusCode::OK });
    let apology = get(|State(rooms): State<Rooms>| async move { rooms.docs.not_connected() });
    Router::new()
        .route(super::LOGIN_BY_MAIL, get(ask).post(login_by_form).layer(DefaultBodyLimit::max(LONGEST_FORM)))
        .route(super::LOGIN, page)
        .route(super::NOT_CONNECTED, apology)
        .with_state(Rooms { house, docs })
}

/// What opening a link came to.
enum Opened {
    /// A new session.
    Fresh(Token),
    /// The browser was signed in already; the link was left alone.
    Already,
    /// Unknown, used or too old.
    Bad,
}

/// A page that asks for a press of a button. Looking at it uses nothing up.
async fn ask(State(rooms): State<Rooms>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let mut response = match token_in(query.as_bytes()) {
        Some(token) => rooms.docs.sign_in(&token),
        None => rooms.docs.stale_link(),
    };
    keep_secret(&mut response);
    response
}

/// What the button sends.
async fn login_by_form(State(rooms): State<Rooms>, headers: HeaderMap, form: Bytes) -> Response {
    sign_in_by(&rooms, token_in(&form), &headers).await
}

async fn login(State(rooms): State<Rooms>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    sign_in_by(&rooms, token_in(query.unwrap_or_default().as_bytes()), &headers).await
}

/// The token in a query or a form.
fn token_in(text: &[u8]) -> Option<String> {
    form_urlencoded::parse(text).find(|(name, _)| name == "token").map(|(_, token)| token.into_owned())
}

async fn sign_in_by(rooms: &Rooms, token: Option<String>, headers: &HeaderMap) -> Response {
    let house = &rooms.house;
    let link = token.map(|token| house.secret.hash(&token));
    let session = Session::read(&Method::GET, headers, &house.secret, &house.origins);
    let (session, agent) = (session.map(|session| session.hash), user_agent(headers).to_owned());
    let mut response = match sign_in(house, link, session, &agent).await {
        Ok(Opened::Bad) => rooms.docs.stale_link(),
        Ok(Opened::Already) => go_on(),
        Ok(Opened::Fresh(token)) => {
            let mut response = go_on();
            response.headers_mut().insert(SET_COOKIE, house.origins.set_cookie(&token));
            response
        }
        Err(refusal) => Failure::from(refusal).into_response("login"),
    };
    keep_secret(&mut response);
    response
}

/// The address holds the token.
fn keep_secret(response: &mut Response) {
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// Signs in by a link, unless the browser has a good session. Who guesses links only reads.
async fn sign_in(
    house: &House,
    link: Option<TokenHash>,
    session: Option<TokenHash>,
    agent: &str,
) -> Result<Opened, Refusal> {
    let seen = {
        let link = link.clone();
        house.store.read(move |tx| look(tx, link.as_ref(), session.as_ref())).await?
    };
    let (Seen::Open, Some(link)) = (&seen, link) else {
        return Ok(if let Seen::Session = seen { Opened::Already } else { Opened::Bad });
    };
    let (secret, agent) = (house.secret.clone(), agent.to_owned());
    house.store.write(move |tx| open(tx, &secret, &link, &agent)).await
}

/// What is seen before anything is written.
enum Seen {
    /// The browser has a good session.
    Session,
    /// The link can be used.
    Open,
    /// Neither.
    Nothing,
}

fn look(tx: &mut ReadTx<'_>, link: Option<&TokenHash>, session: Option<&TokenHash>) -> Result<Seen, Refusal> {
    if let Some(session) = session
        && user_sessions::authenticate(tx, session)?.is_some()
    {
        return Ok(Seen::Session);
    }
    let Some(link) = link else { return Ok(Seen::Nothing) };
    Ok(if login_links::is_open(tx, link)? { Seen::Open } else { Seen::Nothing })
}

/// Uses a link up, if nobody was faster.
fn open(tx: &mut Tx<'_>, secret: &InstanceSecret, link: &TokenHash, agent: &str) -> Result<Opened, Refusal> {
    match login_links::redeem(tx, link)? {
        Some(user_id) => Ok(Opened::Fresh(user_sessions::create(tx, secret, user_id, agent)?.1)),
        None => Ok(Opened::Bad),
    }
}

/// 303 to the landing page.
fn go_on() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
    response
}
