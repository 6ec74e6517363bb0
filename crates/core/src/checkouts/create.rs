//! The four ways in which a checkout begins: a seller's program, a buyer's browser, a checkout link, and the operation
//! that was there before.

use std::net::IpAddr;

use merak_store::{Json, ReadTx, Tx};

use super::terms::{
    discount_by_id, first_amount, require_amount, require_answers, require_tax_id, tidied, usable,
};
use super::{Checkout, CheckoutStatus, LIFETIME, Means, Terms, totals};
use crate::access::Tenancy;
use crate::checkout_links::{self, Sold};
use crate::clock;
use crate::custom_fields::rules::Answers;
use crate::customers::{self, Customer};
use crate::discounts::Discount;
use crate::events::{self, EventType};
use crate::kit::{Address, Cents, Email, Id, Metadata, Refusal, Result, Token, TokenKind, WebUrl, at};
use crate::organizations::{self, Organization};
use crate::products::{self, Price, Product};
use crate::subscriptions::Subscription;
use crate::users::User;

/// A checkout that a seller's program begins.
#[derive(Clone, Debug)]
pub struct CreateCheckout {
    /// What it sells; a product at its oldest current price.
    pub sold: Sold,
    /// See [`Checkout::discount_id`].
    pub discount_id: Option<Id<Discount>>,
    /// See [`Checkout::allow_discount_codes`].
    pub allow_discount_codes: bool,
    /// How much the buyer is to pay at a price at choice; means nothing at others.
    pub amount: Option<Cents>,
    /// Who buys. What is not said about the buyer is taken from the customer.
    pub customer_id: Option<Id<Customer>>,
    /// See [`Checkout::customer_name`].
    pub customer_name: Option<String>,
    /// See [`Checkout::customer_email`].
    pub customer_email: Option<Email>,
    /// See [`Checkout::customer_ip_address`].
    pub customer_ip_address: Option<IpAddr>,
    /// See [`Checkout::customer_billing_address`].
    pub customer_billing_address: Option<Address>,
    /// The buyer's tax number as it was typed; needs a billing address.
    pub customer_tax_id: Option<String>,
    /// See [`Checkout::metadata`].
    pub metadata: Metadata,
    /// See [`Checkout::customer_metadata`].
    pub customer_metadata: Metadata,
    /// The buyer's answers. None at all are asked for later, at the confirmation.
    pub custom_field_data: Answers,
    /// The free subscription to turn into a paid one, whose customer then buys.
    pub subscription_id: Option<Id<Subscription>>,
    /// See [`Checkout::success_url`].
    pub success_url: Option<WebUrl>,
    /// See [`Checkout::embed_origin`].
    pub embed_origin: Option<String>,
}

/// Begins a checkout of something that the caller sells.
pub fn create(
    tx: &mut Tx<'_>,
    tenancy: &Tenancy,
    command: &CreateCheckout,
    means: &Means<'_>,
) -> Result<Checkout> {
    let mut terms = match command.sold {
        Sold::Product(id) => terms_of_product(tx, tenancy, id)?,
        Sold::Price(id) => terms_of_price(tx, id, |owner| tenancy.contains(owner))?,
    };
    if organization(tx, &terms.product)?.blocked_at.is_some() {
        return Err(Refusal::not_permitted("This organization cannot sell anything at the moment."));
    }
    if let Some(amount) = command.amount {
        require_amount(&terms.price, amount)?;
    }
    if let Some(id) = command.discount_id {
        terms.discount = Some(discount_by_id(tx, &terms.product, &terms.price, id)?);
    }
    let address = command.customer_billing_address.clone().map(tidied);
    let tax_id = match &command.customer_tax_id {
        Some(number) => Some(require_tax_id(number, address.as_ref())?),
        None => None,
    };
    let customer = match (command.subscription_id, command.customer_id) {
        (Some(id), _) => Some(customer_of_subscription(tx, &terms.product, id)?),
        (None, Some(id)) => Some(require_customer(tx, &terms.product, id)?),
        (None, None) => None,
    };
    let mut checkout = blank(tx, &terms, command.amount)?;
    if !command.custom_field_data.is_empty() {
        let answers = require_answers(tx, terms.product.id, &command.custom_field_data)?;
        checkout.custom_field_data = Json::new(&answers)?;
    }
    checkout.allow_discount_codes = command.allow_discount_codes;
    checkout.customer_name.clone_from(&command.customer_name);
    checkout.customer_email.clone_from(&command.customer_email);
    checkout.customer_ip_address = command.customer_ip_address.map(|address| address.to_string());
    checkout.customer_billing_address = address;
    checkout.customer_tax_id = tax_id;
    checkout.metadata.clone_from(&command.metadata);
    checkout.customer_metadata.clone_from(&command.customer_metadata);
    checkout.subscription_id = command.subscription_id;
    checkout.success_url.clone_from(&command.success_url);
    checkout.embed_origin.clone_from(&command.embed_origin);
    checkout.is_embedder_known = true;
    if let Some(customer) = customer {
        attach(&mut checkout, customer);
    }
    open(tx, checkout, &terms, means)
}

