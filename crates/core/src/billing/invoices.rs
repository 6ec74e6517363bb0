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
//! With what is given back goes its share of the tax of the last payment, so that credit and tax account are right.
//!
//! What waits for an invoice when its subscription ends is settled by `end`: what is owed to the customer becomes credit,
//! what the customer would owe is let go, because nobody who has ended a subscription expects to be charged once more.
//!
//! What is due and less than the processor can charge is let go, as credit that the invoice uses at once.
//!
//! Invoices of a subscription are found by an index that leaves out those that are void. A statement that wants one status
//! also says that it is not `void`, because SQLite does not conclude that by itself and would read the whole table.

use std::collections::{BTreeSet, HashMap};

use merak_store::{Json, ReadTx, Sql, Timestamp, Tx};

pub(crate) use super::invoice_taxes::{Held, held_as_paid, held_in};
use super::invoice_taxes::{how, take_out, tax_given_back, tax_on};
use super::{
    BillingReason, CreditEntry, Invoice, InvoiceLine, InvoiceStatus, Payment, PaymentMethod, Rules, paid,
    payments,
};
use crate::clock;
use crate::customers::{self, Customer};
use crate::discounts::{self, Discount};
use crate::kit::{Cents, Currency, Id, Refusal, Result};
use crate::ledger::{Account, EntryKind};
use crate::orders::Order;
use crate::organizations::{self, Seller};
use crate::products::{Price, Product};
use crate::subscriptions::Subscription;

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

