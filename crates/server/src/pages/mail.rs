//! `/mail`: the mail that went into the folder, to look at. Only where the server is one to try things out.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::IntoResponse;
use axum::routing::get;
use http::StatusCode;
use merak_adapters::mail::{Folder, Kept, Opened};

use super::docs::views::Frame;
use super::docs::{Docs, finish};
use crate::shell::Response;
use crate::state::House;

/// How many mails the list shows.
const LISTED: usize = 100;

/// As of all pages, but that a mail stands in a frame.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                           frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What stands in the frame is nobody's page: it runs nothing, loads nothing and has no origin. A link in it may take
/// the whole window along, when somebody follows it.
const FRAME_POLICY: &str = "sandbox allow-top-navigation-by-user-activation; default-src 'none'; \
                            style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'self'";

#[derive(Clone)]
struct Rooms {
    folder: Arc<Folder>,
    docs: Arc<Docs>,
}

#[derive(Template)]
#[template(path = "mail/list.html")]
struct ListPage<'d> {
    frame: Frame<'d>,
    mails: Vec<Kept>,
}

#[derive(Template)]
#[template(path = "mail/one.html")]
struct OnePage<'d> {
    frame: Frame<'d>,
    mail: Opened,
}

/// The pages, if this server shows its mail.
pub fn router(house: &House, docs: Arc<Docs>) -> Router {
    let folder = house.shows_mail.then(|| Arc::clone(&house.adapters.mail).as_folder()).flatten();
    let Some(folder) = folder else { return Router::new() };
    Router::new()
        .route("/mail", get(list))
        .route("/mail/{id}", get(one))
        .route("/mail/{id}/html", get(framed))
        .with_state(Rooms { folder, docs })
}

async fn list(State(rooms): State<Rooms>) -> Response {
    match rooms.folder.list(LISTED).await {
        Ok(mails) => {
            let frame = rooms.docs.frame("Mail · Merak");
            answer(finish(&ListPage { frame, mails }), PAGE_POLICY)
        }
        Err(error) => unreadable(&error),
    }
}

async fn one(State(rooms): State<Rooms>, Path(id): Path<String>) -> Response {
    match rooms.folder.open(&id).await {
        Ok(Some(mail)) => {
            let title = format!("{} · Mail · Merak", mail.kept.subject);
            answer(finish(&OnePage { frame: rooms.docs.frame(&title), mail }), PAGE_POLICY)
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => unreadable(&error),
    }
}

async fn framed(State(rooms): State<Rooms>, Path(id): Path<String>) -> Response {
    match rooms.folder.open(&id).await {
        // Else a link would open in the frame, where no page of ours lets itself be shown.
        Ok(Some(mail)) => {
            answer(mail.html.replacen("<head>", "<head>\n<base target=\"_top\">", 1), FRAME_POLICY)
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => unreadable(&error),
    }
}

fn unreadable(error: &std::io::Error) -> Response {
    tracing::error!(%error, "the folder of mail cannot be read");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

fn answer(html: String, policy: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Mails hold tokens, and so do the addresses that they lead to.
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, html).into_response()
}
