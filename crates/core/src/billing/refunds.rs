//! Giving money back.
//!
//! ```text
//! an order of 10.00 and 2.00 of tax, paid with 12.00
//!
//! 5.00 goes back     0.83 of it is tax: 200 × 500 / 1200, without the rest
//! 7.00 goes back     all that is left, so all tax that is left: 1.17
//! ```
//!
//! What comes with the order stays, unless it is asked for otherwise; of an order that is paid once and all of which goes
//! back, it goes, unless it is asked for otherwise. It goes when the money does. What comes with an order of a subscription
//! comes with the subscription, so taking it back ends that.

use const_format::concatcp;
use merak_store::{ReadTx, Sql, Timestamp, Tx};

use super::books::{Books, lines};
use super::outcome::{RefundAnswer, RefundOutcome};
use super::paid::product_name;
use super::{Payment, PaymentStatus, Refund, RefundStatus, payments};
use crate::benefits::grants;
use crate::clock;
use crate::customers;
use crate::emails::{self, Email, Money, PortalLink};
use crate::kit::{Cents, Id, Kind, Refusal, Refuses, Result};
use crate::ledger::{Account, Concerns, EntryKind, NewEntry};
use crate::orders::{self, Order};
use crate::subscriptions;

/// Why nothing can be given back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No money moved for it.
    #[error("This order was not paid with money, so there is nothing to give back.")]
    NotPaid,
    /// It is more than is left.
    #[error("At most {left} can be given back.")]
    TooMuch {
        /// How much is left.
        left: Cents,
    },
    /// Something was given back meanwhile.
    #[error("Something was given back meanwhile. Please look again at what is left.")]
    Changed,
    /// It is nothing.
    #[error("A refund is more than nothing.")]
    Nothing,
    /// Nothing is left.
    #[error("Nothing is left to be given back.")]
    NothingLeft,
}

impl Refuses for Error {
    fn kind(&self) -> Kind {
        Kind::BadRequest
    }
}

/// A refund to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRefund {
    /// Of which order.
    pub order_id: Id<Order>,
    /// How much, with tax; none is all that is left.
    pub amount: Option<Cents>,
    /// Why, in the seller's words.
    pub reason: Option<String>,
    /// Whether what came with the order is taken back; none is as usual.
    pub revokes_benefits: Option<bool>,
    /// How much was left to be given back when this was decided. If it is another sum now, nothing happens: a decision that
    /// is sent twice is carried out once.
    pub left: Option<Cents>,
}

/// Plans a refund. The processor is to be asked for it next.
pub fn open(tx: &mut Tx<'_>, new: &NewRefund) -> Result<Refund> {
    let order = orders::find(tx, new.order_id)?.ok_or_else(Refusal::not_found)?;
    let payment = payment_of(tx, &order)?.ok_or(Error::NotPaid)?;
    let (given, given_tax) = given_back(tx, payment.id)?;
    let left = Cents::new(payment.amount.get() - given);
    if new.left.is_some_and(|seen| seen != left) {
        return Err(Error::Changed.into());
    }
    if left <= Cents::default() {
        return Err(Error::NothingLeft.into());
    }
    let amount = new.amount.unwrap_or(left);
    if amount <= Cents::default() {
        return Err(Error::Nothing.into());
    }
    if amount > left {
        return Err(Error::TooMuch { left }.into());
    }
    let is_all = given + amount.get() == payment.amount.get();
    let usual = is_all && order.subscription_id.is_none();
    let refund = Refund {
        id: Id::new(tx),
        organization_id: order.organization_id,
        order_id: Some(order.id),
        payment_id: payment.id,
        amount,
        tax_amount: tax_share(&order, amount, (given, given_tax), &payment),
        currency: payment.currency,
        status: RefundStatus::Pending,
        reason: new.reason.clone(),
        revokes_benefits: new.revokes_benefits.unwrap_or(usual),
        processor_refund_id: None,
        failure_message: None,
        ask_at: Some(tx.now().add_seconds(payments::FIRST_PAUSE)),
        asked: 0,
        planned_at: tx.now(),
        created_at: clock::now(tx, order.organization_id)?,
        modified_at: None,
        settled_at: None,
    };
    tx.insert(&refund)?;
    Ok(refund)
}

