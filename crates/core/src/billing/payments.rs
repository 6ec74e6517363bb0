//! Attempts to get money: planned before the processor is asked, and asked again until it is known what came of them.
//!
//! ```text
//! unit: plan (pending, ask_at) ── ask the processor, key payment/{id} ── unit: settle
//!                   ▲                                                         │
//!                   └────────── ask_at is due: the same question ─────────────┘
//! ```
//!
//! `ask_at` is in real time, unlike everything else of the sale: it is a talk between two machines.

use std::collections::{HashMap, HashSet};

use const_format::concatcp;
use merak_store::{ReadTx, Sql, Timestamp, Tx};

use super::{Invoice, InvoiceStatus, Payment, PaymentKind, PaymentMethod, PaymentStatus, Rules};
use crate::checkouts::{self, Checkout};
use crate::clock;
use crate::customers::Customer;
use crate::kit::{Address, Cents, Country, Currency, Email, Id, Kind, Refuses, Result};
use crate::organizations::Organization;
use crate::products::PriceType;
use crate::subscriptions::Subscription;

/// After how many seconds a payment is asked about whose answer never came. Longer than any call may take.
pub const FIRST_PAUSE: i64 = 120;

/// For how long one who asks about a payment has it to themselves, in seconds.
const TURN: i64 = 120;

/// For how long at most nobody asks about a payment, in seconds.
const LONGEST_PAUSE: i64 = 6 * 3600;

/// How many cards that a customer types in may be refused within a day. Somebody who tries cards finds out nothing more by
/// it then.
const MOST_FAILURES: i64 = 10;

/// Why no card can be typed in for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too many were refused.
    #[error("Too many cards were declined. Please try again tomorrow.")]
    TooManyFailures,
}

impl Refuses for Error {
    fn kind(&self) -> Kind {
        Kind::Payment
    }
}

/// With what an invoice is paid.
#[derive(Clone, Copy, Debug)]
pub enum Source<'s> {
    /// A saved method. The customer is not there, unless it is a checkout that is paid.
    Saved(&'s PaymentMethod),
    /// What somebody typed into a form just now, and whether they had shown to be the customer.
    Token(&'s str, bool),
}

/// Plans a payment of what is due on an open invoice. None if there is nothing due, or another payment of it is under
/// way: an invoice has at most one that may still bring money.
pub fn plan(
    tx: &mut Tx<'_>,
    rules: &Rules,
    invoice: &Invoice,
    source: Source<'_>,
) -> Result<Option<Payment>> {
    if invoice.status != InvoiceStatus::Open || invoice.due() == Cents::default() {
        return Ok(None);
    }
    if under_way(tx, invoice.id)?.is_some() {
        return Ok(None);
    }
    if let Source::Token(_, _) = source {
        require_few_failures(tx, invoice.customer_id)?;
    }
    plan_unasked(tx, rules, invoice, source).map(Some)
}

/// As [`plan`], of an invoice that was just made out, so that nobody can have planned one before.
pub(super) fn plan_unasked(
    tx: &mut Tx<'_>,
    rules: &Rules,
    invoice: &Invoice,
    source: Source<'_>,
) -> Result<Payment> {
    let mut payment = blank(tx, rules, (invoice.organization_id, invoice.customer_id), invoice.created_at);
    payment.invoice_id = Some(invoice.id);
    (payment.amount, payment.currency) = (invoice.due(), invoice.currency);
    match source {
        Source::Saved(method) => {
            payment.source.clone_from(&method.processor_method_id);
            payment.payment_method_id = Some(method.id);
            payment.is_off_session = true;
        }
        Source::Token(token, is_owner_known) => {
            token.clone_into(&mut payment.source);
            payment.is_owner_known = is_owner_known;
        }
    }
    tx.insert(&payment)?;
    Ok(payment)
}

/// Lets a payment by a saved method, which the processor was not asked for yet, be asked for while the customer is there:
/// their bank may want their approval.
pub fn ask_in_person(tx: &mut Tx<'_>, payment: &mut Payment) -> Result<()> {
    payment.is_off_session = false;
    Ok(tx.changed_one("UPDATE payments SET is_off_session = $2 WHERE id = $1", &[&payment.id, &false])?)
}

/// The payment of an invoice that may still bring money, or did.
pub fn under_way(tx: &mut ReadTx<'_>, invoice_id: Id<Invoice>) -> Result<Option<Payment>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Payment::COLUMNS,
        " FROM payments WHERE invoice_id = $1 AND status <> 'failed' ORDER BY id DESC LIMIT 1"
    );
    Ok(tx.find(SQL, &[&invoice_id])?)
}

