//! What a payment processor tells by itself, from its webhook or from the sandbox's courier.
//!
//! An event is a hint: it may come twice, late, or before what happened earlier, and it may be about an attempt that is
//! not the current one. So the processor is asked how the matter stands, and what it says is written down in the unit that
//! notes the event.

use http::HeaderMap;
use merak_adapters::payments::{Event, EventError, EventKind};
use merak_core::billing::hints::{self, Hint};
use merak_core::billing::outcome::RefundOutcome;
use merak_core::billing::{Payment, PaymentStatus, methods, payments};
use merak_core::kit::{Cents, Id, Kind, Refusal};
use uuid::Uuid;

use super::Error;
use super::collect::{self, Unanswered};
use crate::state::House;

/// Reads a message and acts on its events. What is not believed is refused: 400 if it cannot be read, 401 if it was not
/// signed, or not just now.
pub async fn receive(house: &House, headers: &HeaderMap, body: &[u8]) -> Result<(), Error> {
    let now = house.store.now().into();
    let events = house.adapters.payments.read_event(headers, body, now).map_err(|error| match error {
        EventError::BadPayload => Refusal::bad_request("The message cannot be read."),
        EventError::BadSignature | EventError::Replayed => {
            Refusal::rule(Kind::Unauthenticated, error.to_string())
        }
    })?;
    run(house, events).await
}

/// Acts on events. An error makes the processor tell them again.
pub async fn run(house: &House, events: Vec<Event>) -> Result<(), Error> {
    let processor = house.adapters.payments.name();
    for event in events {
        if event.kind == EventKind::Ignored {
            continue;
        }
        let id = event.id.clone();
        if house.store.read(move |tx| hints::is_known(tx, processor, &id)).await? {
            continue;
        }
        let hint = hint(house, &event).await?;
        if hint == Hint::Nothing {
            tracing::debug!(processor, event = event.id, "an event about nothing that is known here");
        }
        let (rules, id) = (house.billing.clone(), event.id);
        house.store.write(move |tx| hints::take_in(tx, &rules, (processor, &id), &hint)).await?;
    }
    Ok(())
}

/// What an event means to us. How a payment stands is asked of the processor.
async fn hint(house: &House, event: &Event) -> Result<Hint, Error> {
    let processor_method_id = match &event.kind {
        EventKind::MethodDetached { method_id } => {
            return Ok(Hint::MethodDetached { processor_method_id: method_id.clone() });
        }
        EventKind::MethodUpdated { method_id } => Some(method_id.clone()),
        _ => None,
    };
    if let Some(id) = processor_method_id {
        return updated(house, id).await;
    }
    let Some(payment) = payment_of(house, event).await? else {
        let processor = house.adapters.payments.name();
        if house.store.read(move |tx| payments::is_any_unnamed(tx, processor)).await? {
            // It may have overtaken the answer that names its payment. Whoever is refused tells again.
            return Err(Refusal::bad_request("This payment is not known yet.").into());
        }
        return Ok(Hint::Nothing);
    };
    let (amount, fee) = (event.amount_cents.map(Cents::new), event.fee_cents.map(Cents::new));
    if event.kind == EventKind::ChargeSucceeded
        && payment.status == PaymentStatus::Succeeded
        && payment.fee_amount.is_some()
    {
        // All of it is written down already.
        return Ok(Hint::Nothing);
    }
    // An event about a refund names that.
    let refund_id = event.reference.as_deref().and_then(id_of);
    Ok(match &event.kind {
        EventKind::ChargeSucceeded
        | EventKind::ChargeFailed(_)
        | EventKind::SetupSucceeded
        | EventKind::SetupFailed(_) => {
            let id = payment.id;
            let payment = Payment {
                processor_intent_id: payment.processor_intent_id.or_else(|| event.intent_id.clone()),
                ..payment
            };
            let questions =
                house.store.read(move |tx| payments::questions(tx, vec![payment.clone()])).await?;
            match questions.into_iter().next() {
                Some(question) => {
                    let answer = collect::ask(house, &question).await?;
                    Hint::Payment { id, answer: Box::new(answer) }
                }
                None => Hint::Nothing,
            }
        }
        EventKind::RefundSettled { refund_id: processor_refund_id } => Hint::Refund {
            payment_id: payment.id,
            refund_id,
            processor_refund_id: processor_refund_id.clone(),
            amount,
            outcome: RefundOutcome::Succeeded,
        },
        EventKind::RefundFailed { refund_id: processor_refund_id } => Hint::Refund {
            payment_id: payment.id,
            refund_id,
            processor_refund_id: processor_refund_id.clone(),
            amount,
            outcome: RefundOutcome::Failed(String::from("The processor could not give it back.")),
        },
        EventKind::DisputeOpened { dispute_id } => Hint::DisputeOpened {
            payment_id: payment.id,
            processor_dispute_id: dispute_id.clone(),
            amount,
            fee,
        },
        EventKind::DisputeClosed { dispute_id, won } => Hint::DisputeClosed {
            payment_id: payment.id,
            processor_dispute_id: dispute_id.clone(),
            is_won: *won,
            amount,
            fee,
        },
        EventKind::MethodUpdated { .. } | EventKind::MethodDetached { .. } | EventKind::Ignored => {
            Hint::Nothing
        }
    })
}

/// The payment that an event is about: by the processor's name for it, or by ours.
async fn payment_of(house: &House, event: &Event) -> Result<Option<Payment>, Error> {
    let processor = house.adapters.payments.name();
    let (intent_id, reference) = (event.intent_id.clone(), event.reference.as_deref().and_then(id_of));
    Ok(house
        .store
        .read(move |tx| {
            if let Some(intent_id) = &intent_id
                && let Some(found) = payments::find_by_intent(tx, processor, intent_id)?
            {
                return Ok::<_, Refusal>(Some(found));
            }
            match reference {
                Some(id) => payments::find(tx, id),
                None => Ok(None),
            }
        })
        .await?)
}

fn id_of<T>(reference: &str) -> Option<Id<T>> {
    Uuid::parse_str(reference).ok().map(Id::from_uuid)
}

/// What a saved method is now.
async fn updated(house: &House, processor_method_id: String) -> Result<Hint, Error> {
    let processor = house.adapters.payments.name();
    let id = processor_method_id.clone();
    let owner = house
        .store
        .read(move |tx| {
            let method = methods::find_by_processor(tx, processor, &id)?;
            match method {
                Some(method) => payments::payer_id(tx, method.customer_id, processor),
                None => Ok(None),
            }
        })
        .await?;
    let Some(owner) = owner else { return Ok(Hint::Nothing) };
    let listed = house.adapters.payments.list_methods(&owner).await.map_err(Unanswered::from)?;
    let found = listed.into_iter().find(|method| method.id == processor_method_id);
    Ok(found.map_or(Hint::Nothing, |method| Hint::MethodUpdated(Box::new(collect::method(method)))))
}