/// A checkout that a buyer's browser begins.
#[derive(Clone, Debug)]
pub struct CreateByBuyer {
    /// What is bought, and at which price.
    pub product_price_id: Id<Price>,
    /// The buyer's address for mail. Of somebody who is signed in it is known.
    pub customer_email: Option<Email>,
    /// The free subscription to turn into a paid one. It counts if it is the signed-in buyer's own.
    pub subscription_id: Option<Id<Subscription>>,
    /// Who is signed in in the browser.
    pub user_id: Option<Id<User>>,
    /// Where the browser calls from.
    pub ip_address: IpAddr,
}

/// Begins a checkout for whoever wants to buy.
pub fn create_by_buyer(tx: &mut Tx<'_>, command: &CreateByBuyer, means: &Means<'_>) -> Result<Checkout> {
    let terms = terms_of_price(tx, command.product_price_id, |_| true)?;
    if organization(tx, &terms.product)?.blocked_at.is_some() {
        return Err(refused_price(command.product_price_id, "Organization is blocked."));
    }
    let mut checkout = blank(tx, &terms, None)?;
    checkout.customer_ip_address = Some(command.ip_address.to_string());
    checkout.customer_email.clone_from(&command.customer_email);
    identify(tx, &mut checkout, command.user_id)?;
    if let Some((id, customer_id)) = command.subscription_id.zip(checkout.customer_id)
        && let Some(subscription) = free_subscription(tx, &terms.product, id)?
        && subscription.customer_id == customer_id
    {
        checkout.subscription_id = Some(id);
    }
    open(tx, checkout, &terms, means)
}

/// How somebody came along a checkout link.
#[derive(Clone, Debug)]
pub struct Visit {
    /// See [`Checkout::embed_origin`].
    pub embed_origin: Option<String>,
    /// Where the browser calls from.
    pub ip_address: IpAddr,
}

/// Begins a checkout as the link with this secret says. Its price counts while it is current, its discount while it can
/// be redeemed.
pub fn create_by_link(
    tx: &mut Tx<'_>,
    client_secret: &str,
    visit: &Visit,
    means: &Means<'_>,
) -> Result<Checkout> {
    let (link, product, price) = checkout_links::follow(tx, client_secret)?;
    let mut terms = Terms { product, price, discount: None };
    if let Some(id) = link.discount_id
        && terms.price.amount_type == products::AmountType::Fixed
    {
        terms.discount = usable(tx, &terms.product, id)?;
    }
    let mut checkout = blank(tx, &terms, None)?;
    checkout.customer_ip_address = Some(visit.ip_address.to_string());
    checkout.embed_origin.clone_from(&visit.embed_origin);
    checkout.success_url = link.success_url;
    checkout.metadata = link.metadata;
    checkout.allow_discount_codes = link.allow_discount_codes;
    open(tx, checkout, &terms, means)
}

/// A checkout that is begun by the operation that was there before.
#[derive(Clone, Debug)]
pub struct CreateLegacy {
    /// What is bought, and at which price.
    pub product_price_id: Id<Price>,
    /// See [`Checkout::success_url`].
    pub success_url: WebUrl,
    /// The buyer's address for mail.
    pub customer_email: Option<Email>,
    /// Not to be turned into a paid one any more.
    pub subscription_id: Option<Id<Subscription>>,
    /// Who is signed in in the browser.
    pub user_id: Option<Id<User>>,
    /// Where the browser calls from.
    pub ip_address: IpAddr,
}

