//! `/v1/storefronts/`.

use merak_core::benefits::BenefitType;
use merak_server::Config;
use merak_testkit::Engine;
use serde_json::{Value, json};

use crate::support::shop::config;
use crate::support::{Shop, migrated};

const PATH: &str = "/v1/storefronts/fjordsoft";

scenarios! {
    // spec 20 §2.7 and SF1
    async fn everybody_sees_what_is_sold_and_a_hint_of_who_bought(shop) {
        shop.anonymous.get(PATH).await.refused(404, "ResourceNotFound");
        enable(shop).await;
        let empty = shop.anonymous.get(PATH).await.expect(200);
        let members = empty.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(members, "organization products donation_product customers");
        assert_eq!(empty["organization"]["id"], json!(shop.organization.id));
        assert_eq!((&empty["products"], &empty["donation_product"]), (&json!([]), &Value::Null));
        assert_eq!(empty["customers"], json!({"total": 0, "customers": []}));

        let free = json!([{"type": "one_time", "amount_type": "free"}]);
        let gift = json!({"name": "A gift", "prices": free, "organization_id": shop.organization.id,
            "metadata": {"donation_product": true, "internal": "secret"}});
        let gift = shop.merchant.post("/v1/products/", gift).await.expect(201);
        shop.advance(1);
        let gone = shop.plan("Gone", free.clone()).await;
        let path = format!("/v1/products/{}", gone["id"].as_str().unwrap());
        shop.merchant.patch(&path, json!({"is_archived": true})).await.expect(200);
        let book = shop.plan("The book", free).await;
        let note = shop.benefit(BenefitType::Custom, json!({"note": "secret"})).await;
        let path = format!("/v1/products/{}/benefits", book["id"].as_str().unwrap());
        shop.merchant.post(&path, json!({"benefits": [note.id]})).await.expect(200);
        for address in ["Zoe@example.com", "nora@example.com", "li@example.com", "mia@example.com"] {
            let customer = shop.customer_of(shop.organization.id, address).await;
            shop.advance(1);
            shop.order_of(&book, &customer, 1999).await;
            shop.order_of(&book, &customer, 1999).await;
        }
        let answer = shop.anonymous.get(PATH).await;
        let shown = answer.expect(200);
        let names: Vec<&Value> = shown["products"].as_array().unwrap().iter().map(|product| &product["name"]).collect();
        assert_eq!(names, ["The book", "A gift"]);
        assert_eq!((&shown["donation_product"]["id"], &shown["donation_product"]), (&gift["id"], &shown["products"][1]));
        let members = shown["products"][0].as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(members, "created_at modified_at id name description is_recurring is_archived organization_id prices \
            benefits medias");
        let benefit = shown["products"][0]["benefits"][0].as_object().unwrap();
        assert_eq!(benefit["id"], json!(note.id));
        assert!(!benefit.contains_key("properties"));
        let letters = json!([{"name": "Z"}, {"name": "n"}, {"name": "l"}]);
        assert_eq!(shown["customers"], json!({"total": 4, "customers": letters}));
        for secret in ["secret", "@example.com", "example.com\""] {
            assert!(!answer.text().contains(secret), "{secret}");
        }

        shop.anonymous.get("/v1/storefronts/nowhere").await.refused(404, "ResourceNotFound");
        assert_eq!(shop.anonymous.get("/v1/storefronts/FJORDSOFT").await.expect(200), shown);
        let now = merak_store::Source::now(&*shop.source);
        shop.sql("UPDATE organizations SET blocked_at = $1", vec![Box::new(now)]).await;
        shop.anonymous.get(PATH).await.refused(404, "ResourceNotFound");
    }
}

#[test]
fn an_address_looks_only_so_often() {
    let database = migrated(Engine::Sqlite);
    let config = Config { rate_limit_per_address: 1, ..config() };
    merak_testkit::run(async move {
        let shop = Shop::open_with(database, config).await;
        enable(&shop).await;
        let mut statuses = Vec::new();
        for _ in 0..10 {
            statuses.push(shop.anonymous.get(PATH).await.status);
        }
        assert!(statuses[..4].iter().all(|status| *status == 200), "{statuses:?}");
        assert_eq!(statuses.last(), Some(&429));
    });
}

async fn enable(shop: &Shop) {
    let path = format!("/v1/organizations/{}", shop.organization.id);
    shop.merchant.patch(&path, json!({"profile_settings": {"enabled": true}})).await.expect(200);
}
