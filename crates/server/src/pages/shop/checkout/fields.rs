//! The fields of a checkout's form, filled in.

use merak_core::checkouts::PublicCheckout;
use merak_core::custom_fields::rules::Answers;
use merak_core::custom_fields::{CustomField, CustomFieldType};
use merak_core::kit::{Address, Country, State};
use serde_json::Value;

use super::super::{Field, Input, Line};
use super::page::stored_amount;
use super::places::{lines, tax_number};
use super::problems::Problems;
use super::typed::{ADDRESS, AMOUNT, ANSWER, Typed};
use crate::emails::words;

/// Countries that nobody may sell to.
const EMBARGOED: [&str; 5] = ["CU", "IR", "KP", "RU", "SY"];

/// The name of the field for a tax number.
const TAX_NUMBER: &str = "customer_tax_id";

/// What the fields are filled in with: what was typed, else what the checkout has.
#[derive(Clone, Copy, Debug)]
pub struct Filling<'f> {
    /// What was typed.
    pub typed: &'f Typed,
    /// Whether the form was sent, so that a box that is not there is not ticked.
    pub is_sent: bool,
}

impl Filling<'_> {
    fn or(&self, name: &str, stored: impl FnOnce() -> Option<String>) -> String {
        self.typed.find(name).map(str::to_owned).or_else(stored).unwrap_or_default()
    }
}

/// A field with its name, filled in, and with what is wrong.
fn field(name: &str, label: &str, input: Input, value: String, problems: &Problems) -> Field {
    Field::new(name, label, input).filled(value).faulty(problems.of(name))
}

/// The amount at choice.
pub fn amount(public: &PublicCheckout, filling: &Filling<'_>, problems: &Problems) -> Field {
    let price = &public.complete.price;
    let currency = price.price_currency.unwrap_or_default();
    let bound = |amount| words::amount(amount, currency);
    let hint = match (price.minimum_amount, price.maximum_amount) {
        (Some(least), Some(most)) => Some(format!("From {} to {}.", bound(least), bound(most))),
        (Some(least), None) => Some(format!("At least {}.", bound(least))),
        (None, Some(most)) => Some(format!("At most {}.", bound(most))),
        (None, None) => None,
    };
    let value = filling.or(AMOUNT, || Some(stored_amount(public)));
    let input =
        Input::Line(Line { kind: "text", mode: "decimal", placeholder: String::new(), longest: Some(14) });
    let label = format!("What you pay, in {}", currency.as_str().to_uppercase());
    field(AMOUNT, &label, input, value, problems).required(true).hinted(hint)
}

/// Who buys.
pub fn buyer(public: &PublicCheckout, filling: &Filling<'_>, problems: &Problems) -> Vec<Field> {
    let checkout = &public.complete.checkout;
    let email = || checkout.customer_email.as_ref().map(ToString::to_string);
    let is_locked = checkout.customer_id.is_some() && checkout.customer_email.is_some();
    let value = if is_locked { email().unwrap_or_default() } else { filling.or("customer_email", email) };
    let mut email = field("customer_email", "E-mail", Input::line("email"), value, problems)
        .required(true)
        .completed_as("email");
    email.is_locked = is_locked;
    let mut fields = vec![email];
    if super::page::is_form_required(public) {
        let value = filling.or("customer_name", || checkout.customer_name.clone());
        let name = field("customer_name", "Name", Input::line("text"), value, problems);
        fields.push(name.required(true).completed_as("name"));
    }
    fields
}

/// The product's questions.
pub fn answers(public: &PublicCheckout, filling: &Filling<'_>, problems: &Problems) -> Vec<Field> {
    let complete = &public.complete;
    let stored: Answers = complete.checkout.custom_field_data.parse().unwrap_or_default();
    let questions = complete.product.fields.iter();
    let shown = questions.map(|(attached, question)| {
        let name = format!("{ANSWER}{}", question.slug.as_str());
        let label = question.properties.form_label.as_deref().unwrap_or(&question.name);
        let is_unticked = filling.is_sent && question.r#type == CustomFieldType::Checkbox;
        let value = filling.or(&name, || {
            let stored = stored.get(question.slug.as_str()).filter(|_| !is_unticked)?;
            Some(answer_text(question.r#type, stored))
        });
        field(&name, label, input(question), value, problems)
            .required(attached.required)
            .hinted(question.properties.form_help_text.clone())
    });
    shown.collect()
}

fn input(question: &CustomField) -> Input {
    let properties = &question.properties;
    let placeholder = properties.form_placeholder.clone().unwrap_or_default();
    let line = |kind, mode| Line { kind, mode, placeholder, longest: properties.max_length };
    match question.r#type {
        CustomFieldType::Text if properties.textarea == Some(true) => Input::Area(line("text", "text")),
        CustomFieldType::Text => Input::Line(line("text", "text")),
        CustomFieldType::Number => Input::Line(line("text", "numeric")),
        CustomFieldType::Date => Input::Line(line("date", "text")),
        CustomFieldType::Checkbox => Input::Box,
        CustomFieldType::Select => {
            let options = properties.options.iter().flatten();
            Input::Choice(options.map(|option| (option.value.clone(), option.label.clone())).collect())
        }
    }
}

/// A stored answer as its field shows it. Days are stored as moments.
fn answer_text(r#type: CustomFieldType, stored: &Value) -> String {
    match (r#type, stored) {
        (CustomFieldType::Date, Value::String(moment)) => moment.chars().take(10).collect(),
        (_, Value::String(text)) => text.clone(),
        (_, Value::Null) => String::new(),
        (_, other) => other.to_string(),
    }
}

/// The country of the form: what was chosen, else what the checkout has.
pub fn country(public: &PublicCheckout, typed: &Typed) -> Option<Country> {
    let stored = public.complete.checkout.customer_billing_address.as_ref();
    typed.country().or_else(|| stored.map(|address| address.country))
}

/// The lines that must be there and are not.
pub fn missing_lines(public: &PublicCheckout) -> Vec<&'static str> {
    let address = public.complete.checkout.customer_billing_address.as_ref();
    let required = lines(address.map(|address| address.country)).iter().filter(|(.., required)| *required);
    let is_missing = |name: &&str| address.and_then(|address| line(address, name)).is_none();
    required.map(|(name, ..)| *name).filter(is_missing).collect()
}

