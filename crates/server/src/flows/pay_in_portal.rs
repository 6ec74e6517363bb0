//! What a customer does about paying, in the portal: saving a card, removing one, and paying what is owed.

use std::sync::Arc;

use merak_adapters::payments::sandbox::AUTHENTICATE;
use merak_adapters::payments::{ChargeState, SetupState};
use merak_core::billing::{
    self, InvoiceStatus, Payment, PaymentKind, PaymentMethod, PaymentStatus, invoices, methods, payments,
};
use merak_core::customers::{self, Customer};
use merak_core::kit::{Id, Refusal};
use merak_core::subscriptions::Subscription;
use merak_store::{ReadTx, Tx};
use serde_json::Value;

use super::Error;
use super::collect::{self, PATIENCE, Unanswered};
use crate::state::House;

/// How a customer approves a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// On this page of ours: the bank of the sandbox.
    Here(String),
    /// At Stripe's: by its script, or at an address if it told one.
    Stripe { publishable_key: String, client_secret: String, url: Option<String> },
}

/// Saves what the customer typed into a form just now, and whether they had shown to be this customer.
pub async fn save_card(
    house: &House,
    id: Id<Customer>,
    (token, is_owner_known): (String, bool),
) -> Result<Payment, Error> {
    let rules = house.billing.clone();
    let plan = move |tx: &mut Tx<'_>| {
        let customer = customers::find(tx, id)?.ok_or_else(Refusal::not_found)?;
        payments::plan_setup(tx, &rules, &customer, (&token, is_owner_known))
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
/// One that waits for an approval with another card is given up first.
pub async fn choose(
    house: &House,
    subscription_id: Id<Subscription>,
    method_id: Id<PaymentMethod>,
) -> Result<Option<Payment>, Error> {
    let look = move |tx: &mut ReadTx<'_>| {
        methods::require_own(tx, subscription_id, method_id)?;
        payments::waiting_for_approval(tx, subscription_id)
    };
    let waiting = house.store.read(look).await?;
    if let Some(waiting) = waiting.filter(|payment| payment.payment_method_id != Some(method_id)) {
        collect::cancel(house, &waiting).await?;
    }
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

/// What became of a payment that is not needed any more: another one was made instead, or its subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unneeded {
    /// It was given up before it was approved.
    GivenUp,
    /// It brought money, which goes back.
    GivenBack,
}

/// Gives up a payment of an invoice that need not be paid any more, so that nobody is led to their bank for it. None if it
/// is needed, or nothing is known of it yet.
pub async fn give_up_unneeded(house: &House, id: Id<Payment>) -> Result<Option<Unneeded>, Error> {
    let look = move |tx: &mut ReadTx<'_>| {
        let payment = payments::find(tx, id)?.ok_or_else(Refusal::not_found)?;
        let invoice = match payment.invoice_id {
            Some(id) => invoices::find(tx, id)?,
            None => None,
        };
        let is_needed = match invoice.map(|invoice| invoice.status) {
            None | Some(InvoiceStatus::Open) => true,
            Some(InvoiceStatus::Paid) => payment.status == PaymentStatus::Succeeded,
            Some(InvoiceStatus::Void | InvoiceStatus::Uncollectible) => false,
        };
        Ok::<_, Refusal>((payment, is_needed))
    };
    let (mut payment, is_needed) = house.store.read(look).await?;
    if !is_needed {
        collect::cancel(house, &payment).await?;
        (payment, _) = house.store.read(look).await?;
    }
    Ok(match payment.status {
        PaymentStatus::Succeeded if !is_needed => Some(Unneeded::GivenBack),
        PaymentStatus::Failed if payment.failure_code.as_deref() == Some(billing::CANCELED) => {
            Some(Unneeded::GivenUp)
        }
        _ => None,
    })
}

/// Ends a subscription at once whose payment is owed, because its customer does not want to pay. A payment that waits for
/// their approval is given up; should its money come all the same, it goes back.
pub async fn end_owed(house: &House, id: Id<Subscription>) -> Result<(), Error> {
    let unit = move |tx: &mut Tx<'_>| {
        let waiting = payments::waiting_for_approval(tx, id)?;
        billing::end_owed(tx, id)?;
        Ok::<_, Refusal>(waiting)
    };
    if let Some(payment) = house.store.write(unit).await?
        && let Err(error) = collect::cancel(house, &payment).await
    {
        tracing::warn!(payment = %payment.id, %error, "a payment that is not needed any more could not be canceled");
    }
    Ok(())
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
    let (client_secret, url) = match payment.kind {
        PaymentKind::Charge => {
            let asked = tokio::time::timeout(PATIENCE, processor.retrieve(intent_id));
            let asked = asked.await.map_err(|_| Unanswered::TooSlow)?.map_err(Unanswered::from)?;
            let ChargeState::RequiresAction { url } = asked.state else { return Ok(None) };
            (asked.client_secret, url)
        }
        PaymentKind::Setup => {
            let asked = tokio::time::timeout(PATIENCE, processor.retrieve_setup(intent_id));
            let asked = asked.await.map_err(|_| Unanswered::TooSlow)?.map_err(Unanswered::from)?;
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
