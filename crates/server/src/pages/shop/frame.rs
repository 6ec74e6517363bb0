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

/// Where the form for cards comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processor {
    /// From here, or there is none.
    Own,
    /// From Stripe, whose rules say what a page must let in.
    Stripe,
}

/// The files that the pages are made with.
#[derive(Debug)]
pub struct Shop {
    style: Asset,
    script: Asset,
    checkout: Asset,
    stripe: Asset,
    icon: Asset,
}

/// Where a page finds these files.
#[derive(Clone, Copy, Debug)]
pub struct Assets<'s> {
    pub style: &'s str,
    pub script: &'s str,
    /// What only checkouts do.
    pub checkout: &'s str,
    /// What is done with Stripe's script.
    pub stripe: &'s str,
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

impl Framed {
    /// By the pages of this origin, if it is the origin of a page: whatever else stands there names nobody.
    pub fn by_origin(origin: Option<&str>) -> Self {
        let url = origin.and_then(|origin| url::Url::parse(origin).ok());
        match url.filter(|url| matches!(url.scheme(), "http" | "https")) {
            Some(url) => Self::By(url.origin().ascii_serialization()),
            None => Self::Never,
        }
    }

    /// The same in the words of `frame-ancestors`.
    pub fn ancestors(&self) -> String {
        match self {
            Self::Never => String::from("'none'"),
            Self::By(origin) => format!("'self' {origin}"),
        }
    }
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
    #[expect(clippy::new_without_default, reason = "there is one of it")]
    pub fn new() -> Self {
        let style = concat!(
            include_str!("../assets/base.css"),
            include_str!("../assets/shop.css"),
            include_str!("../assets/checkout.css"),
            include_str!("../assets/portal.css"),
        );
        let script = "text/javascript; charset=utf-8";
        Self {
            style: Asset::new("shop", "css", "text/css; charset=utf-8", style.as_bytes()),
            script: Asset::new("shop", "js", script, include_bytes!("../assets/shop.js")),
            checkout: Asset::new("checkout", "js", script, include_bytes!("../assets/checkout.js")),
            stripe: Asset::new("stripe", "js", script, include_bytes!("../assets/stripe.js")),
            icon: Asset::new("shop", "svg", "image/svg+xml", include_bytes!("../assets/merak.svg")),
        }
    }

    /// The files, to be served.
    pub fn assets(&self) -> [&Asset; 5] {
        [&self.style, &self.script, &self.checkout, &self.stripe, &self.icon]
    }

    /// The frame of a page.
    pub fn frame(&self, title: impl Into<String>, seller: Option<Seller>, theme: Option<&str>) -> Frame<'_> {
        let theme = theme.and_then(|theme| ["light", "dark"].into_iter().find(|known| *known == theme));
        let assets = Assets {
            style: &self.style.path,
            script: &self.script.path,
            checkout: &self.checkout.path,
            stripe: &self.stripe.path,
            icon: &self.icon.path,
        };
        Frame { title: title.into(), seller, theme, assets }
    }
}

/// A page with its headers. Pages of buyers are nobody else's business: they are not kept, and their addresses, which
/// hold secrets, are told to nobody.
pub fn answer(status: StatusCode, page: &impl Template, framed: &Framed) -> Response {
    answer_with(status, page, framed, Processor::Own)
}

/// The same for a page with the form of a processor.
pub fn answer_with(
    status: StatusCode,
    page: &impl Template,
    framed: &Framed,
    processor: Processor,
) -> Response {
    let page = page.render().expect("a template that only reads its own fields renders into a String");
    // An origin that is no header value is no origin that could frame anything.
    let policy = HeaderValue::from_str(&policy(framed, processor))
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

/// What a page may load, and who may show it in a frame.
pub fn policy(framed: &Framed, processor: Processor) -> String {
    let policy = match processor {
        Processor::Own => POLICY.to_owned(),
        Processor::Stripe => POLICY
            .replace("script-src 'self'", "script-src 'self' https://js.stripe.com https://*.js.stripe.com")
            .replace("connect-src 'self'", "connect-src 'self' https://api.stripe.com")
            .replace(
                "form-action",
                "frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com; form-action",
            ),
    };
    format!("{policy}; frame-ancestors {}", framed.ancestors())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_origin_frames_anything() {
        let framed = |origin| Framed::by_origin(Some(origin));
        assert_eq!(framed("https://x.example"), Framed::By(String::from("https://x.example")));
        assert_eq!(framed("http://x.example:8080/a?b;c"), Framed::By(String::from("http://x.example:8080")));
        for nobody in
            ["", "null", "*", "javascript:alert(1)", "https:", "x; script-src *", "data:text/html,x"]
        {
            assert_eq!(framed(nobody), Framed::Never, "{nobody}");
        }
        assert_eq!(Framed::by_origin(None), Framed::Never);
    }
}
