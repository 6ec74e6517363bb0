//! `/v1/discounts/`.

mod create;
mod delete;
mod list;
mod update;

use merak_core::kit::Metadata;
use merak_core::organizations::Organization;
use merak_core::products::{self, Amount, CreateProduct, NewPrice, Product};
use merak_core::{discounts, kit::Id};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Shop};

const PATH: &str = "/v1/discounts/";

async fn create(shop: &Shop, mut body: Value) -> Answer {
    body["organization_id"] = json!(shop.organization.id);
    shop.merchant.post(PATH, body).await
}

/// Ten percent off once, with these members in addition or instead.
fn ten_percent(members: &Value) -> Value {
    let mut body = json!({"type": "percentage", "duration": "once", "basis_points": 1000, "name": "Ten off"});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

/// A discount and the path of it.
async fn made(shop: &Shop, body: Value) -> (Value, String) {
    let made = create(shop, body).await.expect(201);
    let path = format!("{PATH}{}", made["id"].as_str().unwrap());
    (made, path)
}

/// Redeems a discount for some checkout.
async fn redeem(shop: &Shop, discount: &Value) {
    let id: Id<discounts::Discount> = discount["id"].as_str().unwrap().parse().unwrap();
    let checkout_id = Uuid::new_v4();
    assert!(shop.write(move |tx| discounts::redeem(tx, id, checkout_id)).await.unwrap());
}

async fn product_of(shop: &Shop, organization_id: Id<Organization>) -> Product {
    let command = CreateProduct {
        organization_id,
        name: String::from("The app"),
        description: Some(String::from("For desktops")),
        prices: vec![NewPrice { recurring_interval: None, amount: Amount::Free }],
        medias: Vec::new(),
        fields: Vec::new(),
        metadata: Metadata::default(),
    };
    shop.write(move |tx| products::create(tx, &command)).await.unwrap()
}
