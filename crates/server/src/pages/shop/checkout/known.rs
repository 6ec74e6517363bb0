//! Who sits before a checkout, as far as their browser shows it, and the cards that they have saved.
//!
//! The secret in the address is in links that are passed on, and an address for mail can be typed by anybody. So what shows
//! that somebody is a customer is a session alone: an owner's one of the organization's portal, or that of a person whose
//! account the customer is linked to, and whose address is the customer's. The cards that are offered are those that were typed
//! in by such a session: what somebody else has typed in for this customer is not the customer's. It counts for a checkout that is theirs, or nobody's yet; never for one of another customer.
//!
//! Where a page shows what it knows, no other page may show it in a frame, where buttons could be pressed by mistake. A frame
//! is therefore told nothing. A form counts only if our own page has sent it, as everywhere (`wire::cookie`).

use std::sync::Arc;

use http::{HeaderMap, Method};
use merak_core::billing::{PaymentMethod, methods};
use merak_core::checkouts::confirm::SavedCard;
use merak_core::checkouts::{Checkout, PublicCheckout};
use merak_core::customers::{self, Customer};
use merak_core::kit::{Id, Refusal, Result};
use merak_core::{access, clock, customer_sessions, user_sessions};
use merak_store::ReadTx;

use super::super::portal::money;
use super::Rooms;
use super::around::Around;
use super::page::{Saved, SavedRow, is_form_required};
use super::problems::Problems;
use super::typed::{Action, Typed};
use crate::wire::cookie::Session;

/// The name of the field for the saved card.
pub const SAVED_CARD: &str = "saved_card";

/// What stands in it for a card that is typed in.
pub const ANOTHER: &str = "another";

const SIGNED_OUT: &str = "You are not signed in any more, so your saved cards cannot be used. Please sign in again, or type in a card.";
const FOREIGN: &str = "Another website sent this form, so nothing was paid. Please press the button again.";
const REMOVED: &str = "This card is not saved any more. Please choose another one.";

/// A customer who has shown who they are, with the cards that are offered to them, the newest first.
pub struct Known {
    customer: Customer,
    cards: Vec<PaymentMethod>,
    /// Whether a page that is not ours has sent the form.
    is_misused: bool,
    /// Which month it is: `2026-11`.
    month: String,
}

/// A request as far as it says who asks.
#[derive(Clone, Copy)]
pub struct Browser<'b> {
    pub method: &'b Method,
    pub headers: &'b HeaderMap,
    pub around: &'b Around,
}

impl Browser<'_> {
    /// Whether the page stands in a window of its own. Browsers say so; of one that says nothing, no other page may frame
    /// what it is answered.
    fn is_alone(&self) -> bool {
        let destination = self.headers.get("sec-fetch-dest");
        !self.around.is_embedded && destination.is_none_or(|destination| destination == "document")
    }
}

impl Rooms {
    /// Who asks, if they have shown to be a customer and this checkout is theirs, or can become it.
    pub(super) async fn known(&self, browser: Browser<'_>, public: &PublicCheckout) -> Result<Option<Known>> {
        let checkout = &public.complete.checkout;
        if !browser.is_alone() {
            return Ok(None);
        }
        let (method, headers) = (browser.method, browser.headers);
        let (secret, origins) = (&self.house.secret, &self.house.origins);
        let buyer = Session::read_of_buyer((method, headers), secret, origins, checkout.organization_id);
        let user = Session::read(method, headers, secret, origins);
        if buyer.is_none() && user.is_none() {
            return Ok(None);
        }
        // Whose it is may be known and not shown.
        let checkout = Checkout { customer_id: public.customer_id, ..checkout.clone() };
        let house = Arc::clone(&self.house);
        let look = move |tx: &mut ReadTx<'_>| {
            let found = match find_buyer(tx, &checkout, buyer.as_ref())? {
                Some(customer) => Some((customer, buyer.as_ref())),
                None => find_user(tx, &checkout, user.as_ref())?.map(|customer| (customer, user.as_ref())),
            };
            let Some((customer, session)) = found else { return Ok::<_, Refusal>(None) };
            let mut cards = methods::list_offered(tx, customer.id)?;
            cards.retain(|card| card.processor == house.billing.processor);
            let is_misused = session.is_some_and(|session| session.is_misused);
            let month = clock::now(tx, customer.organization_id)?.to_string().chars().take(7).collect();
            Ok(Some(Known { customer, cards, is_misused, month }))
        };
        self.house.store.read(look).await
    }
}

