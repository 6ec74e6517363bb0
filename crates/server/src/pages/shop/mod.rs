//! The pages that buyers see: the checkout and the customer portal. They work without JavaScript; scripts only add.

mod checkout;
mod field;
mod frame;
pub mod portal;
mod stripe;

pub use field::{Field, Input, Line};
pub use stripe::Stripe;

pub use frame::{Frame, Framed, Processor, Seller, Shop, answer, answer_with, policy};

pub use checkout::{CHECKOUT, leads_nowhere, not_sold};

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::state::House;

/// The pages and the files they are made with.
pub fn router(house: Arc<House>, shop: Arc<Shop>) -> Router {
    let checkouts = checkout::router(Arc::clone(&house), Arc::clone(&shop));
    assets(&shop).merge(checkouts).merge(portal::router(house, shop))
}

fn assets(shop: &Arc<Shop>) -> Router {
    let mut router = Router::new();
    for (at, asset) in shop.assets().into_iter().enumerate() {
        let shop = Arc::clone(shop);
        router = router.route(&asset.path, get(async move || shop.assets()[at].answer()));
    }
    router
}
