//! The form of Stripe, as the checkout and the portal show it.

use askama::Template;
use merak_adapters::payments::Processor;
use merak_core::billing::Invoice;
use merak_core::customers::Customer;
use serde_json::Value;

use super::frame;

/// What the form of Stripe is made with.
#[derive(Clone, Debug, Template)]
#[template(path = "shop/stripe.html")]
pub struct Stripe {
    pub publishable_key: String,
    /// `payment`, or `setup` if nothing is charged now.
    pub mode: &'static str,
    pub amount: i64,
    pub currency: String,
    /// Whether the card is kept for later.
    pub is_kept: bool,
    /// Whether the form shows it again where it shows saved ones: its customer has shown who they are.
    pub is_offered: bool,
    /// Who pays, where the page around does not ask for that.
    pub payer: Option<Payer>,
}

/// What the form knows of who pays without asking.
#[derive(Clone, Debug)]
pub struct Payer {
    pub email: String,
    pub name: String,
    pub country: String,
    pub postal_code: String,
}

impl Stripe {
    /// The form in the portal: for what is owed, or for a card that is only saved. None where cards are taken otherwise.
    pub fn in_portal(
        processor: &dyn Processor,
        (customer, is_owner_known): (&Customer, bool),
        owed: Option<&Invoice>,
    ) -> Option<Self> {
        let address = customer.billing_address.as_ref();
        Some(Self {
            publishable_key: publishable_key(processor)?,
            mode: if owed.is_some() { "payment" } else { "setup" },
            amount: owed.map_or(0, |invoice| invoice.due().get()),
            currency: owed.map(|invoice| invoice.currency).unwrap_or_default().as_str().to_owned(),
            is_kept: true,
            is_offered: is_owner_known,
            payer: Some(Payer {
                email: customer.email.to_string(),
                name: customer.name.clone().unwrap_or_default(),
                country: address.map(|address| address.country.as_str().to_owned()).unwrap_or_default(),
                postal_code: address.and_then(|address| address.postal_code.clone()).unwrap_or_default(),
            }),
        })
    }

    /// What a page with this form may load.
    pub const fn policy_of(form: Option<&Self>) -> frame::Processor {
        if form.is_some() { frame::Processor::Stripe } else { frame::Processor::Own }
    }
}

/// The key with which browsers speak to Stripe, if that is who takes the money.
pub fn publishable_key(processor: &dyn Processor) -> Option<String> {
    processor.browser().get("publishable_key").and_then(Value::as_str).map(str::to_owned)
}
