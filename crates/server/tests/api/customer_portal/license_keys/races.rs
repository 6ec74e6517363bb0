//! Many devices at once, over real connections.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::seat;
use crate::support::Client;
use crate::support::shop::naming;

/// Sends the same call so many times at once and counts the statuses.
async fn at_once(client: &Client, operation: &str, body: &Value, times: usize) -> BTreeMap<u16, usize> {
    let mut calls = JoinSet::new();
    for _ in 0..times {
        let (client, body) = (client.clone(), body.clone());
        let path = format!("/v1/customer-portal/license-keys/{operation}");
        calls.spawn(async move { client.post(&path, body).await.status });
    }
    let mut statuses = BTreeMap::new();
    while let Some(status) = calls.join_next().await {
        *statuses.entry(status.unwrap()).or_default() += 1;
    }
    statuses
}

scenarios! {
    // spec 40 §7.3 and §2.13
    async fn parallel_activations_take_exactly_the_free_seats(shop) {
        for times in [16, 200] {
            let key = shop.key(json!({"activations": {"limit": 3, "enable_customer_admin": true}})).await;
            let mut body = naming(&key);
            body["label"] = json!("x");
            let statuses = at_once(&shop.anonymous, "activate", &body, times).await;
            assert_eq!(statuses, BTreeMap::from([(200, 3), (403, times - 3)]));
            let shown = shop.merchant.get(&format!("/v1/license-keys/{}", key.id)).await.expect(200);
            assert_eq!(shown["activations"].as_array().unwrap().len(), 3);
        }
    }

    // spec 40 §7.3 and §2.13
    async fn parallel_validations_use_exactly_what_is_left(shop) {
        let key = shop.key(json!({"limit_usage": 20})).await;
        let mut body = naming(&key);
        body["increment_usage"] = json!(1);
        let statuses = at_once(&shop.anonymous, "validate", &body, 40).await;
        assert_eq!(statuses, BTreeMap::from([(200, 20), (400, 20)]));
        let shown = shop.merchant.get(&format!("/v1/license-keys/{}", key.id)).await.expect(200);
        assert_eq!((&shown["usage"], &shown["validations"]), (&json!(20), &json!(20)));
    }

    // spec 40 §7.3
    async fn of_parallel_deactivations_one_frees_the_seat(shop) {
        let key = shop.key(json!({"activations": {"limit": 1, "enable_customer_admin": true}})).await;
        let mut body = naming(&key);
        body["activation_id"] = json!(seat(shop, &key, json!({})).await);
        let statuses = at_once(&shop.anonymous, "deactivate", &body, 10).await;
        assert_eq!(statuses, BTreeMap::from([(204, 1), (404, 9)]));
        body["label"] = json!("x");
        let statuses = at_once(&shop.anonymous, "activate", &body, 2).await;
        assert_eq!(statuses, BTreeMap::from([(200, 1), (403, 1)]));
    }

    // spec 40 §2.13: a change beside validations writes no stale counters
    async fn a_seller_may_change_a_key_that_is_being_validated(shop) {
        let key = shop.key(json!({})).await;
        let mut body = naming(&key);
        body["increment_usage"] = json!(1);
        let path = format!("/v1/license-keys/{}", key.id);
        let patches = async {
            for limit in 1000..1020 {
                shop.merchant.patch(&path, json!({"limit_usage": limit, "status": "granted"})).await.expect(200);
            }
        };
        let (statuses, ()) = tokio::join!(at_once(&shop.anonymous, "validate", &body, 60), patches);
        assert_eq!(statuses, BTreeMap::from([(200, 60)]));
        let shown = shop.merchant.get(&path).await.expect(200);
        assert_eq!((&shown["usage"], &shown["validations"], &shown["limit_usage"]), (&json!(60), &json!(60), &json!(1019)));
    }

    // spec 40 §2.13: revocation is effective for what begins after it
    async fn nothing_is_validated_after_a_revocation_was_answered(shop) {
        let key = shop.key(json!({})).await;
        let path = format!("/v1/license-keys/{}", key.id);
        for _ in 0..5 {
            shop.merchant.patch(&path, json!({"status": "granted"})).await.expect(200);
            let body = naming(&key);
            let validations = at_once(&shop.anonymous, "validate", &body, 20);
            let revocation = async {
                shop.merchant.patch(&path, json!({"status": "revoked"})).await.expect(200);
                at_once(&shop.anonymous, "validate", &body, 5).await
            };
            let (before, after) = tokio::join!(validations, revocation);
            assert!(before.keys().all(|status| [200, 404].contains(status)), "{before:?}");
            assert_eq!(after, BTreeMap::from([(404, 5)]));
        }
    }

    // spec 10 §4.2: one address, one customer
    async fn of_parallel_customers_with_one_address_one_is_made(shop) {
        let mut calls = JoinSet::new();
        for n in 0..8 {
            let email = if n % 2 == 0 { "joe@example.com" } else { "JOE@example.com" };
            let body = json!({"email": email, "organization_id": shop.organization.id});
            let client = shop.merchant.clone();
            calls.spawn(async move { client.post("/v1/customers/", body).await.status });
        }
        let mut statuses = calls.join_all().await;
        statuses.sort_unstable();
        assert_eq!(statuses, [[201].as_slice(), &[422; 7]].concat());
        assert_eq!(shop.merchant.get("/v1/customers/").await.pagination(), (1, 1));
    }
}
