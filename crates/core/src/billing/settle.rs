//! What becomes of payments when it is known how they stand.
//!
//! Everything that follows from an answer is done in the unit that writes it down, and an answer that comes again, or later
//! than another one, changes nothing: a payment that succeeded or failed stays so. Money that nobody waits for any more
//! goes back.

use std::collections::{BTreeSet, HashMap};

use merak_store::{Sql, Timestamp, Tx};

use super::books::Books;
use super::dunning::Owed;
use super::outcome::{Answer, Failure, Method, Outcome};
use super::paid::Period;
use super::{
    Invoice, InvoiceLine, InvoiceStatus, Payment, PaymentKind, PaymentMethod, PaymentStatus, Rules, dunning,
    invoices, methods, paid, payments, refunds,
};
use crate::checkouts::{complete, confirm};
use crate::clock;
use crate::kit::{Cents, Id, Refusal, Result};
use crate::ledger::Account;
use crate::organizations::Organization;
use crate::products::Product;
use crate::subscriptions::Subscription;

/// For how long a customer may take to prove who they are, in seconds. Then the attempt has failed.
const PATIENCE: i64 = 24 * 3600;

/// The code of a payment that was canceled at its processor before it was approved.
pub const CANCELED: &str = "canceled";

/// Writes down how payments stand, and does what follows. Returns them as they are then, in the order of the answers.
pub fn settle(tx: &mut Tx<'_>, rules: &Rules, answers: &[(Id<Payment>, Answer)]) -> Result<Vec<Payment>> {
    let ids: Vec<Id<Payment>> = answers.iter().map(|(id, _)| *id).collect();
    let found = payments::find_many(tx, &ids)?;
    let mut settling = Settling::of(tx, rules, &found)?;
    let mut by_id: HashMap<Id<Payment>, Payment> =
        found.into_iter().map(|payment| (payment.id, payment)).collect();
    let mut settled = Vec::with_capacity(answers.len());
    for (id, answer) in answers {
        let payment = by_id.get_mut(id).ok_or_else(Refusal::not_found)?;
        settling.one(tx, payment, answer)?;
        settled.push(payment.clone());
    }
    settling.books.post(tx)?;
    Ok(settled)
}

/// What is read once for all payments of a batch.
struct Settling<'r> {
    rules: &'r Rules,
    real: Timestamp,
    clocks: HashMap<Id<Organization>, Timestamp>,
    invoices: HashMap<Id<Invoice>, Invoice>,
    lines: HashMap<Id<Invoice>, Vec<InvoiceLine>>,
    subscriptions: HashMap<Id<Subscription>, Subscription>,
    names: HashMap<Id<Product>, String>,
    books: Books,
}

impl<'r> Settling<'r> {
    fn of(tx: &mut Tx<'_>, rules: &'r Rules, payments: &[Payment]) -> Result<Self> {
        let organizations: BTreeSet<_> = payments.iter().map(|payment| payment.organization_id).collect();
        let ids: BTreeSet<_> = payments.iter().filter_map(|payment| payment.invoice_id).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let invoices = invoices::find_many(tx, &ids)?;
        let lines = invoices::lines_by_invoice(tx, &ids)?;
        let ids: BTreeSet<_> = invoices.iter().filter_map(|invoice| invoice.subscription_id).collect();
        let subscriptions = find_subscriptions(tx, &ids)?;
        let products: BTreeSet<_> = invoices.iter().map(|invoice| invoice.product_id).collect();
        Ok(Self {
            rules,
            real: tx.now(),
            clocks: clock::of_all(tx, &organizations.into_iter().collect::<Vec<_>>())?,
            invoices: invoices.into_iter().map(|invoice| (invoice.id, invoice)).collect(),
            lines,
            subscriptions: subscriptions.into_iter().map(|one| (one.id, one)).collect(),
            names: names_of(tx, &products)?,
            books: Books::default(),
        })
    }

