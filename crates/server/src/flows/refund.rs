//! Giving money back.
//!
//! ```text
//! unit: the refund is planned ── the processor, key refund/{id} ── unit: settle
//! ```

use merak_adapters::payments::{RefundOutcome, RefundRequest, RefundState};
use merak_core::billing::Refund;
use merak_core::billing::outcome::{self, RefundAnswer};
use merak_core::billing::refunds::{self, NewRefund, RefundQuestion};

use super::Error;
use super::collect::{FORMER_PROCESSORS_LAST, KEYS_LAST, PATIENCE, Unanswered};
use crate::state::House;

/// Plans a refund and asks for it. Should no answer come, it is pending, and asked about again by itself.
pub async fn run(house: &House, new: NewRefund) -> Result<Refund, Error> {
    let planned = house.store.write(move |tx| refunds::open(tx, &new)).await?;
    let id = planned.id;
    match settle(house, planned.clone()).await {
        Ok(refund) => Ok(refund),
        Err(error @ Error::Outside(_)) => {
            tracing::warn!(refund = %id, %error, "it is not known what became of a refund");
            Ok(planned)
        }
        Err(error) => Err(error),
    }
}

/// Asks about refunds whose answer is overdue. Returns how many there were.
pub async fn overdue(house: &House, limit: i64) -> Result<usize, Error> {
    if !house.store.read(refunds::is_any_due).await? {
        return Ok(0);
    }
    let due = house.store.write(move |tx| refunds::take_due(tx, limit)).await?;
    let count = due.len();
    for refund in due {
        let id = refund.id;
        if let Err(error) = settle(house, refund).await {
            tracing::warn!(refund = %id, %error, "it is not known what became of a refund");
            house.store.write(move |tx| refunds::postpone(tx, id, 0)).await?;
        }
    }
    Ok(count)
}

async fn settle(house: &House, refund: Refund) -> Result<Refund, Error> {
    let id = refund.id;
    let question = house.store.read(move |tx| refunds::question(tx, refund.clone())).await?;
    let answer = if let Some(question) = question {
        ask(house, &question).await?
    } else {
        let reason = String::from("The processor never had this payment.");
        RefundAnswer { refund_id: None, outcome: outcome::RefundOutcome::Failed(reason) }
    };
    Ok(house.store.write(move |tx| refunds::settle(tx, id, &answer)).await?)
}

async fn ask(house: &House, question: &RefundQuestion) -> Result<RefundAnswer, Unanswered> {
    let processor = &house.adapters.payments;
    if question.processor != processor.name() {
        if house.store.now() >= question.refund.planned_at.add_seconds(FORMER_PROCESSORS_LAST) {
            let reason = String::from("Its payment processor is not used any more.");
            return Ok(RefundAnswer { refund_id: None, outcome: outcome::RefundOutcome::Failed(reason) });
        }
        return Err(Unanswered::OtherProcessor(question.processor.clone()));
    }
    tokio::time::timeout(PATIENCE, asked(house, question)).await.map_err(|_| Unanswered::TooSlow)?
}

async fn asked(house: &House, question: &RefundQuestion) -> Result<RefundAnswer, Unanswered> {
    let processor = &house.adapters.payments;
    if let Some(refund_id) = &question.refund.processor_refund_id {
        return Ok(of_refund(processor.retrieve_refund(refund_id).await?));
    }
    let reference = question.refund.id.to_string();
    if house.store.now() >= question.refund.planned_at.add_seconds(KEYS_LAST) {
        // A key that was forgotten would give back once more. What the processor does not list was never made.
        if let Some(found) = processor.find_refund(&question.intent_id, &reference).await? {
            return Ok(of_refund(found));
        }
    }
    let request = RefundRequest {
        intent_id: question.intent_id.clone(),
        amount_cents: question.refund.amount.get(),
        reference,
    };
    Ok(of_refund(processor.refund(&request, &format!("refund/{}", question.refund.id)).await?))
}

fn of_refund(refund: RefundOutcome) -> RefundAnswer {
    let outcome = match refund.state {
        RefundState::Succeeded => outcome::RefundOutcome::Succeeded,
        RefundState::Pending => outcome::RefundOutcome::Pending,
        RefundState::Failed { message, .. } => outcome::RefundOutcome::Failed(message),
    };
    RefundAnswer { refund_id: refund.refund_id, outcome }
}
