//! `Idempotency-Key`: a write that is sent again is not done again.

use serde_json::json;

use merak_core::license_keys::LicenseKey;
use merak_server::Config;
use merak_testkit::{TestDatabase, both_engines};

use crate::support::shop::{config, naming};
use crate::support::{Shop, migrated};

both_engines! {
    setup = migrated;

    /// Nobody is shown the checkout of another one, whatever they send.
    async fn nameless_callers_are_told_apart_by_their_addresses(database: TestDatabase) {
        let shop = &Shop::open_with(database, Config { trust_proxy: true, ..config() }).await;
        let product = json!({
            "name": "Product", "organization_id": shop.organization.id,
            "prices": [{"type": "one_time", "amount_type": "fixed", "price_amount": 1999}],
        });
        let product = shop.merchant.post("/v1/products/", product).await.expect(201);
        let body = json!({"product_price_id": product["prices"][0]["id"]});
        let ask = async |address: &str| {
            let client = shop.anonymous.with("idempotency-key", "1").with("x-forwarded-for", address);
            client.post("/v1/checkouts/custom/client/", body.clone()).await.expect(201)
        };
        let (one, again, other) = (ask("192.0.2.1").await, ask("192.0.2.1").await, ask("192.0.2.2").await);
        assert_eq!(one, again);
        assert_ne!(one["client_secret"], other["client_secret"]);
        // Who names a checkout is told apart by that, wherever they are.
        for (made, address) in [(&one, "192.0.2.3"), (&other, "192.0.2.3")] {
            let client = shop.anonymous.with("idempotency-key", "2").with("x-forwarded-for", address);
            let path = format!("/v1/checkouts/custom/client/{}", made["client_secret"].as_str().unwrap());
            client.patch(&path, json!({})).await.expect(200);
        }
    }
}

