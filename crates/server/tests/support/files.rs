//! Uploads through the API and the storage, as an uploader does them.

use merak_adapters::files::{Sha256Digest, composite_sha256};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::http::{Answer, Client};
use super::shop::Shop;

/// The SHA-256 of bytes, in base64.
pub fn sha256(bytes: &[u8]) -> String {
    digest(bytes).base64()
}

fn digest(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest(Sha256::digest(bytes).into())
}

/// The composite checksum of parts, as storages tell it.
pub fn composite(parts: &[&[u8]]) -> String {
    composite_sha256(parts.iter().map(|part| digest(part))).base64()
}

/// A file of one part, with all checksums.
pub fn announcement(service: &str, name: &str, bytes: &[u8]) -> Value {
    announcement_in_parts(service, name, &[bytes])
}

/// A file of several parts, with all checksums.
pub fn announcement_in_parts(service: &str, name: &str, parts: &[&[u8]]) -> Value {
    let whole = parts.concat();
    let mut start = 0;
    let parts: Vec<Value> = parts
        .iter()
        .enumerate()
        .map(|(n, part)| {
            let end = start + part.len();
            let announced = json!({
                "number": n + 1, "chunk_start": start, "chunk_end": end, "checksum_sha256_base64": sha256(part),
            });
            start = end;
            announced
        })
        .collect();
    json!({
        "service": service, "name": name,
        "mime_type": if service == "downloadable" { "text/plain" } else { "image/png" },
        "size": whole.len(), "checksum_sha256_base64": sha256(&whole), "upload": {"parts": parts},
    })
}

/// The text `hello world`, to be downloaded.
pub fn text_file(shop: &Shop, name: &str) -> Value {
    let mut body = announcement("downloadable", name, b"hello world");
    body["organization_id"] = json!(shop.organization.id);
    body
}

/// An upload on its way.
#[derive(Clone, Debug)]
pub struct Upload {
    /// What the announcement was answered.
    pub announced: Value,
    /// The tags of the parts that were sent, in order.
    pub etags: Vec<String>,
}

impl Upload {
    /// The file's id.
    pub fn id(&self) -> String {
        self.announced["id"].as_str().unwrap().to_owned()
    }

    /// The path that completes the upload.
    pub fn path(&self) -> String {
        format!("/v1/files/{}/uploaded", self.id())
    }

    /// Sends a part to its address with its headers.
    pub async fn send(&self, client: &Client, n: usize, bytes: &[u8]) -> Answer {
        let part = &self.announced["upload"]["parts"][n];
        let mut client = Client::new(client.address());
        for (name, value) in part["headers"].as_object().unwrap() {
            let name = if name.ends_with("algorithm") {
                "x-amz-sdk-checksum-algorithm"
            } else {
                "x-amz-checksum-sha256"
            };
            client = client.with(name, value.as_str().unwrap());
        }
        client.send_bytes("PUT", path_of(part["url"].as_str().unwrap()), bytes.to_vec()).await
    }

    /// The body that completes the upload.
    pub fn completion(&self) -> Value {
        let parts = self.announced["upload"]["parts"].as_array().unwrap().iter();
        let parts: Vec<Value> = parts
            .zip(&self.etags)
            .map(|(part, etag)| {
                json!({
                    "number": part["number"], "checksum_etag": etag,
                    "checksum_sha256_base64": part["checksum_sha256_base64"],
                })
            })
            .collect();
        json!({"id": self.announced["upload"]["id"], "path": self.announced["path"], "parts": parts})
    }
}

/// The path and query of an address of the server.
pub fn path_of(url: &str) -> &str {
    let rest = url.strip_prefix("http://").unwrap();
    &rest[rest.find('/').unwrap()..]
}

impl Shop {
    /// Announces a file.
    pub async fn announce(&self, body: &Value) -> Upload {
        let announced = self.merchant.post("/v1/files/", body.clone()).await.expect(201);
        Upload { announced, etags: Vec::new() }
    }

    /// Announces a file and sends its parts.
    pub async fn send_parts(&self, body: &Value, parts: &[&[u8]]) -> Upload {
        let mut upload = self.announce(body).await;
        for (n, part) in parts.iter().enumerate() {
            let answer = upload.send(&self.anonymous, n, part).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            upload.etags.push(answer.header("etag").unwrap().to_owned());
        }
        upload
    }

    /// Uploads a file of one part and completes it.
    pub async fn upload(&self, body: &Value, bytes: &[u8]) -> Upload {
        let upload = self.send_parts(body, &[bytes]).await;
        self.merchant.post(&upload.path(), upload.completion()).await.expect(200);
        upload
    }

    /// The body of a file for a service, of this shop.
    pub fn file(&self, service: &str, name: &str, bytes: &[u8]) -> Value {
        let mut body = announcement(service, name, bytes);
        body["organization_id"] = json!(self.organization.id);
        body
    }
}
