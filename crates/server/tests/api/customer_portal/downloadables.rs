//! `GET /v1/customer-portal/downloadables/` and the addresses it answers.

use merak_core::benefits::BenefitType;
use serde_json::{Value, json};

use crate::support::files::{path_of, text_file};
use crate::support::shop::order;
use crate::support::{Answer, Client, Shop};

const PATH: &str = "/v1/customer-portal/downloadables/";

/// A customer who may download a file, with the benefit.
struct Sale {
    buyer: Client,
    benefit: merak_core::benefits::Benefit,
    customer: merak_core::customers::Customer,
    scope: merak_core::benefits::grants::Scope,
    file: String,
}

async fn sell(shop: &Shop, name: &str) -> Sale {
    let mut body = text_file(shop, name);
    body["version"] = json!("4.2");
    let file = shop.upload(&body, b"hello world").await.id();
    let benefit = shop.benefit(BenefitType::Downloadables, json!({"files": [file]})).await;
    let (customer, scope) = (shop.customer().await, order());
    shop.grant(benefit.id, customer.id, scope).await;
    let buyer = shop.buyer(customer.id).await;
    Sale { buyer, benefit, customer, scope, file }
}

/// The path of the address at which the first listed file is downloaded.
async fn link(sale: &Sale) -> String {
    let listed = sale.buyer.get(PATH).await.expect(200);
    path_of(listed["items"][0]["file"]["download"]["url"].as_str().unwrap()).to_owned()
}

async fn follow(shop: &Shop, answer: &Answer) -> Answer {
    assert_eq!(answer.status, 302, "{}", answer.text());
    shop.anonymous.get(path_of(answer.header("location").unwrap())).await
}

