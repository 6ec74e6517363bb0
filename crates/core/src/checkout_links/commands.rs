//! What changes checkout links.

use merak_store::{ReadTx, Tx};

use super::{CheckoutLink, PaymentProcessor, queries};
use crate::access::Tenancy;
use crate::discounts::{self, Discount};
use crate::kit::{Id, Metadata, Patch, Refusal, Result, Token, TokenKind, WebUrl, at};
use crate::products::{self, Price, Product};

/// What a new link sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sold {
    /// A product, at the price that each use chooses.
    Product(Id<Product>),
    /// A product at this price.
    Price(Id<Price>),
}

/// A new checkout link.
#[derive(Clone, Debug)]
pub struct CreateCheckoutLink {
    /// What it sells.
    pub sold: Sold,
    /// Who takes the money.
    pub payment_processor: PaymentProcessor,
    /// See [`CheckoutLink::label`].
    pub label: Option<String>,
    /// See [`CheckoutLink::allow_discount_codes`].
    pub allow_discount_codes: bool,
    /// See [`CheckoutLink::discount_id`].
    pub discount_id: Option<Id<Discount>>,
    /// See [`CheckoutLink::success_url`].
    pub success_url: Option<WebUrl>,
    /// See [`CheckoutLink::metadata`].
    pub metadata: Metadata,
}

/// Makes a link to something that the caller sells.
pub fn create(tx: &mut Tx<'_>, tenancy: &Tenancy, command: &CreateCheckoutLink) -> Result<CheckoutLink> {
    let (product, product_price_id) = match command.sold {
        Sold::Product(id) => (require_product(tx, tenancy, id)?, None),
        Sold::Price(id) => (require_price(tx, tenancy, id)?, Some(id)),
    };
    if let Some(id) = command.discount_id {
        require_discount(tx, id, &product)?;
    }
    let link = CheckoutLink {
        id: Id::new(tx),
        organization_id: product.organization_id,
        product_id: product.id,
        product_price_id,
        discount_id: command.discount_id,
        payment_processor: command.payment_processor,
        client_secret: Token::generate(TokenKind::CheckoutLink, |bytes| tx.fill(bytes)).into_string(),
        label: command.label.clone(),
        success_url: command.success_url.clone(),
        allow_discount_codes: command.allow_discount_codes,
        metadata: command.metadata.clone(),
        created_at: tx.now(),
        modified_at: None,
        deleted_at: None,
    };
    tx.insert(&link)?;
    count(tx, &link, 1)?;
    Ok(link)
}

/// A change of a checkout link. Absent members stay as they are; null clears where there is something to clear.
#[derive(Clone, Debug, Default)]
pub struct UpdateCheckoutLink {
    /// See [`CheckoutLink::product_price_id`]; of the same product.
    pub product_price_id: Patch<Id<Price>>,
    /// See [`CheckoutLink::discount_id`].
    pub discount_id: Patch<Id<Discount>>,
    /// See [`CheckoutLink::label`].
    pub label: Patch<String>,
    /// See [`CheckoutLink::success_url`].
    pub success_url: Patch<WebUrl>,
    /// See [`CheckoutLink::allow_discount_codes`].
    pub allow_discount_codes: Option<bool>,
    /// Replaced as a whole.
    pub metadata: Option<Metadata>,
}

impl UpdateCheckoutLink {
    fn is_empty(&self) -> bool {
        self.product_price_id.is_absent()
            && self.discount_id.is_absent()
            && self.label.is_absent()
            && self.success_url.is_absent()
            && self.allow_discount_codes.is_none()
            && self.metadata.is_none()
    }
}

