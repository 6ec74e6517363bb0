//! The API reference: pages made from the OpenAPI document of this server.
//!
//! Nothing here knows an operation by name. A page is rendered when it is first asked for and kept in memory.

mod curl;
mod document;
mod fields;
mod listing;
mod navigation;
mod operation;
mod prose;
mod routes;
mod sample;
mod schema;
mod search;
pub(in crate::pages) mod views;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use askama::Template;
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use serde_json::Value;

use self::document::Document;
use self::navigation::Navigation;
use self::views::{
    Frame, LandingPage, MissingPage, NotConnectedPage, OverviewPage, ResultsPage, SignInPage, StaleLinkPage,
};
use crate::pages::assets::{Asset, fingerprint};

/// The rendered reference and everything needed to serve it.
pub struct Docs {
    document: Document,
    navigation: Navigation,
    public_url: String,
    assets: Assets,
    pages: HashMap<String, (Content, OnceLock<Page>)>,
}

/// A finished page.
#[derive(Clone, Debug)]
pub struct Page {
    /// The HTML document.
    pub body: Bytes,
    /// Strong entity tag, quotes included.
    pub etag: String,
}

/// The embedded files every page refers to.
struct Assets {
    style: Asset,
    script: Asset,
    icon: Asset,
}

/// What stands on a page; operations are given by their place in the document.
#[derive(Clone, Copy)]
enum Content {
    Landing,
    Overview,
    Operation(usize),
}

impl Docs {
    /// Reads the OpenAPI document. `public_url` is the address callers use, shown in every sample.
    pub fn new(openapi: &Value, public_url: &str) -> Docs {
        let document = Document::new(openapi.clone());
        let navigation = Navigation::new(document.operations());
        let mut pages = HashMap::from([
            ("/".to_owned(), (Content::Landing, OnceLock::new())),
            ("/docs".to_owned(), (Content::Overview, OnceLock::new())),
        ]);
        for (index, operation) in document.operations().iter().enumerate() {
            pages.insert(operation.href(), (Content::Operation(index), OnceLock::new()));
        }
        let assets = Assets {
            style: Asset::new(
                "docs",
                "css",
                "text/css; charset=utf-8",
                concat!(include_str!("../assets/base.css"), include_str!("../assets/docs.css")).as_bytes(),
            ),
            script: Asset::new(
                "docs",
                "js",
                "text/javascript; charset=utf-8",
                include_bytes!("../assets/docs.js"),
            ),
            icon: Asset::new("merak", "svg", "image/svg+xml", include_bytes!("../assets/merak.svg")),
        };
        Docs { document, navigation, public_url: public_url.trim_end_matches('/').to_owned(), assets, pages }
    }

    /// The page at this path (`/`, `/docs` or `/docs/{operation}`), or nothing.
    pub fn page(&self, path: &str) -> Option<Page> {
        let (content, page) = self.pages.get(path)?;
        Some(page.get_or_init(|| Page::new(self.render(*content))).clone())
    }

    /// The operations that fit a question, as a page. Made anew for each question.
    pub fn results(&self, question: &str) -> Page {
        let operations = search::find(self.document.operations(), question);
        let title = format!("Search: {question} · Merak API");
        let frame = Frame { question, ..self.frame(&title) };
        Page::new(finish(&ResultsPage { frame, operations }))
    }

    /// The page that says there is no such page, with the navigation to go on from.
    pub fn missing(&self) -> Page {
        Page::new(finish(&MissingPage { frame: self.frame("No such page · Merak API") }))
    }

    /// The page that says that a sign-in link is no good.
    pub fn stale_link(&self) -> axum::response::Response {
        let page = Page::new(finish(&StaleLinkPage { frame: self.frame("Sign in · Merak") }));
        routes::answer(StatusCode::BAD_REQUEST, page, &HeaderMap::new())
    }

    /// The page on which a sign-in link that came by mail is used by the press of a button.
    pub fn sign_in(&self, token: &str) -> axum::response::Response {
        let (frame, action) = (self.frame("Sign in · Merak"), crate::pages::LOGIN_BY_MAIL);
        let page = Page::new(finish(&SignInPage { frame, action, token }));
        routes::answer(StatusCode::OK, page, &HeaderMap::new())
    }

    /// The page that says that an account was not connected.
    pub fn not_connected(&self) -> axum::response::Response {
        let page = Page::new(finish(&NotConnectedPage { frame: self.frame("Not connected · Merak") }));
        routes::answer(StatusCode::BAD_REQUEST, page, &HeaderMap::new())
    }

    /// The address of the style sheet of all pages.
    pub fn style(&self) -> &str {
        &self.assets.style.path
    }

    /// Routes of the landing page, the reference and its assets.
    pub fn router(self: Arc<Self>) -> Router {
        routes::router(self)
    }

    fn render(&self, content: Content) -> String {
        match content {
            Content::Landing => finish(&LandingPage {
                frame: self.frame("Merak"),
                operations: self.document.operations().len(),
                version: env!("CARGO_PKG_VERSION"),
            }),
            Content::Overview => finish(&OverviewPage {
                frame: self.frame("API reference · Merak"),
                operations: self.document.operations().len(),
                public_url: &self.public_url,
                sample: views::first_call(&self.public_url),
            }),
            Content::Operation(index) => {
                let operation = &self.document.operations()[index];
                let title = operation.title();
                let frame = Frame { current: &operation.slug, ..self.frame(&title) };
                finish(&operation::page(&self.document, operation, &self.public_url, frame))
            }
        }
    }

    pub(in crate::pages) fn frame<'d>(&'d self, title: &'d str) -> Frame<'d> {
        Frame {
            title,
            style: &self.assets.style.path,
            script: &self.assets.script.path,
            icon: &self.assets.icon.path,
            navigation: &self.navigation,
            current: "",
            question: "",
        }
    }
}

impl Page {
    fn new(html: String) -> Page {
        let etag = format!("\"{}\"", fingerprint(html.as_bytes()));
        Page { body: Bytes::from(html), etag }
    }
}

impl Assets {
    fn find(&self, path: &str) -> Option<&Asset> {
        [&self.style, &self.script, &self.icon].into_iter().find(|asset| asset.path == path)
    }
}

pub(in crate::pages) fn finish(template: &impl Template) -> String {
    template.render().expect("a template that only reads its own fields renders into a String")
}
