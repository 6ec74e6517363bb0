//! What is done with answers of a storage that a stand-in gives word by word.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;

use super::*;

/// Answers each request by its method, and remembers what was asked.
struct StandIn {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A request that came.
#[derive(Clone, Debug)]
struct Asked {
    method: String,
    /// Its headers, in lower case.
    head: String,
    body: String,
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
                let asked = read_request(&stream);
                let answer = answer(&asked.method);
                // Whoever has the answer looks at once.
                told.lock().unwrap().push(asked);
                stream.write_all(answer.as_bytes()).unwrap();
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
        self.asked.lock().unwrap().iter().map(|asked| asked.method.clone()).collect()
    }

    /// The last request of a method.
    fn last(&self, method: &str) -> Asked {
        self.asked.lock().unwrap().iter().rfind(|asked| asked.method == method).unwrap().clone()
    }
}

fn read_request(stream: &TcpStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let (mut method, mut head, mut length) = (String::new(), String::new(), 0);
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
        head.push_str(&line.to_ascii_lowercase());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Asked { method, head, body: String::from_utf8(body).unwrap() }
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
    Upload { object, id: String::from("upload"), has_checksums: true }
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

// F6: Amazon takes parts without a checksum only if the upload was begun without asking for one, and then none with one.
#[tokio::test]
async fn checksums_are_asked_for_only_if_each_part_has_one() {
    let body = "<InitiateMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Bucket>private</Bucket><Key>a/b.txt</Key>\
                <UploadId>upload</UploadId></InitiateMultipartUploadResult>";
    let standin = StandIn::new(move |_| answered("200 OK", "", body));
    let storage = standin.storage();
    for has_checksums in [true, false] {
        let upload = Upload { has_checksums, ..upload() };
        let id = storage.begin(&upload.object, "text/plain", has_checksums).await.unwrap();
        assert_eq!(id, "upload");
        let asked = standin.last("POST");
        assert_eq!(asked.head.contains("x-amz-checksum-algorithm: sha256"), has_checksums, "{}", asked.head);
        assert!(asked.head.contains("content-type: text/plain"), "{}", asked.head);
        // One of several parts has a checksum, which is not enough.
        let validity = Validity { from: jiff::Timestamp::UNIX_EPOCH, seconds: 600 };
        let signed = storage.sign_part(&upload, &sent(1).part, validity);
        assert_eq!(signed.headers.is_empty(), !has_checksums);
        assert_eq!(signed.url.contains("x-amz-checksum-sha256"), has_checksums, "{}", signed.url);
    }
}

#[tokio::test]
async fn what_everybody_may_read_may_be_kept_by_everybody() {
    let body = "<InitiateMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Bucket>public</Bucket><Key>a/b.txt</Key>\
                <UploadId>upload</UploadId></InitiateMultipartUploadResult>";
    let standin = StandIn::new(move |_| answered("200 OK", "", body));
    for (visibility, is_kept) in [(Visibility::Public, true), (Visibility::Private, false)] {
        let object = Object { visibility, ..upload().object };
        standin.storage().begin(&object, "image/png", false).await.unwrap();
        let head = standin.last("POST").head;
        assert_eq!(
            head.contains("cache-control: public, max-age=31536000, immutable\r\n"),
            is_kept,
            "{head}"
        );
        // Amazon refuses a request with a header that its signature leaves out.
        assert_eq!(
            head.lines().next().unwrap().contains("signedheaders=cache-control%3b"),
            is_kept,
            "{head}"
        );
    }
}

/// A storage that keeps no checksums, and has this in the object.
fn without_checksums(bytes: &'static str) -> StandIn {
    let (completed, gets) = (answered("200 OK", "", "<CompleteMultipartUploadResult/>"), Mutex::new(0));
    StandIn::new(move |method| match method {
        "GET" => {
            let mut gets = gets.lock().unwrap();
            *gets += 1;
            if *gets % 2 == 1 { one_part() } else { answered("200 OK", "", bytes) }
        }
        "POST" => completed.clone(),
        "HEAD" => answered(
            "200 OK",
            "Content-Length: 5\r\nETag: \"x-1\"\r\nLast-Modified: Tue, 07 Jan 2025 10:00:00 GMT\r\n",
            "",
        ),
        _ => answered("204 No Content", "", ""),
    })
}

#[tokio::test]
async fn what_the_storage_does_not_compare_is_read_back() {
    let standin = without_checksums("hello");
    let upload = Upload { has_checksums: false, ..upload() };
    let part = |text: &str| {
        let sha256 = Some(Sha256Digest(Sha256::digest(text).into()));
        SentPart { part: Part { sha256, ..sent(1).part }, ..sent(1) }
    };
    let expected = Expected { size: 5, sha256: None };
    let done = standin.storage().complete(&upload, &[part("hello")], &expected).await.unwrap();
    assert!(matches!(done, Completion::Stored(_)), "{done:?}");
    let asked = standin.last("POST");
    assert!(!asked.head.contains("x-amz-checksum") && !asked.body.contains("Checksum"), "{asked:?}");
    let done = standin.storage().complete(&upload, &[part("other")], &expected).await.unwrap();
    assert_eq!(done, Completion::Unfit(String::from("Part 1 has another checksum.")));
    let expected = Expected { size: 5, sha256: Some(Sha256Digest([7; 32])) };
    let nothing_said = SentPart { part: Part { sha256: None, ..sent(1).part }, ..sent(1) };
    let done = standin.storage().complete(&upload, &[nothing_said], &expected).await.unwrap();
    assert_eq!(done, Completion::Unfit(String::from("The file has another checksum.")));
}

#[test]
fn parts_are_read_back_across_chunks() {
    let part = |number, text: &str| {
        let sha256 = Some(Sha256Digest(Sha256::digest(text).into()));
        SentPart { part: Part { number, size: text.len() as u64, sha256 }, etag: String::new() }
    };
    for (sent, unlike) in [
        ([part(1, "hello"), part(2, "wor"), part(3, "")], None),
        ([part(1, "hello"), part(2, "war"), part(3, "")], Some(2)),
    ] {
        for length in 1..=8 {
            let mut read = ReadBack::of(&sent);
            for chunk in b"hellowor".chunks(length) {
                read.take(chunk);
            }
            assert_eq!(read.unlike(&sent), unlike, "{length}");
        }
    }
}

// Nobody waits for 50 gigabytes to be read back whose parts the storage has compared.
#[tokio::test]
async fn what_is_too_large_to_be_read_back_is_compared_part_by_part() {
    let size = LARGEST_READ_BACK + 1;
    let digest = Sha256Digest([1; 32]);
    let part = Part { number: 1, size, sha256: Some(digest) };
    let listed = format!("<Part><PartNumber>1</PartNumber><ETag>\"tag\"</ETag><Size>{size}</Size></Part>");
    let parts = answered(
        "200 OK",
        "",
        &format!("<ListPartsResult><IsTruncated>false</IsTruncated>{listed}</ListPartsResult>"),
    );
    let head = format!(
        "Content-Length: {size}\r\nETag: \"x-1\"\r\nx-amz-checksum-sha256: {}-1\r\n\
         Last-Modified: Tue, 07 Jan 2025 10:00:00 GMT\r\n",
        composite_sha256([digest]).base64()
    );
    let standin = StandIn::new(move |method| match method {
        "GET" => parts.clone(),
        "POST" => answered("200 OK", "", "<CompleteMultipartUploadResult/>"),
        "HEAD" => answered("200 OK", &head, ""),
        _ => answered("204 No Content", "", ""),
    });
    let sent = SentPart { part, etag: String::from("\"tag\"") };
    let expected = Expected { size, sha256: Some(Sha256Digest([9; 32])) };
    let done = standin.storage().complete(&upload(), std::slice::from_ref(&sent), &expected).await.unwrap();
    assert!(matches!(done, Completion::Stored(_)), "{done:?}");
    assert_eq!(standin.asked(), ["GET", "POST", "HEAD"]);
    assert!(standin.storage().needs_checksums(size) && !standin.storage().needs_checksums(LARGEST_READ_BACK));
    // One that was announced without, by an earlier release, can be completed.
    let announced_without = Upload { has_checksums: false, ..upload() };
    let done = standin.storage().complete(&announced_without, &[sent], &expected).await.unwrap();
    assert!(matches!(done, Completion::Stored(_)), "{done:?}");
}
