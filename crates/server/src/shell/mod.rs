//! The shell around the API: request ids, slashes, limits, CORS and metrics, and the way from a connection's request
//! to the operation that answers it.

mod bodies;
mod cors;
pub mod metrics_page;
mod old_paths;
mod rate_limit;
mod serve;
mod traffic;

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use tower::ServiceExt;
use uuid::Uuid;

use self::bodies::{Bodies, Share};
use self::rate_limit::RateLimits;
pub use self::rate_limit::{Try, Visitor, subscriber};
pub use self::serve::{Running, listen, start};
use crate::config::Config;
use crate::content::{self, Content};
use crate::error::{Failure, json_response};
use crate::metrics::RequestMetrics;
use crate::pages;
use crate::state::House;
use crate::streams;
use crate::wire::request::{self, Raw};
use crate::wire::router::{Found, Routes};
use crate::wire::{Long, Operation, Reply, Served};

/// An answer on its way out.
pub type Response = http::Response<Body>;

/// A request as a connection delivers it.
pub type Request = http::Request<Body>;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const DEPRECATION_NOTICE: HeaderName = HeaderName::from_static("x-polar-deprecation-notice");
const SANDBOX: HeaderName = HeaderName::from_static("x-polar-sandbox");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A request that takes longer is worth a line in the log.
const SLOW: Duration = Duration::from_secs(1);

/// Everything that answers requests.
pub struct Shell {
    house: Arc<House>,
    routes: Arc<Routes>,
    config: Config,
    limits: Arc<RateLimits>,
    bodies: Arc<Bodies>,
    cors: cors::Policy,
    metrics: RequestMetrics,
    /// What is not under `/v1`: pages, health, the document.
    pages: axum::Router,
    /// The bytes of files.
    content: Content,
}

impl Shell {
    /// Puts the shell together.
    pub fn new(house: Arc<House>, routes: Arc<Routes>, config: Config, pages: axum::Router) -> Self {
        Self {
            limits: Arc::new(RateLimits::new(config.rate_limit_per_address, config.rate_limit_per_key)),
            // Who does not count calls per address has a proxy before this server that nobody told it of.
            bodies: Bodies::new(config.memory_for_bodies, config.rate_limit_per_address > 0),
            cors: cors::Policy::new(&config.front_end_origins),
            metrics: RequestMetrics::new(routes.operations()),
            content: Content::new(
                Arc::clone(&house),
                config.transfer_timeout,
                config.rate_limit_per_address > 0,
            ),
            house,
            routes,
            config,
            pages,
        }
    }

    /// Forgets what need not be remembered: full budgets, and samples that are in the histograms.
    pub fn upkeep(&self) {
        self.limits.tidy();
        self.metrics.upkeep();
    }

    /// What `/metrics` shows. While the database is away, the numbers of jobs are missing.
    pub async fn metrics_text(&self) -> String {
        let jobs = self.house.store.read(merak_core::jobs::backlog).await.ok();
        self.metrics.render(&self.house.store, jobs)
    }

