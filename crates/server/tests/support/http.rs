//! A client of one connection a request, with nothing between the test and the wire.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// What streams are.
pub const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

/// How long a message may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who calls, and where.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    headers: Vec<(&'static str, String)>,
}

impl Client {
    /// A caller without a credential.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, headers: Vec::new() }
    }

    /// The same caller with one more header.
    pub fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut client = self.clone();
        client.headers.push((name, value.into()));
        client
    }

    /// A caller with this token and nothing else.
    pub fn bearer(&self, token: &str) -> Self {
        Self::new(self.address).with("authorization", format!("Bearer {token}"))
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    /// Creates or acts.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body)).await
    }

    /// Changes.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, Some(body)).await
    }

    /// Deletes.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    /// Sends a JSON body, or none.
    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        match body {
            Some(body) => {
                self.with("content-type", "application/json").send_bytes(method, path, body.to_string()).await
            }
            None => self.send_bytes(method, path, "").await,
        }
    }

    /// Sends whatever bytes there are, with the client's headers only.
    pub async fn send_bytes(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Answer {
        let (head, body) = self.begin(method, path, body.into()).await;
        // Nobody waits for the end of a stream.
        let is_stream = head.headers.get("content-type").is_some_and(|kind| kind == EVENT_STREAM);
        let body = if is_stream { Bytes::new() } else { body.collect().await.unwrap().to_bytes() };
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// Listens to a stream.
    pub async fn listen(&self, path: &str) -> Stream {
        let (head, body) = self.begin("GET", path, Bytes::new()).await;
        Stream { status: head.status.as_u16(), headers: head.headers, body, text: String::new() }
    }

    async fn begin(&self, method: &str, path: &str, body: Bytes) -> (http::response::Parts, Incoming) {
        let method: Method = method.parse().unwrap();
        let mut request =
            Request::builder().method(method).uri(path).header("host", self.address.to_string());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(body)).unwrap();
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap().into_parts()
    }
}

/// A stream that goes on.
#[derive(Debug)]
pub struct Stream {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    body: Incoming,
    /// What came and was not looked at yet.
    text: String,
}

impl Stream {
    /// The next message: key and payload. Comments are passed over; nothing if the stream ends.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            let block = self.block().await?;
            if block.starts_with(':') {
                continue;
            }
            let datum: Value = serde_json::from_str(block.strip_prefix("data: ").unwrap()).unwrap();
            let members: Vec<&str> = datum.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(members, ["id", "key", "payload"]);
            return Some((datum["key"].as_str().unwrap().to_owned(), datum["payload"].clone()));
        }
    }

    /// The next lines up to an empty one; nothing if the stream ends.
    pub async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\r\n\r\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let frame =
                tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("something comes in time")?;
            // A server that stops may cut the connection.
            let Ok(frame) = frame else { return None };
            self.text += std::str::from_utf8(&frame.into_data().unwrap()).unwrap();
        }
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it was sent.
    pub body: Bytes,
}

impl Answer {
    /// The body of an answer that must have this status; null if there is none.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// The body, whatever the status.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Asserts a refusal by its status and its name on the wire.
    #[track_caller]
    pub fn refused(&self, status: u16, name: &str) {
        let body = self.expect(status);
        assert_eq!(body["error"], name, "{body}");
        assert!(body["detail"].is_string(), "{body}");
    }

    /// The problems of a 422 told by the schema, each as `type loc.loc`.
    #[track_caller]
    pub fn schema_problems(&self) -> Vec<String> {
        self.problems("RequestValidationError")
    }

    /// The problems of a 422 told by a rule, each as `type loc.loc`.
    #[track_caller]
    pub fn rule_problems(&self) -> Vec<String> {
        self.problems("PolarRequestValidationError")
    }

    #[track_caller]
    fn problems(&self, name: &str) -> Vec<String> {
        let body = self.expect(422);
        assert_eq!(body["error"], name, "{body}");
        let problem = |problem: &Value| {
            let members: Vec<&str> = problem.as_object().unwrap().keys().map(String::as_str).collect();
            assert!(members.starts_with(&["type", "loc", "msg", "input"]), "{problem}");
            let steps = problem["loc"].as_array().unwrap().iter();
            let steps: Vec<String> = steps.map(|step| step.to_string().replace('"', "")).collect();
            format!("{} {}", problem["type"].as_str().unwrap(), steps.join("."))
        };
        body["detail"].as_array().unwrap().iter().map(problem).collect()
    }

    /// The values of a member of a list's items.
    #[track_caller]
    pub fn items(&self, member: &str) -> Vec<String> {
        let body = self.expect(200);
        let text = |item: &Value| match &item[member] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        body["items"].as_array().unwrap().iter().map(text).collect()
    }

    /// `total_count` and `max_page` of a list.
    #[track_caller]
    pub fn pagination(&self) -> (i64, i64) {
        let body = self.expect(200);
        let number = |name: &str| body["pagination"][name].as_i64().unwrap();
        (number("total_count"), number("max_page"))
    }
}