/// All payments of an invoice, the oldest first, at most a hundred.
pub fn of_invoice(tx: &mut ReadTx<'_>, invoice_id: Id<Invoice>) -> Result<Vec<Payment>> {
    const SQL: &str =
        concatcp!("SELECT ", Payment::COLUMNS, " FROM payments WHERE invoice_id = $1 ORDER BY id LIMIT 100");
    Ok(tx.all(SQL, &[&invoice_id])?)
}

/// Plans what a confirmation of a checkout waits for: the amount, or the leave to charge later if it is nothing.
pub(crate) fn plan_for_checkout(
    tx: &mut Tx<'_>,
    rules: &Rules,
    checkout: &Checkout,
    customer_id: Id<Customer>,
    source: Source<'_>,
) -> Result<Payment> {
    let now = clock::now(tx, checkout.organization_id)?;
    let mut payment = blank(tx, rules, (checkout.organization_id, customer_id), now);
    payment.checkout_id = Some(checkout.id);
    payment.amount = checkout.total().unwrap_or_default();
    payment.currency = checkout.currency.unwrap_or_default();
    payment.kind = if payment.amount == Cents::default() { PaymentKind::Setup } else { PaymentKind::Charge };
    match source {
        // The customer is there: their bank may want their approval.
        Source::Saved(method) => {
            payment.source.clone_from(&method.processor_method_id);
            payment.payment_method_id = Some(method.id);
        }
        Source::Token(token, is_owner_known) => {
            token.clone_into(&mut payment.source);
            payment.is_owner_known = is_owner_known;
        }
    }
    tx.insert(&payment)?;
    Ok(payment)
}

/// How many payments of a checkout have failed.
pub(crate) fn count_failed(tx: &mut ReadTx<'_>, checkout_id: Id<Checkout>) -> Result<i64> {
    let sql = "SELECT count(*) FROM payments WHERE checkout_id = $1 AND status = 'failed'";
    Ok(tx.one(sql, &[&checkout_id])?)
}

/// Plans that a customer saves a method of payment to be charged later, by what they typed into a form just now; and whether
/// they had shown to be this customer.
pub fn plan_setup(
    tx: &mut Tx<'_>,
    rules: &Rules,
    customer: &Customer,
    (token, is_owner_known): (&str, bool),
) -> Result<Payment> {
    require_few_failures(tx, customer.id)?;
    let now = clock::now(tx, customer.organization_id)?;
    let mut payment = blank(tx, rules, (customer.organization_id, customer.id), now);
    payment.kind = PaymentKind::Setup;
    token.clone_into(&mut payment.source);
    payment.is_owner_known = is_owner_known;
    tx.insert(&payment)?;
    Ok(payment)
}

/// Refuses a customer who has typed in too many cards that were refused. Their checkouts have a limit each.
fn require_few_failures(tx: &mut ReadTx<'_>, customer_id: Id<Customer>) -> Result<()> {
    let since = tx.now().add_seconds(-24 * 3600);
    let failed: i64 = tx.one(
        "SELECT count(*) FROM (SELECT 1 FROM payments WHERE customer_id = $1 AND planned_at > $2 AND status = 'failed' \
         AND NOT is_off_session AND checkout_id IS NULL LIMIT $3) AS failed",
        &[&customer_id, &since, &MOST_FAILURES],
    )?;
    if failed < MOST_FAILURES { Ok(()) } else { Err(Error::TooManyFailures.into()) }
}

