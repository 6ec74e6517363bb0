//! Lists of the API, page by page.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Client;
use crate::Result;

/// The most rows a page may have.
pub(super) const LIMIT: usize = 100;

/// One page of a list.
#[derive(Deserialize)]
pub(super) struct PageOf {
    pub items: Vec<Box<RawValue>>,
    pub pagination: Pagination,
}

/// How long the whole list is.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Pagination {
    pub total_count: u64,
    pub max_page: u64,
}

/// A list that is walked.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    pub path: String,
    pub query: Vec<(&'static str, String)>,
    pub limit: usize,
}

impl Listing {
    /// A list of what belongs to an organization.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), query: Vec::new(), limit: LIMIT }
    }

    /// Only rows with this.
    pub fn with(mut self, name: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// Asks for a page, counted from one.
    pub async fn page(&self, client: &Client, page: u64) -> Result<PageOf> {
        let mut query = self.query.clone();
        query.push(("page", page.to_string()));
        query.push(("limit", self.limit.to_string()));
        client.get(&self.path, &query).await
    }
}
