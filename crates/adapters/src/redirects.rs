//! Where a service says that something has moved, for calls that may follow it there.

use reqwest::header::LOCATION;
use reqwest::{Method, Request, RequestBuilder, StatusCode};
use url::Url;

use crate::http::cause;
use crate::rest::{Answer, Error, Exchanged, Result, answer, receive};

/// How often one call is sent on at most.
const MOST: usize = 3;

/// An answer, and the address that it is from if that is not the one that was called.
pub(crate) struct Followed {
    /// The answer.
    pub(crate) answer: Answer,
    /// Where the call was sent on to.
    pub(crate) moved_to: Option<Url>,
}

/// Sends a call, and sends it on to where the service says that its subject is now: below `base` only. The credential
/// of the call must not get to anybody else, nor may a service have us call what only this machine can reach.
///
/// What asks is asked again wherever it is sent to. What changes something is only done elsewhere if the service wants
/// the same thing done there.
pub(crate) async fn send_within(service: &'static str, base: &Url, call: RequestBuilder) -> Result<Followed> {
    let (client, request) = call.build_split();
    let unavailable = |error| Error::Unavailable { service, cause: cause(error) };
    let (mut request, mut moved_to, mut left) = (request.map_err(unavailable)?, None, MOST);
    loop {
        let again = request.try_clone().filter(|_| left > 0);
        let exchanged = receive(service, client.execute(request).await).await?;
        let Some(next) = again.and_then(|again| sent_on(base, again, &exchanged)) else {
            return Ok(Followed { answer: answer(service, exchanged)?, moved_to });
        };
        moved_to = Some(next.url().clone());
        (request, left) = (next, left - 1);
    }
}

/// The same call at the place that an answer sends it to, if it may go there.
fn sent_on(base: &Url, mut request: Request, exchanged: &Exchanged) -> Option<Request> {
    let is_question = matches!(*request.method(), Method::GET | Method::HEAD);
    match exchanged.status {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => {}
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND if is_question => {}
        _ => return None,
    }
    let mut url = request.url().join(exchanged.headers.get(LOCATION)?.to_str().ok()?).ok()?;
    if !is_below(base, &url) {
        return None;
    }
    if url.query().is_none() {
        // Which page is asked for must not get lost on the way.
        url.set_query(request.url().query());
    }
    url.set_fragment(None);
    *request.url_mut() = url;
    Some(request)
}

fn is_below(base: &Url, url: &Url) -> bool {
    let folder = format!("{}/", base.path().trim_end_matches('/'));
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    url.origin() == base.origin() && url.path().starts_with(&folder) && is_anonymous
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::Request;
    use tokio::net::TcpListener;

    use super::*;
    use crate::rest::Http;

    /// A service whose every path below `/api/from` has moved.
    struct Service {
        base: Url,
        asked: Arc<Mutex<Vec<String>>>,
    }

    /// One that answers with this status and place below `/api/from`, where `{host}` stands for itself.
    async fn service(status: u16, place: &str) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base: Url = format!("http://{}/api", listener.local_addr().unwrap()).parse().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (told, place) = (Arc::clone(&asked), place.replace("{host}", base.authority()));
        let answer = move |request: Request| {
            let credential = request.headers().get("authorization").map(|value| value.to_str().unwrap());
            let line = format!("{} {} {}", request.method(), request.uri(), credential.unwrap_or("nobody"));
            told.lock().unwrap().push(line);
            let has_moved = request.uri().path().starts_with("/api/from");
            let place = place.clone();
            async move {
                let response = http::Response::builder();
                if has_moved {
                    return response
                        .status(status)
                        .header("location", place)
                        .body(String::from("{}"))
                        .unwrap();
                }
                let body = axum::body::to_bytes(request.into_body(), 100).await.unwrap();
                response.body(String::from_utf8(body.to_vec()).unwrap()).unwrap()
            }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Service { base, asked }
    }

    impl Service {
        async fn call(&self, method: Method) -> Result<Followed> {
            let url = format!("{}/from/x?page=2", self.base).parse().unwrap();
            let call = Http::new().unwrap().call(method, url).header("authorization", "key");
            send_within("Test", &self.base, call.body("\"body\"")).await
        }

        fn asked(&self) -> Vec<String> {
            std::mem::take(&mut self.asked.lock().unwrap())
        }
    }

    #[tokio::test]
    async fn a_call_is_sent_on_below_its_base_with_all_that_it_has() {
        for (status, method) in [
            (301, Method::GET),
            (302, Method::GET),
            (307, Method::GET),
            (308, Method::GET),
            (307, Method::PUT),
            (307, Method::DELETE),
            (308, Method::PUT),
        ] {
            for place in ["http://{host}/api/to/7", "/api/to/7", "../to/7#here"] {
                let service = service(status, place).await;
                let followed = service.call(method.clone()).await.unwrap();
                assert_eq!(followed.answer.read::<String>().unwrap(), "body");
                let to = followed.moved_to.unwrap();
                assert_eq!((to.path(), to.query(), to.fragment()), ("/api/to/7", Some("page=2"), None));
                let both = ["/api/from/x", "/api/to/7"].map(|path| format!("{method} {path}?page=2 key"));
                assert_eq!(service.asked(), both);
            }
        }
        let service = service(301, "/api/to/7?page=2&id=7").await;
        service.call(Method::GET).await.unwrap();
        assert_eq!(service.asked()[1], "GET /api/to/7?page=2&id=7 key");
    }

    #[tokio::test]
    async fn nothing_leads_out_of_the_base() {
        let stranger = service(307, "/").await;
        for place in [
            format!("{}/to/7", stranger.base),
            String::from("http://169.254.169.254/api/latest"),
            String::from("http://{host}/apis/to/7"),
            String::from("http://{host}/other"),
            String::from("/api/../other"),
            String::from("/api/%2e%2e/other"),
            String::from("http://a:b@{host}/api/to/7"),
            String::from("https://{host}/api/to/7"),
            String::from("file:///api/to/7"),
            String::from("//"),
        ] {
            for method in [Method::GET, Method::PUT] {
                let service = service(307, &place).await;
                let refused = service.call(method).await.err().unwrap();
                assert_eq!(refused.status(), Some(307), "{place}");
                assert_eq!(service.asked().len(), 1, "{place}");
            }
        }
        assert!(stranger.asked().is_empty());
    }

    #[tokio::test]
    async fn a_change_is_made_elsewhere_only_if_the_same_is_wanted_there() {
        for (status, method) in
            [(301, Method::PUT), (302, Method::DELETE), (303, Method::PUT), (303, Method::GET)]
        {
            let service = service(status, "/api/to/7").await;
            assert_eq!(service.call(method).await.err().unwrap().status(), Some(status));
            assert_eq!(service.asked().len(), 1);
        }
    }

    #[tokio::test]
    async fn a_call_that_is_sent_around_in_a_circle_ends() {
        let service = service(301, "/api/from/x").await;
        assert_eq!(service.call(Method::GET).await.err().unwrap().status(), Some(301));
        assert_eq!(service.asked().len(), 1 + MOST);
    }
}
