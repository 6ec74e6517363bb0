//! Pages for people, rendered on the server and readable without JavaScript, and the few plain addresses beside the
//! API: health, readiness and the OpenAPI document.

mod dashboard;
pub mod docs;

pub mod apology;
mod assets;
mod invoice;
mod login;
mod mail;
pub mod notice;
mod plain;
mod sandbox;
pub mod shop;

use std::sync::Arc;

use axum::Router;

use self::docs::Docs;
use crate::error::framework;
use crate::state::House;
use crate::wire::router::Routes;

/// Where a sign-in link leads.
const LOGIN: &str = "/login";

/// Whether a page looks into the data for whoever calls, so that calls of it are counted.
pub fn is_counted(path: &str) -> bool {
    matches!(path, LOGIN | LOGIN_BY_MAIL)
        || path.starts_with("/dashboard/")
        || path.split('/').nth(2) == Some("portal")
        || path.starts_with("/portal/")
        || path.starts_with("/invoices/")
        || path.starts_with(shop::CHECKOUT)
        || path.starts_with(merak_adapters::payments::sandbox::AUTHENTICATE)
}

/// Where a sign-in link leads that came by mail. Programs that look into mail follow links, so only a press of a button
/// uses it.
pub const LOGIN_BY_MAIL: &str = "/login/by-mail";

/// Where somebody is sent who came back from another service and could not be told from anybody else.
pub const NOT_CONNECTED: &str = "/not-connected";

/// Everything that is not under `/v1`.
pub fn router(house: &Arc<House>, routes: &Arc<Routes>) -> Router {
    let docs = Arc::new(Docs::new(routes.document(), &house.public_url));
    let shop = Arc::new(shop::Shop::new());
    Arc::clone(&docs)
        .router()
        .merge(login::router(Arc::clone(house), Arc::clone(&docs)))
        .merge(mail::router(house, docs))
        .merge(shop::router(Arc::clone(house), Arc::clone(&shop)))
        .merge(dashboard::router(Arc::clone(house), Arc::clone(&shop)))
        .merge(sandbox::router(Arc::clone(house), shop))
        .merge(invoice::router(Arc::clone(house)))
        .merge(plain::router(house.store.clone(), routes))
        .fallback(|| async { framework(404, "Not Found") })
        .method_not_allowed_fallback(|| async { framework(405, "Method Not Allowed") })
}
