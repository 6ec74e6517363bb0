//! Checkouts: a buyer's way from choosing to having.
//!
//! ```text
//!             create
//!               │
//!   update ──► open ──(time is up)──► expired
//!               │ confirm
//!               ▼
//!           confirmed ──(paid, or nothing to pay)──► succeeded
//!               └───────(the payment failed later)─► failed
//! ```
//!
//! While a confirmation waits for the processor, the checkout still shows as open, and `confirming_payment_id` holds
//! its place: nobody can change it or confirm it again. A payment that is declined gives the place back.
//!
//! # Amounts
//!
//! | Member | Is |
//! | --- | --- |
//! | `amount` | the price, as it stands on the product or as the buyer chose it |
//! | `discount_amount` | what the discount takes off it; only fixed prices are reduced |
//! | [`subtotal`](Checkout::subtotal) | what the seller gets: the amount less discount, and less the tax if the price holds it already |
//! | `tax_amount` | the tax |
//! | [`total`](Checkout::total) | what the buyer pays: subtotal and tax |
//!
//! So where prices hold their tax, the buyer pays the amount less discount, whatever the rate, and the subtotal gives
//! way. Elsewhere the subtotal is the amount less discount, and the tax comes on top. Total is subtotal and tax in
//! both cases.

pub(crate) mod complete;
pub mod confirm;
mod create;
mod expire;
mod geography;
mod queries;
mod success_url;
mod terms;
mod totals;
mod update;

use merak_store::{Json, Timestamp, Tx, row};
use serde_json::json;

pub use self::create::{
    CreateByBuyer, CreateCheckout, CreateLegacy, Visit, create, create_by_buyer, create_by_link,
    create_legacy,
};
pub use self::expire::{expire, purge};
pub use self::geography::{Geography, Means};
pub(crate) use self::queries::sold_to;
pub use self::queries::{
    CompleteCheckout, ListCheckouts, PublicCheckout, complete, complete_one, find_by_client_secret, get,
    get_legacy, list, public,
};
pub use self::success_url::success_url;
pub use self::terms::{Terms, missing_answers, terms};
pub use self::totals::totals;
pub(crate) use self::update::fill_in;
pub use self::update::{
    ClientUpdate, UpdateCheckout, apply_client_update, seen_by, update, update_by_client,
};

use crate::billing::Payment;
use crate::customers::Customer;
use crate::discounts::Discount;
use crate::events::{self, EventType};
use crate::kit::{
    Address, Cents, Currency, Email, Id, Kind, Metadata, Refuses, Result, TaxId, WebUrl, sort_properties,
    text_enum,
};
use crate::organizations::Organization;
use crate::products::{Price, Product};
use crate::streams::{self, Channel};
use crate::subscriptions::Subscription;

text_enum! {
    /// How far a checkout has come.
    #[derive(Default)]
    pub enum CheckoutStatus {
        /// The buyer can fill it in.
        #[default]
        Open = "open",
        /// Its time was up.
        Expired = "expired",
        /// The buyer has confirmed it; the payment is on its way.
        Confirmed = "confirmed",
        /// The buyer has what was sold.
        Succeeded = "succeeded",
        /// The payment failed after all.
        Failed = "failed",
    }
}

