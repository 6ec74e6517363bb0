//! What all pages of a shop have around them, and how they are answered.

use askama::Template;
use axum::response::IntoResponse;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use merak_core::organizations::Organization;

use super::super::assets::Asset;
use crate::shell::Response;

/// Everything comes from this server and nothing stands inline; pictures of sellers can be elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: https:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'";

/// The files that the pages are made with.
#[derive(Debug)]
pub struct Shop {
    style: Asset,
    script: Asset,
    icon: Asset,
}

/// Where a page finds these files.
#[derive(Clone, Copy, Debug)]
pub struct Assets<'s> {
    pub style: &'s str,
    pub script: &'s str,
    pub icon: &'s str,
}

/// Who sells, as the line at the top shows it.
#[derive(Clone, Debug)]
pub struct Seller {
    pub name: String,
    pub picture: Option<String>,
    /// The first letter of the name, where there is no picture.
    pub initial: String,
}

/// What is around a page.
#[derive(Clone, Debug)]
pub struct Frame<'s> {
    pub title: String,
    pub seller: Option<Seller>,
    /// `light` or `dark`, if the address asked for it.
    pub theme: Option<&'static str>,
    pub assets: Assets<'s>,
}

/// Who may show a page in a frame of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framed {
    /// Nobody.
    Never,
    /// Pages of this origin, and our own.
    By(String),
}

impl Seller {
    /// An organization as its buyers see it.
    pub fn of(organization: &Organization) -> Self {
        let initial = organization.name.chars().next().map(|letter| letter.to_uppercase().to_string());
        Self {
            name: organization.name.clone(),
            picture: organization.avatar_url.as_ref().map(ToString::to_string),
            initial: initial.unwrap_or_default(),
        }
    }
}

impl Shop {
    /// Reads the embedded files.
    pub fn new() -> Self {
        let style = concat!(
            include_str!("../assets/base.css"),
            include_str!("../assets/shop.css"),
            include_str!("../assets/portal.css"),
        );
        let script = "text/javascript; charset=utf-8";
        Self {
            style: Asset::new("shop", "css", "text/css; charset=utf-8", style.as_bytes()),
            script: Asset::new("shop", "js", script, include_bytes!("../assets/shop.js")),
            icon: Asset::new("shop", "svg", "image/svg+xml", include_bytes!("../assets/merak.svg")),
        }
    }

    /// The files, to be served.
    pub fn assets(&self) -> [&Asset; 3] {
        [&self.style, &self.script, &self.icon]
    }

    /// The frame of a page.
    pub fn frame(&self, title: impl Into<String>, seller: Option<Seller>, theme: Option<&str>) -> Frame<'_> {
        let theme = theme.and_then(|theme| ["light", "dark"].into_iter().find(|known| *known == theme));
        let assets = Assets { style: &self.style.path, script: &self.script.path, icon: &self.icon.path };
        Frame { title: title.into(), seller, theme, assets }
    }
}

/// A page with its headers. Pages of buyers are nobody else's business: they are not kept, and their addresses, which
/// hold secrets, are told to nobody.
pub fn answer(status: StatusCode, page: &impl Template, framed: &Framed) -> Response {
    let page = page.render().expect("a template that only reads its own fields renders into a String");
    let ancestors = match framed {
        Framed::Never => String::from("'none'"),
        Framed::By(origin) => format!("'self' {origin}"),
    };
    let policy = format!("{POLICY}; frame-ancestors {ancestors}");
    // An origin that is no header value is no origin that could frame anything.
    let policy = HeaderValue::from_str(&policy)
        .unwrap_or(const { HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'") });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (status, headers, page).into_response()
}
