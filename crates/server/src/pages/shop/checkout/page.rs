//! The page of an open checkout, as it is shown.

use askama::Template;
use merak_core::checkouts::PublicCheckout;
use merak_core::products::{AmountType, Price, PriceType, RecurringInterval};

use super::super::{Field, Frame, Stripe};
use super::fields::{self, Filling};
use super::problems::Problems;
use super::typed::decimal;
use crate::emails::words;

/// The page.
#[derive(Template)]
#[template(path = "shop/checkout/page.html")]
pub struct Page<'p> {
    pub frame: Frame<'p>,
    /// Where the form is sent to.
    pub action: String,
    pub sold: Sold,
    pub form: Form,
    /// The sandbox's cards: the number, and what comes of it.
    pub test_cards: Vec<(String, &'static str)>,
    /// What happened that is no problem.
    pub notice: Option<String>,
    /// The origin of the page around this one.
    pub embed_origin: Option<String>,
    /// Whether it stands in a frame.
    pub is_embedded: bool,
    /// Whether the address filled something in.
    pub is_prefilled: bool,
}

/// What is sold.
#[derive(Clone, Debug)]
pub struct Sold {
    pub name: String,
    pub description: Option<String>,
    pub pictures: Vec<String>,
    pub benefits: Vec<String>,
    /// What it costs, in words.
    pub price: String,
    /// What a subscription means.
    pub renewal: Option<String>,
    /// The prices to choose from: id, words, and whether it is the one; none if there is no choice.
    pub prices: Vec<(String, String, bool)>,
    pub rows: Vec<Row>,
    pub total: String,
}

/// A line above the total.
#[derive(Clone, Debug)]
pub struct Row {
    pub label: String,
    pub amount: String,
}

/// What is typed.
#[derive(Clone, Debug)]
pub struct Form {
    pub amount: Option<Field>,
    pub buyer: Vec<Field>,
    pub answers: Vec<Field>,
    pub address: Vec<Field>,
    /// What most leave out.
    pub more: Vec<Field>,
    /// What opens it.
    pub more_words: &'static str,
    pub is_more_open: bool,
    pub discount: Discount,
    /// The cards that were saved before, beside the form for another one.
    pub saved: Option<Saved>,
    pub card: Card,
    pub button: String,
    /// What the buyer has seen that it costs, in cents.
    pub seen_total: String,
    /// Which price it shows.
    pub seen_price: String,
    /// The discount of that total; empty without one.
    pub seen_discount: String,
    /// What is wrong and belongs to no field.
    pub general: Vec<String>,
    /// The fields with which something is wrong, which stands beside each: id and label.
    pub wrong: Vec<(String, String)>,
}

/// Cards to choose from.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Whose they are: their address for mail.
    pub owner: String,
    /// Whether the checkout is theirs, whatever it is paid with.
    pub is_for_owner: bool,
    pub rows: Vec<SavedRow>,
    pub is_another_chosen: bool,
}

/// A card to choose.
#[derive(Clone, Debug)]
pub struct SavedRow {
    pub id: String,
    pub name: String,
    pub expiry: Option<String>,
    pub is_expired: bool,
    pub is_chosen: bool,
}

/// The box for a code.
#[derive(Clone, Debug)]
pub enum Discount {
    /// There is none.
    Absent,
    /// A code can be typed.
    Open(Box<Field>),
    /// There is one, and it can be taken away or not.
    Applied { name: String, is_removable: bool },
}

/// How it is paid.
#[derive(Clone, Debug)]
pub enum Card {
    /// There is nothing to pay.
    Absent,
    /// With a test card.
    Sandbox(Vec<Field>),
    /// In the processor's form.
    Stripe(Box<Stripe>),
}

impl Sold {
    /// What this checkout sells, with its pictures at these addresses.
    pub fn new(public: &PublicCheckout, pictures: Vec<String>) -> Self {
        let complete = &public.complete;
        let sold = &complete.product.public;
        let prices = match sold.prices.as_slice() {
            [] | [_] => Vec::new(),
            several => several
                .iter()
                .map(|price| (price.id.to_string(), price_words(price), price.id == complete.price.id))
                .collect(),
        };
        Self {
            name: sold.product.name.clone(),
            description: sold.product.description.clone().filter(|text| !text.trim().is_empty()),
            pictures,
            benefits: sold.benefits.iter().map(|benefit| benefit.description.clone()).collect(),
            price: price_words(&complete.price),
            renewal: renewal(&complete.price),
            prices,
            rows: rows(public),
            total: total_words(public),
        }
    }
}

impl Form {
    /// The form of this checkout, filled in, with what is wrong.
    pub fn new(public: &PublicCheckout, filling: &Filling<'_>, card: Card, mut problems: Problems) -> Self {
        let complete = &public.complete;
        let is_paying = is_form_required(public);
        let discount = discount(public, filling, &problems);
        let mut form = Self {
            amount: (complete.price.amount_type == AmountType::Custom)
                .then(|| fields::amount(public, filling, &problems)),
            buyer: fields::buyer(public, filling, &problems),
            answers: fields::answers(public, filling, &problems),
            address: if is_paying { fields::address(public, filling, &problems) } else { Vec::new() },
            more: if is_paying { fields::more(public, filling, &problems) } else { Vec::new() },
            more_words: "",
            is_more_open: false,
            discount,
            saved: None,
            card,
            button: button(public),
            seen_total: seen_total(public),
            seen_price: public.complete.checkout.product_price_id.to_string(),
            seen_discount: seen_discount(public),
            general: Vec::new(),
            wrong: Vec::new(),
        };
        form.more_words = fields::words_of_more(&form.more);
        form.is_more_open = form.more.iter().any(|field| !field.value.is_empty() || field.problem.is_some());
        let shown: Vec<Field> = form.fields().cloned().collect();
        problems.keep_fields(|name| shown.iter().any(|field| field.name == name));
        form.wrong = shown
            .iter()
            .filter(|field| field.problem.is_some())
            .map(|field| (field.id(), field.label.clone()))
            .collect();
        form.general = problems.general;
        form
    }

