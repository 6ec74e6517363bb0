//! What processors tell by themselves.
//!
//! A message may come twice, late, and before what happened earlier. Each counts once, which is written down in the unit
//! of its effect; and effects do not depend on the order: how a payment stands is what the processor said when it was asked
//! because of the message, a dispute that is closed before it was opened is both at once, and a refund is known by its id.

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp, Tx};

use super::books::{Books, lines};
use super::outcome::{Answer, Method, RefundAnswer, RefundOutcome};
use super::{Dispute, DisputeStatus, Payment, Refund, Rules, disputes, methods, payments, refunds, settle};
use crate::clock;
use crate::kit::{Cents, Id, Result};
use crate::ledger::{Account, Concerns, EntryKind, NewEntry};
use crate::orders::Order;

/// For how long messages are kept, in seconds. Processors tell again for some days.
const KEPT_FOR: i64 = 30 * 24 * 3600;

/// What a processor told.
#[derive(Clone, Debug, PartialEq)]
pub enum Hint {
    /// Something about a payment; the processor was asked how it stands.
    Payment {
        /// Which.
        id: Id<Payment>,
        /// How it stands.
        answer: Box<Answer>,
    },
    /// A refund arrived, or failed. It may have been made at the processor.
    Refund {
        /// Of which payment.
        payment_id: Id<Payment>,
        /// Our refund, if it was made here.
        refund_id: Option<Id<Refund>>,
        /// The processor's id of it.
        processor_refund_id: String,
        /// How much, if that was told.
        amount: Option<Cents>,
        /// How it stands.
        outcome: RefundOutcome,
    },
    /// The buyer's bank wants a payment back.
    DisputeOpened {
        /// Which payment.
        payment_id: Id<Payment>,
        /// The processor's id of the dispute.
        processor_dispute_id: String,
        /// How much, if that was told.
        amount: Option<Cents>,
        /// What the processor has taken for it so far, if that was told.
        fee: Option<Cents>,
    },
    /// The bank has decided.
    DisputeClosed {
        /// Which payment.
        payment_id: Id<Payment>,
        /// The processor's id of the dispute.
        processor_dispute_id: String,
        /// Whether the seller keeps the money.
        is_won: bool,
        /// How much, if that was told.
        amount: Option<Cents>,
        /// What the processor has taken for it so far, if that was told.
        fee: Option<Cents>,
    },
    /// A saved method has other data.
    MethodUpdated(Box<Method>),
    /// A method is not saved any more.
    MethodDetached {
        /// The processor's id of it.
        processor_method_id: String,
    },
    /// Something that means nothing here.
    Nothing,
}

/// Whether a message was taken in before.
pub fn is_known(tx: &mut ReadTx<'_>, processor: &str, event_id: &str) -> Result<bool> {
    let found: Option<String> = tx.find(
        "SELECT event_id FROM processor_events WHERE processor = $1 AND event_id = $2",
        &[&processor, &event_id],
    )?;
    Ok(found.is_some())
}

/// Takes a message in, with everything that follows. Whether it is new: one that is known changes nothing.
pub fn take_in(
    tx: &mut Tx<'_>,
    rules: &Rules,
    (processor, event_id): (&str, &str),
    hint: &Hint,
) -> Result<bool> {
    let now = tx.now();
    let noted = tx.execute(
        "INSERT INTO processor_events (processor, event_id, received_at) VALUES ($1, $2, $3) \
         ON CONFLICT (processor, event_id) DO NOTHING",
        &[&processor, &event_id, &now],
    )?;
    if noted == 0 {
        return Ok(false);
    }
    match hint {
        Hint::Payment { id, answer } => {
            settle(tx, rules, &[(*id, (**answer).clone())])?;
        }
        Hint::Refund { payment_id, refund_id, processor_refund_id, amount, outcome } => {
            let named = (*refund_id, processor_refund_id.as_str());
            refund(tx, *payment_id, named, *amount, outcome)?;
        }
        Hint::DisputeOpened { payment_id, processor_dispute_id, amount, fee } => {
            dispute(tx, *payment_id, processor_dispute_id, (*amount, *fee), DisputeStatus::Open)?;
        }
        Hint::DisputeClosed { payment_id, processor_dispute_id, is_won, amount, fee } => {
            let status = if *is_won { DisputeStatus::Won } else { DisputeStatus::Lost };
            dispute(tx, *payment_id, processor_dispute_id, (*amount, *fee), status)?;
        }
        Hint::MethodUpdated(method) => methods::update(tx, processor, method)?,
        Hint::MethodDetached { processor_method_id } => {
            methods::detach_by_processor(tx, processor, processor_method_id)?;
        }
        Hint::Nothing => {}
    }
    Ok(true)
}

fn refund(
    tx: &mut Tx<'_>,
    payment_id: Id<Payment>,
    (refund_id, processor_refund_id): (Option<Id<Refund>>, &str),
    amount: Option<Cents>,
    outcome: &RefundOutcome,
) -> Result<()> {
    let Some(payment) = payments::find(tx, payment_id)? else { return Ok(()) };
    let own = match refund_id {
        Some(id) => refunds::find(tx, id)?.filter(|refund| refund.payment_id == payment.id),
        None => None,
    };
    let known = match own {
        Some(own) => Some(own),
        None => refunds::find_by_processor(tx, payment.id, processor_refund_id)?,
    };
    match known {
        Some(known) => {
            let refund_id = Some(processor_refund_id.to_owned());
            refunds::settle(tx, known.id, &RefundAnswer { refund_id, outcome: outcome.clone() })?;
            Ok(())
        }
        None => refunds::note_foreign(tx, &payment, processor_refund_id, amount, outcome),
    }
}

