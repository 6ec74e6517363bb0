//! As much of an HTTP client as these tests need.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

const PATIENCE: Duration = Duration::from_mins(1);

/// A connection to a server. Each request has one of its own, unless a test wants to look closer.
pub struct Connection(BufReader<TcpStream>);

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Connection {
    pub fn open(url: &str) -> Self {
        let stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    pub fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The next answer, be it preliminary or not.
    pub fn receive(&mut self) -> Answer {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {line:?}")).parse().unwrap();
        let mut length = 0;
        loop {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        Answer { status, body: String::from_utf8(body).unwrap() }
    }
}

/// Calls a server once. An empty token sends none, and a null body no body.
pub fn call(url: &str, method: &str, path: &str, token: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let authorization =
        if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    let mut connection = Connection::open(url);
    connection.send(&format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{authorization}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    connection.receive()
}

pub fn get(url: &str, path: &str, token: &str) -> Answer {
    call(url, "GET", path, token, &Value::Null)
}

pub fn post(url: &str, path: &str, token: &str, body: &Value) -> Answer {
    call(url, "POST", path, token, body)
}

/// The head of the answer to a `GET`, as it was sent.
pub fn head(url: &str, path: &str) -> String {
    let mut connection = Connection::open(url);
    connection.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(connection.0.read_line(&mut head).unwrap() > 0, "the answer ends in its head: {head}");
    }
    head
}
