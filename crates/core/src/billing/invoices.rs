//! Making out invoices.
//!
//! An invoice has its lines, less discount, plus tax; what the customer has as credit is used before anything is charged.
//!
//! ```text
//! a monthly price of 10.00, 25 % off, tax of 20 % on top, credit of 2.00
//!
//! amount           1000     the sum of the lines
//! discount_amount   250     of the lines that charge a price; those of changes have theirs taken off already
//! subtotal          750     what the order shows as its amount
//! tax_amount        150
//! total             900
//! credit_applied    200
//! due               700     what the processor is asked for
//! ```
//!
//! Where prices hold their tax, the lines are written without it, so that subtotal and tax are again the total: 10.00 with
//! 20 % in it and nothing off is a line of 8.33 and a tax of 1.67.
//!
//! More may be given back than is charged. Then the total is below zero, nothing is due, and the customer gets it as credit:
//!
//! ```text
//! half of a year at 120.00 is given back, a month at 10.00 is charged
//!
//! amount          -5000     -6000 + 1000
//! total           -5000     credit of 50.00, which the next five months use
//! ```
//!
//! What is due and less than the processor can charge is let go, as credit that the invoice uses at once.

use merak_store::{Json, ReadTx, Sql, Timestamp, Tx};
use serde_json::json;

use super::{
    BillingReason, CreditEntry, Invoice, InvoiceLine, InvoiceStatus, Payment, PaymentMethod, Rules, paid,
    payments,
};
use crate::clock;
use crate::customers::{self, Customer};
use crate::discounts::{self, Discount};
use crate::kit::{Address, Cents, Currency, Id, Refusal, Result};
use crate::ledger::{Account, EntryKind};
use crate::orders::Order;
use crate::products::{Price, Product};
use crate::subscriptions::Subscription;
use crate::taxes::{Tax, TaxQuestion};

/// A line to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLine {
    /// The price that is charged or given back.
    pub product_price_id: Id<Price>,
    /// What the customer reads.
    pub description: String,
    /// How much; negative gives back.
    pub amount: Cents,
    /// Whether it comes from a change within a period. Such a line has its discount taken off already.
    pub is_proration: bool,
    /// From when to when it counts.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// What an invoice of a subscription is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvoice {
    /// Why it is made out.
    pub billing_reason: BillingReason,
    /// Which period it pays for.
    pub period: i64,
    /// When that period begins.
    pub period_start: Timestamp,
    /// When it ends.
    pub period_end: Timestamp,
    /// What is subscribed to in it.
    pub product_id: Id<Product>,
    /// At which price.
    pub product_price_id: Id<Price>,
    /// The discount that reduces it.
    pub discount_id: Option<Id<Discount>>,
    /// Its lines; those that waited are added.
    pub lines: Vec<NewLine>,
}

/// What follows from an invoice that was made out.
#[derive(Clone, Debug, PartialEq)]
pub enum Opened {
    /// Nothing was due, so it is paid and has its order.
    Paid(Box<Order>),
    /// The processor is to be asked for this payment.
    Asks(Box<Payment>),
    /// There is nothing to pay it with.
    WithoutMethod(Box<Invoice>),
}

/// Makes out an invoice of a subscription and plans its payment with the method that the subscription is paid with.
///
/// The subscription is as it will be: should the invoice be for a later period than the subscription is in, then paying
/// it takes the subscription there, to the invoice's product and price. That is how something that was free becomes
/// something that is paid for: nothing changes unless the money comes, see [`void`].
///
/// An invoice without a method stays open; what follows from that is the caller's.
pub fn open(tx: &mut Tx<'_>, rules: &Rules, subscription: &Subscription, new: &NewInvoice) -> Result<Opened> {
    let customer = customers::find(tx, subscription.customer_id)?.ok_or_else(Refusal::not_found)?;
    let discount = match new.discount_id {
        Some(id) => discounts::find_many(tx, &[id])?.pop(),
        None => None,
    };
    let draft = Draft {
        subscription,
        customer: &customer,
        discount: discount.as_ref(),
        waiting: waiting_lines(tx, &[subscription.id])?,
        credit: credit_of(tx, subscription.customer_id)?,
        now: clock::now(tx, subscription.organization_id)?,
    };
    let invoice = make_out(tx, rules, draft, new)?;
    if invoice.due() == Cents::default() {
        let order = paid::pay_alone(tx, &invoice, None)?;
        return Ok(Opened::Paid(Box::new(order)));
    }
    let method = match subscription.payment_method_id {
        Some(id) => super::methods::find(tx, id)?.filter(PaymentMethod::is_saved),
        None => None,
    };
    let Some(method) = method else { return Ok(Opened::WithoutMethod(Box::new(invoice))) };
    let payment = payments::plan(tx, rules, &invoice, payments::Source::Saved(&method))?;
    Ok(payment.map_or(Opened::WithoutMethod(Box::new(invoice)), |payment| Opened::Asks(Box::new(payment))))
}