row! {
    /// One checkout.
    #[derive(Clone, Debug)]
    pub struct Checkout in "checkouts" {
        /// The checkout's id.
        pub id: Id<Checkout>,
        /// Who sells.
        pub organization_id: Id<Organization>,
        /// What lets a browser see and fill it.
        pub client_secret: String,
        /// How far it has come.
        pub status: CheckoutStatus,
        /// Until when it is open, by the organization's clock.
        pub expires_at: Timestamp,
        /// The payment that a confirmation under way waits for.
        pub confirming_payment_id: Option<Id<Payment>>,
        /// Where the buyer goes then; none is our own page.
        pub success_url: Option<WebUrl>,
        /// The origin of the page that it is embedded in.
        pub embed_origin: Option<String>,
        /// What is sold.
        pub product_id: Id<Product>,
        /// At which price.
        pub product_price_id: Id<Price>,
        /// What it costs, before discount and tax; none if the price is free.
        pub amount: Option<Cents>,
        /// In which currency; none if the price is free.
        pub currency: Option<Currency>,
        /// The discount, which may have ended by now.
        pub discount_id: Option<Id<Discount>>,
        /// What the discount takes off.
        pub discount_amount: Cents,
        /// The tax; none as long as it cannot be computed.
        pub tax_amount: Option<Cents>,
        /// How the tax came about, for the invoice.
        pub tax: Option<Json>,
        /// Whether the amount holds the tax already.
        pub is_tax_inclusive: bool,
        /// Whether the buyer can type the code of a discount.
        pub allow_discount_codes: bool,
        /// Who buys, once that is known.
        pub customer_id: Option<Id<Customer>>,
        /// The buyer's name.
        pub customer_name: Option<String>,
        /// The buyer's address for mail.
        pub customer_email: Option<Email>,
        /// Where the buyer's browser called from.
        pub customer_ip_address: Option<String>,
        /// Where the buyer is billed.
        pub customer_billing_address: Option<Address>,
        /// The buyer's tax number.
        pub customer_tax_id: Option<TaxId>,
        /// The seller's own notes, which the order and the subscription get a copy of.
        pub metadata: Metadata,
        /// Notes that the customer gets a copy of.
        pub customer_metadata: Metadata,
        /// What the buyer answered to the product's custom fields, by slug: an object.
        pub custom_field_data: Json,
        /// The free subscription that it turns into a paid one.
        pub subscription_id: Option<Id<Subscription>>,
        /// What the browser needs to know of the processor: an object.
        pub payment_processor_metadata: Json,
        /// Whether it is known who buys: the seller has named the customer, or the person was signed in. Else an address was
        /// typed, which may be anybody's.
        pub is_buyer_known: bool,
        /// Whether it was the seller who named the page that it is embedded in.
        pub is_embedder_known: bool,
        /// Whether it was made by the operations that came before.
        pub is_legacy: bool,
        /// When it was made, by the organization's clock.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
    }
}

sort_properties! {
    /// What a list of checkouts can be sorted by.
    pub enum CheckoutSort {
        /// When the checkout was made.
        CreatedAt = "created_at" => "checkouts.created_at",
        /// Until when it is open.
        ExpiresAt = "expires_at" => "checkouts.expires_at",
    }
}

/// For how long a checkout is open, in seconds.
pub const LIFETIME: i64 = 30 * 60;

/// Why a checkout cannot be changed or confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It has left its open state.
    #[error("Checkout {id} is not open: it is {status}.")]
    NotOpen {
        /// The checkout.
        id: Id<Checkout>,
        /// How far it has come.
        status: CheckoutStatus,
    },
    /// A confirmation of it is under way.
    #[error("Checkout {id} is not open: it is being confirmed.")]
    Confirming {
        /// The checkout.
        id: Id<Checkout>,
    },
}

impl Refuses for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NotOpen { .. } | Self::Confirming { .. } => Kind::CheckoutNotOpen,
        }
    }
}

impl Checkout {
    /// The amount less discount, without tax; none if the price is free.
    pub fn subtotal(&self) -> Option<Cents> {
        let held = if self.is_tax_inclusive { self.tax_amount.unwrap_or_default().get() } else { 0 };
        self.amount.map(|amount| Cents::new(amount.get() - self.discount_amount.get() - held))
    }

    /// What is to be paid, with as much tax as is known; none if the price is free.
    pub fn total(&self) -> Option<Cents> {
        let tax = self.tax_amount.unwrap_or_default();
        self.subtotal().map(|subtotal| Cents::new(subtotal.get() + tax.get()))
    }

    /// Whether anything is to be paid.
    pub fn is_payment_required(&self) -> bool {
        self.total().is_some_and(|total| total.get() > 0)
    }

    /// Refuses unless it can be changed and confirmed.
    pub fn require_open(&self) -> Result<()> {
        if self.status != CheckoutStatus::Open {
            return Err(Error::NotOpen { id: self.id, status: self.status }.into());
        }
        if self.confirming_payment_id.is_some() {
            return Err(Error::Confirming { id: self.id }.into());
        }
        Ok(())
    }

