//! What the templates read: the frame around every page and the pages that are not about one operation.

use askama::Template;

use super::curl::Call;
use super::document::Operation;
use super::navigation::Navigation;
use super::prose::Markup;

/// What every page has around its content.
#[derive(Clone, Copy)]
pub struct Frame<'d> {
    pub title: &'d str,
    pub style: &'d str,
    pub script: &'d str,
    pub icon: &'d str,
    pub navigation: &'d Navigation,
    /// Slug of the operation at hand, or empty.
    pub current: &'d str,
    /// What was searched for, or empty.
    pub question: &'d str,
}

/// The page at `/`.
#[derive(Template)]
#[template(path = "landing.html")]
pub struct LandingPage<'d> {
    pub frame: Frame<'d>,
    pub operations: usize,
    pub version: &'static str,
}

/// The page at `/docs`.
#[derive(Template)]
#[template(path = "docs/overview.html")]
pub struct OverviewPage<'d> {
    pub frame: Frame<'d>,
    pub operations: usize,
    pub public_url: &'d str,
    pub sample: Markup,
}

/// The answer to a search.
#[derive(Template)]
#[template(path = "docs/results.html")]
pub struct ResultsPage<'d> {
    pub frame: Frame<'d>,
    pub operations: Vec<&'d Operation>,
}

/// The page for a path without one.
#[derive(Template)]
#[template(path = "docs/missing.html")]
pub struct MissingPage<'d> {
    pub frame: Frame<'d>,
}

/// What a sign-in link that is no good leads to.
#[derive(Template)]
#[template(path = "stale_link.html")]
pub struct StaleLinkPage<'d> {
    pub frame: Frame<'d>,
}

/// Where a sign-in link leads that came by mail.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage<'d> {
    pub frame: Frame<'d>,
    pub action: &'static str,
    pub token: &'d str,
}

/// What somebody is told whose account was not connected.
#[derive(Template)]
#[template(path = "not_connected.html")]
pub struct NotConnectedPage<'d> {
    pub frame: Frame<'d>,
}

/// The call a new reader tries first: it changes nothing and shows that the token is good.
pub fn first_call(public_url: &str) -> Markup {
    let url = format!("{public_url}/v1/organizations/");
    let call =
        Call { method: "GET", url: &url, token: Some("MERAK_ACCESS_TOKEN"), accepts_json: true, body: None };
    call.listing().markup()
}
