//! `/v1/customer-portal/license-keys/`: keys as their buyer sees them, and what apps call.

mod activate;
mod deactivate;
mod races;
mod read;
mod validate;

use merak_core::license_keys::LicenseKey;
use serde_json::Value;

use crate::support::shop::naming;
use crate::support::{Answer, Shop};

/// Calls one of the three open operations for a key, with these members more.
async fn call(shop: &Shop, operation: &str, key: &LicenseKey, more: Value) -> Answer {
    let mut body = naming(key);
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    shop.anonymous.post(&format!("/v1/customer-portal/license-keys/{operation}"), body).await
}

/// Takes a seat and says which.
async fn seat(shop: &Shop, key: &LicenseKey, more: Value) -> String {
    let mut body = serde_json::json!({"label": "device"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = call(shop, "activate", key, body).await.expect(200);
    made["id"].as_str().unwrap().to_owned()
}
