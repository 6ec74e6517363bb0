//! `PATCH /v1/files/{id}`.

use serde_json::json;

use crate::support::UNKNOWN;
use crate::support::files::text_file;

scenarios! {
    // F9
    async fn null_and_empty_members_stay(shop) {
        let path = format!("/v1/files/{}", shop.upload(&text_file(shop, "a.txt"), b"hello world").await.id());
        let file = shop.merchant.patch(&path, json!({"name": null, "version": "2"})).await.expect(200);
        assert_eq!((&file["name"], &file["version"]), (&json!("a.txt"), &json!("2")));
        for change in [json!({"version": ""}), json!({"name": ""}), json!({}), json!({"size": 1, "mime_type": "x/y"})] {
            assert_eq!(shop.merchant.patch(&path, change).await.expect(200), file);
        }
    }

    // spec 20 §6.4: the path and the addresses stay
    async fn a_new_name_moves_nothing(shop) {
        let upload = shop.upload(&shop.file("product_media", "a.png", b"png"), b"png").await;
        let path = format!("/v1/files/{}", upload.id());
        let file = shop.merchant.patch(&path, json!({"name": "b/c.png"})).await.expect(200);
        assert_eq!((&file["name"], &file["path"]), (&json!("bc.png"), &upload.announced["path"]));
        assert!(file["public_url"].as_str().unwrap().ends_with("/a.png"), "{file}");
        let answer = shop.merchant.patch(&path, json!({"name": ".."})).await;
        assert_eq!(answer.rule_problems(), ["value_error body.name"]);
    }

    async fn only_ones_own_files_can_be_changed(shop) {
        let path = format!("/v1/files/{}", shop.upload(&text_file(shop, "a.txt"), b"hello world").await.id());
        let stranger = shop.tenant().await;
        stranger.merchant.patch(&path, json!({"name": "b"})).await.refused(403, "NotPermitted");
        let unknown = format!("/v1/files/{UNKNOWN}");
        shop.merchant.patch(&unknown, json!({"name": "b"})).await.refused(404, "ResourceNotFound");
    }
}
