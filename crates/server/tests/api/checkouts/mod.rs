//! `/v1/checkouts/`.

mod client;
mod custom;
mod legacy;
mod stream;

use serde_json::{Value, json};

use crate::support::Shop;

const CUSTOM: &str = "/v1/checkouts/custom/";

/// Makes a product of the shop at this price.
async fn product(shop: &Shop, price: Value) -> Value {
    let body = json!({"name": "Desktop app", "organization_id": shop.organization.id, "prices": [price]});
    shop.merchant.post("/v1/products/", body).await.expect(201)
}

/// A price that is paid once.
fn once(cents: i64) -> Value {
    json!({"type": "one_time", "amount_type": "fixed", "price_amount": cents})
}

/// A price that the buyer chooses.
fn chosen() -> Value {
    json!({"type": "one_time", "amount_type": "custom", "minimum_amount": 1000, "maximum_amount": 5000})
}

/// Begins a checkout of a product.
async fn checkout(shop: &Shop, product: &Value) -> Value {
    shop.merchant.post(CUSTOM, json!({"product_id": product["id"]})).await.expect(201)
}

/// Where a buyer's browser finds a checkout.
fn by_secret(checkout: &Value) -> String {
    format!("{CUSTOM}client/{}", checkout["client_secret"].as_str().unwrap())
}

/// Where its seller finds a checkout.
fn by_id(checkout: &Value) -> String {
    format!("{CUSTOM}{}", checkout["id"].as_str().unwrap())
}

/// The names of an object's members, in order.
fn members(object: &Value) -> String {
    object.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
}

const FIRST: &str = "created_at modified_at id custom_field_data payment_processor status client_secret url expires_at \
    success_url embed_origin amount tax_amount currency subtotal_amount total_amount product_id product_price_id discount_id \
    allow_discount_codes is_discount_applicable is_free_product_price is_payment_required is_payment_setup_required \
    is_payment_form_required customer_id customer_name customer_email customer_ip_address customer_billing_address \
    customer_tax_id payment_processor_metadata";
