//! From a refusal to its status and its name on the wire. The only place that knows both.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use merak_core::access::Denied;
use merak_core::kit::{FieldProblem, Kind, Refusal};
use serde_json::{Value, json};

use crate::flows;
use crate::shell::Response;
use crate::wire::validation::Problem;

/// The realm of `WWW-Authenticate`, which clients know.
const REALM: &str = "polar";

/// Everything that can keep a request from its answer.
#[derive(Debug)]
pub enum Failure {
    /// The caller is not let in.
    Denied(Denied),
    /// A page of another site wants something changed with a person's session.
    ForeignPage,
    /// Parts of the request do not fit the schema.
    Problems(Vec<Problem>),
    /// The core said no, or the store could not.
    Refused(Refusal),
    /// The body is no UTF-8.
    NotUtf8,
    /// The query has more parameters than anybody needs.
    TooManyParameters,
    /// The body is larger than allowed.
    TooLarge,
    /// The bodies of other requests take all the memory there is for bodies.
    Crowded,
    /// The body did not arrive in time.
    TooSlow,
    /// The answer was not ready in time.
    TimedOut,
    /// No such route.
    NoRoute,
    /// The route has another method: this one.
    WrongMethod(http::Method),
    /// Too many calls; come back after so many seconds.
    TooManyRequests(u64),
    /// The `Idempotency-Key` was used for another request.
    IdempotencyKeyReused,
    /// The write that the `Idempotency-Key` names is being done.
    UnderWay,
    /// A service outside did not do its part.
    Outside(merak_adapters::Error),
    /// The `Idempotency-Key` is empty, too long or not ASCII.
    UnusableIdempotencyKey,
    /// Something that should not happen.
    Unexpected(String),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<merak_store::Error> for Failure {
    fn from(error: merak_store::Error) -> Self {
        Self::Refused(Refusal::Store(error))
    }
}

impl From<flows::Error> for Failure {
    fn from(error: flows::Error) -> Self {
        match error {
            flows::Error::Refused(refusal) => Self::Refused(refusal),
            flows::Error::Outside(error) => Self::Outside(error),
            error @ flows::Error::NotConnected(_) => Self::Unexpected(error.to_string()),
        }
    }
}

impl From<merak_adapters::rest::Error> for Failure {
    fn from(error: merak_adapters::rest::Error) -> Self {
        Self::Outside(error.into())
    }
}

impl From<merak_adapters::Error> for Failure {
    fn from(error: merak_adapters::Error) -> Self {
        Self::Outside(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Unexpected(error.to_string())
    }
}

/// Status and wire name of each kind of refusal. The set of names is closed: clients compare them literally.
pub const fn status_and_name(kind: Kind) -> (u16, &'static str) {
    match kind {
        Kind::BadRequest => (400, "BadRequest"),
        Kind::Payment => (400, "PaymentError"),
        Kind::SubscriptionNotActive => (400, "SubscriptionNotActiveOnStripe"),
        Kind::MissingPaymentMethod => (400, "MissingPaymentMethod"),
        Kind::Unauthenticated => (401, "Unauthorized"),
        Kind::SessionCodeInvalid => (401, "CustomerSessionCodeInvalidOrExpired"),
        Kind::GithubTokenExpired => (401, "GitHubRepositoryBenefitExpiredAccessToken"),
        Kind::GithubRefreshRefused => (401, "GitHubRepositoryRefreshTokenError"),
        Kind::GithubNotInstalled => (401, "GitHubRepositoryBenefitNoAccess"),
        Kind::NotPermitted => (403, "NotPermitted"),
        Kind::AlreadyCanceled => (403, "AlreadyCanceledSubscription"),
        Kind::CheckoutNotOpen => (403, "NotOpenCheckout"),
        Kind::NotFound => (404, "ResourceNotFound"),
        Kind::InvoiceNotAvailable => (404, "InvoiceNotAvailable"),
        Kind::AlreadyExists => (409, "ResourceAlreadyExists"),
        Kind::Gone => (410, "ResourceUnavailable"),
        Kind::Invalid => (422, "PolarRequestValidationError"),
        Kind::BenefitPropertiesInvalid => (422, "BenefitPropertiesValidationError"),
    }
}

/// What a refusal of this kind usually says.
pub const fn usual_sentence(kind: Kind) -> &'static str {
    match kind {
        Kind::BadRequest => "Bad request",
        Kind::Payment => "The payment was declined.",
        Kind::SubscriptionNotActive => "This subscription is not active.",
        Kind::MissingPaymentMethod => "There is no means of payment that could be charged.",
        Kind::InvoiceNotAvailable => "There is no invoice of this order.",
        Kind::Unauthenticated => "Unauthorized",
        Kind::SessionCodeInvalid => "This customer session code is invalid or has expired.",
        Kind::GithubTokenExpired => "The connection of your GitHub account has ended.",
        Kind::GithubRefreshRefused => "GitHub does not renew the connection of your account.",
        Kind::GithubNotInstalled => "The GitHub app is not installed on any account that you can reach.",
        Kind::NotPermitted => "Not permitted",
        Kind::AlreadyCanceled => "This subscription has already been canceled.",
        Kind::CheckoutNotOpen => "This checkout is not open.",
        Kind::NotFound => "Not found",
        Kind::AlreadyExists => "Already exists",
        Kind::Gone => "Unavailable",
        Kind::Invalid | Kind::BenefitPropertiesInvalid => "Parts of the request are not as they should be.",
    }
}

/// How long a client should wait before it tries again, in seconds, when the server is the one who could not.
const COME_BACK_AFTER: &str = "1";

impl Failure {
    /// Writes the answer. What nobody foresaw is logged here, once, with the request's id.
    pub fn into_response(self, request_id: &str) -> Response {
        match self {
            Self::Denied(denied) => denied_response(&denied),
            Self::ForeignPage => {
                named(403, "NotPermitted", "Pages of other sites may not act with your session.")
            }
            Self::Problems(problems) => listed((422, "RequestValidationError"), json!(problems)),
            Self::Refused(Refusal::Rule { kind, message }) => {
                let (status, name) = status_and_name(kind);
                let response = named(status, name, &message);
                if kind == Kind::Unauthenticated { with_challenge(response, "") } else { response }
            }
            Self::Refused(Refusal::Invalid(problems)) => {
                listed(status_and_name(Kind::Invalid), field_problems(&problems))
            }
            Self::Refused(Refusal::BenefitPropertiesInvalid(problems)) => {
                listed(status_and_name(Kind::BenefitPropertiesInvalid), field_problems(&problems))
            }
            Self::Refused(Refusal::Store(error)) => store_response(&error, request_id),
            Self::NotUtf8 => framework(400, "There was an error parsing the body"),
            Self::TooManyParameters => named(400, "BadRequest", "The query has too many parameters."),
            Self::TooLarge => framework(413, "Request Entity Too Large"),
            Self::Crowded => unavailable("The server is busy."),
            Self::TooSlow => framework(408, "Request Timeout"),
            // Whether it was done is not known, so nobody is asked to come back with it.
            Self::TimedOut => framework(504, "Gateway Timeout"),
            Self::NoRoute => framework(404, "Not Found"),
            Self::WrongMethod(method) => {
                let mut response = framework(405, "Method Not Allowed");
                if let Ok(allowed) = HeaderValue::from_str(method.as_str()) {
                    response.headers_mut().insert(http::header::ALLOW, allowed);
                }
                response
            }
            Self::TooManyRequests(seconds) => {
                let mut response = named(429, "TooManyRequests", "Too many requests; slow down.");
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
                response
            }
            Self::IdempotencyKeyReused => named(
                409,
                "ResourceAlreadyExists",
                "This Idempotency-Key was used for another request in the last day.",
            ),
            Self::UnderWay => {
                let sentence = "This request is being carried out; ask again in a moment.";
                let mut response = named(409, "ResourceAlreadyExists", sentence);
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(COME_BACK_AFTER));
                response
            }
            Self::Outside(error @ merak_adapters::Error::Paused { seconds, .. }) => {
                // What went wrong was logged when it was tried.
                tracing::debug!(request_id, %error, "a service outside was not asked");
                let mut response = unavailable(&format!("{} is not available.", error.service()));
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
                response
            }
            Self::Outside(error) => {
                tracing::error!(request_id, %error, "a service outside did not do its part");
                unavailable(&format!("{} is not available.", error.service()))
            }
            Self::UnusableIdempotencyKey => {
                named(400, "BadRequest", "An Idempotency-Key has 1 to 255 ASCII characters.")
            }
            Self::Unexpected(cause) => {
                tracing::error!(request_id, cause, "a request failed unexpectedly");
                named(500, "InternalServerError", "Internal Server Error")
            }
        }
    }
}

