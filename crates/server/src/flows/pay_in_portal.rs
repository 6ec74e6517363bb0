//! What a customer does about paying, in the portal: saving a card, removing one, and paying what is owed.

use merak_adapters::payments::sandbox::{AUTHENTICATE, NAME};
use merak_core::billing::{Payment, PaymentMethod, PaymentStatus, methods, payments};
use merak_core::customers::{self, Customer};
use merak_core::kit::{Id, Refusal};
use merak_core::subscriptions::Subscription;

use super::{Error, collect};
use crate::state::House;

/// Saves what the customer typed into a form just now.
pub async fn save_card(house: &House, id: Id<Customer>, token: String) -> Result<Payment, Error> {
    let rules = house.billing.clone();
    let plan = move |tx: &mut merak_store::Tx<'_>| {
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

/// Pays a subscription with a saved method from now on, and what is owed at once. The payment, if there was one.
pub async fn choose(
    house: &House,
    subscription_id: Id<Subscription>,
    method_id: Id<PaymentMethod>,
) -> Result<Option<Payment>, Error> {
    let rules = house.billing.clone();
    let planned =
        house.store.write(move |tx| methods::choose(tx, &rules, subscription_id, method_id)).await?;
    match planned {
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

/// The page on which the customer approves a payment that waits for that.
pub async fn approval_path(house: &House, payment: &Payment) -> Result<Option<String>, Error> {
    if payment.status != PaymentStatus::RequiresAction || payment.processor != NAME {
        return Ok(None);
    }
    let planned = payment.clone();
    let mut questions = house.store.read(move |tx| payments::questions(tx, vec![planned.clone()])).await?;
    let Some(question) = questions.pop() else { return Ok(None) };
    let answer = collect::ask(house, &question).await?;
    Ok(answer.client_secret.map(|secret| format!("{AUTHENTICATE}{secret}")))
}
