//! The addresses of the bytes: `PUT`, `GET` and `HEAD` below `/v1/files/content/`.

use merak_adapters::files::{
    self as storage, Download, FileStorage, Object, Part, Sha256Digest, Upload as StoredUpload, Validity,
    Visibility,
};
use serde_json::{Value, json};

use crate::support::files::{Upload, path_of, text_file};
use crate::support::{Client, Shop};

const TEXT: &[u8] = b"hello world";

/// The path and query of a part's address.
fn address(upload: &Upload) -> String {
    path_of(upload.announced["upload"]["parts"][0]["url"].as_str().unwrap()).to_owned()
}

/// The storage as the server has it.
fn storage_of(shop: &Shop) -> storage::local::Local {
    let settings = storage::local::Settings { directory: shop.folder.path().join("files") };
    let base = format!("http://{}/v1/files/content", shop.anonymous.address());
    storage::local::Local::new(&settings, &base, shop.secret.derive("addresses of files"))
}

fn now() -> Validity {
    // Where the clock of the tests stands.
    Validity { from: "2025-01-07T10:00:00Z".parse().unwrap(), seconds: 600 }
}

/// The path and query at which a private file can be downloaded.
fn download(shop: &Shop, path: &str, name: &str, mime_type: &str) -> String {
    let object = Object { path: path.to_owned(), visibility: Visibility::Private };
    let url = storage_of(shop).download_url(&object, &Download { name, mime_type }, now());
    path_of(&url).to_owned()
}

async fn complete(shop: &Shop, upload: &Upload) -> Value {
    shop.merchant.post(&upload.path(), upload.completion()).await.expect(200)
}

