//! Checkouts: how they begin, what they cost, how they change, and when their time is up.

mod begin;
mod costs;
mod expiry;
mod lists;
mod update;

use std::net::IpAddr;

use merak_core::checkout_links::Sold;
use merak_core::checkouts::{
    self, Checkout, ClientUpdate, CompleteCheckout, CreateCheckout, Geography, Means, UpdateCheckout,
};
use merak_core::custom_fields::{self, CreateCustomField, CustomFieldType, Properties, SelectOption};
use merak_core::discounts::{self, CreateDiscount, Discount, Reduction, Span};
use merak_core::kit::{Address, Cents, Country, Currency, Id, Metadata};
use merak_core::products::{AttachField, Price, PriceChange, Product, RecurringInterval, UpdateProduct};
use merak_core::subscriptions::{self, Subscription, SubscriptionStatus};
use merak_core::taxes::{Tax, TaxEngine, TaxProblem, TaxQuestion, Taxes};
use merak_store::Json;

use crate::support::*;

const MONTH: Option<RecurringInterval> = Some(RecurringInterval::Month);

/// 20 % on top in France, 19 % within the price in Germany, ten cents a dollar in the states, nothing elsewhere.
#[derive(Debug)]
struct Rates;

impl TaxEngine for Rates {
    fn compute(&self, question: &TaxQuestion<'_>) -> std::result::Result<Tax, TaxProblem> {
        let subtotal = question.subtotal.get();
        let (amount, rate_ppm, is_inclusive) = match question.country.as_str() {
            "FR" if question.tax_id.is_some() => {
                return Ok(Tax { is_reverse_charge: true, ..Tax::zero(question.country) });
            }
            "FR" => (subtotal / 5, 200_000, false),
            "DE" => (subtotal - subtotal * 100 / 119, 190_000, true),
            "US" if question.state.is_none() => return Err(TaxProblem::LocationIncomplete),
            "US" => (subtotal / 10, 100_000, false),
            _ => (0, 0, false),
        };
        Ok(Tax { amount: Cents::new(amount), rate_ppm, is_inclusive, ..Tax::zero(question.country) })
    }
}

/// Addresses of one network are in Norway.
#[derive(Debug)]
struct Norway;

impl Geography for Norway {
    fn country_of(&self, address: IpAddr) -> Option<Country> {
        address.to_string().starts_with("192.0.2.").then(|| country("NO"))
    }
}