    /// Answers a request.
    pub async fn answer(&self, mut request: Request, peer: SocketAddr) -> Response {
        let started = Instant::now();
        let request_id = request_id(&request);
        let is_deprecated = old_paths::rewrite(&mut request);
        let origin = request.headers().get(http::header::ORIGIN).cloned();
        let is_of_person = pages::apology::is_of_person(&request);
        let mut response = match &origin {
            Some(_) if cors::is_preflight(&request) => match content::address_of(request.uri().path()) {
                Some(_) => content::preflight(),
                None => self.cors.preflight(&request),
            },
            _ => self.route_guarded(request, peer, &request_id, started).await,
        };
        if is_of_person {
            response = pages::apology::for_person(response);
        }
        let headers = response.headers_mut();
        if let Some(origin) = &origin {
            self.cors.mark(origin, headers);
        }
        if is_deprecated {
            headers.insert(DEPRECATION_NOTICE, HeaderValue::from_static("Call /v1 instead of /api/v1."));
        }
        if self.house.adapters.are_payments_played() {
            headers.insert(SANDBOX, HeaderValue::from_static("1"));
        }
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            headers.insert(REQUEST_ID, id);
        }
        response
    }

    /// A panic costs the request that met it, not its neighbours on the connection.
    async fn route_guarded(
        &self,
        request: Request,
        peer: SocketAddr,
        request_id: &str,
        started: Instant,
    ) -> Response {
        let answer = AssertUnwindSafe(self.route(request, peer, request_id, started)).catch_unwind();
        answer.await.unwrap_or_else(|_| {
            Failure::Unexpected(String::from("the request panicked")).into_response(request_id)
        })
    }

    async fn route(
        &self,
        request: Request,
        peer: SocketAddr,
        request_id: &str,
        started: Instant,
    ) -> Response {
        let path = request.uri().path();
        if !path.starts_with("/v1/") && path != "/v1" {
            return self.page(request, peer, request_id).await;
        }
        if content::address_of(path).is_some() {
            let address = self.address(request.headers(), peer);
            if let Err(seconds) = self.limits.spend_address(address) {
                return Failure::TooManyRequests(seconds).into_response(request_id);
            }
            return self.content.answer(request, subscriber(address), request_id).await;
        }
        match self.routes.find(request.method(), path) {
            Found::Operation(n, operation, parameters) => {
                // It is large, and would be moved into the future that waits for it.
                let answer = pin!(self.operation(operation, parameters, request, peer));
                let patience = operation.patience.unwrap_or(self.config.request_timeout);
                let result = match tokio::time::timeout(patience, answer).await {
                    Ok(result) => result,
                    Err(_) => Err(Failure::TimedOut),
                };
                let response = match result {
                    Ok(response) => response,
                    Err(failure) => failure.into_response(request_id),
                };
                let took = started.elapsed();
                self.metrics.note(n, response.status(), took);
                log(operation, response.status(), took, request_id);
                response
            }
            Found::Redirect(path) => self.redirect(&request, &path),
            Found::WrongMethod(method) => Failure::WrongMethod(method.clone()).into_response(request_id),
            Found::Nothing => Failure::NoRoute.into_response(request_id),
        }
    }

    async fn operation(
        &self,
        operation: &Operation,
        parameters: serde_json::Map<String, Value>,
        request: Request,
        peer: SocketAddr,
    ) -> Result<Response, Failure> {
        let is_open = operation.admits.admits_anonymous();
        let (head, body) = request.into_parts();
        let address = self.address(&head.headers, peer);
        // Who shows nothing is nobody, wherever they knock.
        if is_open || request::shows_nothing(&head.headers) {
            self.limits.spend_address(address).map_err(Failure::TooManyRequests)?;
        }
        // Held until there is an answer.
        let mut share = self.bodies.share(address);
        let body = if operation.takes_body() {
            self.read(body, &head.headers, &mut share).await?
        } else {
            Bytes::new()
        };
        let raw = Raw {
            address,
            path: head.uri.path(),
            parameters,
            query: head.uri.query().unwrap_or_default(),
            headers: &head.headers,
            body: &body,
        };
        let checked = request::check(operation, raw, &self.house)?;
        if operation.is_scarce {
            let spent = self.limits.spend_scarce(operation.id, address, &checked.body);
            spent.map_err(Failure::TooManyRequests)?;
        }
        for what in operation.tries {
            let is_tried = match what {
                Try::Confirmation | Try::FailedWork => true,
                Try::DiscountCode => checked.body.get("discount_code").is_some_and(Value::is_string),
            };
            if is_tried {
                self.limits.spend_try(*what, address).map_err(Failure::TooManyRequests)?;
            }
        }
        if is_open && let Some(key) = checked.body.get("key").and_then(Value::as_str) {
            self.limits.spend_key(key).map_err(Failure::TooManyRequests)?;
        }
        match operation.serve(Arc::clone(&self.house), checked).await? {
            Served::Reply(reply) => Ok(reply_response(reply)),
            Served::Long(long) => Ok(long_response(long)),
            Served::Stream(listening) => streams::open(&self.house, subscriber(address), listening).await,
        }
    }

    /// Reads a body, as far as it may go and as long as it may take.
    async fn read(&self, body: Body, headers: &http::HeaderMap, share: &mut Share) -> Result<Bytes, Failure> {
        let announced =
            headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > self.config.body_limit) {
            return Err(Failure::TooLarge);
        }
        let reading = share.read(body, self.config.body_limit);
        tokio::time::timeout(self.config.body_timeout, reading).await.unwrap_or(Err(Failure::TooSlow))
    }

    async fn page(&self, mut request: Request, peer: SocketAddr, request_id: &str) -> Response {
        let address = self.address(request.headers(), peer);
        request.extensions_mut().insert(Visitor { address, limits: Arc::clone(&self.limits) });
        if pages::is_counted(request.uri().path())
            && let Err(seconds) = self.limits.spend_address(address)
        {
            return Failure::TooManyRequests(seconds).into_response(request_id);
        }
        let is_form = !request.method().is_safe();
        let mut share = self.bodies.share(address);
        if is_form {
            let (head, body) = request.into_parts();
            match self.read(body, &head.headers, &mut share).await {
                Ok(body) => request = Request::from_parts(head, Body::from(body)),
                Err(failure) => return failure.into_response(request_id),
            }
        }
        let page = self.pages.clone().oneshot(request);
        let page = async move {
            if !is_form {
                return page.await;
            }
            let page = async move {
                let response = page.await;
                drop(share);
                response
            };
            // What a form has begun comes to its end, even if nobody waits for the answer any more.
            match tokio::spawn(page).await {
                Ok(response) => response,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        };
        match tokio::time::timeout(self.config.request_timeout, page).await {
            Ok(Ok(response)) => response,
            Err(_) => Failure::TimedOut.into_response(request_id),
        }
    }

    /// 307 to the same address with a slash more or less.
    fn redirect(&self, request: &Request, path: &str) -> Response {
        let headers = request.headers();
        let forwarded =
            headers.get_all(FORWARDED_PROTO).iter().next_back().filter(|_| self.config.trust_proxy);
        let scheme = match forwarded.and_then(|value| value.to_str().ok()) {
            Some("https") => "https",
            None if self.house.public_url.starts_with("https:") => "https",
            Some(_) | None => "http",
        };
        // HTTP/2 has the host in the address itself.
        let host = match request.uri().authority() {
            Some(authority) => authority.as_str(),
            None => headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default(),
        };
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        if let Ok(location) = HeaderValue::from_str(&format!("{scheme}://{host}{path}{query}")) {
            response.headers_mut().insert(LOCATION, location);
        }
        response
    }

    /// The address of who is calling: the connection's, or what a trusted proxy says it saw. An IPv4 address is one, also
    /// on a listener of both families.
    fn address(&self, headers: &http::HeaderMap, peer: SocketAddr) -> IpAddr {
        // The proxy's own word stands last; what stands before may be the client's.
        let forwarded = || {
            let line = headers.get_all(FORWARDED_FOR).iter().next_back()?;
            line.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
        };
        let address = if self.config.trust_proxy { forwarded().unwrap_or(peer.ip()) } else { peer.ip() };
        address.to_canonical()
    }
}

fn reply_response(reply: Reply) -> Response {
    let mut response = json_response(reply.status, reply.body);
    let headers = response.headers_mut();
    // What an answer says itself stands in the place of what most say.
    for (name, _) in &reply.headers {
        headers.remove(name);
    }
    headers.extend(reply.headers);
    response
}

fn long_response(long: Long) -> Response {
    let mut response = Response::new(long.body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, long.content_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(disposition) = long.disposition {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    response
}

/// The id that the caller gave the request, if it is a sane one; else a new one.
fn request_id(request: &Request) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    match given.filter(|id| (1..=128).contains(&id.len())) {
        Some(id) => id.to_owned(),
        None => Uuid::new_v4().to_string(),
    }
}

/// A line at debug level, or a warning if it took long; what failed was logged where it was answered. Never bodies,
/// tokens or addresses.
fn log(operation: &Operation, status: StatusCode, took: Duration, request_id: &str) {
    let (operation, status, millis) = (operation.id, status.as_u16(), took.as_secs_f64() * 1000.0);
    if took > SLOW {
        tracing::warn!(request_id, operation, status, millis, "slow request");
    } else {
        tracing::debug!(request_id, operation, status, millis, "request");
    }
}

/// An answer of plain text.
pub fn text_response(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