fn dispute(
    tx: &mut Tx<'_>,
    payment_id: Id<Payment>,
    processor_dispute_id: &str,
    (amount, fee): (Option<Cents>, Option<Cents>),
    status: DisputeStatus,
) -> Result<()> {
    const FIND: &str = concatcp!(
        "SELECT ",
        Dispute::COLUMNS,
        " FROM disputes WHERE payment_id = $1 AND processor_dispute_id = $2"
    );
    let Some(payment) = payments::find(tx, payment_id)? else { return Ok(()) };
    let now = clock::now(tx, payment.organization_id)?;
    let order = refunds::order_of(tx, &payment)?;
    let mut books = Books::default();
    let known: Option<Dispute> = tx.find(FIND, &[&payment.id, &processor_dispute_id])?;
    let mut dispute = match known {
        // What the bank has decided it has decided.
        Some(known) if known.status != DisputeStatus::Open || status == DisputeStatus::Open => return Ok(()),
        Some(known) => known,
        None => {
            let opened = Dispute {
                id: Id::new(tx),
                organization_id: payment.organization_id,
                payment_id: payment.id,
                processor_dispute_id: processor_dispute_id.to_owned(),
                status: DisputeStatus::Open,
                amount: amount.unwrap_or(payment.amount),
                fee_amount: Cents::default(),
                currency: payment.currency,
                created_at: now,
                modified_at: None,
            };
            tx.insert(&opened)?;
            note(&mut books, &opened, (&payment, order.as_ref(), 0), now);
            opened
        }
    };
    if status != DisputeStatus::Open {
        dispute.status = status;
        // Tax that went back with a refund is not owed any more, so it is not lost once more.
        let (_, tax_gone) = refunds::gone_back(tx, payment.id)?;
        note(&mut books, &dispute, (&payment, order.as_ref(), tax_gone), now);
    }
    let more = fee.map_or(0, |fee| fee.get() - dispute.fee_amount.get());
    if more != 0 {
        dispute.fee_amount = Cents::new(dispute.fee_amount.get() + more);
        let concerns = concerns(&dispute, &payment, order.as_ref());
        books.note_processor_fee(&payment, concerns, Cents::new(more), now);
    }
    if more != 0 || status != DisputeStatus::Open {
        let real = tx.now();
        tx.changed_one(
            "UPDATE disputes SET status = $2, fee_amount = $3, modified_at = $4 WHERE id = $1",
            &[&dispute.id, &dispute.status, &dispute.fee_amount, &real],
        )?;
    }
    books.post(tx)?;
    disputes::tell(tx, &dispute, &payment, order.as_ref())
}

/// Notes what a dispute moves: the processor holds the money back, and gives it to one of the two.
fn note(
    books: &mut Books,
    dispute: &Dispute,
    (payment, order, tax_gone): (&Payment, Option<&Order>, i64),
    occurred_at: Timestamp,
) {
    let amount = dispute.amount.get();
    let total = order.map_or(0, |order| order.amount.get() + order.tax_amount.get());
    let tax = match order {
        Some(order) if total > 0 => {
            let share = i128::from(order.tax_amount.get()) * i128::from(amount) / i128::from(total);
            let left = (order.tax_amount.get() - tax_gone).max(0);
            i64::try_from(share).unwrap_or(0).min(left).clamp(0, amount)
        }
        _ => 0,
    };
    let (kind, sentence, moved) = match dispute.status {
        DisputeStatus::Open => (
            EntryKind::Dispute,
            "Disputed",
            vec![(Account::Disputes, amount), (Account::ProcessorClearing, -amount)],
        ),
        DisputeStatus::Won => (
            EntryKind::DisputeReversal,
            "A dispute was won",
            vec![(Account::ProcessorClearing, amount), (Account::Disputes, -amount)],
        ),
        DisputeStatus::Lost => (
            EntryKind::Dispute,
            "A dispute was lost",
            vec![
                (Account::DisputeLosses, amount - tax),
                (Account::TaxPayable, tax),
                (Account::Disputes, -amount),
            ],
        ),
    };
    let concerns = concerns(dispute, payment, order);
    let lines = lines(dispute.currency, &moved);
    let description = sentence.to_owned();
    books.note(dispute.organization_id, NewEntry { kind, occurred_at, concerns, description, lines });
}

fn concerns(dispute: &Dispute, payment: &Payment, order: Option<&Order>) -> Concerns {
    Concerns {
        customer_id: Some(payment.customer_id.uuid()),
        order_id: order.map(|order| order.id.uuid()),
        invoice_id: payment.invoice_id.map(Id::uuid),
        payment_id: Some(payment.id.uuid()),
        dispute_id: Some(dispute.id.uuid()),
        ..Concerns::default()
    }
}

/// Removes at most `limit` messages that nobody tells again. Returns how many.
pub fn purge(tx: &mut Tx<'_>, limit: i64) -> Result<u64> {
    let before = tx.now().add_seconds(-KEPT_FOR);
    // A message is named by two columns, and both engines can compare pairs.
    Ok(tx.execute(
        "DELETE FROM processor_events WHERE (processor, event_id) IN \
         (SELECT processor, event_id FROM processor_events WHERE received_at <= $1 ORDER BY received_at LIMIT $2)",
        &[&before, &limit],
    )?)
}
