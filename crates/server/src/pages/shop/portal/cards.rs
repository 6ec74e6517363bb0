//! Cards: saving, removing, and the way to the bank and back.
//!
//! ```text
//! a form is sent ── the bank asks ── payments/{id} ── the bank ── payments/{id} ── what came of it
//! ```
//!
//! A form cannot lead to another site, so it leads to a page of ours that does.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderMap, Method, StatusCode};
use merak_adapters::payments::sandbox::Card;
use merak_core::billing::{Payment, PaymentKind, PaymentMethod, PaymentStatus, invoices, methods, payments};
use merak_core::kit::{Id, Refusal};
use merak_core::organizations::{self, Organization};
use merak_core::subscriptions::{self, Subscription};

use super::super::stripe::publishable_key;
use super::super::{Frame, Processor};
use super::desk::{Caller, Desk, Rooms, base_of, field, refusal_of, reply_with, see_other};
use super::home::{self, CardForm};
use crate::emails::words::amount;
use crate::flows;
use crate::flows::pay_in_portal::{self, Approval, Unneeded};
use crate::shell::{Response, Visitor};
use crate::wire::cookie::card_for;

#[derive(Template)]
#[template(path = "shop/portal/approve.html")]
struct ApprovePage<'p> {
    frame: Frame<'p>,
    base: &'p str,
    who: String,
    /// What is paid; empty if a card is saved.
    amount: String,
    publishable_key: String,
    client_secret: String,
    /// Where the bank is, if the processor told.
    url: Option<String>,
    /// Where this page is.
    again: String,
    /// Whether the bank was asked already, so that it is not asked again by itself.
    is_asked: bool,
}

/// Whether cards can be typed into a page: those of the sandbox into ours, those of Stripe into its own form.
pub fn takes_cards(rooms: &Rooms) -> bool {
    let processor = &rooms.house.adapters.payments;
    Arc::clone(processor).as_sandbox().is_some() || publishable_key(&**processor).is_some()
}

/// The confirmation token of the card in a form, or what is wrong with it.
pub fn token_of(rooms: &Rooms, form: &[u8]) -> Result<String, String> {
    let Some(sandbox) = Arc::clone(&rooms.house.adapters.payments).as_sandbox() else {
        // The processor's form has put it there.
        let token = field(form, "confirmation_token_id");
        if token.is_empty() {
            return Err(String::from("Please choose how to pay."));
        }
        return Ok(token);
    };
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
    let token = match token_of(&rooms, &form) {
        Ok(token) => token,
        Err(problem) => {
            let told = (StatusCode::UNPROCESSABLE_ENTITY, Some(problem), typed);
            return home::page(&rooms, &desk, b"", told).await;
        }
    };
    match pay_in_portal::save_card(&rooms.house, desk.customer.id, (token, desk.is_owner_known)).await {
        Ok(payment) => go_on(&rooms, &desk, &payment, &desk.base).await,
        Err(error) => {
            let (status, sentence) = refusal_of(&error);
            home::page(&rooms, &desk, b"", (status, Some(sentence), typed)).await
        }
    }
}

/// Leads on after a payment was tried: to the bank, or to a page of ours that says what became of it.
pub async fn go_on(rooms: &Rooms, desk: &Desk, payment: &Payment, back: &str) -> Response {
    match pay_in_portal::approval(&rooms.house, payment).await {
        Ok(Some(Approval::Here(path))) => see_other(&path),
        Ok(Some(Approval::Stripe { .. })) => see_other(&approval_path(desk, payment)),
        Ok(None) => see_other(&format!("{back}?payment={}", payment.id)),
        Err(error) => rooms.refused(Some(&desk.organization), &error),
    }
}

/// The page from which a customer goes to the bank, and to which they come back.
pub fn approval_path(desk: &Desk, payment: &Payment) -> String {
    format!("{}/payments/{}", desk.base, payment.id)
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
        // It has asked, so that it is not gone to again by itself.
        Ok((organization, id)) => see_other(&format!("{}/payments/{id}?asked=true", base_of(&organization))),
        Err(refusal) => rooms.refused(None, &refusal.into()),
    }
}

