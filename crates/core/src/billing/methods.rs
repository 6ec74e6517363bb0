//! What customers saved to pay with.

use const_format::concatcp;
use merak_store::{ReadTx, Tx};

use super::outcome::Method;
use super::{Invoice, Payment, PaymentMethod, Rules, payments};
use crate::clock;
use crate::customers::Customer;
use crate::kit::{Id, Refusal, Result};
use crate::subscriptions::{self, Subscription};

impl PaymentMethod {
    /// Whether it can be charged.
    pub fn is_saved(&self) -> bool {
        self.detached_at.is_none()
    }
}

/// The method, if there is one, removed ones too; says nothing about who may see it.
pub fn find(tx: &mut ReadTx<'_>, id: Id<PaymentMethod>) -> Result<Option<PaymentMethod>> {
    const SQL: &str = concatcp!("SELECT ", PaymentMethod::COLUMNS, " FROM payment_methods WHERE id = $1");
    Ok(tx.find(SQL, &[&id])?)
}

/// The method that the processor calls so.
pub fn find_by_processor(
    tx: &mut ReadTx<'_>,
    processor: &str,
    processor_method_id: &str,
) -> Result<Option<PaymentMethod>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        PaymentMethod::COLUMNS,
        " FROM payment_methods WHERE processor = $1 AND processor_method_id = $2"
    );
    Ok(tx.find(SQL, &[&processor, &processor_method_id])?)
}

/// The method that an invoice's subscription is paid with, if it can be charged.
pub fn of_invoice(tx: &mut ReadTx<'_>, invoice: &Invoice) -> Result<Option<PaymentMethod>> {
    let subscription = match invoice.subscription_id {
        Some(id) => subscriptions::find(tx, id)?,
        None => None,
    };
    match subscription.and_then(|subscription| subscription.payment_method_id) {
        Some(id) => Ok(find(tx, id)?.filter(PaymentMethod::is_saved)),
        None => Ok(None),
    }
}

/// The saved methods of a customer, the newest first, at most a hundred.
pub fn list(tx: &mut ReadTx<'_>, customer_id: Id<Customer>) -> Result<Vec<PaymentMethod>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        PaymentMethod::COLUMNS,
        " FROM payment_methods WHERE customer_id = $1 AND detached_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 100"
    );
    Ok(tx.all(SQL, &[&customer_id])?)
}

/// As [`list`], of those only that are offered to pay something new with.
pub fn list_offered(tx: &mut ReadTx<'_>, customer_id: Id<Customer>) -> Result<Vec<PaymentMethod>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        PaymentMethod::COLUMNS,
        " FROM payment_methods WHERE customer_id = $1 AND detached_at IS NULL AND is_offered \
         ORDER BY created_at DESC, id DESC LIMIT 100"
    );
    Ok(tx.all(SQL, &[&customer_id])?)
}

/// Offers none of a customer's methods any more, nor what is on its way: their address is another one, and may be another
/// person's.
pub(crate) fn withdraw(tx: &mut Tx<'_>, customer_id: Id<Customer>) -> Result<()> {
    tx.execute(
        "UPDATE payments SET is_owner_known = FALSE WHERE customer_id = $1 AND settled_at IS NULL AND is_owner_known",
        &[&customer_id],
    )?;
    tx.execute(
        "UPDATE payment_methods SET is_offered = FALSE WHERE customer_id = $1 AND is_offered",
        &[&customer_id],
    )?;
    Ok(())
}

/// Keeps the method that a payment was made with, or brings what is known of it up to date.
pub(super) fn keep(tx: &mut Tx<'_>, payment: &Payment, method: &Method) -> Result<Id<PaymentMethod>> {
    let row = PaymentMethod {
        id: Id::new(tx),
        organization_id: payment.organization_id,
        customer_id: payment.customer_id,
        processor: payment.processor.clone(),
        processor_method_id: method.id.clone(),
        r#type: method.r#type.clone(),
        brand: method.brand.clone(),
        last4: method.last4.clone(),
        exp_month: method.exp_month,
        exp_year: method.exp_year,
        country: method.country,
        is_offered: payment.is_owner_known,
        created_at: clock::now(tx, payment.organization_id)?,
        modified_at: None,
        detached_at: None,
    };
    if tx.insert_new(&row)? {
        return Ok(row.id);
    }
    update(tx, &payment.processor, method)?;
    Ok(tx.one(
        "SELECT id FROM payment_methods WHERE processor = $1 AND processor_method_id = $2",
        &[&payment.processor, &method.id],
    )?)
}

/// Brings what is known of a method up to date.
pub fn update(tx: &mut Tx<'_>, processor: &str, method: &Method) -> Result<()> {
    let now = tx.now();
    tx.execute(
        "UPDATE payment_methods SET brand = $3, last4 = $4, exp_month = $5, exp_year = $6, country = $7, \
         modified_at = $8 WHERE processor = $1 AND processor_method_id = $2",
        &[
            &processor,
            &method.id,
            &method.brand,
            &method.last4,
            &method.exp_month,
            &method.exp_year,
            &method.country,
            &now,
        ],
    )?;
    Ok(())
}