fn line(address: &Address, name: &str) -> Option<String> {
    match name {
        "line1" => address.line1.clone(),
        "line2" => address.line2.clone(),
        "postal_code" => address.postal_code.clone(),
        "city" => address.city.clone(),
        "state" => address.state.clone(),
        _ => None,
    }
}

/// The country, and what must be there of the address in it.
pub fn address(public: &PublicCheckout, filling: &Filling<'_>, problems: &Problems) -> Vec<Field> {
    let country = country(public, filling.typed);
    let mut named: Vec<(String, String)> = Country::all()
        .filter(|country| !EMBARGOED.contains(&country.as_str()))
        .map(|country| (country.as_str().to_owned(), words::country(country).to_owned()))
        .collect();
    named.sort_by(|(_, one), (_, other)| one.cmp(other));
    let value = country.map(|country| country.as_str().to_owned()).unwrap_or_default();
    let name = format!("{ADDRESS}country");
    let chooser = field(&name, "Country", Input::Choice(named), value, problems);
    let mut fields = vec![chooser.required(true).completed_as("country")];
    fields.extend(address_lines(public, filling, problems, Lines::Asked));
    fields
}

/// What else there is to say: the rest of the address, and a tax number. One that is there can be seen and taken away
/// even where none would be accepted.
pub fn more(public: &PublicCheckout, filling: &Filling<'_>, problems: &Problems) -> Vec<Field> {
    let mut fields = address_lines(public, filling, problems, Lines::Rest);
    let stored = || public.complete.checkout.customer_tax_id.as_ref().map(|tax_id| tax_id.0.clone());
    let value = filling.or(TAX_NUMBER, stored);
    let called = country(public, filling.typed).and_then(tax_number);
    if called.is_some() || !value.is_empty() {
        let label = called.unwrap_or("Tax ID");
        let hint = String::from("For businesses. It is printed on the invoice.");
        let number = field(TAX_NUMBER, label, Input::line("text"), value, problems);
        fields.push(number.hinted(Some(hint)));
    }
    fields
}

/// What opens these fields.
pub fn words_of_more(more: &[Field]) -> &'static str {
    let has_number = more.iter().any(|field| field.name == TAX_NUMBER);
    match (more.len(), has_number) {
        (1, true) => "Add a tax ID",
        (_, true) => "Add an address or a tax ID",
        (_, false) => "Add an address",
    }
}

/// Which lines of an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    /// Those that are asked of everybody in the country.
    Asked,
    /// The others.
    Rest,
}

fn address_lines(
    public: &PublicCheckout,
    filling: &Filling<'_>,
    problems: &Problems,
    wanted: Lines,
) -> Vec<Field> {
    let country = country(public, filling.typed);
    let stored = public.complete.checkout.customer_billing_address.as_ref();
    let stored = stored.filter(|stored| Some(stored.country) == country);
    let is_us = country.is_some_and(|country| country.as_str() == "US");
    let is_asked = |required: bool| if required || is_us { Lines::Asked } else { Lines::Rest };
    let wanted = lines(country).iter().filter(|(.., required)| is_asked(*required) == wanted);
    let shown = wanted.map(|(line_name, label, required)| {
        let name = format!("{ADDRESS}{line_name}");
        let value = filling.or(&name, || line(stored?, line_name));
        let (input, value) = match (*line_name, country) {
            ("state", Some(country)) if State::all(country).next().is_some() => {
                let states = State::all(country).map(|state| (state.to_string(), state.name().to_owned()));
                let known = State::parse(country, &value).map(|state| state.to_string());
                (Input::Choice(states.collect()), known.unwrap_or(value))
            }
            _ => (Input::line("text"), value),
        };
        field(&name, label, input, value, problems).required(*required).completed_as(completion(line_name))
    });
    shown.collect()
}

fn completion(line: &str) -> &'static str {
    match line {
        "line1" => "address-line1",
        "line2" => "address-line2",
        "postal_code" => "postal-code",
        "city" => "address-level2",
        _ => "address-level1",
    }
}

/// The box for the code of a discount.
pub fn discount_code(filling: &Filling<'_>, problems: &Problems) -> Field {
    let value = filling.or("discount_code", || None);
    field("discount_code", "Discount code", Input::line("text"), value, problems)
}

/// The sandbox's form for a card.
pub fn card(shown: [&str; 3], problems: &Problems) -> Vec<Field> {
    let [number, expiry, cvc] = shown.map(str::to_owned);
    let digits = Input::digits;
    vec![
        field("card.number", "Card number", digits("4242 4242 4242 4242"), number, problems)
            .required(true)
            .completed_as("cc-number"),
        field("card.expiry", "Expires", digits("MM / YY"), expiry, problems)
            .required(true)
            .completed_as("cc-exp"),
        field("card.cvc", "Security code", digits("123"), cvc, problems)
            .required(true)
            .completed_as("cc-csc"),
    ]
}
