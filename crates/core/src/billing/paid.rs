//! What follows from an invoice that is paid: its number, its order, what the ledger says, and what the subscription
//! becomes.

use const_format::concatcp;
use merak_store::{Json, ReadTx, Timestamp, Tx};
use serde_json::json;

use super::books::Books;
use super::invoices;
use super::methods;
use super::{BillingReason, Invoice, InvoiceLine, InvoiceStatus, Payment, PaymentMethod, Rules, rules};
use crate::clock;
use crate::customers;
use crate::emails::{self, Email, PortalLink, Receipt, ReceiptLine};
use crate::events::{self, EventType};
use crate::kit::{Address, Cents, Id, Metadata, Refusal, Result};
use crate::orders::{self, Order};
use crate::products::{self, Product};
use crate::streams::{self, Channel};
use crate::subscriptions::{self, Subscription, SubscriptionStatus};

/// Pays one invoice of a subscription, for which nothing is due. What it makes a paid one is paid with this method later.
pub(super) fn pay_alone(
    tx: &mut Tx<'_>,
    rules: &Rules,
    invoice: &Invoice,
    lines: Vec<InvoiceLine>,
    method: Option<Id<PaymentMethod>>,
) -> Result<Order> {
    let subscription = match invoice.subscription_id {
        Some(id) => subscriptions::find(tx, id)?,
        None => None,
    };
    let subscription = subscription.ok_or_else(Refusal::not_found)?;
    let now = clock::now(tx, invoice.organization_id)?;
    let (mut invoice, mut books) = (invoice.clone(), Books::default());
    let product_name = product_name(tx, invoice.product_id)?;
    let period = Period { rules, subscription, product_name, lines, now };
    let order = pay_with(tx, &mut books, &mut invoice, (None, method), period)?;
    books.post(tx)?;
    Ok(order)
}

/// What has to be known to pay an invoice of a subscription.
pub(super) struct Period<'p> {
    pub(super) rules: &'p Rules,
    pub(super) subscription: Subscription,
    /// The name of the invoice's product.
    pub(super) product_name: String,
    /// The lines of the invoice, in order; told to the customer.
    pub(super) lines: Vec<InvoiceLine>,
    pub(super) now: Timestamp,
}

/// Pays an invoice of a subscription. What was owed makes the subscription active again; what was asked for a change
/// makes the change.
pub(super) fn pay(
    tx: &mut Tx<'_>,
    books: &mut Books,
    invoice: &mut Invoice,
    payment: Option<&Payment>,
    period: Period<'_>,
) -> Result<Order> {
    let method = payment.and_then(|payment| payment.payment_method_id);
    pay_with(tx, books, invoice, (payment, method), period)
}

/// As [`pay`], with the method that has paid, or that is to pay what comes after it.
fn pay_with(
    tx: &mut Tx<'_>,
    books: &mut Books,
    invoice: &mut Invoice,
    (payment, method): (Option<&Payment>, Option<Id<PaymentMethod>>),
    period: Period<'_>,
) -> Result<Order> {
    let Period { rules, subscription: before, product_name, lines, now } = period;
    let copies = Copies {
        metadata: before.metadata.clone(),
        custom_field_data: before.custom_field_data.clone(),
        billing_address: invoice.customer_billing_address.clone(),
    };
    let number = number_of(tx, invoice)?;
    invoice.status = InvoiceStatus::Paid;
    invoice.settled_at = Some(now);
    invoices::save(tx, invoice)?;
    let order = record(tx, books, invoice, payment, copies, number)?;
    let receipt =
        (invoice.total() > Cents::default()).then(|| receipt(invoice, number, &product_name, &lines));
    let mut after = before.clone();
    let is_settled = invoice.period.is_some_and(|period| period <= before.period) && is_owing(&before);
    let is_recovered = is_settled && recover(tx, &mut after, now)? && !before.gives();
    let is_moved = move_to(tx, rules, &mut after, invoice)?;
    // What the customer has paid with in person is what they want to pay with.
    let is_chosen = payment.is_some_and(|payment| !payment.is_off_session);
    if is_moved || after.ended_at.is_none() && (is_chosen || after.payment_method_id.is_none()) {
        let method = method.map(|id| methods::find(tx, id)).transpose()?.flatten();
        let saved = method.filter(PaymentMethod::is_saved).map(|method| method.id);
        // What was free keeps nothing that has paid it before: that was given for something else.
        after.payment_method_id = if is_moved { saved } else { saved.or(after.payment_method_id) };
    }
    if is_settled || is_moved {
        subscriptions::change_paid(tx, &before, &mut after, receipt.clone())?;
    }
    announce(tx, &order)?;
    // Who is written to because they have everything again has the receipt in that mail.
    if let Some(receipt) = receipt
        && !is_recovered
        && invoice.billing_reason != BillingReason::SubscriptionCreate
    {
        let portal = PortalLink { customer_id: invoice.customer_id, shows: Some(after.id.uuid()) };
        let period_ends_at = invoice.period_end.unwrap_or(after.current_period_end);
        let email = if after.ended_at.is_some() {
            Email::OrderConfirmation { receipt, benefits: Vec::new(), portal }
        } else {
            Email::SubscriptionRenewed { receipt, period_ends_at, portal }
        };
        emails::enqueue(tx, Some(invoice.organization_id), invoice.customer_email.as_str(), &email)?;
    }
    Ok(order)
}

