//! What is done with answers of a storage that a stand-in gives word by word.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;

use super::*;

/// Answers each request by its method, and remembers the methods.
struct StandIn {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl StandIn {
    fn new(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let method = method_of(&stream);
                stream.write_all(answer(&method).as_bytes()).unwrap();
                told.lock().unwrap().push(method);
            }
        });
        Self { url, asked }
    }

    fn storage(&self) -> S3 {
        S3::new(&Settings {
            endpoint: Some(self.url.clone()),
            region: String::from("us-east-1"),
            bucket: String::from("private"),
            public_bucket: String::from("public"),
            public_url: None,
            access_key_id: String::from("id"),
            secret_access_key: String::from("key"),
        })
        .unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Reads a request and returns its method.
fn method_of(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut method, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if method.is_empty() {
            line.split(' ').next().unwrap().clone_into(&mut method);
        } else if let Some(told) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = told.trim().parse().unwrap();
        } else if line.trim().is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    method
}

fn answered(status: &str, headers: &str, body: &str) -> String {
    let length = if headers.contains("Content-Length") {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    format!("HTTP/1.1 {status}\r\n{headers}{length}Connection: close\r\n\r\n{body}")
}

fn upload() -> Upload {
    let object = Object { path: String::from("a/b.txt"), visibility: Visibility::Private };
    Upload { object, id: String::from("upload") }
}

fn sent(digest: u8) -> SentPart {
    let part = Part { number: 1, size: 5, sha256: Some(Sha256Digest([digest; 32])) };
    SentPart { part, etag: String::from("\"tag\"") }
}

/// A storage that has the object of a part with the digest 1, and says this of the upload's parts and completion.
fn with_object(parts: String, completed: String) -> StandIn {
    let checksum = composite_sha256([Sha256Digest([1; 32])]).base64();
    StandIn::new(move |method| match method {
        "GET" => parts.clone(),
        "POST" => completed.clone(),
        "HEAD" => answered(
            "200 OK",
            &format!(
                "Content-Length: 5\r\nETag: \"x-1\"\r\nx-amz-checksum-sha256: {checksum}-1\r\n\
                 Last-Modified: Tue, 07 Jan 2025 10:00:00 GMT\r\n"
            ),
            "",
        ),
        _ => answered("204 No Content", "", ""),
    })
}

fn no_such_upload() -> String {
    answered("404 Not Found", "", "<Error><Code>NoSuchUpload</Code></Error>")
}

fn one_part() -> String {
    let part = "<Part><PartNumber>1</PartNumber><ETag>\"tag\"</ETag><Size>5</Size></Part>";
    answered(
        "200 OK",
        "",
        &format!("<ListPartsResult><IsTruncated>false</IsTruncated>{part}</ListPartsResult>"),
    )
}

async fn complete(standin: &StandIn, digest: u8) -> Completion {
    let expected = Expected { size: 5, sha256: None };
    standin.storage().complete(&upload(), &[sent(digest)], &expected).await.unwrap()
}

#[tokio::test]
async fn what_another_call_put_together_is_not_removed_by_one_with_other_checksums() {
    for standin in [
        with_object(no_such_upload(), String::new()),
        // It was put together while this call looked at the parts.
        with_object(one_part(), no_such_upload()),
    ] {
        let done = complete(&standin, 2).await;
        assert_eq!(done, Completion::Unfit(String::from("The parts have other checksums.")));
        assert!(!standin.asked().contains(&String::from("DELETE")), "{:?}", standin.asked());
        assert!(matches!(complete(&standin, 1).await, Completion::Stored(_)), "it is still there");
    }
}

#[tokio::test]
async fn what_this_call_put_together_is_removed_if_it_does_not_fit() {
    let completed = answered("200 OK", "", "<CompleteMultipartUploadResult/>");
    let standin = with_object(one_part(), completed);
    let done = complete(&standin, 2).await;
    assert_eq!(done, Completion::Unfit(String::from("The parts have other checksums.")));
    assert_eq!(standin.asked(), ["GET", "POST", "HEAD", "DELETE"]);
}
