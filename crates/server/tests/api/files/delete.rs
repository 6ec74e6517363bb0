//! `DELETE /v1/files/{id}`.

use std::path::Path;

use serde_json::json;

use crate::support::Shop;
use crate::support::files::{path_of, text_file};

/// Every file below a folder.
fn stored(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { stored(&path) } else { vec![path.display().to_string()] }
        })
        .collect()
}

async fn files_of(shop: &Shop) -> (i64, i64) {
    let list = format!("/v1/files/?organization_id={}", shop.organization.id);
    shop.merchant.get(&list).await.pagination()
}

scenarios! {
    // F10
    async fn a_deleted_file_is_gone_at_once_and_its_bytes_soon(shop) {
        let upload = shop.send_parts(&shop.file("product_media", "a.png", b"png"), &[b"png"]).await;
        let file = shop.merchant.post(&upload.path(), upload.completion()).await.expect(200);
        let (path, url) = (format!("/v1/files/{}", upload.id()), path_of(file["public_url"].as_str().unwrap()).to_owned());
        assert_eq!(shop.anonymous.get(&url).await.status, 200);
        let stranger = shop.tenant().await;
        stranger.merchant.delete(&path).await.refused(403, "NotPermitted");
        assert_eq!(stored(shop.folder.path()).len(), 1);

        shop.merchant.delete(&path).await.expect(204);
        assert_eq!(shop.anonymous.get(&url).await.status, 404);
        shop.merchant.delete(&path).await.refused(404, "ResourceNotFound");
        shop.merchant.patch(&path, json!({"name": "b"})).await.refused(404, "ResourceNotFound");
        shop.merchant.post(&upload.path(), upload.completion()).await.refused(404, "ResourceNotFound");
        assert_eq!(files_of(shop).await, (0, 0));
        shop.work_done().await;
        assert_eq!(stored(shop.folder.path()), [""; 0]);
    }

    async fn an_upload_that_is_deleted_takes_no_more_parts(shop) {
        let upload = shop.send_parts(&text_file(shop, "a.txt"), &[b"hello world"]).await;
        shop.merchant.delete(&format!("/v1/files/{}", upload.id())).await.expect(204);
        shop.work_done().await;
        assert_eq!(stored(shop.folder.path()), [""; 0]);
        assert_eq!(upload.send(&shop.anonymous, 0, b"hello world").await.status, 404);
        assert_eq!(stored(shop.folder.path()), [""; 0]);
    }

    // spec 20 §6.3, Merak: unfinished uploads are given up after a day
    async fn an_upload_is_given_up_after_a_day(shop) {
        let upload = shop.send_parts(&text_file(shop, "a.txt"), &[b"hello world"]).await;
        let kept = shop.upload(&text_file(shop, "b.txt"), b"hello world").await;
        shop.advance(24 * 3600 - 1);
        shop.merchant.post(&upload.path(), json!({"id": "x", "path": "y", "parts": []})).await.expect(422);
        shop.advance(1);
        shop.purged().await;
        shop.work_done().await;
        shop.merchant.post(&upload.path(), upload.completion()).await.refused(404, "ResourceNotFound");
        assert_eq!(files_of(shop).await, (1, 1));
        let left = stored(shop.folder.path());
        assert!(left.len() == 1 && left[0].contains(&kept.id()), "{left:?}");
    }
}
