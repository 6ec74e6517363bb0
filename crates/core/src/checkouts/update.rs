//! Changes of an open checkout, by its seller and by its buyer.

use std::net::IpAddr;

use merak_store::{Json, ReadTx, Tx};

use super::create::refused_price;
use super::terms::{
    discount_by_code, discount_by_id, require_amount, require_answers, require_tax_id, tidied, within,
};
use super::{Checkout, Means, Terms, change, queries, terms, totals};
use crate::access::Tenancy;
use crate::custom_fields::rules::Answers;
use crate::customers::{self, Customer};
use crate::discounts::Discount;
use crate::kit::{Address, Cents, Email, Id, Metadata, Patch, Refusal, Result, TaxId, WebUrl};
use crate::products::{self, AmountType, Price};

/// What a buyer can change. Null takes away where [`Patch`] can say so, and elsewhere changes nothing.
#[derive(Clone, Debug, Default)]
pub struct ClientUpdate {
    /// Another current price of the same product.
    pub product_price_id: Option<Id<Price>>,
    /// How much to pay at a price at choice; means nothing at others.
    pub amount: Option<Cents>,
    /// See [`Checkout::customer_name`].
    pub customer_name: Patch<String>,
    /// See [`Checkout::customer_email`]. It stays if it is known who buys.
    pub customer_email: Patch<Email>,
    /// Replaced as a whole. The tax number that is there must be one of the new country as well.
    pub customer_billing_address: Option<Address>,
    /// The tax number as it was typed.
    pub customer_tax_id: Patch<String>,
    /// The answers, replaced as a whole; none at all change nothing.
    pub custom_field_data: Option<Answers>,
    /// The code of a discount. It means nothing where codes are not allowed; null takes any discount away.
    pub discount_code: Patch<String>,
}

/// What a seller can change. Absent members stay as they are.
#[derive(Clone, Debug, Default)]
pub struct UpdateCheckout {
    /// What the buyer can change, too.
    pub by_buyer: ClientUpdate,
    /// See [`Checkout::discount_id`].
    pub discount_id: Patch<Id<Discount>>,
    /// See [`Checkout::allow_discount_codes`].
    pub allow_discount_codes: Option<bool>,
    /// See [`Checkout::customer_ip_address`].
    pub customer_ip_address: Patch<IpAddr>,
    /// Replaced as a whole.
    pub metadata: Option<Metadata>,
    /// Replaced as a whole.
    pub customer_metadata: Option<Metadata>,
    /// See [`Checkout::success_url`].
    pub success_url: Patch<WebUrl>,
    /// See [`Checkout::embed_origin`].
    pub embed_origin: Patch<String>,
}

/// Changes an open checkout that the caller may see.
pub fn update(
    tx: &mut Tx<'_>,
    tenancy: &Tenancy,
    id: Id<Checkout>,
    command: &UpdateCheckout,
    means: &Means<'_>,
) -> Result<Checkout> {
    let mut checkout = queries::get(tx, tenancy, id)?;
    checkout.require_open()?;
    let terms = apply(tx, &mut checkout, &command.by_buyer, &command.discount_id)?;
    // With the address of the network that is there already; a new one counts from the next change.
    means.locate(&mut checkout);
    command.customer_ip_address.map(|address| address.to_string()).apply(&mut checkout.customer_ip_address);
    command.success_url.clone().apply(&mut checkout.success_url);
    checkout.is_embedder_known |= !command.embed_origin.is_absent();
    command.embed_origin.clone().apply(&mut checkout.embed_origin);
    checkout.allow_discount_codes = command.allow_discount_codes.unwrap_or(checkout.allow_discount_codes);
    if let Some(metadata) = &command.metadata {
        checkout.metadata = metadata.clone();
    }
    if let Some(metadata) = &command.customer_metadata {
        checkout.customer_metadata = metadata.clone();
    }
    recompute(tx, checkout, &terms, means)
}

/// Changes the open checkout with this secret.
pub fn update_by_client(
    tx: &mut Tx<'_>,
    client_secret: &str,
    command: &ClientUpdate,
    means: &Means<'_>,
) -> Result<Checkout> {
    let mut checkout = queries::find_by_client_secret(tx, client_secret)?;
    checkout.require_open()?;
    let terms = apply_client_update(tx, &mut checkout, command)?;
    means.locate(&mut checkout);
    recompute(tx, checkout, &terms, means)
}

/// An open checkout as it is for a customer who has shown who they are and is about to pay it with a saved card: see
/// `fill_in`. Writes nothing: until it is paid, others may know its secret.
pub fn seen_by(
    tx: &mut ReadTx<'_>,
    mut checkout: Checkout,
    customer_id: Id<Customer>,
    means: &Means<'_>,
) -> Result<Checkout> {
    let customer = customers::find(tx, customer_id)?.ok_or_else(Refusal::not_found)?;
    let terms = terms(tx, &checkout)?;
    fill_in(&mut checkout, &customer);
    let _ = totals(&mut checkout, &terms, means.taxes);
    Ok(checkout)
}

