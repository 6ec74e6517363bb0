//! What went wrong, for people: where a program is answered by a line of JSON or by nothing, a browser that asked for a
//! page is shown one. That goes for checkout links too, which people open though their address is one of the API.

use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};

use super::shop::Shop;
use super::shop::portal::desk::sentence_page;
use crate::shell::{Request, Response};

/// Whether a person waits for the answer: their browser asks for a page, at an address that is not one for programs.
pub fn is_of_person(request: &Request) -> bool {
    let path = request.uri().path();
    let is_link = path.starts_with("/v1/checkout-links/") && path.ends_with("/redirect");
    let is_for_programs =
        path.starts_with("/v1") && !is_link || ["/healthz", "/readyz", "/openapi.json"].contains(&path);
    !is_for_programs
        && [Method::GET, Method::POST].contains(request.method())
        && prefers_page(request.headers())
}

/// Whether a page is asked for before JSON, as browsers do. Who takes anything is a program.
pub fn prefers_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|accepted| accepted.to_str().ok()).unwrap_or_default();
    let weight = |kind: &str| {
        let weights = accepted.split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_meant = parts.next()?.eq_ignore_ascii_case(kind);
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
            is_meant.then_some(weight.unwrap_or(1.0))
        });
        weights.fold(0.0, f32::max)
    };
    weight("text/html") > weight("application/json")
}

/// The same answer as a page, if it is a failure and not a page already.
pub fn for_person(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !(status.is_client_error() || status.is_server_error()) || kind.starts_with("text/html") {
        return response;
    }
    let (heading, sentence) = words(status);
    let mut page = sentence_page(Shop::new().frame(heading, None, None), status, (heading, sentence), None);
    keep(response.headers(), page.headers_mut());
    page
}

fn keep(from: &HeaderMap, to: &mut HeaderMap) {
    to.extend(from.get(RETRY_AFTER).map(|seconds| (RETRY_AFTER, seconds.clone())));
}

/// What is said of a status, in a heading and in a sentence.
fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::NOT_FOUND => {
            ("Page not found", "There is nothing at this address. The link may be incomplete or out of date.")
        }
        StatusCode::TOO_MANY_REQUESTS => {
            ("Please wait a moment", "There were too many requests from your network. Try again in a minute.")
        }
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
            ("Please try again in a moment", "This page cannot be shown right now. Nothing was lost.")
        }
        _ if status.is_server_error() => {
            ("Something went wrong", "This is our mistake, not yours. Please try again in a moment.")
        }
        _ => ("That did not work", "The link or the form could not be read. Please go back and try again."),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http_body_util::BodyExt;

    use super::*;

    fn request(method: &str, path: &str, accept: &str) -> Request {
        http::Request::builder()
            .method(method)
            .uri(path)
            .header("accept", accept)
            .body(Body::empty())
            .unwrap()
    }

    #[test]
    fn browsers_are_told_from_programs() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (method, path, accept, is_person) in [
            ("GET", "/nothing", browser, true),
            ("POST", "/checkout/x", browser, true),
            ("GET", "/nothing", "*/*", false),
            ("GET", "/nothing", "application/json", false),
            ("DELETE", "/nothing", browser, false),
            ("GET", "/v1/nothing", browser, false),
            ("GET", "/v1/checkout-links/", browser, false),
            ("GET", "/readyz", browser, false),
            ("GET", "/v1/checkout-links/x/redirect", browser, true),
            ("GET", "/v1/checkout-links/x/redirect", "text/html", true),
            ("GET", "/v1/checkout-links/x/redirect", "application/json;q=0.5, Text/HTML ; q=0.8", true),
            ("GET", "/v1/checkout-links/x/redirect", "text/html;q=0.5,application/json", false),
            ("GET", "/v1/checkout-links/x/redirect", "application/json, text/html", false),
            ("GET", "/v1/checkout-links/x/redirect", "text/html;q=0", false),
            ("GET", "/v1/checkout-links/x/redirect", "*/*", false),
        ] {
            assert_eq!(is_of_person(&request(method, path, accept)), is_person, "{method} {path} {accept}");
        }
    }

    #[test]
    fn every_failure_becomes_a_page_and_nothing_else_does() {
        merak_testkit::run(async {
            for (status, words) in [
                (404, "Page not found"),
                (405, "That did not work"),
                (422, "That did not work"),
                (429, "Please wait a moment"),
                (500, "Something went wrong"),
                (503, "Please try again in a moment"),
            ] {
                let answer = http::Response::builder().status(status).header("retry-after", "7");
                let page = for_person(
                    answer.header("content-type", "application/json").body(Body::empty()).unwrap(),
                );
                assert_eq!(
                    (page.status().as_u16(), &page.headers()["retry-after"]),
                    (status, &"7".parse().unwrap())
                );
                let text = page.into_body().collect().await.unwrap().to_bytes();
                assert!(String::from_utf8_lossy(&text).contains(words), "{status}");
            }
            for (status, kind) in [(200, "application/json"), (303, ""), (404, "text/html; charset=utf-8")] {
                let answer = http::Response::builder().status(status).header("content-type", kind);
                let same = for_person(answer.body(Body::from("as it was")).unwrap());
                assert_eq!(same.into_body().collect().await.unwrap().to_bytes(), "as it was");
            }
        });
    }
}
