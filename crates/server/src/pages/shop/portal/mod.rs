//! `/{slug}/portal`: where a customer finds what they bought, and looks after it.
//!
//! | Room | Shows |
//! | --- | --- |
//! | `desk` | who is here: the cookie, and the doors for those who have none |
//! | `sign_in` | signing in by a code that comes by mail, and signing out |
//! | `home` | everything a customer has |
//! | `benefits` | what came with it: keys, files, notes, accounts elsewhere |
//! | `order`, `subscription` | one of them, with what can be done about it |
//! | `paying` | with which card a subscription is paid |
//! | `plan` | what another plan costs, and the change to it |
//! | `cards` | saving and removing cards, going to the bank and coming back |
//!
//! Everything is done by forms, so that no page needs a script. What came of a form is told by the page to which the answer
//! leads; what was wrong with it, by the page itself.

mod benefits;
mod cards;
pub mod desk;
mod home;
pub mod money;
mod order;
mod paying;
mod plan;
mod sign_in;
mod subscription;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use self::desk::Rooms;
use super::Shop;
use crate::state::House;

/// How long a form may be, in bytes.
const LONGEST_FORM: usize = 16 * 1024;

/// The pages of the portal.
pub fn router(house: Arc<House>, shop: Arc<Shop>) -> Router {
    Router::new()
        .route("/{slug}/portal", get(home::show))
        .route("/{slug}/portal/state", get(home::state))
        .route("/{slug}/portal/stream", get(home::stream))
        .route("/{slug}/portal/request", get(sign_in::ask).post(sign_in::send))
        .route("/{slug}/portal/authenticate", get(sign_in::ask_code).post(sign_in::enter))
        .route("/{slug}/portal/sign-out", post(sign_in::leave))
        .route("/{slug}/portal/orders/{id}", get(order::show))
        .route("/{slug}/portal/orders/{id}/invoice", get(order::invoice))
        .route("/{slug}/portal/license-keys/{id}/remove", post(benefits::remove_activation))
        .route("/{slug}/portal/grants/{id}/account", post(benefits::choose_account))
        .route("/{slug}/portal/connect/{platform}", get(benefits::connect))
        .route("/{slug}/portal/cards", post(cards::save))
        .route("/{slug}/portal/cards/{id}/remove", post(cards::remove))
        .route("/{slug}/portal/payments/{id}", get(cards::come_back))
        .route("/portal/payments/{id}", get(cards::find_portal))
        .route("/{slug}/portal/subscriptions/{id}", get(subscription::show))
        .route("/{slug}/portal/subscriptions/{id}/cancel", post(subscription::cancel))
        .route("/{slug}/portal/subscriptions/{id}/end", post(subscription::end))
        .route("/{slug}/portal/subscriptions/{id}/resume", post(subscription::resume))
        .route("/{slug}/portal/subscriptions/{id}/card", post(paying::choose_card))
        .route("/{slug}/portal/subscriptions/{id}/pay", post(paying::pay))
        .route("/{slug}/portal/subscriptions/{id}/plan", get(plan::preview).post(plan::change))
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .with_state(Rooms { house, shop })
}