/// How much of what goes back is tax: its part, without the rest; of the last of it, all that is left.
fn tax_share(order: &Order, amount: Cents, (given, given_tax): (i64, i64), payment: &Payment) -> Cents {
    let (tax, total) = (order.tax_amount.get(), order.amount.get() + order.tax_amount.get());
    if total <= 0 || tax <= 0 {
        return Cents::default();
    }
    if given + amount.get() == payment.amount.get() && payment.amount.get() == total {
        return Cents::new(tax - given_tax);
    }
    let share = i128::from(tax) * i128::from(amount.get()) / i128::from(total);
    Cents::new(i64::try_from(share).unwrap_or(0).min(tax - given_tax))
}

/// The payment that brought an order's money.
fn payment_of(tx: &mut ReadTx<'_>, order: &Order) -> Result<Option<Payment>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Payment::COLUMNS,
        " FROM payments WHERE invoice_id = $1 AND status = 'succeeded' AND kind = 'charge' \
         AND NOT EXISTS (SELECT 1 FROM refunds WHERE refunds.payment_id = payments.id AND refunds.order_id IS NULL) \
         ORDER BY id LIMIT 1"
    );
    match order.invoice_id {
        Some(id) => Ok(tx.find(SQL, &[&id])?),
        None => Ok(None),
    }
}

/// How much of a payment went back or is about to, and how much of that is tax.
fn given_back(tx: &mut ReadTx<'_>, payment_id: Id<Payment>) -> Result<(i64, i64)> {
    Ok(tx.one(
        "SELECT CAST(coalesce(sum(amount), 0) AS bigint), CAST(coalesce(sum(tax_amount), 0) AS bigint) \
         FROM refunds WHERE payment_id = $1 AND status <> 'failed'",
        &[&payment_id],
    )?)
}

/// How much of a payment went back, and how much of that is tax.
pub(super) fn gone_back(tx: &mut ReadTx<'_>, payment_id: Id<Payment>) -> Result<(i64, i64)> {
    Ok(tx.one(
        "SELECT CAST(coalesce(sum(amount), 0) AS bigint), CAST(coalesce(sum(tax_amount), 0) AS bigint) \
         FROM refunds WHERE payment_id = $1 AND status = 'succeeded'",
        &[&payment_id],
    )?)
}

/// Plans that money goes back which nobody waited for.
pub(super) fn return_stray(tx: &mut Tx<'_>, payment: &Payment) -> Result<()> {
    let refund = Refund {
        id: Id::new(tx),
        organization_id: payment.organization_id,
        order_id: None,
        payment_id: payment.id,
        amount: payment.amount,
        tax_amount: Cents::default(),
        currency: payment.currency,
        status: RefundStatus::Pending,
        reason: Some(String::from("The payment came too late")),
        revokes_benefits: false,
        processor_refund_id: None,
        failure_message: None,
        ask_at: Some(tx.now()),
        asked: 0,
        planned_at: tx.now(),
        created_at: clock::now(tx, payment.organization_id)?,
        modified_at: None,
        settled_at: None,
    };
    Ok(tx.insert(&refund)?)
}

