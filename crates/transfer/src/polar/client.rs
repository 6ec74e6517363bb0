//! Asking a server, patiently.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use crate::{Error, Result};

/// How often a question is asked before the run gives up, with pauses that double from [`PAUSE`] to [`LONGEST_PAUSE`].
/// A server may ask for a pause of its own.
const TRIES: u32 = 9;
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// How long a server may take to answer in full.
const ANSWER: Duration = Duration::from_mins(1);

/// An answer is not read any further than this.
const LONGEST_ANSWER: usize = 64 << 20;

/// Redirects that are followed at most.
const REDIRECTS: usize = 5;

/// Where the API is, and as whom it is asked.
#[derive(Clone)]
pub struct Server {
    /// The address before `/v1`.
    pub url: Url,
    /// A token that may read everything of the organization.
    pub token: String,
}

/// Asks one server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    server: Arc<Server>,
}

impl Client {
    /// A client of this server. It asks nothing yet.
    pub fn new(server: Server) -> Result<Self> {
        let origin = server.url.origin();
        // The token must not be carried to another server.
        let redirects = Policy::custom(move |attempt| {
            if attempt.url().origin() != origin || attempt.previous().len() > REDIRECTS {
                attempt.stop()
            } else {
                attempt.follow()
            }
        });
        let http = merak_adapters::http::client_with(ANSWER, redirects)
            .map_err(|error| Error::Server { address: server.url.to_string(), reason: error.to_string() })?;
        Ok(Self { http, server: Arc::new(server) })
    }

    /// The address before `/v1`, without a slash at its end.
    pub fn address(&self) -> &str {
        self.server.url.as_str().trim_end_matches('/')
    }

    /// Asks for this path with this query and reads the answer. What may work later is tried again.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T> {
        let address = format!("{}{path}", self.address());
        let failed = |reason: String| Error::Server { address: address.clone(), reason };
        let mut pause = PAUSE;
        for attempt in 1.. {
            let asked = self
                .http
                .get(&address)
                .query(query)
                .bearer_auth(&self.server.token)
                .header(ACCEPT, "application/json")
                .send()
                .await;
            let (reason, asked_pause) = match asked {
                Ok(response) if response.status().is_success() => match body(response).await {
                    Ok(bytes) => {
                        return serde_json::from_slice(&bytes)
                            .map_err(|error| failed(format!("the answer cannot be read: {error}")));
                    }
                    Err(reason) => (reason, None),
                },
                Ok(response) if !may_pass(response.status()) => {
                    let refusal = Refusal::read(response).await;
                    return Err(if refusal.is_absence() {
                        Error::Absent { address }
                    } else {
                        failed(refusal.sentence())
                    });
                }
                Ok(response) => (format!("the answer is {}", response.status()), retry_after(&response)),
                Err(error) => (with_causes(&error), None),
            };
            if attempt >= TRIES {
                return Err(failed(format!("{reason}, {attempt} times")));
            }
            tracing::debug!(address, attempt, reason, "asking again");
            tokio::time::sleep(asked_pause.unwrap_or(pause).min(LONGEST_PAUSE)).await;
            pause *= 2;
        }
        Err(failed(String::from("it was not asked")))
    }
}

/// Whether asking again may help.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY
        )
}

/// The pause that a server asks for, in seconds. A date is as good as no wish: the pauses grow by themselves.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

async fn body(mut response: Response) -> std::result::Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| with_causes(&error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LONGEST_ANSWER {
            return Err(String::from("the answer is too long"));
        }
    }
    Ok(bytes)
}

/// What a server says instead of an answer.
struct Refusal {
    status: StatusCode,
    /// The server's own words, if it has any.
    said: Option<String>,
}

impl Refusal {
    async fn read(response: Response) -> Self {
        let status = response.status();
        let told = body(response).await.unwrap_or_default();
        let told: serde_json::Value = serde_json::from_slice(&told).unwrap_or_default();
        let said = told.get("detail").or_else(|| told.get("error_description")).map(ToString::to_string);
        Self { status, said }
    }

    /// Whether the API says that there is nothing. A proxy before it that has lost it for a moment answers 404, too.
    fn is_absence(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && self.said.is_some()
    }

    fn sentence(&self) -> String {
        let hint = match self.status {
            StatusCode::NOT_FOUND => "; is this the address of the API?",
            StatusCode::UNAUTHORIZED => "; the token is unknown or has ended",
            StatusCode::FORBIDDEN => "; the token lacks a scope or belongs to somebody else",
            status if status.is_redirection() => "; it sends to another server, where the token must not go",
            _ => "",
        };
        let said = self.said.as_ref().map(|said| format!(" ({said})")).unwrap_or_default();
        format!("the answer is {}{hint}{said}", self.status)
    }
}

/// An error and what it comes from, without the address, which stands before it.
fn with_causes(error: &reqwest::Error) -> String {
    let mut cause = std::error::Error::source(error);
    let mut sentence =
        String::from(if error.is_timeout() { "it takes too long" } else { "it cannot be reached" });
    while let Some(error) = cause {
        let text = error.to_string();
        if !sentence.contains(&text) {
            sentence = format!("{sentence}: {text}");
        }
        cause = error.source();
    }
    sentence
}
