//! `POST /v1/files/{id}/uploaded`.

use serde_json::{Value, json};

use crate::support::files::{announcement_in_parts, text_file};
use crate::support::{Shop, UNKNOWN};

async fn is_uploaded(shop: &Shop, id: &str) -> bool {
    let list = format!("/v1/files/?organization_id={}&ids={id}", shop.organization.id);
    shop.merchant.get(&list).await.items("id") == [id]
}

scenarios! {
    // F5, spec 20 §13: the sample upload, byte for byte
    async fn a_complete_file_is_told_with_its_tag(shop) {
        let upload = shop.send_parts(&text_file(shop, "greeting.txt"), &[b"hello world"]).await;
        assert_eq!(upload.etags, ["\"5eb63bbbe01eeed093cb22bb8f5acdc3\""]);
        let answer = shop.merchant.post(&upload.path(), upload.completion()).await;
        let file = answer.expect(200);
        let members: Vec<&str> = file.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, [
            "id", "organization_id", "name", "path", "mime_type", "size", "storage_version", "checksum_etag",
            "checksum_sha256_base64", "checksum_sha256_hex", "last_modified_at", "version", "service", "is_uploaded",
            "created_at", "size_readable",
        ]);
        assert_eq!(file["checksum_etag"], "\"241d8a27c836427bd7f04461b60e7359-1\"");
        assert_eq!((&file["is_uploaded"], &file["storage_version"]), (&json!(true), &Value::Null));
        let moment = file["last_modified_at"].as_str().unwrap();
        assert!(moment.ends_with('Z') && !moment.contains('.'), "whole seconds: {moment}");
        assert!(is_uploaded(shop, &upload.id()).await);
    }

    // F12: complete twice
    async fn completing_twice_gives_the_same_answer(shop) {
        let upload = shop.upload(&text_file(shop, "greeting.txt"), b"hello world").await;
        let again = shop.merchant.post(&upload.path(), upload.completion()).await;
        let once_more = shop.merchant.post(&upload.path(), upload.completion()).await;
        assert_eq!(again.expect(200), once_more.expect(200));
        let list = format!("/v1/files/?organization_id={}", shop.organization.id);
        assert_eq!(shop.merchant.get(&list).await.pagination(), (1, 1));
    }

    // spec 20 §6.1: pictures have an address for everybody
    async fn a_picture_has_a_public_address(shop) {
        let upload = shop.send_parts(&shop.file("organization_avatar", "a b.png", b"png"), &[b"png"]).await;
        let file = shop.merchant.post(&upload.path(), upload.completion()).await.expect(200);
        let url = format!(
            "http://{}/v1/files/content/organization_avatar/{}/{}/a%20b.png",
            shop.anonymous.address(), shop.organization.id, upload.id(),
        );
        assert_eq!(file["public_url"], url);
    }

    // F6
    async fn each_part_says_its_checksum_or_null(shop) {
        let mut body = text_file(shop, "greeting.txt");
        body["upload"]["parts"][0]["checksum_sha256_base64"] = Value::Null;
        let upload = shop.send_parts(&body, &[b"hello world"]).await;
        let mut completion = upload.completion();
        completion["parts"][0].as_object_mut().unwrap().remove("checksum_sha256_base64");
        let answer = shop.merchant.post(&upload.path(), completion).await;
        assert_eq!(answer.schema_problems(), ["missing body.parts.0.checksum_sha256_base64"]);
        shop.merchant.post(&upload.path(), upload.completion()).await.expect(200);
    }

    // F12: another file's path or upload
    async fn an_upload_is_completed_as_itself(shop) {
        let upload = shop.send_parts(&text_file(shop, "a.txt"), &[b"hello world"]).await;
        let other = shop.send_parts(&text_file(shop, "b.txt"), &[b"hello world"]).await;
        let mut completion = upload.completion();
        completion["path"] = other.announced["path"].clone();
        assert_eq!(shop.merchant.post(&upload.path(), completion).await.rule_problems(), ["value_error body.path"]);
        let mut completion = upload.completion();
        completion["id"] = other.announced["upload"]["id"].clone();
        assert_eq!(shop.merchant.post(&upload.path(), completion).await.rule_problems(), ["value_error body.id"]);
        assert!(!is_uploaded(shop, &upload.id()).await);
    }

    // spec 20 §6.3, Merak: what was sent is verified, and can be sent again
    async fn parts_that_are_not_as_announced_are_refused(shop) {
        let parts: [&[u8]; 3] = [b"first ", b"second ", b"third"];
        let mut body = announcement_in_parts("downloadable", "a.txt", &parts);
        body["organization_id"] = json!(shop.organization.id);
        let mut upload = shop.announce(&body).await;
        for (n, part) in parts.iter().enumerate() {
            let answer = upload.send(&shop.anonymous, n, part).await;
            upload.etags.push(answer.header("etag").unwrap().to_owned());
        }
        let missing = {
            let mut completion = upload.completion();
            completion["parts"].as_array_mut().unwrap().remove(1);
            completion
        };
        let changed = |place: &str, value: Value| {
            let mut completion = upload.completion();
            completion["parts"][1][place] = value;
            completion
        };
        let tags = [upload.etags[0].clone(), "\"00000000000000000000000000000000\"".to_owned(), String::from("x")];
        let mut wrong = vec![missing, changed("number", json!(1)), changed("number", json!(4))];
        wrong.extend(tags.into_iter().map(|tag| changed("checksum_etag", json!(tag))));
        wrong.push(changed("checksum_sha256_base64", upload.completion()["parts"][0]["checksum_sha256_base64"].clone()));
        wrong.push(changed("checksum_sha256_base64", json!("no checksum")));
        for completion in wrong {
            let answer = shop.merchant.post(&upload.path(), completion.clone()).await;
            assert_eq!(answer.rule_problems(), ["value_error body.parts"], "{completion}");
            assert!(!is_uploaded(shop, &upload.id()).await);
        }
        let file = shop.merchant.post(&upload.path(), upload.completion()).await.expect(200);
        assert!(file["checksum_etag"].as_str().unwrap().ends_with("-3\""), "{file}");
    }

    // spec 20 §6.3, Merak: the checksum of the whole file
    async fn a_file_with_another_checksum_than_announced_is_refused(shop) {
        let mut body = text_file(shop, "a.txt");
        body["checksum_sha256_base64"] = json!(crate::support::files::sha256(b"something else"));
        let upload = shop.send_parts(&body, &[b"hello world"]).await;
        let answer = shop.merchant.post(&upload.path(), upload.completion()).await;
        assert_eq!(answer.rule_problems(), ["value_error body.parts"]);
        assert!(!is_uploaded(shop, &upload.id()).await);
    }

    async fn a_part_that_was_not_sent_is_missing(shop) {
        let mut upload = shop.announce(&text_file(shop, "a.txt")).await;
        upload.etags.push(String::from("\"5eb63bbbe01eeed093cb22bb8f5acdc3\""));
        let answer = shop.merchant.post(&upload.path(), upload.completion()).await;
        assert_eq!(answer.rule_problems(), ["value_error body.parts"]);
    }

    // spec 20 §6.4: file, then membership, then the rest
    async fn somebody_elses_file_is_not_permitted(shop) {
        let upload = shop.send_parts(&text_file(shop, "a.txt"), &[b"hello world"]).await;
        let stranger = shop.tenant().await;
        stranger.merchant.post(&upload.path(), json!({"id": "x", "path": "y", "parts": []})).await
            .refused(403, "NotPermitted");
        let path = format!("/v1/files/{UNKNOWN}/uploaded");
        shop.merchant.post(&path, upload.completion()).await.refused(404, "ResourceNotFound");
    }

    async fn an_empty_file_is_a_file(shop) {
        let upload = shop.upload(&shop.file("downloadable", "empty", b""), b"").await;
        assert!(is_uploaded(shop, &upload.id()).await);
    }
}
