//! Payment processors. They move money and keep cards; what is owed, when and why is decided elsewhere.
//!
//! Outcomes are values: a declined card is an answer ([`ChargeState::Declined`]), not an [`Error`]. An error says that
//! nothing is known of what happened, and that the same call is to be made again *with the same key*: a key names one
//! wish, and a processor that meets it again answers what it answered the first time and moves nothing twice. Events
//! are hints that something happened; the truth is what [`Processor::retrieve`] says.
//!
//! | Processor | Is |
//! | --- | --- |
//! | [`Sandbox`](sandbox::Sandbox) | built in, with test cards; no money moves |
//! | Stripe | Stripe, by its REST interface |

#[cfg(test)]
#[path = "tests/conformance.rs"]
mod conformance;
mod error;
mod event;
mod outcome;
mod request;
pub mod sandbox;
mod signature;
pub mod stripe;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde_json::Value;

pub use error::{Error, Result};
pub use event::{Event, EventError, EventKind};
pub use outcome::{
    ChargeOutcome, ChargeState, Decline, Method, RefundOutcome, RefundState, SetupOutcome, SetupState,
};
pub use request::{Address, ChargeRequest, CustomerRequest, RefundRequest, SetupRequest, Source};

/// Somebody who moves money. Keys have at most 255 characters.
#[async_trait]
pub trait Processor: fmt::Debug + Send + Sync {
    /// What the processor is called in settings and records: `sandbox`, `stripe`.
    fn name(&self) -> &'static str;

    /// The least that can be charged, in minor units. What is less is refused before the processor is asked, or waived.
    fn minimum_cents(&self, currency: &str) -> i64;

    /// How many questions should be put to it at once by one who has many.
    fn at_once(&self) -> usize {
        32
    }

    /// What it calls the customer with this reference, where it goes by that and has nothing else to know of them. Then
    /// [`ensure_customer`](Self::ensure_customer) says the same, and they can be called so before it was ever asked.
    fn customer_id(&self, _reference: &str) -> Option<String> {
        None
    }

    /// Makes a customer, or brings an existing one up to date, and returns its id. One that is no more is made anew.
    async fn ensure_customer(&self, request: &CustomerRequest, key: &str) -> Result<String>;

    /// Makes a charge and confirms it.
    async fn charge(&self, request: &ChargeRequest, key: &str) -> Result<ChargeOutcome>;

    /// Saves a payment method for charges that are made later without the customer; no money moves.
    async fn set_up(&self, request: &SetupRequest, key: &str) -> Result<SetupOutcome>;

    /// How a charge stands now, by its intent.
    async fn retrieve(&self, intent_id: &str) -> Result<ChargeOutcome>;

    /// How a set-up stands now, by its intent.
    async fn retrieve_setup(&self, intent_id: &str) -> Result<SetupOutcome>;

    /// The charge with this reference, if one was ever made. For attempts whose answer never arrived and whose key the
    /// processor may have forgotten: before a day is over, repeat the call with its key instead. Of several, one that
    /// took or may take money is told.
    async fn find_charge(&self, reference: &str) -> Result<Option<ChargeOutcome>>;

    /// Gives a charge up that waits for the customer, and says how it stands then. What is paid already stays paid.
    async fn cancel(&self, intent_id: &str, key: &str) -> Result<ChargeOutcome>;

    /// Gives back all or a part of a charge.
    async fn refund(&self, request: &RefundRequest, key: &str) -> Result<RefundOutcome>;

    /// The refund of a charge with this reference, if one was ever made. For refunds whose answer never arrived and whose
    /// key the processor may have forgotten, as [`Processor::find_charge`].
    async fn find_refund(&self, intent_id: &str, reference: &str) -> Result<Option<RefundOutcome>>;

    /// How a refund stands now.
    async fn retrieve_refund(&self, refund_id: &str) -> Result<RefundOutcome>;

    /// The saved cards of a customer, at most a hundred, the newest first. A customer that is no more has none.
    async fn list_methods(&self, customer_id: &str) -> Result<Vec<Method>>;

    /// What the processor's form in a browser shows the saved cards of a customer with, and pays with them, for half an hour
    /// or so: a secret that is told to that customer alone. None if it has no such form.
    async fn saved_cards_secret(&self, _customer_id: &str, _key: &str) -> Result<Option<String>> {
        Ok(None)
    }

    /// Forgets a saved method. It may be forgotten already.
    async fn detach(&self, method_id: &str) -> Result<()>;

    /// What a checkout page needs to know to show the form: `processor`, `publishable_key` and the like. Not secret.
    fn browser(&self) -> Value;

    /// The events in a message that arrived at the webhook's address, if it was signed by the processor and not long
    /// ago. Types that mean nothing to us are [`EventKind::Ignored`].
    fn read_event(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> std::result::Result<Vec<Event>, EventError>;

    /// This processor, if it is the sandbox, whose pages and events are ours.
    fn as_sandbox(self: Arc<Self>) -> Option<Arc<sandbox::Sandbox>>;
}
