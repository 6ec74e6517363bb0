//! `POST /v1/customer-sessions/`.

use serde_json::json;

use crate::support::{UNKNOWN, everything};

const PATH: &str = "/v1/customer-sessions/";

scenarios! {
    // spec 10 §10.8 line 99, §5, spec 40 §7.9
    async fn a_session_is_opened_for_a_customer_of_the_caller(shop) {
        let customer = shop.customer().await;
        let own = shop.organization_client(shop.organization.id, everything()).await;
        for client in [&shop.merchant, &own] {
            let answer = client.post(PATH, json!({"customer_id": customer.id})).await;
            let made = answer.expect(201);
            let token = made["token"].as_str().unwrap();
            assert!(token.starts_with("polar_cst_") && token.len() == 53, "{token}");
            let shown = shop.merchant.get(&format!("/v1/customers/{}", customer.id)).await.expect(200);
            let expected = json!({
                "created_at": "2025-01-07T10:00:00Z", "modified_at": null, "id": made["id"], "token": token,
                "expires_at": "2025-01-07T11:00:00Z",
                "customer_portal_url":
                    format!("http://{}/fjordsoft/portal?customer_session_token={token}", shop.anonymous.address()),
                "customer_id": customer.id, "customer": shown,
            });
            assert_eq!(answer.text(), expected.to_string());
        }
    }

    // spec 40 §7.9
    async fn a_session_is_not_opened_by_just_anybody(shop) {
        let customer = shop.customer().await;
        let body = json!({"customer_id": customer.id});
        shop.anonymous.post(PATH, body.clone()).await.refused(401, "Unauthorized");
        let stranger = shop.tenant().await;
        for client in [stranger.merchant, shop.organization_client(stranger.organization.id, everything()).await] {
            assert_eq!(client.post(PATH, body.clone()).await.rule_problems(), ["value_error body.customer_id"]);
        }
        assert_eq!(shop.buyer(customer.id).await.post(PATH, body).await.status, 401);
    }

    // spec 10 §5
    async fn a_session_of_nobody_is_refused(shop) {
        let stranger = shop.tenant().await;
        let foreign = shop.customer_of(stranger.organization.id, "far@example.com").await;
        for id in [UNKNOWN.to_owned(), foreign.id.to_string()] {
            let answer = shop.merchant.post(PATH, json!({"customer_id": id})).await;
            assert_eq!(answer.rule_problems(), ["value_error body.customer_id"]);
            assert_eq!(answer.json()["detail"][0]["input"], id);
        }
        let answer = shop.merchant.post(PATH, json!({"customer_id": "x"})).await;
        assert_eq!(answer.schema_problems(), ["uuid_parsing body.customer_id"]);
    }

    // spec 40 §4.1: an hour, not renewed by use
    async fn a_session_lasts_an_hour_and_others_go_on(shop) {
        let customer = shop.customer().await;
        let open = || async {
            let made = shop.merchant.post(PATH, json!({"customer_id": customer.id})).await.expect(201);
            shop.anonymous.bearer(made["token"].as_str().unwrap())
        };
        let path = format!("/v1/customer-portal/customers/{}", customer.id);
        let first = open().await;
        shop.advance(1800);
        let second = open().await;
        shop.advance(1799);
        first.get(&path).await.expect(200);
        shop.advance(1);
        first.get(&path).await.expect(401);
        second.get(&path).await.expect(200);
    }

    // spec 10 §1.3: the token is not in the database
    async fn the_token_is_shown_once_and_not_stored(shop) {
        let customer = shop.customer().await;
        let made = shop.merchant.post(PATH, json!({"customer_id": customer.id})).await.expect(201);
        let token = made["token"].as_str().unwrap();
        for (name, rows) in shop.tables().await {
            assert!(!rows.iter().any(|row| row.contains(token)), "{name} holds the token");
        }
    }
}
