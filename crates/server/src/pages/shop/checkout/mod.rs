//! The hosted checkout: the page on which a buyer fills a checkout in and pays, and the page that tells how it ended.
//!
//! ```text
//! GET  /checkout/{client_secret}                 the form
//! POST /checkout/{client_secret}                 a button of it: update, apply a code, remove it, pay
//! GET  /checkout/{client_secret}/confirmation    what came of it
//! GET  /embed/checkout.js                        shows the form over a page of the seller
//! ```
//!
//! The pages are forms and links. The script sends the same form by itself while it is filled in, and puts what the
//! answer says that it costs into the page.
//!
//! # Who may
//!
//! The secret in the address is the whole credential for filling in and paying with what is typed in, as in the API.
//! Therefore the address is told to nobody: no referrer, no shared cache, and no frame but on the page of the origin that the
//! seller named. Calls are counted by the caller's address, as those of the API. Whoever has paid is given a cookie for the
//! page that tells how it ended, so that it shows them what they bought when their bank leads back to it.
//!
//! Saved cards are seen and charged by nobody but their owner, who is known by a cookie (`known`).
//!
//! # What a buyer has seen is what is charged
//!
//! The form says which total and which price it showed. Should they be others by the last changes, or by those of somebody
//! else who knows the secret, nothing is charged: the page comes back with the new total and asks to press the button again.

mod around;
mod confirmation;
mod embed;
mod fields;
mod known;
mod notice;
mod page;
mod pay;
mod places;
mod problems;
mod typed;

