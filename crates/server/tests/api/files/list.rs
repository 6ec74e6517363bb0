//! `GET /v1/files/`.

use crate::support::files::text_file;
use crate::support::{UNKNOWN, everything};

scenarios! {
    // F8
    async fn a_user_names_one_of_their_organizations(shop) {
        let stranger = shop.tenant().await;
        shop.upload(&text_file(shop, "a.txt"), b"hello world").await;
        let foreign = stranger.organization.id.to_string();
        for query in [String::new(), format!("?organization_id={UNKNOWN}"), format!("?organization_id={foreign}")] {
            shop.merchant.get(&format!("/v1/files/{query}")).await.refused(403, "NotPermitted");
        }
        let reader = shop.member_with("files:read").await;
        let own = format!("/v1/files/?organization_id={}", shop.organization.id);
        assert_eq!(reader.get(&own).await.expect(403)["error"], "insufficient_scope");
        assert_eq!(shop.merchant.get(&own).await.items("name"), ["a.txt"]);
    }

    // F8, spec 20 §6.4
    async fn an_organization_sees_its_own(shop) {
        let stranger = shop.tenant().await;
        shop.upload(&text_file(shop, "a.txt"), b"hello world").await;
        let own = shop.organization_client(shop.organization.id, everything()).await;
        assert_eq!(own.get("/v1/files/").await.items("name"), ["a.txt"]);
        let named = format!("/v1/files/?organization_id={}", shop.organization.id);
        assert_eq!(own.get(&named).await.items("name"), ["a.txt"]);
        let foreign = format!("/v1/files/?organization_id={}", stranger.organization.id);
        own.get(&foreign).await.refused(403, "NotPermitted");
        let other = shop.organization_client(stranger.organization.id, everything()).await;
        assert_eq!(other.get("/v1/files/").await.pagination(), (0, 0));
    }

    // spec 20 §6.4: complete ones of all services, the newest first
    async fn the_newest_complete_file_stands_first(shop) {
        let mut ids = Vec::new();
        for (service, name) in [("downloadable", "a"), ("product_media", "b"), ("organization_avatar", "c")] {
            shop.advance(1);
            ids.push(shop.upload(&shop.file(service, name, b"hello world"), b"hello world").await.id());
        }
        shop.announce(&text_file(shop, "unfinished")).await;
        let path = format!("/v1/files/?organization_id={}", shop.organization.id);
        assert_eq!(shop.merchant.get(&path).await.items("name"), ["c", "b", "a"]);
        assert_eq!(shop.merchant.get(&path).await.pagination(), (3, 1));
        let page = shop.merchant.get(&format!("{path}&limit=2&page=2")).await;
        assert_eq!((page.items("name"), page.pagination()), (vec![String::from("a")], (3, 2)));
        let some = format!("{path}&ids={}&ids={UNKNOWN}&ids={}", ids[0], ids[2]);
        let some = shop.merchant.get(&some).await;
        assert_eq!((some.items("name"), some.pagination()), (vec![String::from("c"), String::from("a")], (2, 1)));
        let answer = shop.merchant.get(&format!("{path}&ids=x")).await;
        assert_eq!(answer.expect(422)["error"], "RequestValidationError");
    }

    // spec 20 §1
    async fn a_single_file_has_no_address(shop) {
        let id = shop.upload(&text_file(shop, "a.txt"), b"hello world").await.id();
        assert_eq!(shop.merchant.get(&format!("/v1/files/{id}")).await.status, 405);
    }
}