/// Somebody goes to their bank, or comes back from it.
pub async fn come_back(
    State(rooms): State<Rooms>,
    Path((slug, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let desk = match rooms.enter(Caller { slug: &slug, method: &method, headers: &headers }).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let is_asked = field(query.unwrap_or_default().as_bytes(), "asked") == "true";
    let card_for = card_for(&headers).and_then(|id| id.parse().ok());
    let came = match came_back(&rooms, &desk, &id, card_for).await {
        Ok(came) => came,
        Err(error) => return rooms.refused(Some(&desk.organization), &error),
    };
    let mut response = match came.next {
        Next::Bank(payment, approval) => ask_bank(&rooms, &desk, &payment, (approval, is_asked)),
        Next::Page(path) => see_other(&path),
    };
    if card_for.is_some() && came.is_decided {
        // What was to be done with the card is done once, however often its owner comes back.
        let path = format!("{}/payments/{id}", desk.base);
        response.headers_mut().insert(SET_COOKIE, rooms.house.origins.forget_card_for(&path));
    }
    response
}

/// Where somebody goes who comes back from their bank.
struct Came {
    next: Next,
    /// Whether it is known what became of what the bank was asked.
    is_decided: bool,
}

enum Next {
    /// To the bank, for this payment.
    Bank(Box<Payment>, Approval),
    /// To a page that says what came of it.
    Page(String),
}

/// How a payment of the customer stands now, and where they go then.
async fn came_back(
    rooms: &Rooms,
    desk: &Desk,
    id: &str,
    card_for: Option<Id<Subscription>>,
) -> Result<Came, flows::Error> {
    let (house, id, customer_id) = (&rooms.house, id.to_owned(), desk.customer.id);
    let (before, paid, card_for) = house
        .store
        .read(move |tx| {
            let id = id.parse().map_err(|_| Refusal::not_found())?;
            let payment = payments::find(tx, id)?.filter(|payment| payment.customer_id == customer_id);
            let payment = payment.ok_or_else(Refusal::not_found)?;
            let paid = match payment.invoice_id {
                Some(id) => invoices::find(tx, id)?.and_then(|invoice| invoice.subscription_id),
                None => None,
            };
            let is_card = payment.kind == PaymentKind::Setup;
            let chosen = match card_for.filter(|_| is_card) {
                Some(id) => subscriptions::find(tx, id)?,
                None => None,
            };
            let chosen = chosen.filter(|one| one.customer_id == customer_id);
            Ok::<_, Refusal>((payment, paid, chosen))
        })
        .await?;
    let back = match paid.or(card_for.as_ref().map(|one| one.id)) {
        Some(id) => format!("{}/subscriptions/{id}", desk.base),
        None => desk.base.clone(),
    };
    let was_waiting = !matches!(before.status, PaymentStatus::Succeeded | PaymentStatus::Failed);
    let payment = pay_in_portal::look(house, before).await?;
    let page = |told: String| Came { next: Next::Page(format!("{back}?{told}")), is_decided: true };
    match pay_in_portal::give_up_unneeded(house, payment.id).await? {
        Some(Unneeded::GivenUp) => return Ok(page(String::from("told=given-up"))),
        Some(Unneeded::GivenBack) => return Ok(page(String::from("told=given-back"))),
        None => {}
    }
    let is_decided = matches!(payment.status, PaymentStatus::Succeeded | PaymentStatus::Failed);
    if let Some(approval) = pay_in_portal::approval(house, &payment).await? {
        return Ok(Came { next: Next::Bank(Box::new(payment), approval), is_decided });
    }
    // A card that was to pay a subscription does so from now on. What its owner has saved is not for who came along a link.
    let is_theirs = desk.is_owner_known || !payment.is_owner_known;
    if let (Some(subscription), Some(method_id)) = (card_for.filter(|_| is_theirs), payment.payment_method_id)
        && (was_waiting || subscription.payment_method_id != Some(method_id))
        && let Some(paid) = pay_in_portal::choose(house, subscription.id, method_id).await?
    {
        return Ok(match pay_in_portal::approval(house, &paid).await? {
            Some(approval) => Came { next: Next::Bank(Box::new(paid), approval), is_decided },
            None => page(format!("payment={}", paid.id)),
        });
    }
    Ok(Came { is_decided, ..page(format!("payment={}", payment.id)) })
}

fn ask_bank(
    rooms: &Rooms,
    desk: &Desk,
    payment: &Payment,
    (approval, is_asked): (Approval, bool),
) -> Response {
    let (publishable_key, client_secret, url) = match approval {
        Approval::Here(path) => return see_other(&path),
        Approval::Stripe { publishable_key, client_secret, url } => (publishable_key, client_secret, url),
    };
    let is_charge = payment.kind == PaymentKind::Charge;
    let page = ApprovePage {
        frame: rooms.frame("Confirm with your bank", &desk.organization),
        base: &desk.base,
        who: desk.who(),
        amount: if is_charge { amount(payment.amount, payment.currency) } else { String::new() },
        publishable_key,
        client_secret,
        url,
        again: approval_path(desk, payment),
        is_asked,
    };
    reply_with(StatusCode::OK, &page, Processor::Stripe)
}