/// Writes down a refund that was made at the processor, without our having asked for it. Once for each of the processor's
/// ids. One of a payment that is not known to have come is refused, so that it is told again.
pub(super) fn note_foreign(
    tx: &mut Tx<'_>,
    payment: &Payment,
    processor_refund_id: &str,
    amount: Option<Cents>,
    outcome: &RefundOutcome,
) -> Result<()> {
    if payment.status != PaymentStatus::Succeeded {
        // The refund has overtaken what is told of its payment. Whoever is refused tells again.
        return Err(Refusal::bad_request("This payment is not known to have come yet."));
    }
    // What is only planned here may be refused there, and gives way to what was done.
    let (given, given_tax) = gone_back(tx, payment.id)?;
    let left = payment.amount.get() - given;
    let amount = Cents::new(amount.map_or(left, |amount| amount.get().min(left)));
    if amount <= Cents::default() {
        return Ok(());
    }
    let order = order_of(tx, payment)?;
    let mut refund = Refund {
        id: Id::new(tx),
        organization_id: payment.organization_id,
        order_id: order.as_ref().map(|order| order.id),
        payment_id: payment.id,
        amount,
        tax_amount: order
            .as_ref()
            .map_or(Cents::default(), |order| tax_share(order, amount, (given, given_tax), payment)),
        currency: payment.currency,
        status: RefundStatus::Pending,
        reason: Some(String::from("Made at the payment processor")),
        // A seller who gives money back there says nothing about what was bought.
        revokes_benefits: false,
        processor_refund_id: Some(processor_refund_id.to_owned()),
        failure_message: None,
        ask_at: None,
        asked: 0,
        planned_at: tx.now(),
        created_at: clock::now(tx, payment.organization_id)?,
        modified_at: None,
        settled_at: None,
    };
    tx.insert(&refund)?;
    settle_one(tx, &mut refund, outcome)
}

/// The order that a payment paid. One that came when the invoice was paid already has none.
pub(super) fn order_of(tx: &mut ReadTx<'_>, payment: &Payment) -> Result<Option<Order>> {
    const SQL: &str = concatcp!("SELECT ", Order::COLUMNS, " FROM orders WHERE invoice_id = $1");
    let order: Option<Order> = match payment.invoice_id {
        Some(id) => tx.find(SQL, &[&id])?,
        None => None,
    };
    let Some(order) = order else { return Ok(None) };
    let paid = payment_of(tx, &order)?;
    Ok(paid.is_some_and(|paid| paid.id == payment.id).then_some(order))
}

/// The refund, if there is one.
pub fn find(tx: &mut ReadTx<'_>, id: Id<Refund>) -> Result<Option<Refund>> {
    const SQL: &str = concatcp!("SELECT ", Refund::COLUMNS, " FROM refunds WHERE id = $1");
    Ok(tx.find(SQL, &[&id])?)
}

/// The refund that the processor calls so, of this payment.
pub(super) fn find_by_processor(
    tx: &mut ReadTx<'_>,
    payment_id: Id<Payment>,
    processor_refund_id: &str,
) -> Result<Option<Refund>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Refund::COLUMNS,
        " FROM refunds WHERE payment_id = $1 AND processor_refund_id = $2"
    );
    Ok(tx.find(SQL, &[&payment_id, &processor_refund_id])?)
}

/// A refund with the charge that it is of.
#[derive(Clone, Debug, PartialEq)]
pub struct RefundQuestion {
    /// The refund.
    pub refund: Refund,
    /// The processor that has the money.
    pub processor: String,
    /// The processor's id of the payment.
    pub intent_id: String,
}

/// What the processor has to know of a refund; none if it never had the payment.
pub fn question(tx: &mut ReadTx<'_>, refund: Refund) -> Result<Option<RefundQuestion>> {
    let payment = payments::find(tx, refund.payment_id)?;
    let known = payment.and_then(|payment| Some((payment.processor, payment.processor_intent_id?)));
    Ok(known.map(|(processor, intent_id)| RefundQuestion { refund, processor, intent_id }))
}

/// Whether there is a refund whose answer is overdue.
pub fn is_any_due(tx: &mut ReadTx<'_>) -> Result<bool> {
    let now = tx.now();
    let due: Option<Id<Refund>> =
        tx.find("SELECT id FROM refunds WHERE ask_at <= $1 ORDER BY ask_at LIMIT 1", &[&now])?;
    Ok(due.is_some())
}