/// The last payment of a subscription's open invoices that waits for its customer to approve it.
pub fn waiting_for_approval(
    tx: &mut ReadTx<'_>,
    subscription_id: Id<Subscription>,
) -> Result<Option<Payment>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Payment::COLUMNS,
        " FROM invoices JOIN payments ON payments.invoice_id = invoices.id WHERE invoices.subscription_id = $1 \
         AND invoices.status = 'open' AND invoices.status <> 'void' AND payments.status = 'requires_action' ORDER BY payments.id DESC LIMIT 1"
    );
    Ok(tx.find(SQL, &[&subscription_id])?)
}

fn blank(
    tx: &mut Tx<'_>,
    rules: &Rules,
    (organization_id, customer_id): (Id<Organization>, Id<Customer>),
    created_at: Timestamp,
) -> Payment {
    Payment {
        id: Id::new(tx),
        organization_id,
        customer_id,
        checkout_id: None,
        invoice_id: None,
        kind: PaymentKind::Charge,
        status: PaymentStatus::Pending,
        processor: rules.processor.clone(),
        source: String::new(),
        is_off_session: false,
        is_owner_known: false,
        amount: Cents::default(),
        currency: Currency::default(),
        processor_intent_id: None,
        processor_charge_id: None,
        payment_method_id: None,
        fee_amount: None,
        failure_code: None,
        failure_message: None,
        ask_at: Some(tx.now().add_seconds(FIRST_PAUSE)),
        asked: 0,
        planned_at: tx.now(),
        created_at,
        modified_at: None,
        settled_at: None,
    }
}

/// The payment, if there is one.
pub fn find(tx: &mut ReadTx<'_>, id: Id<Payment>) -> Result<Option<Payment>> {
    Ok(find_many(tx, &[id])?.pop())
}

/// These payments, in no order.
pub fn find_many(tx: &mut ReadTx<'_>, ids: &[Id<Payment>]) -> Result<Vec<Payment>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(concatcp!("SELECT ", Payment::COLUMNS, " FROM payments WHERE id IN "));
    sql.bind_list(ids.iter().copied());
    Ok(tx.list(&sql)?)
}

/// The payment that the processor calls so.
pub fn find_by_intent(tx: &mut ReadTx<'_>, processor: &str, intent_id: &str) -> Result<Option<Payment>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Payment::COLUMNS,
        " FROM payments WHERE processor = $1 AND processor_intent_id = $2 ORDER BY id DESC LIMIT 1"
    );
    Ok(tx.find(SQL, &[&processor, &intent_id])?)
}

/// Which of the payments that the processor calls so have brought what they were to bring, with nothing left that it could
/// tell of their outcome. By the processor's names.
pub fn complete(
    tx: &mut ReadTx<'_>,
    processor: &str,
    intents: impl IntoIterator<Item = String>,
) -> Result<HashSet<String>> {
    let mut sql = Sql::new("SELECT processor_intent_id FROM payments WHERE processor = ");
    sql.bind(processor).push(" AND processor_intent_id IN ").bind_list(intents);
    sql.push(" AND status = 'succeeded' AND (kind = 'setup' OR fee_amount IS NOT NULL)");
    Ok(tx.list(&sql)?.into_iter().collect())
}

/// Whether there is a payment of which it is not known yet what the processor calls it. Then something that it tells of a
/// payment with an unknown name may be about that one.
pub fn is_any_unnamed(tx: &mut ReadTx<'_>, processor: &str) -> Result<bool> {
    let unnamed: Option<Id<Payment>> = tx.find(
        "SELECT id FROM payments WHERE ask_at IS NOT NULL AND processor_intent_id IS NULL AND processor = $1 LIMIT 1",
        &[&processor],
    )?;
    Ok(unnamed.is_some())
}

