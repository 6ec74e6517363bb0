//! Pages for whoever followed a link that leads to no checkout.

use askama::Template;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use merak_core::kit::{FieldProblem, Kind};
use serde_json::Value;

use super::shop::{self, Framed, Processor};
use crate::error::status_and_name;
use crate::wire::{Answer, Components, Reply};

/// A sentence for a buyer, with its status.
#[derive(Clone, Debug)]
pub struct Notice {
    status: u16,
    page: String,
    policy: String,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct Page<'n> {
    sentence: &'n str,
}

impl Notice {
    /// What is sold, for programs that show what is behind a link.
    pub fn preview(name: &str) -> Self {
        let page = Page { sentence: name }.render();
        let page = page.expect("a template that only reads its own fields renders into a String");
        Self { status: Self::STATUS, page, policy: String::from("default-src 'none'") }
    }

    /// What is wrong with what was to be bought, as a page.
    pub fn not_sold(problems: &[FieldProblem]) -> Self {
        Self::of_shop(Kind::Invalid, shop::not_sold(problems))
    }

    /// That a link leads nowhere, as a page.
    pub fn leads_nowhere() -> Self {
        Self::of_shop(Kind::NotFound, shop::leads_nowhere())
    }

    fn of_shop(kind: Kind, page: String) -> Self {
        let policy = shop::policy(&Framed::Never, Processor::Own);
        Self { status: status_and_name(kind).0, page, policy }
    }
}

impl Answer for Notice {
    const STATUS: u16 = 200;

    fn body_schema(_: &mut Components) -> Option<Value> {
        None
    }

    fn reply(&self) -> Result<Reply, serde_json::Error> {
        let mut reply = Reply::new(self.status, self.page.clone());
        reply.headers.push((CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")));
        let policy = HeaderValue::from_str(&self.policy);
        let policy = policy.unwrap_or(const { HeaderValue::from_static("default-src 'none'") });
        reply.headers.push((CONTENT_SECURITY_POLICY, policy));
        reply.headers.push((CACHE_CONTROL, HeaderValue::from_static("no-store")));
        Ok(reply)
    }
}