fn with_means<T>(act: impl FnOnce(&Means<'_>) -> T) -> T {
    let taxes = Taxes::new(Rates);
    act(&Means { taxes: &taxes, geography: Some(&Norway) })
}

fn country(code: &str) -> Country {
    Country::parse(code).unwrap()
}

fn address(code: &str) -> Address {
    Address::in_country(country(code))
}

fn in_state(code: &str, state: &str) -> Address {
    Address { state: Some(state.into()), ..address(code) }
}

fn of_product(product: &Product) -> CreateCheckout {
    new_checkout(Sold::Product(product.id))
}

fn create(shop: &Shop, command: &CreateCheckout) -> Result<Checkout> {
    let (tenancy, command) = (shop.tenancy(), command.clone());
    shop.write(move |tx| with_means(|means| checkouts::create(tx, &tenancy, &command, means)))
}

fn update(shop: &Shop, id: Id<Checkout>, command: &UpdateCheckout) -> Result<Checkout> {
    let (tenancy, command) = (shop.tenancy(), command.clone());
    shop.write(move |tx| with_means(|means| checkouts::update(tx, &tenancy, id, &command, means)))
}

/// Fills a checkout in as its buyer.
fn fill(shop: &Shop, checkout: &Checkout, command: &ClientUpdate) -> Result<Checkout> {
    let (secret, command) = (checkout.client_secret.clone(), command.clone());
    shop.write(move |tx| with_means(|means| checkouts::update_by_client(tx, &secret, &command, means)))
}

fn get(shop: &Shop, id: Id<Checkout>) -> Result<CompleteCheckout> {
    let tenancy = shop.tenancy();
    shop.read(move |tx| {
        let checkout = checkouts::get(tx, &tenancy, id)?;
        checkouts::complete_one(tx, checkout)
    })
}

fn prices(shop: &Shop, product: &Product) -> Vec<Price> {
    shop.complete(product.id).public.prices
}

/// Replaces the prices of a product by this one; the others are archived.
fn reprice(shop: &Shop, product: &Product, cents: i64) {
    let change = UpdateProduct {
        prices: Some(vec![PriceChange::Add(fixed(None, cents))]),
        ..UpdateProduct::default()
    };
    shop.change_product(product.id, &change).unwrap();
}

fn percent(shop: &Shop, percent: i64, code: Option<&str>, products: &[Id<Product>]) -> Discount {
    let command = CreateDiscount {
        organization_id: shop.organization.id,
        name: format!("{percent} off"),
        reduction: Reduction::Percentage { basis_points: percent * 100 },
        span: Span::Once,
        code: code.map(|code| code.parse().unwrap()),
        starts_at: None,
        ends_at: None,
        max_redemptions: None,
        products: products.to_vec(),
        metadata: Metadata::default(),
    };
    shop.write(move |tx| discounts::create(tx, &command)).unwrap()
}

/// A product that asks for a text, which can be left out, and for one of two letters, which cannot.
fn asking(shop: &Shop) -> Product {
    let product = shop.product();
    let option = |letter: &str| SelectOption { value: letter.into(), label: letter.into() };
    let options = Some(vec![option("a"), option("b")]);
    let kinds = [
        (CustomFieldType::Text, "text", Properties::default(), false),
        (CustomFieldType::Select, "select", Properties { options, ..Properties::default() }, true),
    ];
    let mut fields = Vec::new();
    for (r#type, slug, properties, required) in kinds {
        let command = CreateCustomField {
            organization_id: shop.organization.id,
            r#type,
            slug: slug.parse().unwrap(),
            name: slug.into(),
            properties,
            metadata: Metadata::default(),
        };
        let field = shop.write(move |tx| custom_fields::create(tx, &command)).unwrap();
        fields.push(AttachField { custom_field_id: field.id, required });
    }
    shop.change_product(product.id, &UpdateProduct { fields: Some(fields), ..UpdateProduct::default() })
        .unwrap()
}

/// A subscription to a product that costs this much, or nothing.
fn subscription(shop: &Shop, product: &Product, base_amount: Option<Cents>) -> Subscription {
    let customer_id = shop.customer().id;
    let (product_id, price_id) = (product.id, prices(shop, product)[0].id);
    let organization_id = product.organization_id;
    shop.write(move |tx| {
        let now = tx.now();
        let subscription = Subscription {
            id: Id::new(tx),
            organization_id,
            customer_id,
            product_id,
            price_id,
            discount_id: None,
            checkout_id: None,
            status: SubscriptionStatus::Active,
            base_amount,
            amount: base_amount,
            currency: base_amount.map(|_| Currency::Usd),
            recurring_interval: RecurringInterval::Month,
            current_period_start: now,
            current_period_end: now.add_seconds(30 * 24 * 3600),
            cancel_at_period_end: false,
            canceled_at: None,
            started_at: Some(now),
            ends_at: None,
            ended_at: None,
            customer_cancellation_reason: None,
            customer_cancellation_comment: None,
            metadata: Metadata::default(),
            custom_field_data: Json::default(),
            payment_method_id: None,
            anchor_at: now,
            anchor_period: 0,
            period: 0,
            discount_since: None,
            due_at: None,
            past_due_since: None,
            grace_ends_at: None,
            retries: 0,
            created_at: now,
            modified_at: None,
        };
        subscriptions::create(tx, &subscription, None)?;
        Ok(subscription)
    })
    .unwrap()
}

/// `type place` of the one field that was refused.
fn problem<T>(result: Result<T>) -> String {
    let (kind, place, _) = field_problem(result);
    format!("{kind} {place}")
}
