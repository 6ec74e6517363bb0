//! Calls of REST services: bounded in time and size, never redirected to another server, with failures that say what to do about them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::http::{ClientError, cause, client};

/// How long a call may take from its first to its last byte.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How large an answer may be, in bytes. A page of a hundred repositories has some 700 KB.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// The longest wait that a service can ask for; what is longer is cut to this.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// The wait when a service asks for one and does not say how long.
const USUAL_WAIT: Duration = Duration::from_mins(1);

/// Why a call did not do what it was to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The service asks to come back later.
    #[error("{service} asks to wait {} seconds", .after.as_secs())]
    RateLimited {
        /// Who asks.
        service: &'static str,
        /// How long to wait.
        after: Duration,
    },
    /// The service could not be reached or could not answer; the same call may succeed later.
    #[error("{service} is not available: {cause}")]
    Unavailable {
        /// Who is not available.
        service: &'static str,
        /// What is known of it.
        cause: String,
    },
    /// The service does not accept the credential of the call.
    #[error("{service} does not accept the credential")]
    Unauthorized {
        /// Who does not.
        service: &'static str,
    },
    /// The service understood and said no; the same call will not succeed.
    #[error("{service} refused with status {status}: {reason}")]
    Refused {
        /// Who said no.
        service: &'static str,
        /// The HTTP status.
        status: u16,
        /// The service's own number for it, if it has one.
        code: Option<i64>,
        /// What the service says about it.
        reason: String,
    },
}

/// What calls return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable { .. })
    }

    /// What a seller may read of it. The cause of a call that did not come through names hosts and addresses, which are the
    /// operator's alone.
    pub fn told(&self) -> String {
        match self {
            Self::Unavailable { service, .. } => format!("{service} is not available."),
            Self::Unauthorized { service } => format!("{service} does not accept this installation."),
            Self::RateLimited { service, after } => {
                format!("{service} asks to wait {} seconds.", after.as_secs())
            }
            Self::Refused { service, status, reason, .. } => {
                format!("{service} refused with status {status}: {reason}")
            }
        }
    }

    /// The status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::RateLimited { .. } | Self::Unavailable { .. } | Self::Unauthorized { .. } => None,
        }
    }
}

impl From<Error> for crate::Error {
    fn from(error: Error) -> Self {
        let cause = error.to_string();
        match error {
            Error::RateLimited { service, .. } | Error::Unavailable { service, .. } => {
                Self::Unreachable { service, cause }
            }
            Error::Unauthorized { service } | Error::Refused { service, .. } => {
                Self::Refused { service, cause }
            }
        }
    }
}

/// What the clients of all services share: one pool of connections.
#[derive(Clone, Debug)]
pub struct Http(Client);

impl Http {
    /// A client that trusts the system's certificates.
    pub fn new() -> std::result::Result<Self, ClientError> {
        client(TIMEOUT).map(Self)
    }

    /// The beginning of a call.
    pub(crate) fn call(&self, method: Method, url: Url) -> RequestBuilder {
        self.0.request(method, url)
    }
}

/// What a service answered with a status of success.
pub(crate) struct Answer {
    service: &'static str,
    /// The HTTP status.
    pub(crate) status: StatusCode,
    body: Vec<u8>,
}

impl Answer {
    /// Reads the body. What is not as it should be counts as the service's bad day.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| Error::Unavailable {
            service: self.service,
            // Not the body itself, which may hold a token.
            cause: format!("its answer has an unexpected form, at line {}", error.line()),
        })
    }
}

/// Sends a call and reads the answer, as far as it may go.
pub(crate) async fn send(service: &'static str, call: RequestBuilder) -> Result<Answer> {
    answer(service, exchange(service, call).await?)
}

/// Takes an exchange for what it is: an answer, or a failure.
pub(crate) fn answer(service: &'static str, exchanged: Exchanged) -> Result<Answer> {
    let Exchanged { status, headers, body } = exchanged;
    if status.is_success() {
        return Ok(Answer { service, status, body });
    }
    Err(failure(service, status, &headers, &body))
}