    fn one(&mut self, tx: &mut Tx<'_>, payment: &mut Payment, answer: &Answer) -> Result<()> {
        if payment.processor_intent_id.is_none() {
            payment.processor_intent_id.clone_from(&answer.intent_id);
        }
        match (&answer.outcome, payment.status) {
            (Outcome::Succeeded { fee: Some(fee), .. }, PaymentStatus::Succeeded)
                if payment.fee_amount.is_none() && payment.kind == PaymentKind::Charge =>
            {
                // Processors know their fee only some time after the money came.
                payment.fee_amount = Some(*fee);
                payments::save(tx, payment)?;
                self.books.note_fee(payment, *fee, self.now(payment));
                Ok(())
            }
            (_, PaymentStatus::Succeeded) => Ok(()),
            (Outcome::Succeeded { charge_id, method, fee }, before) => {
                payment.status = PaymentStatus::Succeeded;
                payment.processor_charge_id.clone_from(charge_id);
                payment.fee_amount = *fee;
                if before == PaymentStatus::Failed {
                    (payment.failure_code, payment.failure_message) = (None, None);
                }
                self.succeeded(tx, payment, answer, method.as_ref())
            }
            (_, PaymentStatus::Failed) => Ok(()),
            (Outcome::RequiresAction, _) if tx.now() >= payment.planned_at.add_seconds(PATIENCE) => {
                let Outcome::Failed(failure) =
                    Answer::failed("abandoned", "The payment was not approved.").outcome
                else {
                    return Ok(());
                };
                self.failed(tx, payment, &failure)
            }
            (Outcome::RequiresAction, _) => waits(tx, payment, answer, PaymentStatus::RequiresAction),
            (Outcome::Processing, _) => waits(tx, payment, answer, PaymentStatus::Processing),
            (Outcome::Failed(failure), _) => self.failed(tx, payment, failure),
        }
    }

    fn succeeded(
        &mut self,
        tx: &mut Tx<'_>,
        payment: &mut Payment,
        answer: &Answer,
        method: Option<&Method>,
    ) -> Result<()> {
        let now = self.now(payment);
        (payment.ask_at, payment.settled_at) = (None, Some(now));
        let (client_secret, is_saved) = (shown_secret(payment, answer), payment.payment_method_id.is_some());
        if let Some(method) = method
            && (payment.kind == PaymentKind::Setup || is_kept(tx, payment)?)
        {
            let id = methods::keep(tx, payment, method)?;
            payment.payment_method_id = Some(id);
            tx.changed_one("UPDATE payments SET payment_method_id = $2 WHERE id = $1", &[&payment.id, &id])?;
        }
        if let Some(id) = payment.checkout_id {
            let waiting = confirm::waiting(tx, id, payment)?;
            let Some(checkout) = waiting else { return self.stray(tx, payment) };
            payments::save(tx, payment)?;
            let checkout = confirm::confirmed_now(tx, checkout, (payment, is_saved), client_secret)?;
            let country = method.and_then(|method| method.country);
            return complete::complete(tx, &mut self.books, checkout, Some(payment), country);
        }
        let invoice = payment.invoice_id.and_then(|id| self.invoices.get_mut(&id));
        let Some(invoice) = invoice.filter(|invoice| invoice.status == InvoiceStatus::Open) else {
            return self.stray(tx, payment);
        };
        let subscription = invoice.subscription_id.and_then(|id| self.subscriptions.get(&id));
        let subscription = subscription.cloned().ok_or_else(Refusal::not_found)?;
        let is_ahead = invoice.period.is_some_and(|period| period > subscription.period);
        if is_ahead && !subscription.status.is_active() && subscription.ended_at.is_none() {
            // A change can't be made of what owes a payment meanwhile.
            invoices::void(tx, invoice.id)?;
            invoice.status = InvoiceStatus::Void;
            return self.stray(tx, payment);
        }
        payments::save(tx, payment)?;
        let id = subscription.id;
        let product_name = self.names.get(&invoice.product_id).cloned().unwrap_or_default();
        let lines = self.lines.remove(&invoice.id).unwrap_or_default();
        let period = Period { rules: self.rules, subscription, product_name, lines, now };
        paid::pay(tx, &mut self.books, invoice, Some(payment), period)?;
        self.read_again(tx, id)
    }

    /// Money came that nobody waits for any more. It is written down, and goes back.
    fn stray(&mut self, tx: &mut Tx<'_>, payment: &mut Payment) -> Result<()> {
        payments::save(tx, payment)?;
        if payment.amount == Cents::default() {
            return Ok(());
        }
        let sentence = "Paid, and not waited for";
        self.books.note_money(payment, None, self.now(payment), sentence, Account::CustomerCredit);
        refunds::return_stray(tx, payment)
    }