/// Changes a link the caller may see.
pub fn update(
    tx: &mut Tx<'_>,
    tenancy: &Tenancy,
    id: Id<CheckoutLink>,
    command: &UpdateCheckoutLink,
) -> Result<CheckoutLink> {
    let mut link = queries::get(tx, tenancy, id)?;
    if command.is_empty() {
        return Ok(link);
    }
    if let Patch::Value(id) = command.product_price_id {
        let product = require_price(tx, tenancy, id)?;
        if product.id != link.product_id {
            return Err(unknown_price(id));
        }
    }
    if let Patch::Value(id) = command.discount_id {
        let product = products::find(tx, link.product_id)?.ok_or_else(Refusal::not_found)?;
        require_discount(tx, id, &product)?;
    }
    command.product_price_id.apply(&mut link.product_price_id);
    command.discount_id.apply(&mut link.discount_id);
    command.label.clone().apply(&mut link.label);
    command.success_url.clone().apply(&mut link.success_url);
    link.allow_discount_codes = command.allow_discount_codes.unwrap_or(link.allow_discount_codes);
    if let Some(metadata) = &command.metadata {
        link.metadata = metadata.clone();
    }
    link.modified_at = Some(tx.now());
    tx.changed_one(
        "UPDATE checkout_links SET product_price_id = $2, discount_id = $3, label = $4, success_url = $5, \
         allow_discount_codes = $6, metadata = $7, modified_at = $8 WHERE id = $1",
        &[
            &link.id,
            &link.product_price_id,
            &link.discount_id,
            &link.label,
            &link.success_url,
            &link.allow_discount_codes,
            &link.metadata,
            &link.modified_at,
        ],
    )?;
    Ok(link)
}

/// Deletes a link the caller may see; it opens nothing any more.
pub fn delete(tx: &mut Tx<'_>, tenancy: &Tenancy, id: Id<CheckoutLink>) -> Result<()> {
    let link = queries::get(tx, tenancy, id)?;
    let now = tx.now();
    tx.changed_one(
        "UPDATE checkout_links SET deleted_at = $2, modified_at = $2 WHERE id = $1",
        &[&id, &now],
    )?;
    count(tx, &link, -1)
}

/// The product, if the caller sells it.
fn require_product(tx: &mut ReadTx<'_>, tenancy: &Tenancy, id: Id<Product>) -> Result<Product> {
    let product = products::find(tx, id)?.filter(|product| is_sold(product, tenancy));
    product.ok_or_else(|| {
        let place = at("body").field("product_id");
        Refusal::invalid(place.value_error("This is not a product that you sell.", id.to_string()))
    })
}

/// The product of the price, if the caller sells it at this price.
fn require_price(tx: &mut ReadTx<'_>, tenancy: &Tenancy, id: Id<Price>) -> Result<Product> {
    let product = match products::find_price(tx, id)?.filter(|price| !price.is_archived) {
        Some(price) => products::find(tx, price.product_id)?.filter(|product| is_sold(product, tenancy)),
        None => None,
    };
    product.ok_or_else(|| unknown_price(id))
}

fn is_sold(product: &Product, tenancy: &Tenancy) -> bool {
    !product.is_archived && tenancy.contains(product.organization_id)
}

fn unknown_price(id: Id<Price>) -> Refusal {
    let place = at("body").field("product_price_id");
    Refusal::invalid(place.value_error("The product is not sold at this price.", id.to_string()))
}

fn require_discount(tx: &mut ReadTx<'_>, id: Id<Discount>, product: &Product) -> Result<()> {
    if discounts::is_for_product(tx, id, product)? {
        return Ok(());
    }
    let place = at("body").field("discount_id");
    Err(Refusal::invalid(place.value_error("This is not a discount for the product.", id.to_string())))
}

/// Keeps the totals of the lists that this link is in.
pub(super) fn count(tx: &mut Tx<'_>, link: &CheckoutLink, change: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO checkout_link_counts (organization_id, checkout_links) VALUES ($1, 0) \
         ON CONFLICT (organization_id) DO NOTHING",
        &[&link.organization_id],
    )?;
    tx.changed_one(
        "UPDATE checkout_link_counts SET checkout_links = checkout_links + $2 WHERE organization_id = $1",
        &[&link.organization_id, &change],
    )?;
    tx.execute(
        "INSERT INTO product_link_counts (product_id, checkout_links) VALUES ($1, 0) \
         ON CONFLICT (product_id) DO NOTHING",
        &[&link.product_id],
    )?;
    Ok(tx.changed_one(
        "UPDATE product_link_counts SET checkout_links = checkout_links + $2 WHERE product_id = $1",
        &[&link.product_id, &change],
    )?)
}
