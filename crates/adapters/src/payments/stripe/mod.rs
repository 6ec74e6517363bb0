//! Stripe, by its REST interface.
//!
//! The buyer's browser gives the card to Stripe and gets a confirmation token, with which a payment intent is created
//! and confirmed in one call. Stripe forgets keys after a day at the earliest; what is older is found by its reference,
//! which stands in the metadata of everything that is made here.

mod answers;
mod calls;
mod events;
mod processor;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use url::Url;

use self::calls::Calls;
use super::signature::Signer;
use super::{Event, EventError};
use crate::http::ClientError;

/// What Stripe is called in settings and records.
pub const NAME: &str = "stripe";

/// The header of the signature of an event.
const SIGNATURE_HEADER: &str = "stripe-signature";

/// Where Stripe is and as whom it is called.
#[derive(Clone)]
pub struct Options {
    /// The address of its API, `https://api.stripe.com`.
    pub url: Url,
    /// The secret key of the account.
    pub secret_key: String,
    /// The key that pages may know.
    pub publishable_key: String,
    /// The secret of the webhook that Stripe tells events to.
    pub webhook_secret: String,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("url", &self.url.as_str())
            .field("publishable_key", &self.publishable_key)
            .finish_non_exhaustive()
    }
}

/// Stripe.
#[derive(Clone, Debug)]
pub struct Stripe {
    calls: Calls,
    publishable_key: String,
    signer: Signer,
}

impl Stripe {
    /// Stripe with these options. Nobody is called yet.
    pub fn new(options: Options) -> Result<Self, ClientError> {
        Ok(Self {
            signer: Signer::new(options.webhook_secret.as_bytes()),
            publishable_key: options.publishable_key,
            calls: Calls::new(options.url, &options.secret_key)?,
        })
    }

    fn read(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Event, EventError> {
        let header = headers.get(SIGNATURE_HEADER).ok_or(EventError::BadSignature)?;
        self.signer.verify(header.as_bytes(), body, now)?;
        events::read(body).ok_or(EventError::BadPayload)
    }
}