/// Puts a line aside for the subscription's next invoice.
pub fn put_aside(tx: &mut Tx<'_>, subscription: &Subscription, line: &NewLine) -> Result<InvoiceLine> {
    let now = clock::now(tx, subscription.organization_id)?;
    let line = line_of(tx, None, Some(subscription.id), line, now);
    tx.insert(&line)?;
    Ok(line)
}

/// Gives up an invoice that need not be paid any more: what it used of the customer's credit comes back, and its lines
/// that had waited wait again.
pub fn void(tx: &mut Tx<'_>, id: Id<Invoice>) -> Result<()> {
    let Some(mut invoice) = find(tx, id)?.filter(|invoice| invoice.status == InvoiceStatus::Open) else {
        return Ok(());
    };
    close(tx, &mut invoice, InvoiceStatus::Void)?;
    tx.execute(
        "UPDATE invoice_lines SET invoice_id = NULL WHERE invoice_id = $1 AND created_at < $2",
        &[&invoice.id, &invoice.created_at],
    )?;
    Ok(())
}

/// The invoice, if there is one; says nothing about who may see it.
pub fn find(tx: &mut ReadTx<'_>, id: Id<Invoice>) -> Result<Option<Invoice>> {
    Ok(find_many(tx, &[id])?.pop())
}

/// These invoices, in no order.
pub fn find_many(tx: &mut ReadTx<'_>, ids: &[Id<Invoice>]) -> Result<Vec<Invoice>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(format!("SELECT {} FROM invoices WHERE id IN ", Invoice::COLUMNS));
    sql.bind_list(ids.iter().copied());
    Ok(tx.list(&sql)?)
}

/// The lines of an invoice, in order.
pub fn lines_of(tx: &mut ReadTx<'_>, id: Id<Invoice>) -> Result<Vec<InvoiceLine>> {
    let sql = format!("SELECT {} FROM invoice_lines WHERE invoice_id = $1 ORDER BY id", InvoiceLine::COLUMNS);
    Ok(tx.all(&sql, &[&id])?)
}

/// What a customer has as credit.
pub fn credit_of(tx: &mut ReadTx<'_>, customer_id: Id<Customer>) -> Result<Cents> {
    let mut sql = Sql::new("SELECT CAST(sum(amount) AS bigint) FROM credit_entries WHERE customer_id = ");
    sql.bind(customer_id).push(" AND currency = ").bind(Currency::default());
    Ok(Cents::new(tx.count(&sql)?))
}

/// The lines of these subscriptions that wait for an invoice, in order.
pub(super) fn waiting_lines(
    tx: &mut ReadTx<'_>,
    subscriptions: &[Id<Subscription>],
) -> Result<Vec<InvoiceLine>> {
    let columns = InvoiceLine::COLUMNS;
    let mut sql = Sql::new(format!(
        "SELECT {columns} FROM invoice_lines WHERE invoice_id IS NULL AND subscription_id IN "
    ));
    sql.bind_list(subscriptions.iter().copied()).push(" ORDER BY id");
    Ok(tx.list(&sql)?)
}

/// What an invoice is made of besides what is asked for.
pub(super) struct Draft<'d> {
    pub(super) subscription: &'d Subscription,
    pub(super) customer: &'d Customer,
    pub(super) discount: Option<&'d Discount>,
    /// Lines that waited for it.
    pub(super) waiting: Vec<InvoiceLine>,
    /// What the customer has as credit.
    pub(super) credit: Cents,
    pub(super) now: Timestamp,
}