scenarios! {
    // spec 20 §6.7
    async fn a_part_is_answered_with_its_tag(shop) {
        let upload = shop.announce(&text_file(shop, "a.txt")).await;
        let answer = upload.send(&shop.anonymous, 0, TEXT).await;
        assert_eq!((answer.status, answer.header("etag")), (200, Some("\"5eb63bbbe01eeed093cb22bb8f5acdc3\"")));
        assert!(answer.header("access-control-expose-headers").unwrap().starts_with("ETag"));
        assert_eq!(answer.body.len(), 0);
        // A part may be sent again.
        assert_eq!(upload.send(&shop.anonymous, 0, TEXT).await.status, 200);
    }

    // F4, F12: whatever is changed about the address, the headers or the bytes, nothing is stored
    async fn what_was_not_signed_is_refused(shop) {
        let mut upload = shop.announce(&text_file(shop, "a.txt")).await;
        let good = address(&upload);
        let headers = &upload.announced["upload"]["parts"][0]["headers"];
        let checksum = headers["x-amz-checksum-sha256"].as_str().unwrap().to_owned();
        let with = Client::new(shop.anonymous.address())
            .with("x-amz-checksum-sha256", checksum.clone())
            .with("x-amz-sdk-checksum-algorithm", "SHA256");
        let forged = [
            good.replace("partNumber=1", "partNumber=2"),
            good.replace("size=11", "size=12"),
            good.replace("expires=1736244600", "expires=1999999999"),
            good.replace("a.txt", "b.txt"),
            good.replace("/downloadable/", "/product_media/"),
            good.replace("signature=", "signature=0"),
            good[..good.len() - 1].to_owned(),
            format!("{good}&size=12"),
            format!("{good}0"),
            good.split('?').next().unwrap().to_owned(),
            good.replace("&signature", "&Signature"),
        ];
        for path in forged {
            assert_eq!(with.send_bytes("PUT", &path, TEXT).await.status, 403, "{path}");
        }
        let none = Client::new(shop.anonymous.address());
        assert_eq!(none.send_bytes("PUT", &good, TEXT).await.status, 403, "without its headers");
        let other = none.with("x-amz-checksum-sha256", crate::support::files::sha256(b"hello earth"))
            .with("x-amz-sdk-checksum-algorithm", "SHA256");
        assert_eq!(other.send_bytes("PUT", &good, &b"hello earth"[..]).await.status, 403, "with other headers");
        for bytes in [&b"hello earth"[..], b"hello worl", b"hello world!", b""] {
            assert_eq!(with.send_bytes("PUT", &good, bytes).await.status, 400, "{bytes:?}");
        }
        upload.etags.push(String::from("\"5eb63bbbe01eeed093cb22bb8f5acdc3\""));
        let answer = shop.merchant.post(&upload.path(), upload.completion()).await;
        assert_eq!(answer.rule_problems(), ["value_error body.parts"]);
        let parts = shop.folder.path().join("files/uploads").join(upload.announced["upload"]["id"].as_str().unwrap());
        assert_eq!(std::fs::read_dir(parts).unwrap().count(), 0, "nothing is kept");
    }

    // spec 20 §6.2: 600 seconds
    async fn an_address_of_a_part_ends(shop) {
        let upload = shop.announce(&text_file(shop, "a.txt")).await;
        shop.advance(599);
        assert_eq!(upload.send(&shop.anonymous, 0, TEXT).await.status, 200);
        shop.advance(1);
        assert_eq!(upload.send(&shop.anonymous, 0, TEXT).await.status, 403);
    }

    async fn a_broken_part_leaves_nothing(shop) {
        use tokio::io::AsyncWriteExt;
        let bytes = vec![7; 100_000];
        let mut upload = shop.announce(&shop.file("downloadable", "a", &bytes)).await;
        let (path, headers) = (address(&upload), upload.announced["upload"]["parts"][0]["headers"].clone());
        let mut connection = tokio::net::TcpStream::connect(shop.anonymous.address()).await.unwrap();
        let head = format!(
            "PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\nx-amz-checksum-sha256: {}\r\n\
             x-amz-sdk-checksum-algorithm: SHA256\r\n\r\n",
            headers["x-amz-checksum-sha256"].as_str().unwrap(),
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(&bytes[..50_000]).await.unwrap();
        let parts = shop.folder.path().join("files/uploads").join(upload.announced["upload"]["id"].as_str().unwrap());
        let begin = std::time::Instant::now();
        let until = async |count: usize, what: &str| {
            while std::fs::read_dir(&parts).unwrap().count() != count {
                assert!(begin.elapsed().as_secs() < 20, "{what}");
                tokio::task::yield_now().await;
            }
        };
        until(1, "nothing of it is written").await;
        drop(connection);
        until(0, "half a part is still there").await;
        // The upload goes on as if nothing had happened.
        let answer = upload.send(&shop.anonymous, 0, &bytes).await;
        upload.etags.push(answer.header("etag").unwrap().to_owned());
        complete(shop, &upload).await;
    }

    // spec 20 §6.5
    async fn a_public_file_is_read_by_everybody_for_ever(shop) {
        let mut body = shop.file("product_media", "logo.svg", b"<svg/>");
        body["mime_type"] = json!("image/svg+xml");
        let upload = shop.send_parts(&body, &[b"<svg/>"]).await;
        let url = complete(shop, &upload).await["public_url"].as_str().unwrap().to_owned();
        shop.advance(10 * 365 * 24 * 3600);
        let answer = shop.anonymous.get(path_of(&url)).await;
        assert_eq!((answer.status, answer.text()), (200, String::from("<svg/>")));
        for (name, value) in [
            ("content-type", "image/svg+xml"),
            ("content-length", "6"),
            ("cache-control", "public, max-age=31536000, immutable"),
            ("content-security-policy", "sandbox"),
            ("x-content-type-options", "nosniff"),
            ("accept-ranges", "bytes"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name}");
        }
        assert_eq!(answer.header("content-disposition"), None);
        let tag = answer.header("etag").unwrap().to_owned();
        let known = shop.anonymous.with("if-none-match", tag).get(path_of(&url)).await;
        assert_eq!((known.status, known.body.len()), (304, 0));
    }

    // F11, spec 20 §6.6, T-39
    async fn a_private_file_needs_a_signature_and_is_saved(shop) {
        let upload = shop.upload(&text_file(shop, "a.txt"), TEXT).await;
        let path = upload.announced["path"].as_str().unwrap();
        let bare = format!("/v1/files/content/{path}");
        assert_eq!(shop.anonymous.get(&bare).await.status, 403);
        assert_eq!(shop.merchant.get(&bare).await.status, 403, "a token of the API says nothing here");
        let good = download(shop, path, "été \"1\".txt", "text/plain; charset=utf-8");
        let answer = shop.anonymous.get(&good).await;
        assert_eq!((answer.status, &answer.body[..]), (200, TEXT));
        for (name, value) in [
            ("content-type", "text/plain; charset=utf-8"),
            ("content-disposition", "attachment; filename=\"_t_ _1_.txt\"; filename*=UTF-8''%C3%A9t%C3%A9%20%221%22.txt"),
            ("content-security-policy", "sandbox"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "private"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name}");
        }
        for forged in [
            good.replace("name=", "name=x"),
            good.replace("text%2Fplain", "text%2Fhtml"),
            good.replace("expires=1736244600", "expires=1999999999"),
            good.replace("a.txt", "b.txt"),
            format!("{good}&name=b.exe"),
        ] {
            assert_ne!(forged, good);
            assert_eq!(shop.anonymous.get(&forged).await.status, 403, "{forged}");
        }
        // The address of a part is none of a download, and the other way round.
        assert_eq!(shop.anonymous.get(&address(&upload)).await.status, 403);
        assert_eq!(shop.anonymous.send_bytes("PUT", &good, TEXT).await.status, 403);
        shop.advance(600);
        assert_eq!(shop.anonymous.get(&good).await.status, 403);
    }

    async fn ranges_are_served(shop) {
        let upload = shop.upload(&text_file(shop, "a.txt"), TEXT).await;
        let path = download(shop, upload.announced["path"].as_str().unwrap(), "a.txt", "text/plain");
        let whole = shop.anonymous.get(&path).await;
        for (range, bytes, told) in [
            ("bytes=0-4", "hello", "bytes 0-4/11"),
            ("bytes=6-", "world", "bytes 6-10/11"),
            ("bytes=-3", "rld", "bytes 8-10/11"),
            ("bytes=10-99", "d", "bytes 10-10/11"),
        ] {
            let answer = shop.anonymous.with("range", range).get(&path).await;
            assert_eq!((answer.status, answer.text()), (206, bytes.to_owned()), "{range}");
            assert_eq!(answer.header("content-range"), Some(told));
            assert_eq!(answer.header("content-length"), Some(bytes.len().to_string().as_str()));
            let head = shop.anonymous.with("range", range).send("HEAD", &path, None).await;
            assert_eq!((head.status, head.header("content-range"), head.body.len()), (206, Some(told), 0));
        }
        let answer = shop.anonymous.with("range", "bytes=11-").get(&path).await;
        assert_eq!((answer.status, answer.header("content-range")), (416, Some("bytes */11")));
        let head = shop.anonymous.send("HEAD", &path, None).await;
        assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("11"), 0));
        // A range of what the caller has from before is only served if it is the same.
        let tag = whole.header("etag").unwrap();
        let part = shop.anonymous.with("range", "bytes=0-4");
        assert_eq!(part.with("if-range", tag).get(&path).await.status, 206);
        assert_eq!(part.with("if-range", whole.header("last-modified").unwrap()).get(&path).await.status, 206);
        assert_eq!(part.with("if-range", "\"other\"").get(&path).await.status, 200);
    }

    // No path leads out of the folder, and none to what is no object, even if it was signed.
    async fn there_are_no_path_tricks(shop) {
        shop.upload(&text_file(shop, "a.txt"), TEXT).await;
        std::fs::write(shop.folder.path().join("files/secret"), "secret").unwrap();
        for path in ["../secret", "downloadable/../../secret", "..\\secret", "downloadable", "", "a//b", "a\0b"] {
            let signed = download(shop, path, "a.txt", "text/plain");
            let answer = shop.anonymous.get(&signed).await;
            assert!(matches!(answer.status, 403 | 404), "{path}: {} {}", answer.status, answer.text());
        }
        for path in [
            "/v1/files/content/product_media/../downloadable/x",
            "/v1/files/content/product_media/%2e%2e/%2e%2e/secret",
            "/v1/files/content/product_media/..%2f..%2fsecret",
            "/v1/files/content/product_media",
            "/v1/files/content/",
            "/v1/files/content/%ff",
        ] {
            let answer = shop.anonymous.get(path).await;
            assert!(matches!(answer.status, 403 | 404), "{path}: {}", answer.status);
        }
        assert_eq!(shop.anonymous.post("/v1/files/content/product_media/a", json!({})).await.status, 405);
    }

    // spec 20 §6.7: any origin, also a browser's question beforehand
    async fn browsers_of_any_origin_may_send_parts(shop) {
        let upload = shop.announce(&text_file(shop, "a.txt")).await;
        let browser = shop.anonymous.with("origin", "https://anywhere.example");
        let asked = browser
            .with("access-control-request-method", "PUT")
            .with("access-control-request-headers", "content-type,x-amz-checksum-sha256,x-amz-sdk-checksum-algorithm")
            .send("OPTIONS", &address(&upload), None)
            .await;
        assert_eq!((asked.status, asked.header("access-control-allow-origin")), (200, Some("*")));
        let allowed = asked.header("access-control-allow-headers").unwrap().to_ascii_lowercase();
        for header in ["content-type", "x-amz-checksum-sha256", "x-amz-sdk-checksum-algorithm", "range"] {
            assert!(allowed.contains(header), "{header} in {allowed}");
        }
        assert!(asked.header("access-control-allow-methods").unwrap().contains("PUT"));
        let headers = &upload.announced["upload"]["parts"][0]["headers"];
        let answer = browser
            .with("x-amz-checksum-sha256", headers["x-amz-checksum-sha256"].as_str().unwrap())
            .with("x-amz-sdk-checksum-algorithm", "SHA256")
            .send_bytes("PUT", &address(&upload), TEXT)
            .await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("*")));
        assert!(answer.header("access-control-expose-headers").unwrap().contains("ETag"));
    }

    // A signed address of an upload that is not there opens nothing.
    async fn a_part_of_no_upload_is_not_found(shop) {
        let object = Object { path: String::from("downloadable/x"), visibility: Visibility::Private };
        for id in ["0123456789abcdef0123456789abcdef", "..", "a/b"] {
            let upload = StoredUpload { object: object.clone(), id: id.to_owned(), has_checksums: false };
            let part = Part { number: 1, size: 11, sha256: None::<Sha256Digest> };
            let url = storage_of(shop).sign_part(&upload, &part, now()).url;
            let answer = shop.anonymous.send_bytes("PUT", path_of(&url), TEXT).await;
            assert_eq!(answer.status, 404, "{id}");
        }
    }
}