fn is_owing(subscription: &Subscription) -> bool {
    matches!(subscription.status, SubscriptionStatus::PastDue | SubscriptionStatus::Unpaid)
}

/// Makes a subscription active again that owed a payment, which is paid. Whether it is: should another one be owed, that
/// is tried next, as if it had failed now.
fn recover(tx: &mut ReadTx<'_>, subscription: &mut Subscription, now: Timestamp) -> Result<bool> {
    const FAILED: &str = "SELECT invoices.id FROM invoices WHERE subscription_id = $1 AND period <= $2 \
         AND status = 'open' AND status <> 'void' AND NOT EXISTS (SELECT 1 FROM payments WHERE payments.invoice_id = invoices.id \
         AND payments.status <> 'failed') LIMIT 1";
    let other: Option<Id<Invoice>> = tx.find(FAILED, &[&subscription.id, &subscription.period])?;
    subscription.retries = 0;
    if other.is_some() {
        subscription.status = SubscriptionStatus::PastDue;
        (subscription.past_due_since, subscription.due_at) = (Some(now), Some(now));
        // What is taken back already is not given again before everything is paid.
        subscription.grace_ends_at = subscription.grace_ends_at.filter(|end| now < *end);
        return Ok(false);
    }
    subscription.status = SubscriptionStatus::Active;
    (subscription.past_due_since, subscription.grace_ends_at) = (None, None);
    subscription.due_at = Some(subscription.current_period_end);
    Ok(true)
}

/// Takes a subscription to the period and the price that an invoice was for, if it is not there yet. Whether it was
/// not.
fn move_to(
    tx: &mut ReadTx<'_>,
    rules: &Rules,
    subscription: &mut Subscription,
    invoice: &Invoice,
) -> Result<bool> {
    let is_ahead = invoice.period.is_some_and(|period| period > subscription.period);
    let (Some(period), Some(start), Some(end)) = (invoice.period, invoice.period_start, invoice.period_end)
    else {
        return Ok(false);
    };
    if !is_ahead || !subscription.status.is_active() {
        return Ok(false);
    }
    let price = products::find_price(tx, invoice.product_price_id)?.ok_or_else(Refusal::not_found)?;
    // What the buyer chose is never changed to, so a price that charges anything says how much.
    let listed = price.price_amount.map(|base| Cents::new(base.get() - invoice.discount_amount.get()));
    let customer = customers::find(tx, subscription.customer_id)?.ok_or_else(Refusal::not_found)?;
    let net = |listed: Cents| {
        Cents::new(listed.get() - invoices::held_in(rules, &customer, listed, invoice.currency).get())
    };
    subscription.product_id = invoice.product_id;
    subscription.price_id = price.id;
    subscription.recurring_interval = price.recurring_interval.unwrap_or(subscription.recurring_interval);
    subscription.base_amount = price.price_amount;
    subscription.amount = listed.map(net);
    subscription.currency = price.price_currency;
    subscription.discount_id = invoice.discount_id.or(subscription.discount_id);
    if invoice.discount_id.is_some() && subscription.discount_since.is_none() {
        subscription.discount_since = Some(start);
    }
    subscription.period = period;
    subscription.anchor_period = period;
    subscription.anchor_at = start;
    subscription.current_period_start = start;
    subscription.current_period_end = rules::start_of(subscription, period.saturating_add(1)).unwrap_or(end);
    subscription.due_at = Some(subscription.current_period_end);
    if subscription.cancel_at_period_end {
        subscription.ends_at = Some(subscription.current_period_end);
    }
    Ok(true)
}