/// The customer of a session of the portal.
fn find_buyer(
    tx: &mut ReadTx<'_>,
    checkout: &Checkout,
    session: Option<&Session>,
) -> Result<Option<Customer>> {
    let Some(session) = session else { return Ok(None) };
    let live = customer_sessions::find(tx, &session.hash)?.filter(|live| live.is_owner_known);
    Ok(live.map(|live| live.customer).filter(|customer| may_pay(checkout, customer)))
}

/// The customer of a person who is signed in.
fn find_user(
    tx: &mut ReadTx<'_>,
    checkout: &Checkout,
    session: Option<&Session>,
) -> Result<Option<Customer>> {
    let Some(session) = session else { return Ok(None) };
    let actor = user_sessions::authenticate(tx, &session.hash)?.filter(|actor| !actor.is_blocked);
    let Some(access::Subject::User(user_id)) = actor.map(|actor| actor.subject) else { return Ok(None) };
    let found = match checkout.customer_id {
        // A person may be several customers of an organization.
        Some(id) => customers::find(tx, id)?.filter(|customer| customer.user_id == Some(user_id)),
        None => customers::find_of_user(tx, checkout.organization_id, user_id)?,
    };
    match found.filter(|customer| may_pay(checkout, customer)) {
        Some(customer) if customers::is_of_person(tx, &customer, user_id)? => Ok(Some(customer)),
        _ => Ok(None),
    }
}

/// Whether a checkout is this customer's, or can become theirs.
fn may_pay(checkout: &Checkout, customer: &Customer) -> bool {
    customer.organization_id == checkout.organization_id
        && checkout.customer_id.is_none_or(|id| id == customer.id)
}

/// What a form says of saved cards.
pub enum Chosen {
    /// Nothing: a card is typed in.
    Another,
    /// This one pays.
    Saved(SavedCard),
    /// One that cannot pay.
    Refused,
}

/// With which saved card a form pays. What keeps it from being used is a problem.
pub fn chosen(typed: &Typed, known: Option<&Known>, problems: &mut Problems) -> Chosen {
    let named = typed.given(SAVED_CARD).filter(|named| *named != ANOTHER);
    let Some(named) = named.filter(|_| typed.action() == Action::Pay) else { return Chosen::Another };
    let problem = match known {
        None => SIGNED_OUT,
        Some(known) if known.is_misused => FOREIGN,
        Some(known) => match known.card(named) {
            Some(method_id) => {
                return Chosen::Saved(SavedCard { customer_id: known.customer.id, method_id });
            }
            None => REMOVED,
        },
    };
    problems.general.push(problem.to_owned());
    Chosen::Refused
}

impl Known {
    fn card(&self, id: &str) -> Option<Id<PaymentMethod>> {
        self.cards.iter().map(|card| card.id).find(|known| known.to_string() == id)
    }

    /// Whose session it is, unless a page that is not ours has sent the form.
    pub fn owner(&self) -> Option<Id<Customer>> {
        (!self.is_misused).then_some(self.customer.id)
    }

    /// The cards as the page shows them, if there are any. The newest that is still good is chosen, unless another one was.
    pub fn saved(&self, typed: &Typed, public: &PublicCheckout) -> Option<Saved> {
        if self.cards.is_empty() || !is_form_required(public) {
            return None;
        }
        let is_good = |card: &&PaymentMethod| {
            let expiry = card.exp_year.zip(card.exp_month);
            expiry.is_none_or(|(year, month)| format!("{year:04}-{month:02}") >= self.month)
        };
        let usual = || self.cards.iter().find(is_good).map(|card| card.id);
        let named = typed.given(SAVED_CARD);
        let chosen = match named {
            Some(ANOTHER) => None,
            named => named.and_then(|named| self.card(named)).or_else(usual),
        };
        let rows = self.cards.iter().map(|card| SavedRow {
            id: card.id.to_string(),
            name: money::card(card),
            expiry: money::card_expiry(card),
            is_expired: !is_good(&card),
            is_chosen: Some(card.id) == chosen,
        });
        Some(Saved {
            owner: self.customer.email.to_string(),
            is_for_owner: public.complete.checkout.customer_id.is_some(),
            rows: rows.collect(),
            is_another_chosen: chosen.is_none(),
        })
    }
}
