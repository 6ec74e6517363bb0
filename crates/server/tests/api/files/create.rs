//! `POST /v1/files/`.

use merak_core::kit::Refusal;
use serde_json::{Value, json};

use crate::support::files::{announcement, path_of, sha256};
use crate::support::{Answer, Shop, UNKNOWN, everything};

const PATH: &str = "/v1/files/";

async fn refused(shop: &Shop, change: impl Fn(&mut Value)) -> Answer {
    let mut body = shop.file("downloadable", "a.txt", b"hello world");
    change(&mut body);
    shop.merchant.post(PATH, body).await
}

fn parts(list: &[(i64, i64, i64)]) -> Value {
    list.iter()
        .map(|(number, start, end)| json!({"number": number, "chunk_start": start, "chunk_end": end}))
        .collect()
}

scenarios! {
    // F1: even with an empty body
    async fn who_may_not_is_told_so_before_anything_else(shop) {
        shop.anonymous.post(PATH, json!({})).await.refused(401, "Unauthorized");
        let reader = shop.member_with("files:read").await;
        let answer = reader.post(PATH, json!({})).await;
        assert_eq!(answer.expect(403)["error"], "insufficient_scope");
    }

    // F2, spec 20 §6.2 and §13: the answer has every member in order, and signed addresses that end after ten minutes
    async fn a_new_file_has_an_address_for_each_part(shop) {
        let mut body = shop.file("downloadable", "étonnante-🦄.png", b"hello world");
        body["version"] = json!("4.2");
        let answer = shop.merchant.post(PATH, body).await;
        let made = answer.expect(201);
        let (id, upload) = (made["id"].as_str().unwrap(), made["upload"]["id"].as_str().unwrap());
        let path = format!("downloadable/{}/{id}/étonnante-🦄.png", shop.organization.id);
        let checksum = "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=";
        let part = &made["upload"]["parts"][0];
        let expected = json!({
            "id": id, "organization_id": shop.organization.id, "name": "étonnante-🦄.png", "path": path,
            "mime_type": "text/plain", "size": 11, "storage_version": null, "checksum_etag": null,
            "checksum_sha256_base64": checksum,
            "checksum_sha256_hex": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
            "last_modified_at": null,
            "upload": {"id": upload, "path": path, "parts": [{
                "number": 1, "chunk_start": 0, "chunk_end": 11, "checksum_sha256_base64": checksum,
                "url": part["url"], "expires_at": "2025-01-07T10:10:00Z",
                "headers": {"x-amz-checksum-sha256": checksum, "x-amz-sdk-checksum-algorithm": "SHA256"},
            }]},
            "version": "4.2", "is_uploaded": false, "service": "downloadable", "size_readable": "11.0 B",
        });
        let mut told = made.clone();
        // Headers have no order.
        told["upload"]["parts"][0]["headers"] = expected["upload"]["parts"][0]["headers"].clone();
        assert_eq!(told.to_string(), expected.to_string());
        let url = part["url"].as_str().unwrap();
        assert!(url.starts_with(&format!("http://{}/v1/files/content/downloadable/", shop.anonymous.address())), "{url}");
        for member in ["partNumber=1", &format!("uploadId={upload}"), "expires=1736244600", "signature="] {
            assert!(url.contains(member), "{member} in {url}");
        }
    }

    async fn a_part_without_a_checksum_has_no_headers(shop) {
        let answer = refused(shop, |body| body["upload"]["parts"] = parts(&[(1, 0, 5), (2, 5, 11)])).await;
        let made = answer.expect(201);
        for n in [0, 1] {
            assert_eq!(made["upload"]["parts"][n]["headers"], json!({}));
            assert_eq!(made["upload"]["parts"][n]["checksum_sha256_base64"], Value::Null);
        }
    }

    // F7
    async fn pictures_have_a_type_and_a_bound(shop) {
        for (service, mime_type, size, problem) in [
            ("product_media", "text/plain", 10, "string_pattern_mismatch body.product_media.mime_type"),
            ("product_media", "image/svg+xml", 10_485_761, "less_than_equal body.product_media.size"),
            ("organization_avatar", "image/png", 1_048_577, "less_than_equal body.organization_avatar.size"),
            ("organization_avatar", "image/avif", 10, "string_pattern_mismatch body.organization_avatar.mime_type"),
            ("downloadable", "application/x-anything", -1, "greater_than_equal body.downloadable.size"),
        ] {
            let mut body = shop.file(service, "a", b"");
            (body["mime_type"], body["size"]) = (json!(mime_type), json!(size));
            assert_eq!(shop.merchant.post(PATH, body).await.schema_problems(), [problem]);
        }
        for (service, mime_type, size) in [
            ("product_media", "image/svg+xml", 10_485_760),
            ("organization_avatar", "image/webp", 1_048_576),
            ("downloadable", "application/x-anything; at=all", 10_485_761),
        ] {
            let mut body = shop.file(service, "a", b"");
            (body["mime_type"], body["size"]) = (json!(mime_type), json!(size));
            body["upload"]["parts"] = parts(&[(1, 0, size)]);
            shop.merchant.post(PATH, body).await.expect(201);
        }
    }

    // A storage is sent the type as a header, and so is who downloads.
    async fn a_media_type_is_one(shop) {
        let long = format!("a/{}", "b".repeat(254));
        for mime_type in ["a\nb", "a/b\r\nx-a: b", " ", "text", "text/plain; a=\u{e9}", &long] {
            let answer = refused(shop, |body| body["mime_type"] = json!(mime_type)).await;
            assert_eq!(answer.rule_problems(), ["value_error body.downloadable.mime_type"], "{mime_type:?}");
        }
        let left = shop.store.read(|tx| Ok::<_, Refusal>(tx.one::<i64>("SELECT count(*) FROM files", &[])?));
        assert_eq!(left.await.unwrap(), 0);
        // As browsers send it of a file that they do not know.
        let mut body = shop.file("downloadable", "a.xyz", b"a");
        body["mime_type"] = json!("");
        let made = shop.merchant.post(PATH, body).await;
        assert_eq!(made.expect(201)["mime_type"], "application/octet-stream");
    }

    // spec 20 §1.1: the tag of the union
    async fn the_service_tells_the_shape(shop) {
        let answer = refused(shop, |body| body["service"] = json!("cake")).await;
        assert_eq!(answer.schema_problems(), ["union_tag_invalid body"]);
        let answer = refused(shop, |body| drop(body.as_object_mut().unwrap().remove("service"))).await;
        assert_eq!(answer.schema_problems(), ["union_tag_not_found body"]);
    }

    // spec 20 §6.2, Merak: numbers from 1 without gaps, ranges without gaps that cover the size
    async fn parts_cover_the_file(shop) {
        for (list, problems) in [
            (parts(&[]), vec!["value_error body.upload.parts"]),
            (parts(&[(0, 0, 11)]), vec!["value_error body.upload.parts.0"]),
            (parts(&[(1, 0, 5), (3, 5, 11)]), vec!["value_error body.upload.parts.1"]),
            (parts(&[(1, 0, 5), (2, 6, 11)]), vec!["value_error body.upload.parts.1"]),
            (parts(&[(1, 1, 5), (2, 5, 12)]), vec!["value_error body.upload.parts.0", "value_error body.upload.parts.1"]),
            (parts(&[(1, 5, 0)]), vec!["value_error body.upload.parts.0"]),
        ] {
            assert_eq!(refused(shop, |body| body["upload"]["parts"] = list.clone()).await.rule_problems(), problems);
        }
        // The reference's own uploader ends an exact multiple of its part size with an empty part.
        refused(shop, |body| body["upload"]["parts"] = parts(&[(1, 0, 11), (2, 11, 11)])).await.expect(201);
    }

    // spec 20 §6.2, Merak: names and checksums
    async fn names_and_checksums_are_looked_at(shop) {
        let answer = refused(shop, |body| {
            body["name"] = json!("..");
            body["checksum_sha256_base64"] = json!("no");
            body["upload"]["parts"][0]["checksum_sha256_base64"] = json!("bm8=");
        }).await;
        assert_eq!(answer.rule_problems(), [
            "value_error body.upload.parts.0.checksum_sha256_base64",
            "value_error body.name",
            "value_error body.checksum_sha256_base64",
        ]);
        let made = refused(shop, |body| body["name"] = json!("../\u{7}a\\b.txt")).await.expect(201);
        assert_eq!(made["name"], "..ab.txt");
        assert!(made["path"].as_str().unwrap().ends_with("/..ab.txt"), "{made}");
    }

    // spec 20 §1.1: the organization
    async fn the_organization_is_named_by_users_only(shop) {
        let stranger = shop.tenant().await;
        let with = |id: Value| {
            let mut body = announcement("downloadable", "a.txt", b"x");
            body["organization_id"] = id;
            body
        };
        let answer = shop.merchant.post(PATH, with(Value::Null)).await;
        assert_eq!(answer.rule_problems(), ["missing body.organization_id"]);
        let answer = shop.merchant.post(PATH, with(json!(UNKNOWN))).await;
        assert_eq!(answer.rule_problems(), ["value_error body.organization_id"]);
        shop.merchant.post(PATH, with(json!(stranger.organization.id))).await.refused(403, "NotPermitted");
        let own = shop.organization_client(shop.organization.id, everything()).await;
        let answer = own.post(PATH, with(json!(shop.organization.id))).await;
        assert_eq!(answer.rule_problems(), ["organization_token body.organization_id"]);
        let made = own.post(PATH, with(Value::Null)).await.expect(201);
        assert_eq!(made["organization_id"], shop.organization.id.to_string());
    }

    // F3: neither in the list nor to be read before it is complete
    async fn a_file_that_is_not_complete_is_nowhere(shop) {
        let body = shop.file("product_media", "logo.png", b"png");
        let upload = shop.send_parts(&body, &[b"png"]).await;
        let list = format!("{PATH}?organization_id={}", shop.organization.id);
        assert_eq!(shop.merchant.get(&list).await.pagination(), (0, 0));
        let url = upload.announced["upload"]["parts"][0]["url"].as_str().unwrap();
        let path = path_of(url).split('?').next().unwrap();
        assert_eq!(shop.anonymous.get(path).await.status, 404);
        assert_eq!(upload.announced["checksum_sha256_base64"], sha256(b"png"));
    }
}
