//! `GET /v1/checkouts/custom/client/{client_secret}/stream`.

use serde_json::json;

use super::{by_secret, checkout, once, product};

scenarios! {
    async fn nobody_listens_without_the_secret_or_to_what_is_over(shop) {
        let product = product(shop, once(1999)).await;
        let made = checkout(shop, &product).await;
        let wrong = json!({"client_secret": "polar_c_wrong"});
        shop.anonymous.get(&format!("{}/stream", by_secret(&wrong))).await.refused(404, "ResourceNotFound");
        shop.advance(1800);
        shop.anonymous.get(&format!("{}/stream", by_secret(&made))).await.refused(404, "ResourceNotFound");
    }
}