/// The last payment that was planned for a checkout.
pub fn last_of_checkout(tx: &mut ReadTx<'_>, checkout_id: Id<Checkout>) -> Result<Option<Payment>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Payment::COLUMNS,
        " FROM payments WHERE checkout_id = $1 ORDER BY id DESC LIMIT 1"
    );
    Ok(tx.find(SQL, &[&checkout_id])?)
}

/// A payment with what the processor has to know to be asked for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The payment.
    pub payment: Payment,
    /// Who pays.
    pub payer: Payer,
    /// Whether the method is kept for charges without the customer.
    pub keeps_method: bool,
    /// The secret of the checkout that is confirmed, for the page to which the customer comes back.
    pub client_secret: Option<String>,
    /// What the processor shows to the seller: facts about the sale, by name.
    pub facts: Vec<(String, String)>,
}

/// Who pays, as a processor has to know them.
#[derive(Clone, Debug, PartialEq)]
pub struct Payer {
    /// The customer.
    pub customer_id: Id<Customer>,
    /// The address for mail.
    pub email: Email,
    /// What they are called.
    pub name: Option<String>,
    /// Where they are billed.
    pub billing_address: Option<Address>,
    /// What the processor calls them, if it knows them.
    pub processor_customer_id: Option<String>,
}

/// What the processor has to know of these payments, by a few statements for all of them.
pub fn questions(tx: &mut ReadTx<'_>, payments: Vec<Payment>) -> Result<Vec<Question>> {
    let Some(processor) = payments.first().map(|payment| payment.processor.clone()) else {
        return Ok(Vec::new());
    };
    let ids = payments.iter().map(|payment| payment.customer_id);
    let mut sql = Sql::new(concatcp!(
        "SELECT ",
        Customer::COLUMNS,
        ", processor_customers.processor_customer_id FROM customers LEFT JOIN processor_customers \
         ON processor_customers.customer_id = customers.id AND processor_customers.processor = "
    ));
    sql.bind(processor.as_str()).push(" WHERE customers.id IN ").bind_list(ids);
    let customers: HashMap<Id<Customer>, (Customer, Option<String>)> =
        tx.list::<(Customer, Option<String>)>(&sql)?.into_iter().map(|found| (found.0.id, found)).collect();
    let mut sql = Sql::new(concatcp!(
        "SELECT ",
        Checkout::COLUMNS,
        ", product_prices.type FROM checkouts JOIN product_prices \
         ON product_prices.id = checkouts.product_price_id WHERE checkouts.id IN "
    ));
    sql.bind_list(payments.iter().filter_map(|payment| payment.checkout_id));
    let found: Vec<(Checkout, PriceType)> = if payments.iter().any(|payment| payment.checkout_id.is_some()) {
        tx.list(&sql)?
    } else {
        Vec::new()
    };
    let checkouts: HashMap<Id<Checkout>, (Checkout, PriceType)> =
        found.into_iter().map(|found| (found.0.id, found)).collect();
    let question = |payment: Payment| {
        let (customer, processor_customer_id) = customers.get(&payment.customer_id)?.clone();
        let sold = payment.checkout_id.and_then(|id| checkouts.get(&id));
        let sold = sold.map(|(checkout, r#type)| (checkout, *r#type));
        Some(question(payment, customer, processor_customer_id, sold))
    };
    Ok(payments.into_iter().filter_map(question).collect())
}

/// What the processor has to know of a payment by this customer, and what it calls them if it knows them. For a checkout
/// with a price of this type.
pub(crate) fn question(
    payment: Payment,
    customer: Customer,
    processor_customer_id: Option<String>,
    sold: Option<(&Checkout, PriceType)>,
) -> Question {
    let filled = sold.filter(|_| is_saved_asked(&payment)).map(|(checkout, _)| {
        let mut filled = checkout.clone();
        checkouts::fill_in(&mut filled, &customer);
        filled
    });
    let checkout = filled.as_ref().or(sold.map(|(checkout, _)| checkout));
    let payer = Payer {
        customer_id: customer.id,
        email: checkout.and_then(|checkout| checkout.customer_email.clone()).unwrap_or(customer.email),
        name: checkout.and_then(|checkout| checkout.customer_name.clone()).or(customer.name),
        billing_address: checkout
            .and_then(|checkout| checkout.customer_billing_address.clone())
            .or(customer.billing_address),
        processor_customer_id,
    };
    Question {
        keeps_method: sold.is_none_or(|(_, r#type)| r#type == PriceType::Recurring),
        client_secret: checkout.map(|checkout| checkout.client_secret.clone()),
        facts: facts(&payment, checkout),
        payer,
        payment,
    }
}

/// Whether a payment is by a card that was saved before, and the processor has not taken it up yet: what is known of its
/// customer does not stand in the checkout then.
fn is_saved_asked(payment: &Payment) -> bool {
    payment.status == PaymentStatus::Pending && payment.payment_method_id.is_some()
}

/// What a seller can read about a payment at the processor.
fn facts(payment: &Payment, checkout: Option<&Checkout>) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut add = |name: &str, value: String| facts.push((name.to_owned(), value));
    if let Some(invoice_id) = payment.invoice_id {
        add("invoice_id", invoice_id.to_string());
    }
    let Some(checkout) = checkout else { return facts };
    add("checkout_id", checkout.id.to_string());
    add("type", String::from("product"));
    add("tax_amount", checkout.tax_amount.unwrap_or_default().to_string());
    if let Some(address) = &checkout.customer_billing_address {
        add("tax_country", address.country.as_str().to_owned());
        if let Some(state) = state_of(address) {
            add("tax_state", state);
        }
    }
    facts
}

/// The state without its country, where taxes are by state.
fn state_of(address: &Address) -> Option<String> {
    let is_by_state =
        ["US", "CA"].iter().filter_map(|code| Country::parse(code)).any(|c| c == address.country);
    let state = address.state.as_deref().filter(|_| is_by_state)?;
    let prefix = format!("{}-", address.country.as_str());
    Some(state.strip_prefix(&prefix).unwrap_or(state).to_owned())
}

/// Whether there is a payment whose answer is overdue.
pub fn is_any_due(tx: &mut ReadTx<'_>) -> Result<bool> {
    let now = tx.now();
    let due: Option<Id<Payment>> =
        tx.find("SELECT id FROM payments WHERE ask_at <= $1 ORDER BY ask_at LIMIT 1", &[&now])?;
    Ok(due.is_some())
}

/// Takes payments whose processor has to be asked what became of them, the longest overdue first, for a while for
/// whoever calls this: nobody else is given them meanwhile.
pub fn take_due(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Payment>> {
    let now = tx.now();
    Ok(tx.returning(
        concatcp!(
            "UPDATE payments SET ask_at = $2, asked = asked + 1 WHERE id IN \
             (SELECT id FROM payments WHERE ask_at <= $1 ORDER BY ask_at, id LIMIT $3) RETURNING ",
            Payment::COLUMNS
        ),
        &[&now, &now.add_seconds(TURN), &limit],
    )?)
}

/// Takes the payments of an organization that nothing is known of, whenever they are due. For a clock that is moved.
pub fn take_of_organization(
    tx: &mut Tx<'_>,
    organization_id: Id<Organization>,
    asked_before: i64,
    limit: i64,
) -> Result<Vec<Payment>> {
    let now = tx.now();
    Ok(tx.returning(
        concatcp!(
            "UPDATE payments SET ask_at = $2, asked = asked + 1 WHERE id IN \
             (SELECT id FROM payments WHERE organization_id = $1 AND ask_at IS NOT NULL AND asked < $3 \
             AND status IN ('pending', 'processing') ORDER BY ask_at, id LIMIT $4) RETURNING ",
            Payment::COLUMNS
        ),
        &[&organization_id, &now.add_seconds(TURN), &asked_before, &limit],
    )?)
}

/// Leaves a payment alone for longer, because its processor gave no answer.
pub fn postpone(tx: &mut Tx<'_>, id: Id<Payment>, at_least: i64) -> Result<()> {
    let Some(payment) = find(tx, id)?.filter(|payment| payment.ask_at.is_some()) else { return Ok(()) };
    let ask_at = tx.now().add_seconds(pause(payment.asked).max(at_least));
    tx.execute("UPDATE payments SET ask_at = $2 WHERE id = $1 AND ask_at IS NOT NULL", &[&id, &ask_at])?;
    Ok(())
}

/// After how many seconds a payment is asked about again that was asked about so often: 2, 4, 8, … minutes.
pub(super) fn pause(asked: i64) -> i64 {
    let doublings = u32::try_from(asked.clamp(0, 16)).unwrap_or(16);
    FIRST_PAUSE.saturating_mul(2_i64.saturating_pow(doublings)).min(LONGEST_PAUSE)
}

/// What the processor calls a customer: what is known already, else what it says now. Of two who ask at once, the first
/// decides.
pub fn remember_payer(
    tx: &mut Tx<'_>,
    customer_id: Id<Customer>,
    processor: &str,
    processor_customer_id: &str,
) -> Result<String> {
    let now = tx.now();
    tx.execute(
        "INSERT INTO processor_customers (customer_id, processor, processor_customer_id, created_at) \
         VALUES ($1, $2, $3, $4) ON CONFLICT (customer_id, processor) DO NOTHING",
        &[&customer_id, &processor, &processor_customer_id, &now],
    )?;
    Ok(tx.one(
        "SELECT processor_customer_id FROM processor_customers WHERE customer_id = $1 AND processor = $2",
        &[&customer_id, &processor],
    )?)
}

/// What the processor calls a customer from now on: it does not know the name of before any more.
pub fn replace_payer(
    tx: &mut Tx<'_>,
    customer_id: Id<Customer>,
    processor: &str,
    processor_customer_id: &str,
) -> Result<String> {
    tx.execute(
        "UPDATE processor_customers SET processor_customer_id = $3 WHERE customer_id = $1 AND processor = $2",
        &[&customer_id, &processor, &processor_customer_id],
    )?;
    Ok(processor_customer_id.to_owned())
}

/// What the processor calls a customer, if it knows them.
pub fn payer_id(tx: &mut ReadTx<'_>, customer_id: Id<Customer>, processor: &str) -> Result<Option<String>> {
    Ok(tx.find(
        "SELECT processor_customer_id FROM processor_customers WHERE customer_id = $1 AND processor = $2",
        &[&customer_id, &processor],
    )?)
}

/// Writes how a payment stands; what it is and pays stays.
pub(super) fn save(tx: &mut Tx<'_>, payment: &mut Payment) -> Result<()> {
    payment.modified_at = Some(tx.now());
    Ok(tx.changed_one(
        "UPDATE payments SET status = $2, processor_intent_id = $3, processor_charge_id = $4, fee_amount = $5, \
         failure_code = $6, failure_message = $7, ask_at = $8, settled_at = $9, modified_at = $10 WHERE id = $1",
        &[
            &payment.id,
            &payment.status,
            &payment.processor_intent_id,
            &payment.processor_charge_id,
            &payment.fee_amount,
            &payment.failure_code,
            &payment.failure_message,
            &payment.ask_at,
            &payment.settled_at,
            &payment.modified_at,
        ],
    )?)
}