/// What a service answered, whatever it is.
pub(crate) struct Exchanged {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// Sends a call whose refusals the caller wants to read. Only no answer is an error.
pub(crate) async fn exchange(service: &'static str, call: RequestBuilder) -> Result<Exchanged> {
    receive(service, call.send().await).await
}

/// Reads a response, as far as it may go.
pub(crate) async fn receive(service: &'static str, response: reqwest::Result<Response>) -> Result<Exchanged> {
    let unavailable = |cause: String| Error::Unavailable { service, cause };
    let mut response = response.map_err(|error| unavailable(cause(error)))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unavailable(cause(error)))? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(unavailable(String::from("its answer is too long")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Exchanged { status, headers, body })
}

fn failure(service: &'static str, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    if let Some(after) = wait_asked_for(status, headers, body) {
        return Error::RateLimited { service, after };
    }
    match status {
        StatusCode::UNAUTHORIZED => Error::Unauthorized { service },
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => {
            Error::Unavailable { service, cause: format!("status {}", status.as_u16()) }
        }
        _ if status.is_server_error() => {
            Error::Unavailable { service, cause: format!("status {}", status.as_u16()) }
        }
        _ => {
            let told = serde_json::from_slice::<Value>(body).unwrap_or_default();
            let (code, reason) = (told["code"].as_i64(), reason(&told));
            Error::Refused { service, status: status.as_u16(), code, reason }
        }
    }
}

/// How long the service asks to wait, if it does: a 429 always, and GitHub's 403 with an empty budget.
pub(crate) fn wait_asked_for(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<Duration> {
    let is_budget_empty = number(headers, "x-ratelimit-remaining") == Some(0.0);
    let retry_after = number(headers, RETRY_AFTER.as_str());
    match status {
        StatusCode::TOO_MANY_REQUESTS => {}
        StatusCode::FORBIDDEN if is_budget_empty || retry_after.is_some() => {}
        _ => return None,
    }
    let in_body = || serde_json::from_slice::<Value>(body).ok()?["retry_after"].as_f64();
    let reset_after = || number(headers, "x-ratelimit-reset-after");
    let reset_at = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        number(headers, "x-ratelimit-reset").map(|reset| reset - now)
    };
    let seconds = retry_after.or_else(in_body).or_else(reset_after).or_else(reset_at);
    Some(match seconds {
        // A whole second at least, so that rounding never brings us back too early.
        Some(seconds) => {
            Duration::try_from_secs_f64(seconds.ceil().max(1.0)).unwrap_or(USUAL_WAIT).min(LONGEST_WAIT)
        }
        None => USUAL_WAIT,
    })
}

fn number(headers: &HeaderMap, name: &str) -> Option<f64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// What a refusal says of itself, cut to a line: `message`, or the error of an OAuth exchange.
fn reason(body: &Value) -> String {
    const LONGEST: usize = 200;
    let told = ["message", "error_description", "error"].iter().find_map(|name| body[*name].as_str());
    told.unwrap_or("no reason given").chars().take(LONGEST).collect()
}

/// The address of a path below a base. A segment that would lead elsewhere is nothing that exists.
pub(crate) fn address(service: &'static str, base: &Url, segments: &[&str]) -> Result<Url> {
    let nothing = || Error::Refused {
        service,
        status: 404,
        code: None,
        reason: String::from("there is no such address"),
    };
    if segments.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
        return Err(nothing());
    }
    let mut url = base.clone();
    url.path_segments_mut().map_err(|()| nothing())?.pop_if_empty().extend(segments);
    Ok(url)
}

/// A credential of the `Authorization` header, which does not print.
pub(crate) fn authorization(call: RequestBuilder, credential: &str) -> RequestBuilder {
    match HeaderValue::from_str(credential) {
        Ok(mut value) => {
            value.set_sensitive(true);
            call.header(AUTHORIZATION, value)
        }
        // Without its credential the call is refused as unauthorized, which is what such a credential deserves.
        Err(_) => call,
    }
}

/// The tokens of an OAuth exchange. They do not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    /// What calls are made with.
    pub access: String,
    /// What new tokens are got with.
    pub refresh: Option<String>,
    /// How long the access token lasts, in seconds; forever if absent.
    pub expires_in: Option<i64>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(…)")
    }
}