/// What an order gets a copy of.
pub(crate) struct Copies {
    pub(crate) metadata: Metadata,
    pub(crate) custom_field_data: Json,
    pub(crate) billing_address: Option<Address>,
}

/// Writes the order of a paid invoice, with this number, see [`number_of`]. Nobody is told yet.
pub(crate) fn record(
    tx: &mut Tx<'_>,
    books: &mut Books,
    invoice: &Invoice,
    payment: Option<&Payment>,
    copies: Copies,
    number: Option<i64>,
) -> Result<Order> {
    if invoice.total() < Cents::default() {
        invoices::give_credit(tx, invoice, Cents::new(-invoice.total().get()))?;
    }
    let order = Order {
        id: Id::new(tx),
        organization_id: invoice.organization_id,
        customer_id: invoice.customer_id,
        product_id: invoice.product_id,
        product_price_id: Some(invoice.product_price_id),
        subscription_id: invoice.subscription_id,
        checkout_id: invoice.checkout_id,
        discount_id: invoice.discount_id,
        invoice_id: Some(invoice.id),
        invoice_number: number,
        billing_reason: invoice.billing_reason,
        amount: invoice.subtotal(),
        tax_amount: invoice.tax_amount,
        currency: invoice.currency,
        billing_address: copies.billing_address,
        metadata: copies.metadata,
        custom_field_data: copies.custom_field_data,
        refunded_amount: Cents::default(),
        created_at: invoice.created_at,
        modified_at: None,
    };
    orders::record(tx, &order)?;
    books.note_paid(invoice, &order, payment);
    Ok(order)
}

/// Tells of a new order: the page of its checkout, and the seller's programs.
pub(crate) fn announce(tx: &mut Tx<'_>, order: &Order) -> Result<()> {
    if let Some(checkout_id) = order.checkout_id {
        let channel = Channel::Checkout(checkout_id.uuid());
        streams::publish(tx, &channel, "checkout.order_created", &json!({}))?;
    }
    events::emit(tx, order.organization_id, EventType::OrderCreated, order.id.uuid())
}

/// The next number in the organization of an invoice, without gaps: it is taken in the unit that makes the order, and
/// given back if that leaves no trace. None for an invoice of nothing, of which there is no document.
pub(crate) fn number_of(tx: &mut Tx<'_>, invoice: &Invoice) -> Result<Option<i64>> {
    if !orders::has_document(invoice.subtotal(), invoice.tax_amount) {
        return Ok(None);
    }
    let numbers = tx.returning::<i64>(
        "INSERT INTO invoice_numbers (organization_id, last_number) VALUES ($1, 1) ON CONFLICT (organization_id) \
         DO UPDATE SET last_number = invoice_numbers.last_number + 1 RETURNING last_number",
        &[&invoice.organization_id],
    )?;
    numbers.into_iter().next().map(Some).ok_or_else(|| merak_store::Error::NoRow.into())
}

/// What the customer reads of an order. Without lines, the product's name stands for them.
pub(crate) fn receipt(
    invoice: &Invoice,
    number: Option<i64>,
    product_name: &str,
    lines: &[InvoiceLine],
) -> Receipt {
    let line = |line: &InvoiceLine| ReceiptLine { label: line.description.clone(), amount: line.amount };
    Receipt {
        number: number.map(|number| number.to_string()),
        product_name: product_name.to_owned(),
        lines: lines.iter().map(line).collect(),
        currency: invoice.currency,
        subtotal: invoice.amount,
        discount: invoice.discount_amount,
        tax: invoice.tax_amount,
        total: invoice.total(),
        credit: invoice.credit_applied,
        paid_at: invoice.settled_at.unwrap_or(invoice.created_at),
    }
}

/// What a product is called, even if it was deleted.
pub(super) fn product_name(tx: &mut ReadTx<'_>, id: Id<Product>) -> Result<String> {
    const SQL: &str = concatcp!("SELECT name FROM ", Product::TABLE, " WHERE id = $1");
    Ok(tx.one(SQL, &[&id])?)
}