/// Takes refunds whose processor has to be asked, as [`payments::take_due`] does.
pub fn take_due(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Refund>> {
    let now = tx.now();
    Ok(tx.returning(
        concatcp!(
            "UPDATE refunds SET ask_at = $2, asked = asked + 1 WHERE id IN \
             (SELECT id FROM refunds WHERE ask_at <= $1 ORDER BY ask_at, id LIMIT $3) RETURNING ",
            Refund::COLUMNS
        ),
        &[&now, &now.add_seconds(payments::FIRST_PAUSE), &limit],
    )?)
}

/// Leaves a refund alone for longer, because its processor gave no answer.
pub fn postpone(tx: &mut Tx<'_>, id: Id<Refund>, at_least: i64) -> Result<()> {
    let Some(refund) = find(tx, id)? else { return Ok(()) };
    let ask_at = tx.now().add_seconds(payments::pause(refund.asked).max(at_least));
    tx.execute("UPDATE refunds SET ask_at = $2 WHERE id = $1 AND ask_at IS NOT NULL", &[&id, &ask_at])?;
    Ok(())
}

/// Writes down how a refund stands, and does what follows. One whose outcome is known stays as it is, but what had arrived
/// may still come back.
pub fn settle(tx: &mut Tx<'_>, id: Id<Refund>, answer: &RefundAnswer) -> Result<Refund> {
    let mut refund = find(tx, id)?.ok_or_else(Refusal::not_found)?;
    if refund.processor_refund_id.is_none() {
        refund.processor_refund_id.clone_from(&answer.refund_id);
    }
    settle_one(tx, &mut refund, &answer.outcome)?;
    Ok(refund)
}

fn settle_one(tx: &mut Tx<'_>, refund: &mut Refund, outcome: &RefundOutcome) -> Result<()> {
    let before = refund.status;
    let now = clock::now(tx, refund.organization_id)?;
    match (outcome, before) {
        (RefundOutcome::Pending, RefundStatus::Pending) => {
            refund.ask_at = Some(tx.now().add_seconds(payments::pause(refund.asked)));
        }
        (RefundOutcome::Succeeded, RefundStatus::Pending) => {
            refund.status = RefundStatus::Succeeded;
            (refund.ask_at, refund.settled_at) = (None, Some(now));
        }
        (RefundOutcome::Failed(reason), RefundStatus::Pending | RefundStatus::Succeeded) => {
            refund.status = RefundStatus::Failed;
            refund.failure_message = Some(reason.clone());
            (refund.ask_at, refund.settled_at) = (None, Some(now));
        }
        _ => return Ok(()),
    }
    refund.modified_at = Some(tx.now());
    tx.changed_one(
        "UPDATE refunds SET status = $2, processor_refund_id = $3, failure_message = $4, ask_at = $5, \
         settled_at = $6, modified_at = $7 WHERE id = $1",
        &[
            &refund.id,
            &refund.status,
            &refund.processor_refund_id,
            &refund.failure_message,
            &refund.ask_at,
            &refund.settled_at,
            &refund.modified_at,
        ],
    )?;
    match (before, refund.status) {
        (RefundStatus::Pending, RefundStatus::Succeeded) => went_back(tx, refund, now),
        (RefundStatus::Succeeded, RefundStatus::Failed) => came_again(tx, refund, now),
        _ => Ok(()),
    }
}

/// The money went back: the ledger, the order, and what came with it.
fn went_back(tx: &mut Tx<'_>, refund: &Refund, now: Timestamp) -> Result<()> {
    note(tx, refund, now, "Given back", 1)?;
    let Some(order_id) = refund.order_id else { return tell_of_stray(tx, refund, now) };
    add_to_order(tx, order_id, refund.amount.get())?;
    let Some(order) = orders::find(tx, order_id)? else { return Ok(()) };
    if refund.revokes_benefits {
        take_back(tx, &order)?;
    }
    tell(tx, refund, &order, now)
}

/// Writes to the customer that money went back to them; to nobody if they were deleted.
fn tell(tx: &mut Tx<'_>, refund: &Refund, order: &Order, now: Timestamp) -> Result<()> {
    let Some(customer) = customers::find(tx, order.customer_id)? else { return Ok(()) };
    let email = Email::Refunded {
        product_name: product_name(tx, order.product_id)?,
        number: order.document_number().map(|number| number.to_string()),
        amount: Money { amount: refund.amount, currency: refund.currency },
        refunded_at: now,
        takes_back: refund.revokes_benefits && order.subscription_id.is_none(),
        portal: PortalLink { customer_id: customer.id, shows: Some(order.id.uuid()) },
    };
    emails::enqueue(tx, Some(order.organization_id), customer.email.as_str(), &email)?;
    Ok(())
}

/// Writes to the customer that money which nobody waited for went back to them; to nobody if they were deleted.
fn tell_of_stray(tx: &mut Tx<'_>, refund: &Refund, now: Timestamp) -> Result<()> {
    const SOLD: &str = "SELECT products.name FROM payments LEFT JOIN invoices ON invoices.id = payments.invoice_id \
         LEFT JOIN checkouts ON checkouts.id = payments.checkout_id \
         JOIN products ON products.id = coalesce(invoices.product_id, checkouts.product_id) WHERE payments.id = $1";
    let Some(payment) = payments::find(tx, refund.payment_id)? else { return Ok(()) };
    let Some(customer) = customers::find(tx, payment.customer_id)? else { return Ok(()) };
    let email = Email::PaymentReturned {
        product_name: tx.find(SOLD, &[&payment.id])?,
        amount: Money { amount: refund.amount, currency: refund.currency },
        returned_at: now,
        portal: PortalLink { customer_id: customer.id, shows: None },
    };
    emails::enqueue(tx, Some(refund.organization_id), customer.email.as_str(), &email)?;
    Ok(())
}

/// Takes back what came with an order. A subscription ends, whichever of its periods the order paid for.
fn take_back(tx: &mut Tx<'_>, order: &Order) -> Result<()> {
    if let Some(id) = order.subscription_id {
        return match subscriptions::find(tx, id)? {
            Some(subscription) => subscriptions::end(tx, &subscription),
            None => Ok(()),
        };
    }
    match grants::revoke_purchase(tx, &order.purchase()) {
        // Product or customer were deleted: nothing is held any more.
        Err(refusal) if refusal.kind() == Some(Kind::NotFound) => Ok(()),
        revoked => revoked.map(drop),
    }
}

/// The money had gone back and the processor has it again.
fn came_again(tx: &mut Tx<'_>, refund: &Refund, now: Timestamp) -> Result<()> {
    note(tx, refund, now, "A refund failed after all", -1)?;
    match refund.order_id {
        Some(id) => add_to_order(tx, id, -refund.amount.get()),
        None => Ok(()),
    }
}

fn add_to_order(tx: &mut Tx<'_>, id: Id<Order>, amount: i64) -> Result<()> {
    let now = tx.now();
    Ok(tx.changed_one(
        "UPDATE orders SET refunded_amount = refunded_amount + $2, modified_at = $3 WHERE id = $1",
        &[&id, &amount, &now],
    )?)
}

fn note(tx: &mut Tx<'_>, refund: &Refund, now: Timestamp, sentence: &str, sign: i64) -> Result<()> {
    let (amount, tax) = (refund.amount.get() * sign, refund.tax_amount.get() * sign);
    let moved = match refund.order_id {
        Some(_) => lines(
            refund.currency,
            &[
                (Account::Refunds, amount - tax),
                (Account::TaxPayable, tax),
                (Account::ProcessorClearing, -amount),
            ],
        ),
        None => lines(
            refund.currency,
            &[(Account::CustomerCredit, amount), (Account::ProcessorClearing, -amount)],
        ),
    };
    let payment = payments::find(tx, refund.payment_id)?;
    let entry = NewEntry {
        kind: EntryKind::Refund,
        occurred_at: now,
        concerns: Concerns {
            customer_id: payment.map(|payment| payment.customer_id.uuid()),
            order_id: refund.order_id.map(Id::uuid),
            payment_id: Some(refund.payment_id.uuid()),
            refund_id: Some(refund.id.uuid()),
            ..Concerns::default()
        },
        description: sentence.to_owned(),
        lines: moved,
    };
    let mut books = Books::default();
    books.note(refund.organization_id, entry);
    books.post(tx)
}

/// The refunds of an order, in the order in which they were made.
pub fn of_order(tx: &mut ReadTx<'_>, order_id: Id<Order>) -> Result<Vec<Refund>> {
    let mut sql = Sql::new(concatcp!("SELECT ", Refund::COLUMNS, " FROM refunds WHERE order_id = "));
    sql.bind(order_id).push(" ORDER BY id");
    Ok(tx.list(&sql)?)
}