/// An account at a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id, which never changes.
    pub id: String,
    /// What it is called now.
    pub username: String,
}

/// The id and the secret of an OAuth client.
#[derive(Clone)]
pub struct ClientCredentials {
    /// The public id.
    pub id: String,
    /// The secret.
    pub secret: String,
}

impl std::fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientCredentials").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A form for an OAuth exchange.
pub(crate) fn form(call: RequestBuilder, fields: &impl Serialize) -> RequestBuilder {
    call.form(fields)
}

/// An address with a query.
pub(crate) fn with_query(mut url: Url, pairs: &[(&str, &str)]) -> Url {
    url.query_pairs_mut().extend_pairs(pairs);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn told(status: u16, pairs: &[(&'static str, &str)], body: &str) -> Error {
        failure("Test", StatusCode::from_u16(status).unwrap(), &headers(pairs), body.as_bytes())
    }

    fn waits(seconds: u64) -> Error {
        Error::RateLimited { service: "Test", after: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_service_says_how_long_to_wait() {
        assert_eq!(told(429, &[("retry-after", "7")], ""), waits(7));
        assert_eq!(told(429, &[], "{\"retry_after\": 0.25}"), waits(1));
        assert_eq!(told(429, &[("x-ratelimit-reset-after", "2.5")], ""), waits(3));
        assert_eq!(told(429, &[], ""), waits(60));
        assert_eq!(told(429, &[("retry-after", "999999")], ""), waits(3600));
        assert_eq!(told(429, &[("retry-after", "NaN")], ""), waits(1));
    }

    #[test]
    fn an_empty_budget_is_a_wait_until_it_is_filled() {
        let reset = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 30;
        let pairs = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &*reset.to_string())];
        for status in [403, 429] {
            let Error::RateLimited { after, .. } = told(status, &pairs, "") else { panic!("no wait") };
            assert!((29..=31).contains(&after.as_secs()), "{after:?}");
        }
        assert_eq!(told(403, &[("retry-after", "5")], ""), waits(5), "a secondary limit");
        let ordinary = told(403, &[("x-ratelimit-remaining", "4999")], "{\"message\": \"Forbidden\"}");
        assert_eq!(ordinary.status(), Some(403));
    }

    #[test]
    fn failures_say_whether_to_try_again() {
        assert!(told(429, &[], "").is_retriable());
        for status in [408, 500, 502, 503, 504] {
            assert!(told(status, &[], "").is_retriable(), "{status}");
        }
        assert_eq!(told(401, &[], ""), Error::Unauthorized { service: "Test" });
        for status in [301, 400, 403, 404, 422] {
            let error = told(status, &[], "{\"message\": \"No.\"}");
            assert!(!error.is_retriable());
            assert_eq!(error.to_string(), format!("Test refused with status {status}: No."));
        }
    }

    #[test]
    fn sellers_are_told_nothing_of_hosts() {
        let cause = String::from("dns error: no such host proxy.internal (10.0.0.7)");
        assert_eq!(Error::Unavailable { service: "Test", cause }.told(), "Test is not available.");
        assert_eq!(told(401, &[], "").told(), "Test does not accept this installation.");
        assert_eq!(told(429, &[("retry-after", "7")], "").told(), "Test asks to wait 7 seconds.");
        assert_eq!(told(403, &[], "{\"message\": \"No.\"}").told(), "Test refused with status 403: No.");
    }

    #[test]
    fn a_segment_never_leaves_its_place() {
        let base: Url = "http://localhost/api/".parse().unwrap();
        let made = address("Test", &base, &["repos", "a/b", "x?y#z"]).unwrap();
        assert_eq!(made.as_str(), "http://localhost/api/repos/a%2Fb/x%3Fy%23z");
        for segment in ["", ".", ".."] {
            assert_eq!(address("Test", &base, &["repos", segment]).unwrap_err().status(), Some(404));
        }
    }

    #[test]
    fn tokens_and_secrets_do_not_print() {
        let tokens = Tokens { access: String::from("swordfish"), refresh: None, expires_in: None };
        let client = ClientCredentials { id: String::from("7"), secret: String::from("swordfish") };
        assert!(!format!("{tokens:?}{client:?}").contains("swordfish"));
    }
}
