//! Stand-ins of Discord and GitHub: one server that checks what is sent as they do, answers as they do, and remembers
//! who has what.

mod discord;
mod github;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use merak_adapters::github::{App, AppKey};
use merak_adapters::rest::ClientCredentials;
use merak_adapters::{discord as real_discord, github as real_github};
use merak_server::Config;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::form_urlencoded;

pub use self::discord::DiscordWorld;
pub use self::github::{GithubWorld, Repository};

const APP_KEY: &str = include_str!("services/app-key-for-tests.pem");

/// The services and everything that they know.
#[derive(Clone)]
pub struct Services {
    address: std::net::SocketAddr,
    world: Arc<Mutex<World>>,
}

/// Everything that the services know.
pub struct World {
    pub discord: DiscordWorld,
    pub github: GithubWorld,
    /// What was asked, as `METHOD /path?query`, in order.
    pub requests: Vec<String>,
    failures: VecDeque<Failure>,
    /// Whether requests are left without an answer.
    pub is_hanging: bool,
}

struct Failure {
    request: &'static str,
    status: u16,
    header: Option<(&'static str, String)>,
    body: Value,
}

/// A request as the stand-ins see it.
pub struct Seen {
    pub method: Method,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What a stand-in answers.
pub type Answer = (u16, Value);

impl Services {
    /// Starts the stand-ins on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let world = World {
            discord: DiscordWorld::new(),
            github: GithubWorld::new(AppKey::from_pem(APP_KEY).unwrap(), APP_KEY),
            requests: Vec::new(),
            failures: VecDeque::new(),
            is_hanging: false,
        };
        let services = Self { address, world: Arc::new(Mutex::new(world)) };
        let handler = services.clone();
        let router = Router::new().fallback(move |request: Request<Body>| {
            let services = handler.clone();
            async move { services.answer(request).await }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        services
    }

    /// Settings of a server that is connected to the stand-ins.
    pub fn config(&self, config: Config) -> Config {
        let at = |path: &str| format!("http://{}/{path}", self.address).parse().unwrap();
        let client =
            |name: &str| ClientCredentials { id: format!("{name}-client"), secret: format!("{name}-secret") };
        Config {
            discord: Some(real_discord::Options {
                url: at("discord"),
                client: client("discord"),
                bot_token: String::from("bot-token"),
            }),
            github: Some(real_github::Options {
                url: at("github"),
                api_url: at("api"),
                app: App {
                    id: String::from("4711"),
                    key: AppKey::from_pem(APP_KEY).unwrap(),
                    client: client("app"),
                },
                customer_client: client("github"),
            }),
            ..config
        }
    }

    /// What the services know.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Makes the next request that begins like this fail.
    pub fn fail(&self, request: &'static str, status: u16) {
        self.fail_with(request, status, None, json!({"message": "Nothing works today."}));
    }

    /// Makes the next request that begins like this fail in a certain way.
    pub fn fail_with(
        &self,
        request: &'static str,
        status: u16,
        header: Option<(&'static str, String)>,
        body: Value,
    ) {
        self.world().failures.push_back(Failure { request, status, header, body });
    }

    /// What was asked since this was last called, without the questions that change nothing.
    pub fn changes(&self) -> Vec<String> {
        let requests = std::mem::take(&mut self.world().requests);
        let changes = |line: &String| !line.starts_with("GET ") && !line.contains("access_token");
        requests.into_iter().filter(|line| changes(line) && !line.contains("oauth")).collect()
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let query = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
        let seen = Seen {
            query: query.into_owned().collect(),
            method: head.method,
            path: head.uri.path().to_owned(),
            headers: head.headers,
            body,
        };
        while self.world().is_hanging {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let mut world = self.world();
        let line = format!("{} {}", seen.method, head.uri);
        world.requests.push(line.clone());
        let failing = world.failures.iter().position(|failure| line.starts_with(failure.request));
        if let Some(failure) = failing.and_then(|n| world.failures.remove(n)) {
            return respond((failure.status, failure.body), failure.header);
        }
        let segments: Vec<&str> = seen.path.split('/').skip(1).collect();
        let is_ours = seen.header("user-agent").starts_with("merak/");
        let answer = match segments.as_slice() {
            _ if !is_ours => (403, json!({"message": "Who are you?"})),
            ["discord", rest @ ..] => world.discord.answer(&seen, rest),
            ["github", rest @ ..] => world.github.answer_website(&seen, rest),
            ["api", rest @ ..] => world.github.answer_api(&seen, rest),
            _ => (404, json!({"message": "Not Found"})),
        };
        respond(answer, None)
    }
}

impl Seen {
    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body of a request that must be JSON.
    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json", "{} {}", self.method, self.path);
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A field of a body that must be a form.
    pub fn form(&self, name: &str) -> Option<String> {
        assert_eq!(self.header("content-type"), "application/x-www-form-urlencoded", "{}", self.path);
        form_urlencoded::parse(&self.body)
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }
}

fn respond((status, body): Answer, header: Option<(&'static str, String)>) -> Response<Body> {
    // Who is sent on is told the place twice.
    let place = Some(("location", body["url"].as_str().unwrap_or_default().to_owned()));
    let header = header.or(place.filter(|_| matches!(status, 301 | 307)));
    let body = if status == 204 { Body::empty() } else { Body::from(body.to_string()) };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