/// An answer with a JSON body.
pub fn json_response(status: u16, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body.into().into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A refusal with a name: `{"error", "detail"}`.
fn named(status: u16, name: &str, detail: &str) -> Response {
    json_response(status, json!({"error": name, "detail": detail}).to_string())
}

fn listed((status, name): (u16, &str), problems: Value) -> Response {
    let mut body = json!({"error": name});
    body["detail"] = problems;
    json_response(status, body.to_string())
}

/// A refusal of the shell around the API: `{"detail"}` without a name.
pub fn framework(status: u16, detail: &str) -> Response {
    json_response(status, json!({"detail": detail}).to_string())
}

fn field_problems(problems: &[FieldProblem]) -> Value {
    problems
        .iter()
        .map(|problem| {
            json!({"type": problem.kind, "loc": problem.loc, "msg": problem.message, "input": problem.input})
        })
        .collect()
}

fn denied_response(denied: &Denied) -> Response {
    match denied {
        Denied::Unauthenticated => with_challenge(named(401, "Unauthorized", "Unauthorized"), ""),
        Denied::Blocked => named(403, "NotPermitted", "Not permitted"),
        Denied::BoundToPurchase => named(
            403,
            "NotPermitted",
            "This session shows one purchase only. Sign in by a code that comes by mail to see and do everything.",
        ),
        Denied::InvalidToken => token_error(
            401,
            "invalid_token",
            "The access token provided is expired, revoked, malformed, or invalid for other reasons.",
            "",
        ),
        Denied::WrongSubject(kinds) => {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            token_error(
                401,
                "invalid_token",
                "The subject of this access token is not valid for this endpoint.",
                &format!(", allowed_subjects=\"{}\"", kinds.join(" ")),
            )
        }
        Denied::InsufficientScope(scopes) => {
            let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
            token_error(
                403,
                "insufficient_scope",
                "The request requires higher privileges than provided by the access token.",
                &format!(", scope=\"{}\"", scopes.join(" ")),
            )
        }
    }
}

fn token_error(status: u16, code: &str, description: &str, attributes: &str) -> Response {
    let body = json!({"error": code, "error_description": description}).to_string();
    let challenge = format!("{attributes}, error=\"{code}\", error_description=\"{description}\"");
    let mut response = with_challenge(json_response(status, body), &challenge);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

fn with_challenge(mut response: Response, attributes: &str) -> Response {
    if let Ok(challenge) = HeaderValue::from_str(&format!("Bearer realm=\"{REALM}\"{attributes}")) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

fn store_response(error: &merak_store::Error, request_id: &str) -> Response {
    use merak_store::Error;
    match error {
        Error::Busy => unavailable("The server is busy."),
        Error::Conflict => unavailable("Too many requests want to change the same thing."),
        Error::Closed => unavailable("The server is shutting down."),
        Error::Full => {
            tracing::error!(request_id, "the disk of the database is full");
            unavailable("The disk of the database is full.")
        }
        Error::Unavailable(cause) => {
            tracing::error!(request_id, %cause, "the database is not reachable");
            unavailable("Database is not available")
        }
        Error::NoRow
        | Error::Constraint(_)
        | Error::Decode(_)
        | Error::Panic
        | Error::Misuse(_)
        | Error::Migration { .. }
        | Error::Engine(_) => {
            tracing::error!(request_id, %error, "a unit of work failed unexpectedly");
            named(500, "InternalServerError", "Internal Server Error")
        }
    }
}

/// 503: the same request may succeed in a moment. A write that took too long, or lost its database while committing, may
/// nevertheless happen; who must know sends an `Idempotency-Key`.
fn unavailable(detail: &str) -> Response {
    let mut response = named(503, "ServiceUnavailable", detail);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(COME_BACK_AFTER));
    response
}