/// Puts into a checkout what is not said of its buyer and is known of this customer. Their address for mail goes over any
/// other.
pub(crate) fn fill_in(checkout: &mut Checkout, customer: &Customer) {
    checkout.customer_email = Some(customer.email.clone());
    checkout.customer_name = checkout.customer_name.take().or_else(|| customer.name.clone());
    let said = checkout.customer_billing_address.take();
    checkout.customer_billing_address = match (said, customer.billing_address.clone()) {
        (Some(said), Some(known)) if said == Address::in_country(known.country) => Some(known),
        (Some(said), _) => Some(said),
        (None, known) => known,
    };
    if checkout.customer_tax_id.is_none()
        && let Some(TaxId(number, _)) = &customer.tax_id
    {
        // One of another country than the one that was typed says nothing.
        checkout.customer_tax_id = require_tax_id(number, checkout.customer_billing_address.as_ref()).ok();
    }
}

/// Puts a buyer's changes into an open checkout and answers its terms, so that [`totals`] can be computed anew. Writes
/// nothing.
pub fn apply_client_update(
    tx: &mut ReadTx<'_>,
    checkout: &mut Checkout,
    command: &ClientUpdate,
) -> Result<Terms> {
    apply(tx, checkout, command, &Patch::Absent)
}

fn recompute(tx: &mut Tx<'_>, mut checkout: Checkout, terms: &Terms, means: &Means<'_>) -> Result<Checkout> {
    // A tax that cannot be told yet is asked for again at each change, and must be known at the confirmation.
    let _ = totals(&mut checkout, terms, means.taxes);
    change(tx, &mut checkout)?;
    Ok(checkout)
}

/// Both kinds of changes, in the order in which they depend on each other.
fn apply(
    tx: &mut ReadTx<'_>,
    checkout: &mut Checkout,
    command: &ClientUpdate,
    discount_id: &Patch<Id<Discount>>,
) -> Result<Terms> {
    let mut terms = terms(tx, checkout)?;
    if let Some(id) = command.product_price_id {
        take_price(checkout, &mut terms, require_price(tx, checkout, id)?);
    }
    if let Some(amount) = command.amount {
        require_amount(&terms.price, amount)?;
        if terms.price.amount_type == AmountType::Custom {
            checkout.amount = Some(amount);
        }
    }
    match discount_id {
        Patch::Absent => {}
        Patch::Null => terms.discount = None,
        Patch::Value(id) => terms.discount = Some(discount_by_id(tx, &terms.product, &terms.price, *id)?),
    }
    match &command.discount_code {
        Patch::Null if checkout.allow_discount_codes => terms.discount = None,
        Patch::Value(code) if checkout.allow_discount_codes => {
            terms.discount = Some(discount_by_code(tx, &terms.product, &terms.price, code)?);
        }
        Patch::Absent | Patch::Null | Patch::Value(_) => {}
    }
    checkout.discount_id = terms.discount.as_ref().map(|discount| discount.id);
    let country = checkout.customer_billing_address.as_ref().map(|address| address.country);
    if let Some(address) = &command.customer_billing_address {
        checkout.customer_billing_address = Some(tidied(address.clone()));
    }
    let address = checkout.customer_billing_address.as_ref();
    let is_moved = address.map(|address| address.country) != country;
    checkout.customer_tax_id = match (&command.customer_tax_id, checkout.customer_tax_id.take()) {
        (Patch::Null, _) | (Patch::Absent, None) => None,
        (Patch::Value(number), _) => Some(require_tax_id(number, address)?),
        (Patch::Absent, Some(TaxId(number, _))) if is_moved => Some(require_tax_id(&number, address)?),
        (Patch::Absent, kept) => kept,
    };
    if let Some(answers) = command.custom_field_data.as_ref().filter(|answers| !answers.is_empty()) {
        let answers = require_answers(tx, checkout.product_id, answers)?;
        checkout.custom_field_data = Json::new(&answers)?;
    }
    if checkout.customer_id.is_none() {
        command.customer_email.clone().apply(&mut checkout.customer_email);
    }
    command.customer_name.clone().apply(&mut checkout.customer_name);
    Ok(terms)
}

/// Another current price of what the checkout sells.
fn require_price(tx: &mut ReadTx<'_>, checkout: &Checkout, id: Id<Price>) -> Result<Price> {
    let unknown = || refused_price(id, "Price does not exist.");
    let price = products::find_price(tx, id)?.ok_or_else(unknown)?;
    if price.product_id != checkout.product_id {
        let product = products::find(tx, price.product_id)?;
        let is_own = product.is_some_and(|product| product.organization_id == checkout.organization_id);
        return Err(if is_own {
            refused_price(id, "Price does not belong to the product.")
        } else {
            unknown()
        });
    }
    if price.is_archived {
        return Err(refused_price(id, "Price is archived."));
    }
    Ok(price)
}

/// A price at choice keeps what the buyer was to pay, as far as its bounds allow.
fn take_price(checkout: &mut Checkout, terms: &mut Terms, price: Price) {
    checkout.product_price_id = price.id;
    checkout.currency = price.price_currency;
    checkout.amount = match price.amount_type {
        AmountType::Free => None,
        AmountType::Fixed => price.price_amount,
        AmountType::Custom => checkout.amount.map(|amount| within(&price, amount)),
    };
    terms.price = price;
}
