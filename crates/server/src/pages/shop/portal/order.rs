//! One order: what was paid, what came with it, and its invoice.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use http::{HeaderMap, Method, StatusCode};
use merak_core::benefits::grants::Scope;
use merak_core::kit::{Cents, Refusal};
use merak_core::orders;

use super::super::Frame;
use super::benefits::{self, Card, Of};
use super::desk::{Caller, Rooms, reply, see_other};
use crate::emails::words::{amount, day, invoice_number};
use crate::shell::Response;

#[derive(Template)]
#[template(path = "shop/portal/order.html")]
struct OrderPage<'p> {
    frame: Frame<'p>,
    base: &'p str,
    who: String,
    id: String,
    name: String,
    day: String,
    number: Option<String>,
    sums: Vec<(&'static str, String)>,
    total: String,
    refunded: Option<String>,
    subscription: Option<String>,
    benefits: Vec<Card>,
}

/// The page of an order.
pub async fn show(
    State(rooms): State<Rooms>,
    Path((slug, id)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let desk = match rooms.enter(Caller { slug: &slug, method: &method, headers: &headers }).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let (house, known) = (Arc::clone(&rooms.house), desk.clone());
    let found = rooms
        .house
        .store
        .read(move |tx| {
            let id = id.parse().map_err(|_| Refusal::not_found())?;
            let of = orders::find_of_buyer(tx, &known.actor(), id)?;
            let scope = match of.order.purchase().scope {
                Scope::Subscription(id) => Of::Subscription(id),
                Scope::Order(id) => Of::Order(id),
                Scope::ByHand => Of::Order(of.order.id.uuid()),
            };
            let cards = benefits::cards(tx, &house, &known, scope)?;
            Ok::<_, Refusal>((of, cards))
        })
        .await;
    let (of, benefits) = match found {
        Ok(found) => found,
        Err(refusal) => return rooms.refused(Some(&desk.organization), &refusal.into()),
    };
    let order = &of.order;
    let shown = |cents: Cents| amount(cents, order.currency);
    let page = OrderPage {
        frame: rooms.frame(&of.product.product.name, &desk.organization),
        base: &desk.base,
        who: desk.who(),
        id: order.id.to_string(),
        name: of.product.product.name.clone(),
        day: day(order.created_at),
        number: order.document_number().map(|number| invoice_number(desk.organization.slug.as_str(), number)),
        sums: vec![("Subtotal", shown(order.amount)), ("Tax", shown(order.tax_amount))],
        total: shown(Cents::new(order.amount.get() + order.tax_amount.get())),
        refunded: (order.refunded_amount.get() > 0).then(|| shown(order.refunded_amount)),
        subscription: order.subscription_id.map(|id| id.to_string()),
        benefits,
    };
    reply(StatusCode::OK, &page)
}

/// Leads to the invoice, by an address that is good for an hour.
pub async fn invoice(
    State(rooms): State<Rooms>,
    Path((slug, id)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let desk = match rooms.enter(Caller { slug: &slug, method: &method, headers: &headers }).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let (secret, actor) = (rooms.house.secret.clone(), desk.actor());
    let token = rooms
        .house
        .store
        .read(move |tx| {
            let id = id.parse().map_err(|_| Refusal::not_found())?;
            let of = orders::find_of_buyer(tx, &actor, id)?;
            orders::invoice_token(&secret, &of.order, tx.now())
        })
        .await;
    match token {
        Ok(token) => see_other(&format!("/invoices/{token}")),
        Err(refusal) => rooms.refused(Some(&desk.organization), &refusal.into()),
    }
}
