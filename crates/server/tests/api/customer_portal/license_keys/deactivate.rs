//! `POST …/deactivate`.

use serde_json::json;

use super::{call, seat};

scenarios! {
    // spec 40 §6.3 and T-24
    async fn a_seat_is_given_back_once(shop) {
        let key = shop.key(json!({"activations": {"limit": 1, "enable_customer_admin": false}})).await;
        let id = seat(shop, &key, json!({})).await;
        let answer = call(shop, "deactivate", &key, json!({"activation_id": id})).await;
        assert_eq!((answer.status, answer.body.len()), (204, 0));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        for operation in ["deactivate", "validate"] {
            let answer = call(shop, operation, &key, json!({"activation_id": id})).await;
            assert_eq!(answer.expect(404), json!({"error": "ResourceNotFound", "detail": "Not found"}));
        }
    }

    // spec 40 §2.5
    async fn a_seat_of_another_key_is_not_found(shop) {
        let seats = json!({"activations": {"limit": 1, "enable_customer_admin": true}});
        let (key, other) = (shop.key(seats.clone()).await, shop.key(seats).await);
        let id = seat(shop, &other, json!({})).await;
        call(shop, "deactivate", &key, json!({"activation_id": id})).await.refused(404, "ResourceNotFound");
        call(shop, "validate", &other, json!({"activation_id": id})).await.expect(200);
    }

    // spec 40 §7.3
    async fn a_key_in_any_state_gives_its_seats_back(shop) {
        for status in ["revoked", "disabled"] {
            let key = shop.key(json!({"activations": {"limit": 1, "enable_customer_admin": true}})).await;
            let id = seat(shop, &key, json!({})).await;
            shop.merchant.patch(&format!("/v1/license-keys/{}", key.id), json!({"status": status})).await.expect(200);
            call(shop, "deactivate", &key, json!({"activation_id": id})).await.expect(204);
        }
        let settings = json!({"expires": {"ttl": 1, "timeframe": "day"}, "activations": {"limit": 1, "enable_customer_admin": true}});
        let key = shop.key(settings).await;
        let id = seat(shop, &key, json!({})).await;
        shop.advance(2 * 24 * 3600);
        call(shop, "deactivate", &key, json!({"activation_id": id})).await.expect(204);
    }
}