    /// The checkout as it is at this instant of its organization: nobody writes down at once that its time is up.
    #[must_use]
    pub(crate) fn seen_at(mut self, now: Timestamp) -> Self {
        let is_idle = self.status == CheckoutStatus::Open && self.confirming_payment_id.is_none();
        if is_idle && self.expires_at <= now {
            self.status = CheckoutStatus::Expired;
        }
        self
    }
}

/// Writes what was changed of an open checkout, and tells those who listen and the seller's programs.
pub fn change(tx: &mut Tx<'_>, checkout: &mut Checkout) -> Result<()> {
    checkout.modified_at = Some(tx.now());
    save(tx, checkout)?;
    tell(tx, checkout)
}

/// Writes how far a checkout has come, and tells of it.
pub(crate) fn advance(tx: &mut Tx<'_>, checkout: &mut Checkout) -> Result<()> {
    checkout.modified_at = Some(tx.now());
    save_standing(tx, checkout)?;
    tell(tx, checkout)
}

/// Tells those who listen and the seller's programs how a checkout is now.
pub(crate) fn tell(tx: &mut Tx<'_>, checkout: &Checkout) -> Result<()> {
    let channel = Channel::Checkout(checkout.id.uuid());
    let payload = json!({"status": checkout.status});
    streams::publish(tx, &channel, "checkout.updated", &payload)?;
    // A page may wait until the seller's programs have heard of it. None listens, so there is nothing to wait for.
    streams::publish(tx, &channel, "checkout.webhook_event_delivered", &payload)?;
    events::emit(tx, checkout.organization_id, EventType::CheckoutUpdated, checkout.id.uuid())
}

/// Writes everything of a checkout that can be changed while it is open. No index has any of it: SQLite rewrites the
/// entries of each that has a column which an update names.
pub(crate) fn save(tx: &mut Tx<'_>, checkout: &Checkout) -> Result<()> {
    tx.changed_one(
        "UPDATE checkouts SET confirming_payment_id = $2, success_url = $3, embed_origin = $4, product_price_id = $5, \
         amount = $6, currency = $7, discount_id = $8, discount_amount = $9, tax_amount = $10, tax = $11, \
         allow_discount_codes = $12, customer_name = $13, customer_email = $14, customer_ip_address = $15, \
         customer_billing_address = $16, customer_tax_id = $17, metadata = $18, customer_metadata = $19, \
         custom_field_data = $20, modified_at = $21, is_tax_inclusive = $22, is_buyer_known = $23, \
         is_embedder_known = $24 WHERE id = $1",
        &[
            &checkout.id,
            &checkout.confirming_payment_id,
            &checkout.success_url,
            &checkout.embed_origin,
            &checkout.product_price_id,
            &checkout.amount,
            &checkout.currency,
            &checkout.discount_id,
            &checkout.discount_amount,
            &checkout.tax_amount,
            &checkout.tax,
            &checkout.allow_discount_codes,
            &checkout.customer_name,
            &checkout.customer_email,
            &checkout.customer_ip_address,
            &checkout.customer_billing_address,
            &checkout.customer_tax_id,
            &checkout.metadata,
            &checkout.customer_metadata,
            &checkout.custom_field_data,
            &checkout.modified_at,
            &checkout.is_tax_inclusive,
            &checkout.is_buyer_known,
            &checkout.is_embedder_known,
        ],
    )?;
    Ok(())
}

/// Writes how far a checkout has come, and for whom.
pub(crate) fn save_standing(tx: &mut Tx<'_>, checkout: &Checkout) -> Result<()> {
    tx.changed_one(
        "UPDATE checkouts SET status = $2, confirming_payment_id = $3, customer_id = $4, \
         payment_processor_metadata = $5, modified_at = $6 WHERE id = $1",
        &[
            &checkout.id,
            &checkout.status,
            &checkout.confirming_payment_id,
            &checkout.customer_id,
            &checkout.payment_processor_metadata,
            &checkout.modified_at,
        ],
    )?;
    Ok(())
}