/// Writes an invoice with its lines, and the credit that it uses.
pub(super) fn make_out(
    tx: &mut Tx<'_>,
    rules: &Rules,
    draft: Draft<'_>,
    new: &NewInvoice,
) -> Result<Invoice> {
    let Draft { subscription, customer, discount, waiting, credit, now } = draft;
    let sum = |lines: &mut dyn Iterator<Item = Cents>| lines.map(Cents::get).fold(0, i64::saturating_add);
    let plain = sum(&mut new.lines.iter().filter(|line| !line.is_proration).map(|line| line.amount));
    let prorated = sum(&mut new.lines.iter().filter(|line| line.is_proration).map(|line| line.amount))
        .saturating_add(sum(&mut waiting.iter().map(|line| line.amount)));
    let off = discount.map_or(Cents::default(), |discount| {
        discounts::rules::amount_off(discount.reduction(), Cents::new(plain.max(0)))
    });
    let subtotal = Cents::new(plain - off.get() + prorated);
    let address = customer.billing_address.clone();
    let currency = subscription.currency.unwrap_or_default();
    let tax = tax_on(rules, customer, subtotal, currency);
    let held = tax.as_ref().filter(|tax| tax.is_inclusive).map_or(0, |tax| tax.amount.get());
    let mut invoice = Invoice {
        id: Id::new(tx),
        organization_id: subscription.organization_id,
        customer_id: customer.id,
        checkout_id: None,
        subscription_id: Some(subscription.id),
        period: Some(new.period),
        period_start: Some(new.period_start),
        period_end: Some(new.period_end),
        billing_reason: new.billing_reason,
        status: InvoiceStatus::Open,
        product_id: new.product_id,
        product_price_id: new.product_price_id,
        discount_id: discount.map(|discount| discount.id),
        currency,
        amount: Cents::new(plain + prorated - held),
        discount_amount: off,
        tax_amount: tax.as_ref().map_or(Cents::default(), |tax| tax.amount),
        tax: tax.as_ref().map(how),
        credit_applied: Cents::default(),
        customer_name: customer.name.clone(),
        customer_email: customer.email.clone(),
        customer_billing_address: address,
        customer_tax_id: customer.tax_id.clone(),
        created_at: now,
        modified_at: None,
        settled_at: None,
    };
    let used = credit.get().clamp(0, invoice.total().get().max(0));
    let rest = invoice.total().get() - used;
    // What is too little to be charged is let go: the customer gets it as credit and uses it here.
    let waived = if rest > 0 && rest < rules.minimum.get() { rest } else { 0 };
    invoice.credit_applied = Cents::new(used + waived);
    tx.insert(&invoice)?;
    if !waiting.is_empty() {
        let mut sql = Sql::new("UPDATE invoice_lines SET invoice_id = ");
        sql.bind(invoice.id).push(" WHERE id IN ").bind_list(waiting.iter().map(|line| line.id));
        tx.apply(&sql)?;
    }
    let mut held_left = held;
    for line in &new.lines {
        let mut row = line_of(tx, Some(invoice.id), Some(subscription.id), line, now);
        // The tax that prices hold is taken out of the first line that charges enough.
        if held_left > 0 && line.amount.get() >= held_left {
            row.amount = Cents::new(row.amount.get() - std::mem::take(&mut held_left));
        }
        tx.insert(&row)?;
    }
    if waived > 0 {
        give_credit(tx, &invoice, Cents::new(waived))?;
        let mut books = super::books::Books::default();
        let sentence = "Too little to be charged";
        books.note_invoice(
            &invoice,
            None,
            (EntryKind::Credit, now),
            sentence,
            &[(Account::Adjustments, waived), (Account::CustomerCredit, -waived)],
        );
        books.post(tx)?;
    }
    if invoice.credit_applied > Cents::default() {
        give_credit(tx, &invoice, Cents::new(-invoice.credit_applied.get()))?;
    }
    Ok(invoice)
}

/// The tax on what a customer pays; none where it cannot be told where they are.
fn tax_on(rules: &Rules, customer: &Customer, subtotal: Cents, currency: Currency) -> Option<Tax> {
    let address: &Address = customer.billing_address.as_ref()?;
    let question =
        TaxQuestion { tax_id: customer.tax_id.as_ref(), ..TaxQuestion::at(address, subtotal, currency) };
    // An address that is not good enough any more must not keep a subscription from going on.
    rules.taxes.compute(&question).ok().filter(|_| subtotal > Cents::default())
}

/// How a tax came about, as checkouts and invoices keep it.
fn how(tax: &Tax) -> Json {
    json!({
        "name": tax.name, "rate_ppm": tax.rate_ppm, "country": tax.country, "state": tax.state,
        "is_reverse_charge": tax.is_reverse_charge, "is_inclusive": tax.is_inclusive
    })
    .into()
}

fn line_of(
    tx: &mut Tx<'_>,
    invoice_id: Option<Id<Invoice>>,
    subscription_id: Option<Id<Subscription>>,
    line: &NewLine,
    now: Timestamp,
) -> InvoiceLine {
    InvoiceLine {
        id: Id::new(tx),
        invoice_id,
        subscription_id,
        product_price_id: line.product_price_id,
        description: line.description.clone(),
        amount: line.amount,
        is_proration: line.is_proration,
        period_start: line.span.map(|span| span.0),
        period_end: line.span.map(|span| span.1),
        created_at: now,
    }
}

/// Writes down credit that an invoice gives, or uses if it is below zero.
pub(super) fn give_credit(tx: &mut Tx<'_>, invoice: &Invoice, amount: Cents) -> Result<()> {
    let entry = CreditEntry {
        id: Id::new(tx),
        organization_id: invoice.organization_id,
        customer_id: invoice.customer_id,
        invoice_id: invoice.id,
        amount,
        currency: invoice.currency,
        created_at: clock::now(tx, invoice.organization_id)?,
    };
    Ok(tx.insert(&entry)?)
}

/// Ends an open invoice unpaid. What it used of credit comes back.
pub(super) fn close(tx: &mut Tx<'_>, invoice: &mut Invoice, status: InvoiceStatus) -> Result<()> {
    if invoice.credit_applied > Cents::default() {
        give_credit(tx, invoice, invoice.credit_applied)?;
    }
    invoice.status = status;
    invoice.settled_at = Some(clock::now(tx, invoice.organization_id)?);
    save(tx, invoice)
}

/// Writes how an invoice stands.
pub(super) fn save(tx: &mut Tx<'_>, invoice: &mut Invoice) -> Result<()> {
    invoice.modified_at = Some(tx.now());
    Ok(tx.changed_one(
        "UPDATE invoices SET status = $2, settled_at = $3, modified_at = $4 WHERE id = $1",
        &[&invoice.id, &invoice.status, &invoice.settled_at, &invoice.modified_at],
    )?)
}
