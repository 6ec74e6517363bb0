//! Cards: the form of the sandbox, saving, removing, and coming back from the bank.

use std::sync::Arc;

use axum::extract::{Path, State};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use merak_adapters::payments::sandbox::Card;
use merak_core::billing::{Payment, PaymentMethod, methods, payments};
use merak_core::kit::{Id, Refusal};
use merak_core::organizations::{self, Organization};

use super::desk::{Caller, Desk, Rooms, base_of, field, refusal_of, see_other};
use super::home::{self, CardForm};
use crate::flows::pay_in_portal;
use crate::shell::Response;

/// Whether cards can be typed into a page of ours: those of the sandbox. A real processor takes them by a form of its own.
pub fn takes_cards(rooms: &Rooms) -> bool {
    Arc::clone(&rooms.house.adapters.payments).as_sandbox().is_some()
}

/// The confirmation token of the card in a form, or what is wrong with it.
pub fn token_of(rooms: &Rooms, form: &[u8]) -> Result<String, String> {
    let sandbox = Arc::clone(&rooms.house.adapters.payments).as_sandbox();
    let sandbox = sandbox.ok_or_else(|| String::from("Cards cannot be typed in here."))?;
    let expiry = field(form, "expiry");
    let mut parts = expiry.split(['/', '-', ' ']).filter(|part| !part.is_empty());
    let month = parts.next().and_then(|month| month.parse().ok()).unwrap_or(0);
    let year: u16 = parts.next().and_then(|year| year.parse().ok()).unwrap_or(0);
    let card = Card {
        number: field(form, "number"),
        exp_month: month,
        // Two digits are what stands on the card.
        exp_year: if year < 100 { year + 2000 } else { year },
        cvc: field(form, "cvc"),
    };
    sandbox.confirmation_token(&card).map_err(|problem| problem.to_string())
}

/// Saves a card.
pub async fn save(
    State(rooms): State<Rooms>,
    Path(slug): Path<String>,
    method: Method,
    headers: HeaderMap,
    form: Bytes,
) -> Response {
    let desk = match rooms.enter(Caller { slug: &slug, method: &method, headers: &headers }).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let typed = CardForm { expiry: field(&form, "expiry") };
    let token = match token_of(&rooms, &form) {
        Ok(token) => token,
        Err(problem) => {
            let told = (StatusCode::UNPROCESSABLE_ENTITY, Some(problem), typed);
            return home::page(&rooms, &desk, b"", told).await;
        }
    };
    match pay_in_portal::save_card(&rooms.house, desk.customer.id, token).await {
        Ok(payment) => go_on(&rooms, &desk, &payment, &desk.base).await,
        Err(error) => {
            let (status, sentence) = refusal_of(&error);
            home::page(&rooms, &desk, b"", (status, Some(sentence), typed)).await
        }
    }
}

/// Leads on after a payment was tried: to the bank, or to a page of ours that says what became of it.
pub async fn go_on(rooms: &Rooms, desk: &Desk, payment: &Payment, back: &str) -> Response {
    match pay_in_portal::approval_path(&rooms.house, payment).await {
        Ok(Some(path)) => see_other(&path),
        Ok(None) => see_other(&format!("{back}?payment={}", payment.id)),
        Err(error) => rooms.refused(Some(&desk.organization), &error),
    }
}

/// Removes a card that pays nothing.
pub async fn remove(
    State(rooms): State<Rooms>,
    Path((slug, id)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let desk = match rooms.enter(Caller { slug: &slug, method: &method, headers: &headers }).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let customer_id = desk.customer.id;
    let found = rooms
        .house
        .store
        .read(move |tx| {
            let id = id.parse().map_err(|_| Refusal::not_found())?;
            let method = methods::find(tx, id)?;
            let method = method.filter(|method| method.customer_id == customer_id && method.is_saved());
            let method: PaymentMethod = method.ok_or_else(Refusal::not_found)?;
            Ok::<_, Refusal>((methods::pays_anything(tx, method.id)?, method))
        })
        .await;
    let method = match found {
        Ok((false, method)) => method,
        Ok((true, _)) => {
            let problem = "This card pays a subscription. Let another card pay it, or cancel it, before you remove this one.";
            let told = (StatusCode::CONFLICT, Some(String::from(problem)), CardForm::default());
            return home::page(&rooms, &desk, b"", told).await;
        }
        Err(refusal) => return rooms.refused(Some(&desk.organization), &refusal.into()),
    };
    match pay_in_portal::remove(&rooms.house, method).await {
        Ok(()) => see_other(&format!("{}?told=card-removed", desk.base)),
        Err(error) => rooms.refused(Some(&desk.organization), &error),
    }
}

/// Leads to the portal that a payment belongs to: the bank only knows the payment.
pub async fn find_portal(State(rooms): State<Rooms>, Path(id): Path<String>) -> Response {
    let found = rooms
        .house
        .store
        .read(move |tx| {
            let id: Id<Payment> = id.parse().map_err(|_| Refusal::not_found())?;
            let payment = payments::find(tx, id)?.ok_or_else(Refusal::not_found)?;
            let organization = organizations::find(tx, payment.organization_id)?;
            let organization: Organization = organization.ok_or_else(Refusal::not_found)?;
            Ok::<_, Refusal>((organization, payment.id))
        })
        .await;
    match found {
        Ok((organization, id)) => see_other(&format!("{}/payments/{id}", base_of(&organization))),
        Err(refusal) => rooms.refused(None, &refusal.into()),
    }
}

/// Somebody comes back from their bank.
pub async fn come_back(
    State(rooms): State<Rooms>,
    Path((slug, id)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let desk = match rooms.enter(Caller { slug: &slug, method: &method, headers: &headers }).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let customer_id = desk.customer.id;
    let found = rooms
        .house
        .store
        .read(move |tx| {
            let id = id.parse().map_err(|_| Refusal::not_found())?;
            let payment = payments::find(tx, id)?.filter(|payment| payment.customer_id == customer_id);
            payment.ok_or_else(Refusal::not_found)
        })
        .await;
    let payment = match found {
        Ok(payment) => payment,
        Err(refusal) => return rooms.refused(Some(&desk.organization), &refusal.into()),
    };
    match pay_in_portal::look(&rooms.house, payment).await {
        Ok(payment) => see_other(&format!("{}?payment={}", desk.base, payment.id)),
        Err(error) => rooms.refused(Some(&desk.organization), &error),
    }
}