impl NewInvoice {
    /// What settles the lines that still wait when a subscription ends. It has no such period any more, so nothing else is
    /// ever made out for it.
    pub(super) fn last(subscription: &Subscription, now: Timestamp) -> Self {
        Self {
            billing_reason: BillingReason::SubscriptionUpdate,
            period: subscription.period.saturating_add(1),
            period_start: now,
            period_end: now,
            product_id: subscription.product_id,
            product_price_id: subscription.price_id,
            discount_id: None,
            lines: Vec::new(),
        }
    }
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
/// it takes the subscription there, to the invoice's product and price, and to what it is paid with. That is how something
/// that was free becomes something that is paid for: nothing changes unless the money comes, see [`void`].
///
/// An invoice without a method stays open; what follows from that is the caller's.
pub fn open(tx: &mut Tx<'_>, rules: &Rules, subscription: &Subscription, new: &NewInvoice) -> Result<Opened> {
    let customer = customers::find(tx, subscription.customer_id)?.ok_or_else(Refusal::not_found)?;
    let discount = match new.discount_id {
        Some(id) => discounts::find_many(tx, &[id])?.pop(),
        None => None,
    };
    let seller = organizations::seller_of(tx, subscription.organization_id)?;
    let draft = Draft {
        subscription,
        customer: &customer,
        seller: &seller,
        discount: discount.as_ref(),
        waiting: waiting_lines(tx, &[subscription.id])?,
        credit: credit_of(tx, subscription.customer_id)?,
        now: clock::now(tx, subscription.organization_id)?,
    };
    let (invoice, lines) = make_out(tx, rules, draft, new)?;
    if invoice.due() == Cents::default() {
        let order = paid::pay_alone(tx, rules, &invoice, lines, subscription.payment_method_id)?;
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

/// Settles what is open of a subscription that has ended. Invoices for periods that will not come are given up; of one
/// that was ended before its time, `at_once`, the current one too, and money that still comes for it goes back. Lines
/// that wait become credit if the customer gets something for them, and are let go if not; who ends a subscription with
/// its period makes out a last invoice of those before.
pub(crate) fn end(tx: &mut Tx<'_>, subscription: &Subscription, at_once: bool) -> Result<()> {
    let open: Vec<(Id<Invoice>, Option<i64>)> = tx.all(
        "SELECT id, period FROM invoices WHERE subscription_id = $1 AND status = 'open' AND status <> 'void' ORDER BY period",
        &[&subscription.id],
    )?;
    for (id, period) in open {
        if at_once || period > Some(subscription.period) {
            void(tx, id)?;
        }
    }
    let waiting = waiting_lines(tx, &[subscription.id])?;
    if waiting.is_empty() {
        return Ok(());
    }
    let left = waiting.iter().map(|line| line.amount.get()).fold(0, i64::saturating_add);
    let customer = customers::find(tx, subscription.customer_id)?;
    let (Some(customer), true) = (customer, left < 0) else {
        tx.execute(
            "DELETE FROM invoice_lines WHERE subscription_id = $1 AND invoice_id IS NULL",
            &[&subscription.id],
        )?;
        return Ok(());
    };
    let now = clock::now(tx, subscription.organization_id)?;
    let seller = organizations::seller_of(tx, subscription.organization_id)?;
    let draft = Draft {
        subscription,
        customer: &customer,
        seller: &seller,
        discount: None,
        waiting,
        credit: Cents::default(),
        now,
    };
    let new = NewInvoice::last(subscription, now);
    // Nothing is charged, so it does not matter what could be, and the tax is that of the last payment.
    let rules = Rules::new("", Cents::default());
    let (invoice, lines) = make_out(tx, &rules, draft, &new)?;
    paid::pay_alone(tx, &rules, &invoice, lines, None).map(drop)
}

/// Gives up an invoice that need not be paid any more: what it used of the customer's credit comes back, and its lines
/// that had waited wait again, with the tax that their prices hold.
pub fn void(tx: &mut Tx<'_>, id: Id<Invoice>) -> Result<()> {
    let Some(mut invoice) = find(tx, id)?.filter(|invoice| invoice.status == InvoiceStatus::Open) else {
        return Ok(());
    };
    close(tx, &mut invoice, InvoiceStatus::Void)?;
    tx.execute(
        "UPDATE invoice_lines SET invoice_id = NULL, amount = amount + held_amount, held_amount = 0 WHERE invoice_id = $1 AND created_at < $2",
        &[&invoice.id, &invoice.created_at],
    )?;
    Ok(())
}

/// Gives up the invoices of a subscription that are for later periods than it is in: a change that was to be made once it
/// is paid is overtaken. Should its money come all the same, it goes back.
pub(crate) fn void_changes(tx: &mut Tx<'_>, subscription: &Subscription) -> Result<()> {
    changes(tx, subscription)?.into_iter().try_for_each(|invoice| void(tx, invoice.id))
}

/// The open invoices of a subscription that are for later periods than it is in: changes that wait for their payments.
pub(crate) fn changes(tx: &mut ReadTx<'_>, subscription: &Subscription) -> Result<Vec<Invoice>> {
    let sql = format!(
        "SELECT {} FROM invoices WHERE subscription_id = $1 AND period > $2 AND status = 'open' AND status <> 'void' \
         ORDER BY period",
        Invoice::COLUMNS
    );
    Ok(tx.all(&sql, &[&subscription.id, &subscription.period])?)
}

/// Which of these subscriptions have an open invoice for a later period than they are in: a change that waits for its
/// payment.
pub(super) fn changing(
    tx: &mut ReadTx<'_>,
    subscriptions: &[Id<Subscription>],
) -> Result<BTreeSet<Id<Subscription>>> {
    let mut sql = Sql::new(
        "SELECT subscriptions.id FROM invoices JOIN subscriptions ON subscriptions.id = invoices.subscription_id \
         WHERE invoices.status = 'open' AND invoices.status <> 'void' AND invoices.period > subscriptions.period AND invoices.subscription_id IN ",
    );
    sql.bind_list(subscriptions.iter().copied());
    Ok(tx.list(&sql)?.into_iter().collect())
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

/// The lines of these invoices by invoice, in order.
pub(super) fn lines_by_invoice(
    tx: &mut ReadTx<'_>,
    ids: &[Id<Invoice>],
) -> Result<HashMap<Id<Invoice>, Vec<InvoiceLine>>> {
    let mut lines: HashMap<Id<Invoice>, Vec<InvoiceLine>> = HashMap::new();
    if ids.is_empty() {
        return Ok(lines);
    }
    let mut sql =
        Sql::new(format!("SELECT {} FROM invoice_lines WHERE invoice_id IN ", InvoiceLine::COLUMNS));
    sql.bind_list(ids.iter().copied()).push(" ORDER BY id");
    for line in tx.list::<InvoiceLine>(&sql)? {
        if let Some(id) = line.invoice_id {
            lines.entry(id).or_default().push(line);
        }
    }
    Ok(lines)
}

/// What a customer has as credit.
pub fn credit_of(tx: &mut ReadTx<'_>, customer_id: Id<Customer>) -> Result<Cents> {
    let mut sql = Sql::new("SELECT CAST(sum(amount) AS bigint) FROM credit_entries WHERE customer_id = ");
    sql.bind(customer_id).push(" AND currency = ").bind(Currency::default());
    Ok(Cents::new(tx.count(&sql)?))
}

/// The lines of these subscriptions that wait for an invoice, in order.
pub(crate) fn waiting_lines(
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
    pub(super) seller: &'d Seller,
    pub(super) discount: Option<&'d Discount>,
    /// Lines that waited for it.
    pub(super) waiting: Vec<InvoiceLine>,
    /// What the customer has as credit.
    pub(super) credit: Cents,
    pub(super) now: Timestamp,
}

/// Writes an invoice with its lines, and the credit that it uses. Returns the lines with it, in order.
pub(super) fn make_out(
    tx: &mut Tx<'_>,
    rules: &Rules,
    draft: Draft<'_>,
    new: &NewInvoice,
) -> Result<(Invoice, Vec<InvoiceLine>)> {
    let Draft { subscription, customer, seller, discount, mut waiting, credit, now } = draft;
    let sums = sums(tx, rules, Reckoned { subscription, customer, discount, credit }, &new.lines, &waiting)?;
    let Sums { discount: off, held, waived, .. } = sums;
    let invoice = Invoice {
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
        currency: subscription.currency.unwrap_or_default(),
        amount: sums.amount,
        discount_amount: off,
        tax_amount: sums.tax,
        tax: sums.how,
        credit_applied: sums.credit_applied,
        seller: Some(seller.clone()),
        customer_name: customer.name.clone(),
        customer_email: customer.email.clone(),
        customer_billing_address: customer.billing_address.clone(),
        customer_tax_id: customer.tax_id.clone(),
        created_at: now,
        modified_at: None,
        settled_at: None,
    };
    tx.insert(&invoice)?;
    if !waiting.is_empty() {
        let mut sql = Sql::new("UPDATE invoice_lines SET invoice_id = ");
        sql.bind(invoice.id).push(" WHERE id IN ").bind_list(waiting.iter().map(|line| line.id));
        tx.apply(&sql)?;
    }
    // The tax that prices hold is taken out of the lines that charge something, the new ones first; what is given back of
    // it, out of those that give back.
    let mut held = Held(held);
    let mut added = Vec::with_capacity(new.lines.len());
    for line in &new.lines {
        let mut row = line_of(tx, Some(invoice.id), Some(subscription.id), line, now);
        take_out(&mut row, &mut held);
        tx.insert(&row)?;
        added.push(row);
    }
    for line in &mut waiting {
        let was = (line.amount, line.held_amount);
        take_out(line, &mut held);
        line.invoice_id = Some(invoice.id);
        if was != (line.amount, line.held_amount) {
            tx.changed_one(
                "UPDATE invoice_lines SET amount = $2, held_amount = $3 WHERE id = $1",
                &[&line.id, &line.amount, &line.held_amount],
            )?;
        }
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
    // Those that waited are older.
    waiting.append(&mut added);
    Ok((invoice, waiting))
}

/// What an invoice is reckoned from, besides its lines.
#[derive(Clone, Copy)]
pub(crate) struct Reckoned<'r> {
    pub(crate) subscription: &'r Subscription,
    pub(crate) customer: &'r Customer,
    pub(crate) discount: Option<&'r Discount>,
    /// What the customer has as credit.
    pub(crate) credit: Cents,
}

/// What an invoice comes to.
pub(crate) struct Sums {
    pub(crate) amount: Cents,
    pub(crate) discount: Cents,
    /// Below zero where more is given back than charged.
    pub(crate) tax: Cents,
    pub(crate) how: Option<Json>,
    /// The tax that the prices of the lines hold.
    pub(crate) held: i64,
    /// With what is let go.
    pub(crate) credit_applied: Cents,
    /// What is too little to be charged and let go: the customer gets it as credit and uses it at once.
    pub(crate) waived: i64,
}

impl Sums {
    pub(crate) fn total(&self) -> i64 {
        self.amount.get() - self.discount.get() + self.tax.get()
    }
}

/// Adds up an invoice of these lines and those that waited.
pub(crate) fn sums(
    tx: &mut ReadTx<'_>,
    rules: &Rules,
    reckoned: Reckoned<'_>,
    new: &[NewLine],
    waiting: &[InvoiceLine],
) -> Result<Sums> {
    let Reckoned { subscription, customer, discount, credit } = reckoned;
    let sum = |lines: &mut dyn Iterator<Item = Cents>| lines.map(Cents::get).fold(0, i64::saturating_add);
    let plain = sum(&mut new.iter().filter(|line| !line.is_proration).map(|line| line.amount));
    let prorated = sum(&mut new.iter().filter(|line| line.is_proration).map(|line| line.amount))
        .saturating_add(sum(&mut waiting.iter().map(|line| line.amount)));
    let off = discount.map_or(Cents::default(), |discount| {
        discounts::rules::amount_off(discount.reduction(), Cents::new(plain.max(0)))
    });
    let subtotal = Cents::new(plain - off.get() + prorated);
    let (tax, is_held, how) = if subtotal < Cents::default() {
        tax_given_back(tx, subscription.id, subtotal)?
    } else {
        let tax = tax_on(rules, customer, subtotal, subscription.currency.unwrap_or_default());
        let amount = tax.as_ref().map_or(Cents::default(), |tax| tax.amount);
        (amount, tax.as_ref().is_some_and(|tax| tax.is_inclusive), tax.as_ref().map(how))
    };
    let held = if is_held { tax.get() } else { 0 };
    let amount = Cents::new(plain + prorated - held);
    let mut sums =
        Sums { amount, discount: off, tax, how, held, credit_applied: Cents::default(), waived: 0 };
    let used = credit.get().clamp(0, sums.total().max(0));
    let rest = sums.total() - used;
    sums.waived = if rest > 0 && rest < rules.minimum.get() { rest } else { 0 };
    sums.credit_applied = Cents::new(used + sums.waived);
    Ok(sums)
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
        held_amount: Cents::default(),
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
