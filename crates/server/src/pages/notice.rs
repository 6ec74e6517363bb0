//! Pages of one sentence, for whoever followed a link that leads to no checkout.

use askama::Template;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use merak_core::kit::{FieldProblem, Kind};
use serde_json::Value;

use crate::error::status_and_name;
use crate::wire::{Answer, Components, Reply};

/// A sentence for a buyer, with its status.
#[derive(Clone, Debug)]
pub struct Notice {
    status: u16,
    sentence: String,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct Page<'n> {
    sentence: &'n str,
}

impl Notice {
    /// What is sold, for programs that show what is behind a link.
    pub fn preview(name: String) -> Self {
        Self { status: Self::STATUS, sentence: name }
    }

    /// What is wrong with what was to be bought, as a page.
    pub fn not_sold(problems: &[FieldProblem]) -> Self {
        let sentences: Vec<&str> = problems.iter().map(|problem| problem.message.as_ref()).collect();
        Self { status: status_and_name(Kind::Invalid).0, sentence: sentences.join(" ") }
    }
}

impl Answer for Notice {
    const STATUS: u16 = 200;

    fn body_schema(_: &mut Components) -> Option<Value> {
        None
    }

    fn reply(&self) -> Result<Reply, serde_json::Error> {
        let sentence = self.sentence.as_str();
        let page = Page { sentence }.render();
        let page = page.expect("a template that only reads its own fields renders into a String");
        let mut reply = Reply::new(self.status, page);
        reply.headers.push((CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")));
        reply.headers.push((CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'")));
        reply.headers.push((CACHE_CONTROL, HeaderValue::from_static("no-store")));
        Ok(reply)
    }
}
