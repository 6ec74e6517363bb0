//! `/v1/products/`.

mod benefits;
mod create;
mod list;
mod update;

use merak_core::access::{Actor, Subject};
use merak_core::files::{self, CreateFile, File, FileService, Part, StoredObject};
use merak_core::kit::{Id, ScopeSet};
use merak_store::Source;
use serde_json::{Value, json};

use crate::support::Shop;

/// A price of 19.99 that is paid once.
fn once() -> Value {
    json!({"type": "one_time", "amount_type": "fixed", "price_amount": 1999, "price_currency": "usd"})
}

/// A recurring price.
fn every(interval: &str, cents: i64) -> Value {
    json!({"type": "recurring", "recurring_interval": interval, "amount_type": "fixed", "price_amount": cents})
}

/// A product of the shop with these prices.
fn new(shop: &Shop, prices: &[Value]) -> Value {
    json!({"name": "Desktop app", "organization_id": shop.organization.id, "prices": prices})
}

/// Makes a product of the shop with these prices.
async fn make(shop: &Shop, prices: &[Value]) -> Value {
    shop.merchant.post("/v1/products/", new(shop, prices)).await.expect(201)
}

/// The path of a product.
fn path(product: &Value) -> String {
    format!("/v1/products/{}", product["id"].as_str().unwrap())
}

/// A file of the shop.
async fn file(shop: &Shop, service: FileService, is_uploaded: bool) -> Id<File> {
    let actor = Actor::new(Subject::Organization(shop.organization.id), ScopeSet::grantable());
    let command = CreateFile {
        organization_id: None,
        service,
        name: String::from("picture.png"),
        mime_type: String::from("image/png"),
        size: 4,
        checksum_sha256_base64: None,
        version: None,
        parts: vec![Part { number: 1, chunk_start: 0, chunk_end: 4, checksum_sha256_base64: None }],
        needs_checksums: false,
    };
    let now = shop.source.now();
    let stored = StoredObject { etag: String::from("\"x\""), version: None, last_modified_at: now };
    shop.write(move |tx| {
        let file = files::announce(tx, &actor, &command)?;
        if is_uploaded {
            files::complete(tx, file.id, &stored)?;
        }
        Ok(file.id)
    })
    .await
    .unwrap()
}
