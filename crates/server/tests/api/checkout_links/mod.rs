//! `/v1/checkout-links/`.

mod create;
mod follow;
mod update;

use serde_json::{Value, json};

use crate::support::Shop;

/// A price that is paid once.
fn once(cents: i64) -> Value {
    json!({"type": "one_time", "amount_type": "fixed", "price_amount": cents})
}

/// Makes a product of the shop.
async fn product(shop: &Shop) -> Value {
    let body =
        json!({"name": "Desktop app", "organization_id": shop.organization.id, "prices": [once(1999)]});
    shop.merchant.post("/v1/products/", body).await.expect(201)
}

/// Makes a discount of the shop for these products.
async fn discount(shop: &Shop, products: &[&Value]) -> Value {
    let products: Vec<&Value> = products.iter().map(|product| &product["id"]).collect();
    let body = json!({"type": "percentage", "duration": "once", "basis_points": 1000, "name": "Ten off",
        "organization_id": shop.organization.id, "products": products});
    shop.merchant.post("/v1/discounts/", body).await.expect(201)
}

/// Makes a link to this product.
async fn link(shop: &Shop, product: &Value) -> Value {
    let body = json!({"payment_processor": "stripe", "product_id": product["id"]});
    shop.merchant.post("/v1/checkout-links/", body).await.expect(201)
}

/// The path of a link.
fn path(link: &Value) -> String {
    format!("/v1/checkout-links/{}", link["id"].as_str().unwrap())
}
