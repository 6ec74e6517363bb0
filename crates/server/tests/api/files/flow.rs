//! What holds for every operation that calls the outside, shown by files: one effect for an `Idempotency-Key`, a whole
//! after each crash, and jobs that come back.

use std::fs;
use std::path::PathBuf;

use merak_core::files;
use merak_core::idempotency::{self, Caller, Known, Name};
use merak_core::jobs::{self, FlowJob};
use serde_json::{Value, json};

use crate::support::files::text_file;
use crate::support::{Client, Shop};

const PATH: &str = "/v1/files/";

fn uploads(shop: &Shop) -> PathBuf {
    shop.folder.path().join("files/uploads")
}

/// How many uploads the storage has begun.
fn begun(shop: &Shop) -> usize {
    fs::read_dir(uploads(shop)).map_or(0, Iterator::count)
}

fn named(client: &Client, key: &str) -> Client {
    client.with("idempotency-key", key)
}

/// Makes the storage unable to do anything, or able again.
fn break_storage(shop: &Shop) {
    fs::create_dir_all(shop.folder.path().join("files")).unwrap();
    fs::rename(uploads(shop), shop.folder.path().join("kept")).ok();
    fs::write(uploads(shop), "no folder").unwrap();
}

fn repair_storage(shop: &Shop) {
    fs::remove_file(uploads(shop)).unwrap();
    fs::rename(shop.folder.path().join("kept"), uploads(shop)).ok();
}