    fn failed(&mut self, tx: &mut Tx<'_>, payment: &mut Payment, failure: &Failure) -> Result<()> {
        let now = self.now(payment);
        // Whoever asked was told that it is under way, or nothing.
        let was_waited_for = payment.status != PaymentStatus::Pending || payment.asked > 0;
        payment.status = PaymentStatus::Failed;
        (payment.ask_at, payment.settled_at) = (None, Some(now));
        payment.failure_code = Some(failure.code.clone());
        payment.failure_message = Some(failure.message.clone());
        payments::save(tx, payment)?;
        if let Some(id) = payment.checkout_id {
            return confirm::failed(tx, id, payment);
        }
        let Some(invoice) = payment.invoice_id.and_then(|id| self.invoices.get_mut(&id)) else {
            return Ok(());
        };
        let subscription = invoice.subscription_id.and_then(|id| self.subscriptions.get(&id)).cloned();
        let Some(subscription) = subscription.filter(|_| invoice.status == InvoiceStatus::Open) else {
            return Ok(());
        };
        let is_for_change = invoice.period.is_some_and(|period| period > subscription.period);
        // What the customer tried in person and was declined says nothing about the saved method.
        if !payment.is_off_session && subscription.past_due_since.is_some() && !is_for_change {
            return Ok(());
        }
        let id = subscription.id;
        let product_name = self.names.get(&invoice.product_id).map_or("", String::as_str);
        // Who gave it up themselves knows.
        let is_news = was_waited_for && failure.code != CANCELED && subscription.ended_at.is_none();
        if is_news && is_for_change {
            dunning::tell_of_change(tx, invoice, &subscription, product_name)?;
        }
        dunning::failed(tx, self.rules, failure, Owed { invoice, subscription, product_name, now })?;
        self.read_again(tx, id)
    }

    /// Another payment of the batch may be of the same subscription.
    fn read_again(&mut self, tx: &mut Tx<'_>, id: Id<Subscription>) -> Result<()> {
        let of_it = self.invoices.values().filter(|invoice| invoice.subscription_id == Some(id)).count();
        if of_it > 1
            && let Some(subscription) = crate::subscriptions::find(tx, id)?
        {
            self.subscriptions.insert(id, subscription);
        }
        Ok(())
    }

    fn now(&self, payment: &Payment) -> Timestamp {
        self.clocks.get(&payment.organization_id).copied().unwrap_or(self.real)
    }
}

/// The processor will know later.
fn waits(tx: &mut Tx<'_>, payment: &mut Payment, answer: &Answer, status: PaymentStatus) -> Result<()> {
    let is_first = payment.status == PaymentStatus::Pending;
    payment.status = status;
    payment.ask_at = Some(tx.now().add_seconds(payments::pause(payment.asked)));
    payments::save(tx, payment)?;
    match payment.checkout_id {
        Some(id) if is_first => confirm::confirmed(tx, id, payment, shown_secret(payment, answer)),
        _ => Ok(()),
    }
}

/// The secret by which a browser asks the processor about a payment that is not settled yet, as far as everybody may have it
/// who knows the checkout. Of a card that was saved before it would tell whose it is.
fn shown_secret<'a>(payment: &Payment, answer: &'a Answer) -> Option<&'a str> {
    answer.client_secret.as_deref().filter(|_| payment.payment_method_id.is_none())
}

/// Whether the method of a payment is kept for later ones: what is paid again and again says so.
fn is_kept(tx: &mut Tx<'_>, payment: &Payment) -> Result<bool> {
    match payment.checkout_id {
        Some(id) => Ok(tx.one(
            "SELECT product_prices.type = 'recurring' FROM checkouts JOIN product_prices \
             ON product_prices.id = checkouts.product_price_id WHERE checkouts.id = $1",
            &[&id],
        )?),
        None => Ok(payment.payment_method_id.is_none()),
    }
}

/// These subscriptions, in no order.
pub(super) fn find_subscriptions(
    tx: &mut Tx<'_>,
    ids: &BTreeSet<Id<Subscription>>,
) -> Result<Vec<Subscription>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(format!("SELECT {} FROM subscriptions WHERE id IN ", Subscription::COLUMNS));
    sql.bind_list(ids.iter().copied());
    Ok(tx.list(&sql)?)
}

/// What these products are called, even those that were deleted.
pub(super) fn names_of(tx: &mut Tx<'_>, ids: &BTreeSet<Id<Product>>) -> Result<HashMap<Id<Product>, String>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::new("SELECT id, name FROM products WHERE id IN ");
    sql.bind_list(ids.iter().copied());
    Ok(tx.list::<(Id<Product>, String)>(&sql)?.into_iter().collect())
}

/// The saved methods of these, by id.
pub(super) fn methods_of(
    tx: &mut Tx<'_>,
    ids: &BTreeSet<Id<PaymentMethod>>,
) -> Result<HashMap<Id<PaymentMethod>, PaymentMethod>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let columns = PaymentMethod::COLUMNS;
    let mut sql =
        Sql::new(format!("SELECT {columns} FROM payment_methods WHERE detached_at IS NULL AND id IN "));
    sql.bind_list(ids.iter().copied());
    Ok(tx.list::<PaymentMethod>(&sql)?.into_iter().map(|method| (method.id, method)).collect())
}
