//! A request on its way to an operation: its parts checked, its credential found, its name for idempotency taken.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE};
use http::{HeaderMap, HeaderName};
use merak_core::kit::{InstanceSecret, TokenHash};
use serde_json::{Map, Value};

use super::cookie::Session;
use super::route::Operation;
use super::validation::{BodyError, Problem, query_object, read_body};
use crate::error::Failure;
use crate::shell::subscriber;
use crate::state::House;

/// The header that names a write so that it can be sent again.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How long an `Idempotency-Key` may be.
const LONGEST_KEY: usize = 255;

/// How many parameters a query may have.
const MOST_PARAMETERS: usize = 1000;

/// What a request says of who sends it. A good cookie is looked at first, and then nothing else is.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The session cookie.
    pub session: Option<Session>,
    /// The bearer token.
    pub bearer: Bearer,
}

/// What the `Authorization` header says.
#[derive(Clone, Debug)]
pub enum Bearer {
    /// Nothing, or something other than a bearer token.
    None,
    /// A bearer token that can be none of ours.
    Unusable,
    /// A bearer token, hashed.
    Token(TokenHash),
}

impl Bearer {
    /// Reads the `Authorization` header. Another scheme than `Bearer` counts as no credential.
    pub fn read(headers: &HeaderMap, secret: &InstanceSecret) -> Self {
        let Some(value) = headers.get(AUTHORIZATION) else { return Self::None };
        let bytes = value.as_bytes();
        let (scheme, token) = match bytes.iter().position(|byte| *byte == b' ') {
            Some(space) => (&bytes[..space], &bytes[space + 1..]),
            None => (bytes, &[][..]),
        };
        if !scheme.eq_ignore_ascii_case(b"bearer") {
            return Self::None;
        }
        match std::str::from_utf8(token).map(str::trim) {
            Ok(token) if token.is_ascii() && !token.is_empty() => Self::Token(secret.hash(token)),
            _ => Self::Unusable,
        }
    }
}

fn text_of<'v>(part: &'v Value, name: &str) -> Option<&'v str> {
    part.get(name).and_then(Value::as_str)
}

/// Whether a request names nobody as its sender, neither well nor badly.
pub fn shows_nothing(headers: &HeaderMap) -> bool {
    !headers.contains_key(AUTHORIZATION) && !headers.contains_key(COOKIE)
}

/// A write that may be sent again.
#[derive(Clone, Debug)]
pub struct Named {
    /// The caller's key.
    pub key: String,
    /// What tells anonymous callers apart: a secret that the request names, or else their address.
    pub anonymous: String,
    /// What the answers to anonymous callers are counted by: the license key, which not everybody has, or the subscriber.
    /// Anybody can make checkouts, so that their secrets bound nothing.
    pub counted_as: String,
    /// What the request consists of.
    pub request: Vec<Vec<u8>>,
}

/// A request whose parts were checked by the operation's schemas.
#[derive(Debug)]
pub struct Checked {
    /// Path parameters.
    pub path: Value,
    /// Query parameters.
    pub query: Value,
    /// The body.
    pub body: Value,
    /// What is wrong with them.
    pub problems: Vec<Problem>,
    /// Who sends it.
    pub credential: Credential,
    /// Its name, if it is a write that may be sent again.
    pub idempotency: Option<Named>,
    /// What was signed, if the operation wants to see it.
    pub signed: Option<Arc<Signed>>,
    /// Where it comes from.
    pub address: IpAddr,
    /// Whether its sender takes nothing but JSON.
    pub takes_only_json: bool,
}

/// A request as it was sent, for whoever verifies a signature.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The query string without its question mark.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// The raw parts of a request.
pub struct Raw<'r> {
    /// Where it comes from.
    pub address: IpAddr,
    /// The path as it was sent.
    pub path: &'r str,
    /// The parameters bound by the router.
    pub parameters: Map<String, Value>,
    /// The query string without its question mark.
    pub query: &'r str,
    /// The headers.
    pub headers: &'r HeaderMap,
    /// The body.
    pub body: &'r [u8],
}

/// Checks a request. What cannot be read at all (malformed JSON, too many parameters, an unusable `Idempotency-Key`) is
/// reported at once; problems with the schema are collected and wait for the access check.
pub fn check(operation: &Operation, raw: Raw<'_>, house: &House) -> Result<Checked, Failure> {
    let shapes = &operation.shapes;
    let body = match &shapes.body {
        None => None,
        Some(shape) => {
            let content_type = raw.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            match read_body(content_type, raw.body) {
                Ok(body) => Some((shape, body)),
                Err(BodyError::NotUtf8) => return Err(Failure::NotUtf8),
                Err(BodyError::Invalid(problem)) => return Err(Failure::Problems(vec![*problem])),
            }
        }
    };
    if raw.query.bytes().filter(|byte| *byte == b'&').count() >= MOST_PARAMETERS {
        return Err(Failure::TooManyParameters);
    }
    let mut problems = Vec::new();
    let path = match &shapes.path {
        Some(shape) => shape.check_parameters(Value::Object(raw.parameters), "path", &mut problems),
        None => Value::Null,
    };
    let query = match &shapes.query {
        Some(shape) => shape.check_parameters(query_object(raw.query, shape), "query", &mut problems),
        None => Value::Null,
    };
    let body = body.map_or(Value::Null, |(shape, body)| shape.check_body(body, &mut problems));
    let license_key = text_of(&body, "key");
    let idempotency = match raw.headers.get(&IDEMPOTENCY_KEY) {
        Some(value) if operation.is_write() => Some(Named {
            key: match value.to_str() {
                Ok(key) if !key.is_empty() && key.len() <= LONGEST_KEY => key.to_owned(),
                _ => return Err(Failure::UnusableIdempotencyKey),
            },
            anonymous: match (license_key, text_of(&path, "client_secret")) {
                (Some(license_key), _) => license_key.to_owned(),
                (None, Some(client_secret)) => format!("secret:{client_secret}"),
                (None, None) => format!("address:{}", raw.address),
            },
            counted_as: license_key
                .map_or_else(|| format!("subscriber:{}", subscriber(raw.address)), str::to_owned),
            request: vec![
                operation.method.as_str().as_bytes().to_vec(),
                raw.path.as_bytes().to_vec(),
                raw.body.to_vec(),
            ],
        }),
        _ => None,
    };
    let credential = Credential {
        session: Session::read(&operation.method, raw.headers, &house.secret, &house.origins),
        bearer: Bearer::read(raw.headers, &house.secret),
    };
    let signed = operation.is_signed.then(|| {
        Arc::new(Signed {
            query: raw.query.to_owned(),
            headers: raw.headers.clone(),
            body: raw.body.to_vec(),
        })
    });
    let takes_only_json = raw.headers.get(ACCEPT).is_some_and(|accepted| accepted == "application/json");
    let address = raw.address;
    Ok(Checked { path, query, body, problems, credential, idempotency, signed, address, takes_only_json })
}