/// Begins a checkout that the operations of before know as well.
pub fn create_legacy(tx: &mut Tx<'_>, command: &CreateLegacy, means: &Means<'_>) -> Result<Checkout> {
    let terms = terms_of_price(tx, command.product_price_id, |_| true)?;
    if let Some(id) = command.subscription_id {
        let place = at("body").field("subscription_id");
        let sentence = "Subscriptions cannot be upgraded by this operation any more.";
        return Err(Refusal::invalid(place.value_error(sentence, id.to_string())));
    }
    let mut checkout = blank(tx, &terms, None)?;
    checkout.is_legacy = true;
    checkout.success_url = Some(command.success_url.clone());
    checkout.customer_ip_address = Some(command.ip_address.to_string());
    checkout.customer_email.clone_from(&command.customer_email);
    identify(tx, &mut checkout, command.user_id)?;
    open(tx, checkout, &terms, means)
}

/// Writes a checkout that is put together, as soon as it is known what it costs.
fn open(tx: &mut Tx<'_>, mut checkout: Checkout, terms: &Terms, means: &Means<'_>) -> Result<Checkout> {
    means.locate(&mut checkout);
    checkout.discount_id = terms.discount.as_ref().map(|discount| discount.id);
    // A tax that cannot be told yet is asked for again at each change, and must be known at the confirmation.
    let _ = totals(&mut checkout, terms, means.taxes);
    tx.insert(&checkout)?;
    tx.execute(
        "INSERT INTO checkout_counts (product_id, organization_id, checkouts) VALUES ($1, $2, 0) \
         ON CONFLICT (product_id) DO NOTHING",
        &[&checkout.product_id, &checkout.organization_id],
    )?;
    tx.changed_one(
        "UPDATE checkout_counts SET checkouts = checkouts + 1 WHERE product_id = $1",
        &[&checkout.product_id],
    )?;
    events::emit(tx, checkout.organization_id, EventType::CheckoutCreated, checkout.id.uuid())?;
    Ok(checkout)
}

/// A checkout of which nothing is known but what it sells.
fn blank(tx: &mut Tx<'_>, terms: &Terms, asked: Option<Cents>) -> Result<Checkout> {
    let Terms { product, price, .. } = terms;
    let now = clock::now(tx, product.organization_id)?;
    let (amount, currency) = first_amount(price, asked);
    Ok(Checkout {
        id: Id::new(tx),
        organization_id: product.organization_id,
        client_secret: Token::generate(TokenKind::Checkout, |bytes| tx.fill(bytes)).into_string(),
        status: CheckoutStatus::Open,
        expires_at: now.add_seconds(LIFETIME),
        confirming_payment_id: None,
        success_url: None,
        embed_origin: None,
        product_id: product.id,
        product_price_id: price.id,
        amount,
        currency,
        discount_id: None,
        discount_amount: Cents::default(),
        tax_amount: None,
        tax: None,
        is_tax_inclusive: false,
        allow_discount_codes: true,
        customer_id: None,
        customer_name: None,
        customer_email: None,
        customer_ip_address: None,
        customer_billing_address: None,
        customer_tax_id: None,
        metadata: Metadata::default(),
        customer_metadata: Metadata::default(),
        custom_field_data: Json::default(),
        subscription_id: None,
        payment_processor_metadata: Json::default(),
        is_buyer_known: false,
        is_embedder_known: false,
        is_legacy: false,
        created_at: now,
        modified_at: None,
    })
}

fn organization(tx: &mut ReadTx<'_>, product: &Product) -> Result<Organization> {
    organizations::get(tx, &Tenancy::of(product.organization_id), product.organization_id)
}

/// A product that the caller sells, at its oldest current price.
fn terms_of_product(tx: &mut ReadTx<'_>, tenancy: &Tenancy, id: Id<Product>) -> Result<Terms> {
    let refused =
        |sentence| Refusal::invalid(at("body").field("product_id").value_error(sentence, id.to_string()));
    let product = products::find(tx, id)?
        .filter(|product| tenancy.contains(product.organization_id))
        .ok_or_else(|| refused("Product does not exist."))?;
    if product.is_archived {
        return Err(refused("Product is archived."));
    }
    let price =
        products::first_current_price(tx, id)?.ok_or_else(|| refused("This product has no price."))?;
    Ok(Terms { product, price, discount: None })
}