/// Writes that a method is not saved any more. What was paid with it has no method then, and the next payment fails
/// unless the customer names another one.
pub fn detach(tx: &mut Tx<'_>, id: Id<PaymentMethod>) -> Result<()> {
    let Some(method) = find(tx, id)?.filter(PaymentMethod::is_saved) else { return Ok(()) };
    let now = clock::now(tx, method.organization_id)?;
    tx.execute("UPDATE payment_methods SET detached_at = $2 WHERE id = $1", &[&id, &now])?;
    tx.execute(
        "UPDATE subscriptions SET payment_method_id = NULL WHERE customer_id = $1 AND payment_method_id = $2",
        &[&method.customer_id, &id],
    )?;
    Ok(())
}

/// As [`detach`], of the method that the processor calls so.
pub fn detach_by_processor(tx: &mut Tx<'_>, processor: &str, processor_method_id: &str) -> Result<()> {
    let found: Option<Id<PaymentMethod>> = tx.find(
        "SELECT id FROM payment_methods WHERE processor = $1 AND processor_method_id = $2",
        &[&processor, &processor_method_id],
    )?;
    found.map_or(Ok(()), |id| detach(tx, id))
}

/// A subscription and a method of its customer that is saved. Anything else is refused.
pub fn require_own(
    tx: &mut ReadTx<'_>,
    subscription_id: Id<Subscription>,
    method_id: Id<PaymentMethod>,
) -> Result<(Subscription, PaymentMethod)> {
    let subscription = subscriptions::find(tx, subscription_id)?.ok_or_else(Refusal::not_found)?;
    let method = find(tx, method_id)?
        .filter(|method| method.is_saved() && method.customer_id == subscription.customer_id)
        .ok_or_else(Refusal::not_found)?;
    Ok((subscription, method))
}

/// Pays a subscription with this method from now on. If a payment is owed, it is tried at once: the answer is the payment
/// that the processor is to be asked for.
pub fn choose(
    tx: &mut Tx<'_>,
    rules: &Rules,
    subscription_id: Id<Subscription>,
    method_id: Id<PaymentMethod>,
) -> Result<Option<Payment>> {
    let (subscription, method) = require_own(tx, subscription_id, method_id)?;
    tx.changed_one(
        "UPDATE subscriptions SET payment_method_id = $2 WHERE id = $1",
        &[&subscription.id, &method.id],
    )?;
    match owed(tx, &subscription)? {
        Some(invoice) => payments::plan(tx, rules, &invoice, payments::Source::Saved(&method)),
        None => Ok(None),
    }
}

/// As [`choose`], of all subscriptions of the method's customer that have not ended, at most a thousand.
pub fn choose_for_all(tx: &mut Tx<'_>, rules: &Rules, method_id: Id<PaymentMethod>) -> Result<Vec<Payment>> {
    let method = find(tx, method_id)?.ok_or_else(Refusal::not_found)?;
    let all: Vec<Id<Subscription>> = tx.all(
        "SELECT id FROM subscriptions WHERE customer_id = $1 AND ended_at IS NULL ORDER BY started_at, id LIMIT 1000",
        &[&method.customer_id],
    )?;
    let mut planned = Vec::new();
    for id in all {
        planned.extend(choose(tx, rules, id, method_id)?);
    }
    Ok(planned)
}

/// The open invoice of a subscription, if a payment is owed: the oldest that nothing is under way for, else the oldest.
///
/// It need not be of the current period: a bank debit may take so long to fail that the next period has begun.
pub fn owed(tx: &mut ReadTx<'_>, subscription: &Subscription) -> Result<Option<Invoice>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Invoice::COLUMNS,
        " FROM invoices WHERE subscription_id = $1 AND period <= $2 AND status = 'open' AND status <> 'void' ORDER BY \
         CASE WHEN EXISTS (SELECT 1 FROM payments WHERE payments.invoice_id = invoices.id \
         AND payments.status <> 'failed') THEN 1 ELSE 0 END, period LIMIT 1"
    );
    if subscription.past_due_since.is_none() {
        return Ok(None);
    }
    Ok(tx.find(SQL, &[&subscription.id, &subscription.period])?)
}

/// Whether a subscription that has not ended is paid with this method.
pub fn pays_anything(tx: &mut ReadTx<'_>, id: Id<PaymentMethod>) -> Result<bool> {
    let paid: Option<Id<Subscription>> = tx.find(
        "SELECT subscriptions.id FROM payment_methods JOIN subscriptions \
         ON subscriptions.customer_id = payment_methods.customer_id \
         AND subscriptions.payment_method_id = payment_methods.id \
         WHERE payment_methods.id = $1 AND subscriptions.ended_at IS NULL LIMIT 1",
        &[&id],
    )?;
    Ok(paid.is_some())
}
