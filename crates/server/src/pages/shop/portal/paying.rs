//! With what a subscription is paid: another saved card, or one that is typed in.

use axum::Extension;
use axum::extract::{Path, State};
use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderMap, Method, StatusCode};
use merak_core::billing::{Payment, PaymentKind, PaymentMethod, PaymentStatus, methods, payments};
use merak_core::kit::{Id, Refusal};
use merak_core::subscriptions::{self, Subscription};
use merak_store::ReadTx;

use super::cards::{approval_path, go_on, token_of};
use super::desk::{Caller, Desk, Rooms, field, see_other};
use super::home::CardForm;
use super::subscription::{Place, can_pay, id_of, own, page, told_in_place};
use crate::flows::{self, collect, pay_in_portal};
use crate::shell::{Response, Visitor};

/// Pays with another saved card from now on, and what is owed at once.
pub async fn choose_card(
    State(rooms): State<Rooms>,
    Path((slug, id)): Place,
    Extension(visitor): Extension<Visitor>,
    method: Method,
    headers: HeaderMap,
    form: Bytes,
) -> Response {
    let caller = Caller { slug: &slug, method: &method, headers: &headers };
    let desk = match rooms.enter_to_pay(caller, &visitor).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let back = format!("{}/subscriptions/{id}", desk.base);
    let chosen = match own(&rooms, &desk, &id).await {
        Ok(subscription) => match field(&form, "card").parse::<Id<PaymentMethod>>() {
            Ok(card) => chosen(&rooms, &desk, &subscription, card).await,
            Err(_) => Err(Refusal::bad_request("Please choose a card.").into()),
        },
        Err(error) => Err(error),
    };
    match chosen {
        Ok(Some(payment)) => go_on(&rooms, &desk, &payment, &back).await,
        Ok(None) => nothing_planned(&rooms, &desk, &id, &format!("{back}?told=card-chosen")).await,
        Err(error) => told_in_place(&rooms, &desk, &id, &error, CardForm::default()).await,
    }
}

/// Pays with a saved card from now on, if that may be told from here.
async fn chosen(
    rooms: &Rooms,
    desk: &Desk,
    subscription: &Subscription,
    card: Id<PaymentMethod>,
) -> Result<Option<Payment>, flows::Error> {
    let (known, own) = (desk.clone(), subscription.clone());
    let look = move |tx: &mut ReadTx<'_>| {
        let (_, method) = methods::require_own(tx, own.id, card)?;
        Ok::<_, Refusal>(can_pay(&known, &own, &method))
    };
    if !rooms.house.store.read(look).await? {
        let sentence =
            "It is not known that this card was given by you. Please sign in by a code, or type in a card.";
        return Err(Refusal::bad_request(sentence).into());
    }
    pay_in_portal::choose(&rooms.house, subscription.id, card).await
}

/// Pays with a card that was typed in: what is owed if something is, else it is saved and chosen.
pub async fn pay(
    State(rooms): State<Rooms>,
    Path((slug, id)): Place,
    Extension(visitor): Extension<Visitor>,
    method: Method,
    headers: HeaderMap,
    form: Bytes,
) -> Response {
    let caller = Caller { slug: &slug, method: &method, headers: &headers };
    let desk = match rooms.enter_to_pay(caller, &visitor).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let typed = CardForm { expiry: field(&form, "expiry") };
    let subscription = match own(&rooms, &desk, &id).await {
        Ok(subscription) => subscription,
        Err(error) => return told_in_place(&rooms, &desk, &id, &error, typed).await,
    };
    let token = match token_of(&rooms, &form) {
        Ok(token) => token,
        Err(problem) => {
            let told = (StatusCode::UNPROCESSABLE_ENTITY, Some(problem), typed);
            return page(&rooms, &desk, &id, b"", told).await;
        }
    };
    let back = format!("{}/subscriptions/{id}", desk.base);
    match paid(&rooms, &desk, &subscription, token).await {
        Ok(Some(payment)) => {
            let mut response = go_on(&rooms, &desk, &payment, &back).await;
            if payment.kind == PaymentKind::Setup && payment.status == PaymentStatus::RequiresAction {
                // The bank leads back to the payment, which knows of no subscription.
                let path = approval_path(&desk, &payment);
                let cookie = rooms.house.origins.set_card_for(&subscription.id.to_string(), &path);
                response.headers_mut().insert(SET_COOKIE, cookie);
            }
            response
        }
        Ok(None) => nothing_planned(&rooms, &desk, &id, &back).await,
        Err(error) => told_in_place(&rooms, &desk, &id, &error, typed).await,
    }
}

/// Leads to the payment that keeps another one from being made, if it waits for the customer, or tells of it.
async fn nothing_planned(rooms: &Rooms, desk: &Desk, id: &str, back: &str) -> Response {
    let (actor, wanted) = (desk.actor(), id.to_owned());
    let found = rooms.house.store.read(move |tx| {
        let subscription = subscriptions::find_of_buyer(tx, &actor, id_of(&wanted)?)?.subscription;
        if let Some(waiting) = payments::waiting_for_approval(tx, subscription.id)? {
            return Ok(Some(waiting));
        }
        match methods::owed(tx, &subscription)? {
            Some(invoice) => payments::under_way(tx, invoice.id),
            None => Ok(None),
        }
    });
    match found.await {
        Ok(Some(payment)) if payment.status == PaymentStatus::RequiresAction => {
            see_other(&approval_path(desk, &payment))
        }
        Ok(Some(payment)) => see_other(&format!("{}/subscriptions/{id}?payment={}", desk.base, payment.id)),
        Ok(None) => see_other(back),
        Err(refusal) => rooms.refused(Some(&desk.organization), &refusal.into()),
    }
}

async fn paid(
    rooms: &Rooms,
    desk: &Desk,
    subscription: &Subscription,
    token: String,
) -> Result<Option<Payment>, flows::Error> {
    let house = &rooms.house;
    let owing = subscription.clone();
    let owed = house.store.read(move |tx| methods::owed(tx, &owing)).await?;
    if let Some(invoice) = owed {
        return collect::invoice(house, invoice.id, Some((token, desk.is_owner_known))).await;
    }
    let saved = pay_in_portal::save_card(house, desk.customer.id, (token, desk.is_owner_known)).await?;
    if let Some(method_id) = saved.payment_method_id {
        pay_in_portal::choose(house, subscription.id, method_id).await?;
    }
    Ok(Some(saved))
}