scenarios! {
    // spec 40 §6.6: every member, in order
    async fn a_granted_file_is_listed_with_an_address(shop) {
        let sale = sell(shop, "nimbus.txt").await;
        let listed = sale.buyer.get(PATH).await;
        let item = &listed.expect(200)["items"][0];
        let download = &item["file"]["download"];
        let expected = json!({
            "id": item["id"], "benefit_id": sale.benefit.id,
            "file": {
                "id": sale.file, "organization_id": shop.organization.id, "name": "nimbus.txt",
                "path": format!("downloadable/{}/{}/nimbus.txt", shop.organization.id, sale.file),
                "mime_type": "text/plain", "size": 11, "storage_version": null,
                "checksum_etag": "\"241d8a27c836427bd7f04461b60e7359-1\"",
                "checksum_sha256_base64": "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
                "checksum_sha256_hex": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
                "last_modified_at": item["file"]["last_modified_at"],
                "download": {"url": download["url"], "headers": {}, "expires_at": "2025-01-07T10:10:00Z"},
                "version": "4.2", "is_uploaded": true, "service": "downloadable", "size_readable": "11.0 B",
            },
        });
        assert_eq!(item.to_string(), expected.to_string());
        assert_eq!(listed.pagination(), (1, 1));
        assert!(download["url"].as_str().unwrap().starts_with(&format!("http://{}{PATH}", shop.anonymous.address())));
    }

    // spec 40 §7.6, spec 20 §6.6, F11: followed to the bytes, under the file's present name
    async fn the_address_leads_to_the_bytes(shop) {
        let sale = sell(shop, "nimbus.txt").await;
        let rename = json!({"name": "nimbus-4.3.txt"});
        shop.merchant.patch(&format!("/v1/files/{}", sale.file), rename).await.expect(200);
        let answer = shop.anonymous.get(&link(&sale).await).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let bytes = follow(shop, &answer).await;
        assert_eq!((bytes.status, bytes.text()), (200, String::from("hello world")));
        assert_eq!(bytes.header("content-disposition"), Some("attachment; filename=\"nimbus-4.3.txt\""));
        assert_eq!(bytes.header("content-type"), Some("text/plain"));
        let bare = answer.header("location").unwrap().split('?').next().unwrap();
        assert_eq!(shop.anonymous.get(path_of(bare)).await.status, 403);
    }

    // spec 40 §5.4: reusable until it ends; each success counts
    async fn an_address_is_good_for_ten_minutes(shop) {
        let sale = sell(shop, "a.txt").await;
        let link = link(&sale).await;
        shop.advance(599);
        for _ in 0..3 {
            assert_eq!(shop.anonymous.get(&link).await.status, 302);
        }
        shop.advance(1);
        shop.anonymous.get(&link).await.refused(410, "ResourceUnavailable");
        let count = shop.store.read(|tx| tx.one::<i64>("SELECT downloaded FROM downloadables", &[])).await.unwrap();
        assert_eq!(count, 3);
    }

    // spec 40 §7.6: not 401
    async fn a_made_up_token_is_not_found(shop) {
        shop.anonymous.get(PATH).await.refused(401, "Unauthorized");
        for token in ["i-am-hacker", "a.b", "%00", "eyJpZCI6Ijc3In0.c2ln"] {
            shop.anonymous.get(&format!("{PATH}{token}")).await.refused(404, "ResourceNotFound");
        }
        let sale = sell(shop, "a.txt").await;
        let link = link(&sale).await;
        shop.anonymous.get(&link[..link.len() - 1]).await.refused(404, "ResourceNotFound");
        shop.anonymous.get(&format!("{link}x")).await.refused(404, "ResourceNotFound");
    }

    // spec 40 §5.4, Merak: looked at again when it is used
    async fn who_lost_the_benefit_cannot_use_an_address_from_before(shop) {
        let sale = sell(shop, "a.txt").await;
        let link = link(&sale).await;
        shop.revoke(sale.benefit.id, sale.customer.id, sale.scope).await;
        assert_eq!(sale.buyer.get(PATH).await.pagination(), (0, 0));
        shop.anonymous.get(&link).await.refused(404, "ResourceNotFound");
        shop.grant(sale.benefit.id, sale.customer.id, sale.scope).await;
        assert_eq!(shop.anonymous.get(&link).await.status, 302);
        shop.merchant.delete(&format!("/v1/files/{}", sale.file)).await.expect(204);
        shop.anonymous.get(&link).await.refused(404, "ResourceNotFound");
        assert_eq!(sale.buyer.get(PATH).await.pagination(), (0, 0));
    }

    // F11, spec 40 §7.6
    async fn a_file_that_the_operator_blocked_is_gone(shop) {
        let sale = sell(shop, "a.txt").await;
        let link = link(&sale).await;
        shop.sql("UPDATE files SET is_enabled = FALSE", vec![]).await;
        assert_eq!(sale.buyer.get(PATH).await.pagination(), (0, 0));
        shop.anonymous.get(&link).await.refused(404, "ResourceNotFound");
    }

    // spec 40 §5.4
    async fn filters_take_one_value_or_many(shop) {
        let first = sell(shop, "a.txt").await;
        shop.advance(60);
        let second = sell(shop, "b.txt").await;
        shop.grant(second.benefit.id, first.customer.id, order()).await;
        let names = async |query: String| {
            let listed = first.buyer.get(&format!("{PATH}?{query}")).await.expect(200);
            let items = listed["items"].as_array().unwrap().iter();
            items.map(|item| item["file"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(String::new()).await, ["b.txt", "a.txt"], "the newest first");
        assert_eq!(names(format!("benefit_id={}", first.benefit.id)).await, ["a.txt"]);
        let both = format!("benefit_id={}&benefit_id={}", first.benefit.id, second.benefit.id);
        assert_eq!(names(both).await, ["b.txt", "a.txt"]);
        assert_eq!(names(format!("organization_id={}", shop.organization.id)).await, ["b.txt", "a.txt"]);
        let other = shop.tenant().await.organization.id;
        assert_eq!(names(format!("organization_id={other}")).await, [""; 0]);
        assert_eq!(names(String::from("limit=1&page=2")).await, ["a.txt"]);
    }

    // spec 10 §211 and spec 40 §5: the old spelling, and a user whom a customer is linked to
    async fn a_linked_user_sees_what_their_customers_may(shop) {
        let sale = sell(shop, "a.txt").await;
        let user = shop.user("buyer@example.com").await;
        shop.link(sale.customer.id, user.id).await;
        let client = shop.user_client(user.id, crate::support::everything()).await;
        assert_eq!(client.get(PATH).await.pagination(), (1, 1));
        assert_eq!(client.get("/v1/users/downloadables/").await.pagination(), (1, 1));
        assert_eq!(shop.merchant.get(PATH).await.pagination(), (0, 0));
    }

    // B14, spec 20 §3.2
    async fn a_benefit_names_files_of_its_own_organization(shop) {
        let stranger = shop.tenant().await;
        let file = sell(shop, "a.txt").await.file;
        let body = |organization: String| json!({
            "type": "downloadables", "description": "Files", "organization_id": organization,
            "properties": {"files": [file]},
        });
        let answer = stranger.merchant.post("/v1/benefits/", body(stranger.organization.id.to_string())).await;
        assert_eq!(answer.rule_problems(), ["value_error body.properties.files.0"]);
        let made = shop.merchant.post("/v1/benefits/", body(shop.organization.id.to_string())).await.expect(201);
        assert_eq!(made["properties"], json!({"archived": {}, "files": [file]}));
        let mut archived = json!({"type": "downloadables", "properties": {"files": [file], "archived": {}}});
        archived["properties"]["archived"][&file] = Value::Bool(true);
        let path = format!("/v1/benefits/{}", made["id"].as_str().unwrap());
        let changed = shop.merchant.patch(&path, archived.clone()).await.expect(200);
        assert_eq!(changed["properties"], archived["properties"]);
    }
}