scenarios! {
    async fn a_write_that_is_sent_again_has_the_same_answer(shop) {
        let client = shop.merchant.with("idempotency-key", "order-1");
        let body = json!({"email": "a@example.com", "organization_id": shop.organization.id});
        let first = client.post("/v1/customers/", body.clone()).await;
        first.expect(201);
        shop.advance(60);
        let again = client.post("/v1/customers/", body.clone()).await;
        assert_eq!((again.status, again.text()), (201, first.text()));
        assert_eq!(again.header("content-type"), Some("application/json"));
        assert_eq!(shop.merchant.get("/v1/customers/").await.pagination(), (1, 1));
        let other = json!({"email": "b@example.com", "organization_id": shop.organization.id});
        client.post("/v1/customers/", other).await.refused(409, "ResourceAlreadyExists");
        client.post("/v1/customer-sessions/", body).await.expect(422);
    }

    async fn a_refused_write_is_decided_anew(shop) {
        let key = shop.key(json!({"activations": {"limit": 1, "enable_customer_admin": true}})).await;
        let mut body = naming(&key);
        body["label"] = json!("x");
        let path = "/v1/customer-portal/license-keys/activate";
        let taken = shop.anonymous.post(path, body.clone()).await.expect(200);
        let client = shop.anonymous.with("idempotency-key", "seat-1");
        client.post(path, body.clone()).await.refused(403, "NotPermitted");
        let mut free = naming(&key);
        free["activation_id"] = taken["id"].clone();
        shop.anonymous.post("/v1/customer-portal/license-keys/deactivate", free).await.expect(204);
        let made = client.post(path, body.clone()).await;
        made.expect(200);
        assert_eq!(client.post(path, body).await.text(), made.text(), "the seat is not taken twice");
    }

    async fn a_validation_counts_once(shop) {
        let key = shop.key(json!({})).await;
        let client = shop.anonymous.with("idempotency-key", "v-1");
        let path = "/v1/customer-portal/license-keys/validate";
        for _ in 0..3 {
            assert_eq!(client.post(path, naming(&key)).await.expect(200)["validations"], 1);
        }
        let other = shop.key(json!({})).await;
        assert_eq!(client.post(path, naming(&other)).await.expect(200)["validations"], 1, "another key, another caller");
    }

    /// The largest answers there are to nobody in particular: what the label takes as JSON is six times its characters.
    async fn an_activation_with_a_large_answer_takes_one_seat(shop) {
        let key = shop.key(json!({"activations": {"limit": 9, "enable_customer_admin": true}})).await;
        let path = "/v1/customer-portal/license-keys/activate";
        let labels = [("x", 100), ("x", 10_000), ("\u{1}", 100_000)];
        for (seats, (character, length)) in labels.into_iter().enumerate() {
            let client = shop.anonymous.with("idempotency-key", format!("seat-{length}"));
            let mut body = naming(&key);
            body["label"] = json!(character.repeat(length));
            let object: serde_json::Map<_, _> =
                (0..50).map(|number| (format!("{number}"), json!("x".repeat(500)))).collect();
            body["conditions"] = json!(object);
            body["meta"] = json!(object);
            let made = client.post(path, body.clone()).await;
            made.expect(200);
            assert_eq!(client.post(path, body).await.text(), made.text());
            assert_eq!(shop.tables().await["license_key_activations"].len(), seats + 1);
        }
    }

    /// Or whoever knows a license key could fill the disk. What was kept for others stays.
    async fn kept_answers_of_one_license_key_are_bounded(shop) {
        let seats = json!({"activations": {"limit": 50, "enable_customer_admin": true}});
        let (key, other) = (shop.key(seats.clone()).await, shop.key(seats).await);
        let path = "/v1/customer-portal/license-keys/activate";
        let activate = async |key: &LicenseKey, name: usize| {
            let client = shop.anonymous.with("idempotency-key", name.to_string());
            let mut body = naming(key);
            body["label"] = json!("\u{1}".repeat(100_000));
            client.post(path, body).await.expect(200)["id"].clone()
        };
        let others = activate(&other, 0).await;
        let first = activate(&key, 0).await;
        let mut last = first.clone();
        for name in 1..20 {
            last = activate(&key, name).await;
        }
        let rows = shop.tables().await["idempotent_answers"].len();
        assert!((8..20).contains(&rows), "{rows}");
        assert_eq!(activate(&key, 19).await, last);
        assert_eq!(activate(&other, 0).await, others);
        assert_ne!(activate(&key, 0).await, first, "the oldest gave way");
    }

    /// Anybody can make checkouts, so that what is kept for each of them is counted together.
    async fn answers_about_checkouts_are_counted_by_subscriber(shop) {
        let product = json!({
            "name": "Product", "organization_id": shop.organization.id,
            "prices": [{"type": "one_time", "amount_type": "fixed", "price_amount": 1999}],
        });
        let product = shop.merchant.post("/v1/products/", product).await.expect(201);
        let body = json!({"product_price_id": product["prices"][0]["id"]});
        for name in ["1", "2"] {
            let client = shop.anonymous.with("idempotency-key", name);
            let made = client.post("/v1/checkouts/custom/client/", body.clone()).await.expect(201);
            let path = format!("/v1/checkouts/custom/client/{}", made["client_secret"].as_str().unwrap());
            client.patch(&path, json!({})).await.expect(200);
        }
        let count = "SELECT count(DISTINCT shelf), count(*) FROM idempotent_answers";
        let counted = shop.store.read(move |tx| tx.one::<(i64, i64)>(count, &[])).await.unwrap();
        assert_eq!(counted, (1, 4));
    }

    async fn an_answer_without_a_body_is_kept_too(shop) {
        let customer = shop.customer().await;
        let client = shop.merchant.with("idempotency-key", "d-1");
        let path = format!("/v1/customers/{}", customer.id);
        for _ in 0..2 {
            let answer = client.delete(&path).await;
            assert_eq!((answer.status, answer.body.len()), (204, 0));
        }
        shop.merchant.delete(&path).await.refused(404, "ResourceNotFound");
    }

    async fn a_key_belongs_to_its_caller(shop) {
        let stranger = shop.tenant().await;
        for (client, id) in [(&shop.merchant, shop.organization.id), (&stranger.merchant, stranger.organization.id)] {
            let client = client.with("idempotency-key", "same");
            let body = json!({"email": "a@example.com", "organization_id": id});
            assert_eq!(client.post("/v1/customers/", body).await.expect(201)["organization_id"], id.to_string());
        }
    }

    async fn a_kept_answer_is_not_given_to_who_may_no_more(shop) {
        let customer = shop.customer().await;
        let client = shop.merchant.with("idempotency-key", "s-1");
        let body = json!({"customer_id": customer.id});
        client.post("/v1/customer-sessions/", body.clone()).await.expect(201);
        let now = merak_store::Source::now(&*shop.source);
        shop.sql("UPDATE users SET blocked_at = $1", vec![Box::new(now)]).await;
        client.post("/v1/customer-sessions/", body).await.refused(403, "NotPermitted");
    }

    async fn a_kept_token_cannot_be_read_in_the_database(shop) {
        let customer = shop.customer().await;
        let client = shop.merchant.with("idempotency-key", "secret-key-1");
        let first = client.post("/v1/customer-sessions/", json!({"customer_id": customer.id})).await;
        let token = first.expect(201)["token"].as_str().unwrap().to_owned();
        let again = client.post("/v1/customer-sessions/", json!({"customer_id": customer.id})).await;
        assert_eq!(again.text(), first.text());
        let tables = shop.tables().await;
        assert_eq!(tables["idempotent_answers"].len(), 1);
        for (name, rows) in tables {
            for secret in [token.as_str(), "secret-key-1", customer.email.as_str()] {
                let is_searched = name.starts_with("customer") || name.starts_with("search");
                let is_expected = is_searched && secret == customer.email.as_str();
                assert!(is_expected || !rows.iter().any(|row| row.contains(secret)), "{name} holds {secret}");
            }
        }
    }

    async fn reads_take_no_key_and_a_key_has_a_form(shop) {
        let client = shop.merchant.with("idempotency-key", "x");
        client.get("/v1/organizations/").await.expect(200);
        assert_eq!(shop.tables().await["idempotent_answers"].len(), 0);
        for key in [String::new(), "x".repeat(256), "ä".into()] {
            let client = shop.merchant.with("idempotency-key", key);
            let body = json!({"email": "a@example.com", "organization_id": shop.organization.id});
            client.post("/v1/customers/", body).await.refused(400, "BadRequest");
        }
    }

    async fn of_parallel_writes_with_one_key_one_is_done(shop) {
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let client = shop.merchant.with("idempotency-key", "race");
            let body = json!({"email": "a@example.com", "organization_id": shop.organization.id});
            calls.spawn(async move { client.post("/v1/customers/", body).await });
        }
        let answers = calls.join_all().await;
        for answer in &answers {
            assert_eq!((answer.status, answer.text()), (201, answers[0].text()));
        }
        assert_eq!(shop.merchant.get("/v1/customers/").await.pagination(), (1, 1));
    }
}
