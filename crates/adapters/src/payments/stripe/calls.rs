//! Calls of Stripe, and what kinds of answer there are.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use url::Url;

use super::NAME;
use crate::http::ClientError;
use crate::payments::{Error, Result};
use crate::rest::{Http, address, authorization, exchange, form, wait_asked_for};

/// The version of the interface that is spoken, whatever the account's own is.
const VERSION: &str = "2024-12-18.acacia";

/// How long a call may take. Banks are slower than most services, but whoever pays is waiting.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest key that Stripe takes.
const LONGEST_KEY: usize = 255;

/// The client of Stripe. It does not print its key.
#[derive(Clone)]
pub(super) struct Calls {
    http: Http,
    url: Url,
    authorization: String,
}

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Calls").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

/// What Stripe answers.
pub(super) enum Answer {
    /// What was asked for.
    Done(Value),
    /// A no to this very wish: a declined card, something that is not there.
    No(No),
}

/// Why Stripe says no.
pub(super) struct No {
    pub(super) status: StatusCode,
    /// The member `error` of the answer.
    pub(super) error: Value,
}

impl No {
    /// The code, or an empty text.
    pub(super) fn code(&self) -> &str {
        self.error["code"].as_str().unwrap_or_default()
    }

    /// Whether what was asked about is not there.
    pub(super) fn is_missing(&self) -> bool {
        self.status == StatusCode::NOT_FOUND || self.code() == "resource_missing"
    }

    /// The error of a wish that should not have been refused.
    pub(super) fn into_error(self) -> Error {
        let message = self.error["message"].as_str().unwrap_or("no reason given");
        misconfigured(format!("{} ({})", shortened(message), self.status.as_u16()))
    }
}

impl Answer {
    /// What was asked for, where a no means that something is wrong with the account.
    pub(super) fn done(self) -> Result<Value> {
        match self {
            Self::Done(value) => Ok(value),
            Self::No(no) => Err(no.into_error()),
        }
    }
}

/// The fields of a form, in order.
pub(super) type Fields = Vec<(String, String)>;

impl Calls {
    pub(super) fn new(url: Url, secret_key: &str) -> std::result::Result<Self, ClientError> {
        Ok(Self { http: Http::new()?, url, authorization: format!("Bearer {secret_key}") })
    }

    /// Asks for something, below `/v1`.
    pub(super) async fn get(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Answer> {
        let mut url = self.at(segments)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.ask(self.http.call(Method::GET, url)).await?.ok_or_else(asked_otherwise)
    }

    /// Asks for something to be done, once for each key.
    pub(super) async fn post(&self, segments: &[&str], fields: &Fields, key: &str) -> Result<Answer> {
        self.post_anew(segments, fields, key).await?.ok_or_else(asked_otherwise)
    }

    /// As [`Self::post`]; none if something else was asked with this key before.
    pub(super) async fn post_anew(
        &self,
        segments: &[&str],
        fields: &Fields,
        key: &str,
    ) -> Result<Option<Answer>> {
        if key.is_empty() || key.len() > LONGEST_KEY {
            return Err(misconfigured(String::from("a key has 1 to 255 characters")));
        }
        let call = self.http.call(Method::POST, self.at(segments)?).header("Idempotency-Key", key);
        self.ask(form(call, fields)).await
    }

    fn at(&self, segments: &[&str]) -> Result<Url> {
        address(NAME, &self.url, &[&["v1"], segments].concat())
            .map_err(|error| misconfigured(error.to_string()))
    }

    /// None if the key of the call was used for another one.
    async fn ask(&self, call: reqwest::RequestBuilder) -> Result<Option<Answer>> {
        let call =
            authorization(call, &self.authorization).header("Stripe-Version", VERSION).timeout(PATIENCE);
        let answer = exchange(NAME, call).await.map_err(|error| unknown(error.to_string()))?;
        let status = answer.status;
        let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
        if status.is_success() {
            // A success that cannot be read may have moved money.
            let done = body.map(Answer::Done).ok_or_else(|| unknown(String::from("its answer is no JSON")));
            return done.map(Some);
        }
        let error = body.map(|mut body| body["error"].take()).unwrap_or_default();
        let message = || shortened(error["message"].as_str().unwrap_or("no reason given"));
        if let Some(after) = wait_asked_for(status, &answer.headers, &answer.body) {
            let cause = String::from("too many calls");
            return Err(Error::Unknown { processor: NAME, cause, after: Some(after) });
        }
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(misconfigured(message())),
            StatusCode::BAD_REQUEST if error["type"] == "idempotency_error" => Ok(None),
            StatusCode::BAD_REQUEST | StatusCode::PAYMENT_REQUIRED | StatusCode::NOT_FOUND
                if error.is_object() =>
            {
                Ok(Some(Answer::No(No { status, error })))
            }
            // 409 is the same key in another call that is still under way.
            _ => Err(unknown(format!("status {}", status.as_u16()))),
        }
    }
}

/// What is said of answers that do not tell what happened.
pub(super) fn unknown(cause: String) -> Error {
    Error::Unknown { processor: NAME, cause, after: None }
}

pub(super) fn misconfigured(cause: String) -> Error {
    Error::Misconfigured { processor: NAME, cause }
}

/// The key was used for another wish, and what became of that is not known.
pub(super) fn asked_otherwise() -> Error {
    misconfigured(String::from("something else was asked with this key before"))
}

fn shortened(message: &str) -> String {
    const LONGEST: usize = 300;
    message.chars().take(LONGEST).collect()
}
