//! Cross-origin requests: configured front ends with cookies, everybody else without.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::{Request, Response, text_response};

const METHODS: HeaderValue = HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
const PUBLIC_HEADERS: HeaderValue =
    HeaderValue::from_static("Accept, Accept-Language, Authorization, Content-Language, Content-Type");
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Whom a browser lets call this server from another origin.
pub struct Policy {
    front_ends: Vec<HeaderValue>,
}

/// Whether a request only asks whether another may be sent.
pub fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

impl Policy {
    /// The origins that may send cookies.
    pub fn new(front_ends: &[String]) -> Self {
        Self {
            front_ends: front_ends.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect(),
        }
    }

    /// Marks an answer as readable for the origin that asked.
    pub fn mark(&self, origin: &HeaderValue, headers: &mut HeaderMap) {
        if self.front_ends.contains(origin) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        } else {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        if !self.front_ends.is_empty() {
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
    }

    /// Answers a preflight. The origin itself is marked by [`Policy::mark`], as on every answer.
    pub fn preflight(&self, request: &Request) -> Response {
        let asked = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS);
        let is_front_end =
            request.headers().get(ORIGIN).is_some_and(|origin| self.front_ends.contains(origin));
        let allowed = match asked {
            Some(asked) if is_front_end => asked.clone(),
            _ => PUBLIC_HEADERS,
        };
        let is_allowed = is_front_end || asked.is_none_or(are_public);
        let mut response = if is_allowed {
            text_response(StatusCode::OK, "OK")
        } else {
            text_response(StatusCode::BAD_REQUEST, "Disallowed CORS headers")
        };
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        response
    }
}

/// Whether every header asked for is among those that any origin may send.
fn are_public(asked: &HeaderValue) -> bool {
    const PUBLIC: [&str; 5] =
        ["accept", "accept-language", "authorization", "content-language", "content-type"];
    asked.to_str().is_ok_and(|names| {
        names.split(',').map(str::trim).all(|name| PUBLIC.contains(&name.to_ascii_lowercase().as_str()))
    })
}