/// A current price of a product of those organizations of whom `is_seller` says so.
fn terms_of_price(
    tx: &mut ReadTx<'_>,
    id: Id<Price>,
    is_seller: impl Fn(Id<Organization>) -> bool,
) -> Result<Terms> {
    let unknown = || refused_price(id, "Price does not exist.");
    let price = products::find_price(tx, id)?.ok_or_else(unknown)?;
    let product = products::find(tx, price.product_id)?
        .filter(|product| is_seller(product.organization_id))
        .ok_or_else(unknown)?;
    if price.is_archived {
        return Err(refused_price(id, "Price is archived."));
    }
    if product.is_archived {
        return Err(refused_price(id, "Product is archived."));
    }
    Ok(Terms { product, price, discount: None })
}

pub(super) fn refused_price(id: Id<Price>, sentence: &str) -> Refusal {
    Refusal::invalid(at("body").field("product_price_id").value_error(sentence, id.to_string()))
}

fn require_customer(tx: &mut ReadTx<'_>, product: &Product, id: Id<Customer>) -> Result<Customer> {
    let found = customers::find(tx, id)?;
    found.filter(|customer| customer.organization_id == product.organization_id).ok_or_else(|| {
        let place = at("body").field("customer_id");
        Refusal::invalid(place.value_error("Customer does not exist.", id.to_string()))
    })
}

fn customer_of_subscription(
    tx: &mut ReadTx<'_>,
    product: &Product,
    id: Id<Subscription>,
) -> Result<Customer> {
    let refused = |sentence| {
        Refusal::invalid(at("body").field("subscription_id").value_error(sentence, id.to_string()))
    };
    let subscription = live_subscription(tx, product, id)?;
    let subscription = subscription.ok_or_else(|| refused("Subscription does not exist."))?;
    if subscription.base_amount.is_some() {
        return Err(refused("Only free subscriptions can be upgraded."));
    }
    customers::find(tx, subscription.customer_id)?.ok_or_else(|| refused("Subscription does not exist."))
}

fn free_subscription(
    tx: &mut ReadTx<'_>,
    product: &Product,
    id: Id<Subscription>,
) -> Result<Option<Subscription>> {
    let found = live_subscription(tx, product, id)?;
    Ok(found.filter(|subscription| subscription.base_amount.is_none()))
}

/// A subscription to the same organization that has not ended: what is over cannot be turned into anything.
fn live_subscription(
    tx: &mut ReadTx<'_>,
    product: &Product,
    id: Id<Subscription>,
) -> Result<Option<Subscription>> {
    let sql = format!(
        "SELECT {} FROM subscriptions WHERE id = $1 AND organization_id = $2 AND ended_at IS NULL",
        Subscription::COLUMNS
    );
    Ok(tx.find(&sql, &[&id, &product.organization_id])?)
}

/// Fills in who is signed in: the person's customer in the organization, else at least the address for mail.
fn identify(tx: &mut ReadTx<'_>, checkout: &mut Checkout, user_id: Option<Id<User>>) -> Result<()> {
    const EMAIL: &str = "SELECT email FROM users WHERE id = $1 AND deleted_at IS NULL";
    let Some(user_id) = user_id else { return Ok(()) };
    let known = customers::find_of_user(tx, checkout.organization_id, user_id)?;
    if let Some(customer) = known {
        checkout.customer_email = None;
        attach(checkout, customer);
        return Ok(());
    }
    let email: Option<Email> = tx.find(EMAIL, &[&user_id])?;
    checkout.customer_email = email.or_else(|| checkout.customer_email.take());
    Ok(())
}

/// Makes the customer the one who buys, and fills in what is not said about the buyer.
fn attach(checkout: &mut Checkout, customer: Customer) {
    checkout.customer_id = Some(customer.id);
    checkout.customer_email.get_or_insert(customer.email);
    checkout.customer_name = checkout.customer_name.take().or(customer.name);
    checkout.customer_billing_address = checkout.customer_billing_address.take().or(customer.billing_address);
    checkout.customer_tax_id = checkout.customer_tax_id.take().or(customer.tax_id);
}