pub use notice::{leads_nowhere, not_sold};

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;
use http::header::{REFERRER_POLICY, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use merak_adapters::payments::sandbox;
use merak_core::checkouts::{self, Checkout, CheckoutStatus, PublicCheckout};
use merak_core::customers::Customer;
use merak_core::kit::{Id, Kind, Refusal};
use merak_store::ReadTx;

use self::around::{Around, see_other};
use self::fields::Filling;
use self::known::{Browser, Chosen, Known};
use self::page::{Card, Form, Page, Sold, is_form_required};
use self::problems::Problems;
use self::typed::{Action, Typed};
use super::{Framed, Processor, Seller, Shop, Stripe, answer_with, stripe};
use crate::error::Failure;
use crate::shell::{Response, Try, Visitor};
use crate::state::House;

/// What the addresses of these pages begin with.
pub const CHECKOUT: &str = "/checkout/";

/// The longest form that is read, in bytes.
const LONGEST_FORM: usize = 128 * 1024;

/// What the handlers need.
#[derive(Clone)]
struct Rooms {
    house: Arc<House>,
    shop: Arc<Shop>,
}

/// The pages.
pub fn router(house: Arc<House>, shop: Arc<Shop>) -> Router {
    let script = embed::router(&house);
    Router::new()
        .route(&format!("{CHECKOUT}{{client_secret}}"), get(show).post(submit))
        .route(&format!("{CHECKOUT}{{client_secret}}/confirmation"), get(confirmation::show))
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .with_state(Rooms { house, shop })
        .merge(script)
}

impl Rooms {
    /// The checkout with this secret.
    async fn find(&self, client_secret: &str) -> Result<PublicCheckout, Refusal> {
        self.find_for(client_secret, None).await
    }

    /// As [`Self::find`], with what is known of the customer who pays it with a saved card.
    async fn find_for(
        &self,
        client_secret: &str,
        payer: Option<Id<Customer>>,
    ) -> Result<PublicCheckout, Refusal> {
        let (client_secret, house) = (client_secret.to_owned(), Arc::clone(&self.house));
        let found = self.house.store.read(move |tx| {
            let checkout = checkouts::find_by_client_secret(tx, &client_secret)?;
            seen_by(tx, checkout, payer, &house)
        });
        found.await
    }

    /// The page for what cannot be shown.
    fn refused(&self, refusal: Refusal) -> Response {
        match refusal.kind() {
            None => Failure::Refused(refusal).into_response("checkout"),
            Some(_) => notice::gone(&self.shop),
        }
    }

    /// The form of the card, with what was typed of it: number, expiry and security code.
    fn card(
        &self,
        (public, owner): (&PublicCheckout, Option<Id<Customer>>),
        typed: [&str; 3],
        problems: &Problems,
    ) -> Card {
        if !is_form_required(public) {
            return Card::Absent;
        }
        let processor = &self.house.adapters.payments;
        if Arc::clone(processor).as_sandbox().is_some() {
            return Card::Sandbox(fields::card(typed, problems));
        }
        let checkout = &public.complete.checkout;
        Card::Stripe(Box::new(Stripe {
            publishable_key: stripe::publishable_key(&**processor).unwrap_or_default(),
            mode: if checkout.is_payment_required() { "payment" } else { "setup" },
            amount: checkout.total().unwrap_or_default().get(),
            currency: checkout.currency.unwrap_or_default().as_str().to_owned(),
            is_kept: public.complete.price.recurring_interval.is_some(),
            is_offered: owner.is_some() && owner == checkout.customer_id,
            payer: None,
        }))
    }

    /// The form of an open checkout.
    fn form(&self, public: &PublicCheckout, around: &Around, shown: Shown<'_>) -> Response {
        let saved = shown.known.and_then(|known| known.saved(shown.filling.typed, public));
        let checkout = &public.complete.checkout;
        let product = &public.complete.product.public;
        let storage = &self.house.adapters.files;
        let pictures = product.medias.iter().map(|media| storage.public_url(&media.path)).collect();
        let seller = Seller::of(&public.organization);
        let title = format!("{} · {}", product.product.name, seller.name);
        let owner = shown.known.and_then(Known::owner);
        let card = self.card((public, owner), shown.card, &shown.problems);
        let processor = if matches!(card, Card::Stripe(_)) { Processor::Stripe } else { Processor::Own };
        let is_own = shown.known.is_some();
        let embedder = Framed::by_origin(checkout.embed_origin.as_deref());
        let page = Page {
            frame: self.shop.frame(title, Some(seller), around.theme.as_deref()),
            action: format!("{CHECKOUT}{}{}", checkout.client_secret, around.query()),
            sold: Sold::new(public, pictures),
            form: Form { saved, ..Form::new(public, &shown.filling, card, shown.problems) },
            test_cards: sandbox::offered().collect(),
            notice: shown.notice,
            embed_origin: origin(&embedder),
            is_embedded: around.is_embedded,
            is_prefilled: !shown.filling.is_sent && !shown.filling.typed.is_empty(),
        };
        let framed = if is_own { Framed::Never } else { embedder };
        let mut response = answer_with(shown.status, &page, &framed, processor);
        if is_own {
            // So that the browser says where the form comes from. Nobody else is told its address by that.
            response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        }
        response
    }
}

/// A checkout as it is for the customer who pays it with a saved card, if one does.
fn seen_by(
    tx: &mut ReadTx<'_>,
    checkout: Checkout,
    payer: Option<Id<Customer>>,
    house: &House,
) -> Result<PublicCheckout, Refusal> {
    let checkout = match payer {
        Some(id) => checkouts::seen_by(tx, checkout, id, &house.means())?,
        None => checkout,
    };
    checkouts::public(tx, checkout)
}

/// Where a buyer goes whose checkout is not open any more.
fn onward(public: &PublicCheckout, around: &Around) -> Response {
    let checkout = &public.complete.checkout;
    let is_over = checkout.status != CheckoutStatus::Open;
    match checkouts::success_url(checkout).filter(|_| is_over) {
        Some(url) => see_other(&url),
        None => see_other(&confirmation_path(&checkout.client_secret, around)),
    }
}

/// How a form is shown.
struct Shown<'s> {
    status: StatusCode,
    filling: Filling<'s>,
    card: [&'s str; 3],
    problems: Problems,
    notice: Option<String>,
    known: Option<&'s Known>,
}

/// The page that tells how it ended.
fn confirmation_path(client_secret: &str, around: &Around) -> String {
    format!("{CHECKOUT}{client_secret}/confirmation{}", around.query())
}

fn origin(framed: &Framed) -> Option<String> {
    match framed {
        Framed::Never => None,
        Framed::By(origin) => Some(origin.clone()),
    }
}

async fn show(
    State(rooms): State<Rooms>,
    Path(client_secret): Path<String>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let query = uri.query().unwrap_or_default();
    let around = Around::of_query(query);
    let public = match rooms.find(&client_secret).await {
        Ok(public) => public,
        Err(refusal) => return rooms.refused(refusal),
    };
    if public.complete.checkout.require_open().is_err() {
        return onward(&public, &around);
    }
    let browser = Browser { method: &method, headers: &headers, around: &around };
    let known = match rooms.known(browser, &public).await {
        Ok(known) => known,
        Err(refusal) => return rooms.refused(refusal),
    };
    let typed = Typed::of_query(query);
    rooms.form(
        &public,
        &around,
        Shown {
            status: StatusCode::OK,
            filling: Filling { typed: &typed, is_sent: false },
            card: [""; 3],
            problems: Problems::default(),
            notice: None,
            known: known.as_ref(),
        },
    )
}

async fn submit(
    State(rooms): State<Rooms>,
    Path(client_secret): Path<String>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
    (method, headers): (Method, HeaderMap),
    form: Bytes,
) -> Response {
    let around = Around::of_query(uri.query().unwrap_or_default());
    let before = match rooms.find(&client_secret).await {
        Ok(public) => public,
        Err(refusal) => return rooms.refused(refusal),
    };
    if before.complete.checkout.require_open().is_err() {
        // Browsers let a form lead to pages of ours only, also by way of a redirect. That page goes on from there.
        return see_other(&confirmation_path(&client_secret, &around));
    }
    let address = before.complete.checkout.customer_billing_address.as_ref();
    let typed = Typed::of_form(&form).moved_from(address.map(|address| address.country));
    let mut problems = Problems::default();
    let browser = Browser { method: &method, headers: &headers, around: &around };
    let known = match rooms.known(browser, &before).await {
        Ok(known) => known,
        Err(refusal) => return rooms.refused(refusal),
    };
    let known = known.as_ref();
    if let Err(seconds) = spend_tries(&visitor, &typed) {
        let minutes = seconds.div_ceil(60);
        problems.general.push(format!("That was tried too often. Please try again in {minutes} min."));
        let filling = Filling { typed: &typed, is_sent: true };
        let card = pay::echoed(&rooms, &typed);
        let status = StatusCode::TOO_MANY_REQUESTS;
        let shown = Shown { status, filling, card, problems, notice: None, known };
        let mut response = rooms.form(&before, &around, shown);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        return response;
    }
    let chosen = known::chosen(&typed, known, &mut problems);
    let payer = if let Chosen::Saved(card) = &chosen { Some(card.customer_id) } else { None };
    let (after, typed) = match update(&rooms, before, (typed, payer), &mut problems).await {
        Ok(updated) => updated,
        Err(refusal) if refusal.kind() == Some(Kind::CheckoutNotOpen) => {
            return see_other(&confirmation_path(&client_secret, &around));
        }
        Err(refusal) => return rooms.refused(refusal),
    };
    if typed.action() == Action::Pay {
        let press = pay::Press { typed: &typed, chosen, known };
        return pay::run(&rooms, &after, &around, press, problems).await;
    }
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let filling = Filling { typed: &typed, is_sent: true };
    rooms.form(
        &after,
        &around,
        Shown { status, filling, card: pay::echoed(&rooms, &typed), problems, notice: None, known },
    )
}

/// Spends what the button is a try of: paying, or the code of a discount.
fn spend_tries(visitor: &Visitor, typed: &Typed) -> Result<(), u64> {
    let action = typed.action();
    let is_code_sent = typed.given("discount_code").is_some();
    if matches!(action, Action::Apply | Action::Pay) && is_code_sent {
        visitor.spend_try(Try::DiscountCode)?;
    }
    if action == Action::Pay { visitor.spend_try(Try::Confirmation) } else { Ok(()) }
}

/// Brings the checkout up to what was typed, as a browser does by the API. What is refused is a problem, and changes
/// nothing. What is left blank by a customer who pays with a saved card is taken from what is known of them.
async fn update(
    rooms: &Rooms,
    before: PublicCheckout,
    (typed, payer): (Typed, Option<Id<Customer>>),
    problems: &mut Problems,
) -> Result<(PublicCheckout, Typed), Refusal> {
    let command = typed.changes(&before, &rooms.house.email_rules, problems);
    let is_code_new = !command.discount_code.is_absent();
    let client_secret = before.complete.checkout.client_secret.clone();
    let house = Arc::clone(&rooms.house);
    let updated = rooms.house.store.write(move |tx| {
        let checkout = checkouts::update_by_client(tx, &client_secret, &command, &house.means())?;
        seen_by(tx, checkout, payer, &house)
    });
    match updated.await {
        // The code is taken: it need not stand in the box, should the discount be taken away again.
        Ok(after) if is_code_new => Ok((after, typed.without("discount_code"))),
        Ok(after) => Ok((after, typed)),
        Err(refusal @ Refusal::Invalid(_)) => {
            problems.add_refusal(&refusal);
            Ok((before, typed))
        }
        Err(refusal) => Err(refusal),
    }
}