scenarios! {
    async fn the_outside_is_called_once_for_a_named_write(shop) {
        let client = named(&shop.merchant, "key-1");
        let first = client.post(PATH, text_file(shop, "a.txt")).await;
        let second = client.post(PATH, text_file(shop, "a.txt")).await;
        assert_eq!((second.status, second.text()), (201, first.text()));
        assert_eq!(begun(shop), 1);
        client.post(PATH, text_file(shop, "b.txt")).await.refused(409, "ResourceAlreadyExists");
        named(&shop.merchant, "key-2").post(PATH, text_file(shop, "a.txt")).await.expect(201);
        assert_eq!(begun(shop), 2);
    }

    async fn two_at_once_of_a_name_call_the_outside_once(shop) {
        let client = named(&shop.merchant, "key-1");
        let body = text_file(shop, "a.txt");
        let answers = futures_util::future::join_all((0..8).map(|_| client.post(PATH, body.clone()))).await;
        let mut made: Vec<String> = Vec::new();
        for answer in answers {
            match answer.status {
                201 => made.push(answer.text()),
                409 => assert_eq!(answer.header("retry-after"), Some("1"), "{}", answer.text()),
                other => panic!("{other}: {}", answer.text()),
            }
        }
        made.dedup();
        assert_eq!((made.len(), begun(shop)), (1, 1));
    }

    async fn a_named_write_that_is_under_way_is_not_begun_again(shop) {
        let body = text_file(shop, "a.txt");
        let (secret, text) = (shop.secret.clone(), body.to_string());
        let caller = format!("user:{}", shop.member.id);
        let begin = move |tx: &mut merak_store::Tx<'_>| {
            let parts: [&[u8]; 3] = [b"POST", PATH.as_bytes(), text.as_bytes()];
            idempotency::begin(tx, &Name::new(&secret, Caller::Seller(&caller), "key-1", &parts), 900)
        };
        assert_eq!(shop.write(begin).await.unwrap(), Known::No);
        let client = named(&shop.merchant, "key-1");
        client.post(PATH, body.clone()).await.refused(409, "ResourceAlreadyExists");
        assert_eq!(begun(shop), 0);
        // Whoever began it is gone: its turn ends.
        shop.advance(900);
        client.post(PATH, body).await.expect(201);
        assert_eq!(begun(shop), 1);
    }

    async fn a_named_write_that_failed_can_be_tried_again(shop) {
        break_storage(shop);
        let client = named(&shop.merchant, "key-1");
        let failed = client.post(PATH, text_file(shop, "a.txt")).await;
        failed.refused(503, "ServiceUnavailable");
        assert_eq!(failed.header("retry-after"), Some("1"));
        repair_storage(shop);
        client.post(PATH, text_file(shop, "a.txt")).await.expect(201);
        // A rule that says no is no answer that is kept either.
        let bad = json!({"service": "downloadable", "name": "a", "mime_type": "a", "size": 1, "upload": {"parts": []},
            "organization_id": shop.organization.id});
        assert_eq!(named(&shop.merchant, "key-2").post(PATH, bad).await.status, 422);
        named(&shop.merchant, "key-2").post(PATH, text_file(shop, "a.txt")).await.expect(201);
    }

    // A crash after the storage put the parts together, before that was written down.
    async fn a_completion_that_was_not_written_down_is_found_again(shop) {
        let upload = shop.upload(&text_file(shop, "a.txt"), b"hello world").await;
        let announced = json!([{"number": 1, "chunk_start": 0, "chunk_end": 11, "checksum_sha256_base64": null}]);
        shop.sql(
            "UPDATE files SET is_uploaded = FALSE, checksum_etag = NULL, upload_parts = $1",
            vec![Box::new(merak_store::Json::from(announced))],
        ).await;
        shop.sql("UPDATE file_counts SET files = 0", vec![]).await;
        let file = shop.merchant.post(&upload.path(), upload.completion()).await.expect(200);
        assert_eq!(file["checksum_etag"], "\"241d8a27c836427bd7f04461b60e7359-1\"");
    }

    // A file that is deleted while the storage puts it together leaves no bytes behind.
    async fn bytes_of_a_file_that_was_deleted_meanwhile_are_removed(shop) {
        let upload = shop.upload(&text_file(shop, "a.txt"), b"hello world").await;
        let id = upload.id().parse().unwrap();
        shop.sql("UPDATE files SET deleted_at = created_at", vec![]).await;
        shop.write(move |tx| files::remove_if_deleted(tx, id)).await.unwrap();
        shop.work_done().await;
        let objects = shop.folder.path().join("files/objects");
        assert_eq!(fs::read_dir(objects).unwrap().count(), 0);
    }

    async fn a_job_that_calls_the_outside_can_run_twice(shop) {
        let upload = shop.upload(&text_file(shop, "a.txt"), b"hello world").await;
        shop.merchant.delete(&format!("{PATH}{}", upload.id())).await.expect(204);
        shop.work_done().await;
        let file_id = upload.id().parse().unwrap();
        shop.write(move |tx| jobs::enqueue(tx, &FlowJob::RemoveStoredFile { file_id }.into())).await.unwrap();
        shop.work_done().await;
        assert_eq!(failed_jobs(shop).await, Value::Null);
    }

    // An import that was stopped, or a crash before the storage's name of an upload was written down.
    async fn uploads_that_no_file_knows_of_are_removed_after_a_day(shop) {
        let known = shop.announce(&text_file(shop, "a.txt")).await;
        let known = known.announced["upload"]["id"].as_str().unwrap();
        let (old, young) = ("0".repeat(32), "1".repeat(32));
        for name in [&old, &young] {
            fs::create_dir(uploads(shop).join(name)).unwrap();
        }
        let day_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(24);
        for name in [&*old, known] {
            fs::File::open(uploads(shop).join(name)).unwrap().set_modified(day_ago).unwrap();
        }
        // The next purge.
        shop.advance(3600);
        let begin = std::time::Instant::now();
        while uploads(shop).join(&old).exists() {
            assert!(begin.elapsed().as_secs() < 20, "it is still there");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert!(uploads(shop).join(&young).exists() && uploads(shop).join(known).exists());
    }

    async fn a_job_whose_call_failed_comes_back(shop) {
        let upload = shop.upload(&text_file(shop, "a.txt"), b"hello world").await;
        break_storage(shop);
        shop.merchant.delete(&format!("{PATH}{}", upload.id())).await.expect(204);
        let begin = std::time::Instant::now();
        let reason = loop {
            match failed_jobs(shop).await {
                Value::String(reason) => break reason,
                _ => assert!(begin.elapsed().as_secs() < 20, "the job did not fail"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        };
        assert!(reason.starts_with("The file storage cannot be reached"), "{reason}");
        repair_storage(shop);
        shop.advance(2);
        shop.work_done().await;
        assert_eq!(fs::read_dir(shop.folder.path().join("files/objects")).unwrap().count(), 0);
    }
}

/// The error of the job that failed last, if one did.
async fn failed_jobs(shop: &Shop) -> Value {
    let reason = shop
        .store
        .read(|tx| {
            tx.find::<Option<String>>("SELECT last_error FROM jobs WHERE last_error IS NOT NULL LIMIT 1", &[])
        })
        .await
        .unwrap();
    reason.flatten().map_or(Value::Null, Value::from)
}
