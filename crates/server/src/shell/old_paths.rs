//! Old names of paths, which old programs still call. They are rewritten before anything looks at the path.

use http::Uri;
use http::uri::PathAndQuery;

use super::Request;

/// What of the customer portal used to be the user's.
const ONCE_OF_USERS: [&str; 4] = ["downloadables", "license-keys", "orders", "subscriptions"];

/// Gives a request its new path. Returns whether it came by `/api/v1`, of which callers are told.
pub fn rewrite(request: &mut Request) -> bool {
    let Some(path) = request.uri().path_and_query().map(PathAndQuery::as_str) else { return false };
    let without_api = path.strip_prefix("/api").filter(|rest| is_under(rest, "/v1"));
    let current = without_api.unwrap_or(path);
    let of_portal = current
        .strip_prefix("/v1/users/")
        .filter(|rest| ONCE_OF_USERS.iter().any(|noun| is_under(rest, noun)))
        .map(|rest| format!("/v1/customer-portal/{rest}"));
    let is_deprecated = without_api.is_some();
    if !is_deprecated && of_portal.is_none() {
        return false;
    }
    let target = of_portal.unwrap_or_else(|| current.to_owned());
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = target.parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    is_deprecated
}

/// Whether a path is the given one or goes on below it.
fn is_under(path: &str, top: &str) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::rewrite;

    fn rewritten(path: &str) -> (String, bool) {
        let mut request = http::Request::builder().uri(path).body(Body::empty()).unwrap();
        let is_deprecated = rewrite(&mut request);
        (request.uri().to_string(), is_deprecated)
    }

    #[test]
    fn old_paths_lead_where_they_did() {
        for (old, new, is_deprecated) in [
            ("/v1/license-keys?page=2", "/v1/license-keys?page=2", false),
            ("/api/v1/license-keys?page=2", "/v1/license-keys?page=2", true),
            ("/api/v1?x", "/v1?x", true),
            ("/api/v10", "/api/v10", false),
            ("/v1/users/license-keys/activate", "/v1/customer-portal/license-keys/activate", false),
            ("/api/v1/users/license-keys/?limit=1", "/v1/customer-portal/license-keys/?limit=1", true),
            ("/v1/users/me", "/v1/users/me", false),
            ("/v1/users/license-keys-of-mine", "/v1/users/license-keys-of-mine", false),
        ] {
            assert_eq!(rewritten(old), (new.to_owned(), is_deprecated), "{old}");
        }
    }
}
