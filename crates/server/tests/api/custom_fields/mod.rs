//! `/v1/custom-fields/`.

mod create;
mod delete;
mod list;
mod update;

use serde_json::{Value, json};

use crate::support::{Answer, Shop};

const PATH: &str = "/v1/custom-fields/";

async fn create(shop: &Shop, mut body: Value) -> Answer {
    body["organization_id"] = json!(shop.organization.id);
    shop.merchant.post(PATH, body).await
}

/// A text field, and the path of it.
async fn text_field(shop: &Shop, slug: &str) -> (Value, String) {
    let body =
        json!({"type": "text", "slug": slug, "name": "Company", "properties": {"form_label": "Yours"}});
    let made = create(shop, body).await.expect(201);
    let path = format!("{PATH}{}", made["id"].as_str().unwrap());
    (made, path)
}