    fn fields(&self) -> impl Iterator<Item = &Field> {
        let code = match &self.discount {
            Discount::Open(field) => Some(&**field),
            Discount::Absent | Discount::Applied { .. } => None,
        };
        let card = match &self.card {
            Card::Sandbox(fields) => fields.as_slice(),
            Card::Absent | Card::Stripe(_) => &[],
        };
        let parts = [&self.buyer, &self.answers, &self.address, &self.more].into_iter().flatten();
        code.into_iter().chain(&self.amount).chain(parts).chain(card)
    }
}

/// Whether something is charged now or later.
pub fn is_form_required(public: &PublicCheckout) -> bool {
    let price = &public.complete.price;
    let is_setup_required = price.r#type == PriceType::Recurring && price.amount_type != AmountType::Free;
    public.complete.checkout.is_payment_required() || is_setup_required
}

/// What the buyer sees that it is reduced by, as the form sends it back.
pub fn seen_discount(public: &PublicCheckout) -> String {
    public.complete.checkout.discount_id.map_or_else(String::new, |id| id.to_string())
}

/// What the buyer sees that it costs, as the form sends it back.
pub fn seen_total(public: &PublicCheckout) -> String {
    public.complete.checkout.total().map(|total| total.get().to_string()).unwrap_or_default()
}

/// The total in words.
pub fn total_words(public: &PublicCheckout) -> String {
    let checkout = &public.complete.checkout;
    match (checkout.total(), checkout.currency) {
        (Some(total), Some(currency)) => words::amount(total, currency),
        _ => String::from("Free"),
    }
}

const fn every(interval: RecurringInterval) -> &'static str {
    match interval {
        RecurringInterval::Month => "month",
        RecurringInterval::Year => "year",
    }
}

fn price_words(price: &Price) -> String {
    let amount = match (price.amount_type, price.price_amount, price.price_currency) {
        (AmountType::Free, ..) => String::from("Free"),
        (AmountType::Fixed, Some(amount), Some(currency)) => words::amount(amount, currency),
        (AmountType::Custom | AmountType::Fixed, ..) => String::from("Choose your price"),
    };
    match price.recurring_interval {
        Some(interval) => format!("{amount} a {}", every(interval)),
        None => amount,
    }
}

fn renewal(price: &Price) -> Option<String> {
    let interval = price.recurring_interval.filter(|_| price.amount_type != AmountType::Free)?;
    Some(format!("Renews every {} until you cancel. Cancel any time.", every(interval)))
}

fn rows(public: &PublicCheckout) -> Vec<Row> {
    let checkout = &public.complete.checkout;
    let (Some(amount), Some(currency)) = (checkout.amount, checkout.currency) else { return Vec::new() };
    let mut rows = Vec::new();
    let mut row = |label: String, amount: String| rows.push(Row { label, amount });
    if checkout.discount_amount.get() > 0 {
        let name = public.complete.discount.as_ref().map_or("Discount", |discount| discount.name.as_str());
        row(String::from("Price"), words::amount(amount, currency));
        row(name.to_owned(), format!("−{}", words::amount(checkout.discount_amount, currency)));
    }
    let label = if checkout.is_tax_inclusive { "Tax (in the price)" } else { "Tax" };
    match checkout.tax_amount {
        Some(tax) if tax.get() > 0 => {
            if let Some(subtotal) = checkout.subtotal() {
                let label = if checkout.is_tax_inclusive { "Without tax" } else { "Subtotal" };
                row(label.to_owned(), words::amount(subtotal, currency));
            }
            row(label.to_owned(), words::amount(tax, currency));
        }
        Some(_) => {}
        None => row(label.to_owned(), String::from("depends on your address")),
    }
    rows
}

fn button(public: &PublicCheckout) -> String {
    if public.complete.checkout.is_payment_required() {
        format!("Pay {}", total_words(public))
    } else if is_form_required(public) {
        String::from("Subscribe")
    } else {
        String::from("Get it")
    }
}

fn discount(public: &PublicCheckout, filling: &Filling<'_>, problems: &Problems) -> Discount {
    let complete = &public.complete;
    let is_allowed = complete.checkout.allow_discount_codes;
    if let Some(discount) = &complete.discount {
        return Discount::Applied { name: discount.name.clone(), is_removable: is_allowed };
    }
    if !is_allowed || complete.price.amount_type != AmountType::Fixed {
        return Discount::Absent;
    }
    Discount::Open(Box::new(fields::discount_code(filling, problems)))
}

/// The amount at choice as it stands on the checkout.
pub fn stored_amount(public: &PublicCheckout) -> String {
    public.complete.checkout.amount.map(decimal).unwrap_or_default()
}
