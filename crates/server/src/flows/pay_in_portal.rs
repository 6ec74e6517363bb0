//! What a customer does about paying, in the portal: saving a card, removing one, and paying what is owed.

use std::sync::Arc;

use merak_adapters::payments::sandbox::AUTHENTICATE;
use merak_adapters::payments::{ChargeState, SetupState};
use merak_core::billing::{Payment, PaymentKind, PaymentMethod, PaymentStatus, methods, payments};
use merak_core::customers::{self, Customer};
use merak_core::kit::{Id, Refusal};
use merak_core::subscriptions::Subscription;
use merak_store::Tx;
use serde_json::Value;

use super::{Error, collect};
use crate::state::House;

/// How a customer approves a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// On this page of ours: the bank of the sandbox.
    Here(String),
    /// At Stripe's: by its script, or at an address if it told one.
    Stripe { publishable_key: String, client_secret: String, url: Option<String> },
}

/// Saves what the customer typed into a form just now.
pub async fn save_card(house: &House, id: Id<Customer>, token: String) -> Result<Payment, Error> {
    let rules = house.billing.clone();
    let plan = move |tx: &mut Tx<'_>| {
        let customer = customers::find(tx, id)?.ok_or_else(Refusal::not_found)?;
        payments::plan_setup(tx, &rules, &customer, &token)
    };
    let planned = house.store.write(plan).await?;
    collect::payment(house, planned).await
}

/// Forgets a method, at the processor first: after a crash between the two it can be removed once more.
pub async fn remove(house: &House, method: PaymentMethod) -> Result<(), Error> {
    let processor = &house.adapters.payments;
    if method.processor == processor.name() {
        processor.detach(&method.processor_method_id).await.map_err(|error| Error::Outside(error.into()))?;
    }
    Ok(house.store.write(move |tx| methods::detach(tx, method.id)).await?)
}

/// Pays a subscription with a saved method from now on, and what is owed at once, in person. The payment, if there was one.
pub async fn choose(
    house: &House,
    subscription_id: Id<Subscription>,
    method_id: Id<PaymentMethod>,
) -> Result<Option<Payment>, Error> {
    let rules = house.billing.clone();
    let plan = move |tx: &mut Tx<'_>| {
        let mut planned = methods::choose(tx, &rules, subscription_id, method_id)?;
        if let Some(payment) = &mut planned {
            payments::ask_in_person(tx, payment)?;
        }
        Ok::<_, Refusal>(planned)
    };
    match house.store.write(plan).await? {
        Some(planned) => collect::payment(house, planned).await.map(Some),
        None => Ok(None),
    }
}

/// How a payment stands by what its processor says now, if that is not known yet.
pub async fn look(house: &House, payment: Payment) -> Result<Payment, Error> {
    match payment.status {
        PaymentStatus::Succeeded | PaymentStatus::Failed => Ok(payment),
        _ => collect::payment(house, payment).await,
    }
}

/// How the customer approves a payment; none if nobody waits for that.
pub async fn approval(house: &House, payment: &Payment) -> Result<Option<Approval>, Error> {
    let processor = &house.adapters.payments;
    let Some(intent_id) = payment
        .processor_intent_id
        .as_deref()
        .filter(|_| payment.status == PaymentStatus::RequiresAction && payment.processor == processor.name())
    else {
        return Ok(None);
    };
    let outside = |error: merak_adapters::payments::Error| Error::Outside(error.into());
    let (client_secret, url) = match payment.kind {
        PaymentKind::Charge => {
            let asked = processor.retrieve(intent_id).await.map_err(outside)?;
            let ChargeState::RequiresAction { url } = asked.state else { return Ok(None) };
            (asked.client_secret, url)
        }
        PaymentKind::Setup => {
            let asked = processor.retrieve_setup(intent_id).await.map_err(outside)?;
            let SetupState::RequiresAction { url } = asked.state else { return Ok(None) };
            (asked.client_secret, url)
        }
    };
    let Some(client_secret) = client_secret else { return Ok(None) };
    if Arc::clone(processor).as_sandbox().is_some() {
        return Ok(Some(Approval::Here(format!("{AUTHENTICATE}{client_secret}"))));
    }
    let told = processor.browser();
    let publishable_key = told.get("publishable_key").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Some(Approval::Stripe { publishable_key, client_secret, url }))
}
