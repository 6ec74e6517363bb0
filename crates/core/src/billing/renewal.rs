//! Renewing what is due.
//!
//! ```text
//! unit: open_due        the next 100: period, invoice, and the payment to ask for; or the end; or the next retry
//! call: the processor   one question each, a few at once
//! unit: settle          their answers together: order, subscription, mails
//! ```
//!
//! The unit that opens a period moves the subscription into it, so no other node and no second run can open it again; and
//! a key in the store sees to it that a period has one invoice. What comes between opening and settling, a crash included,
//! leaves a pending payment that is asked about again with the same key.

use std::collections::{BTreeSet, HashMap};

use merak_store::{ReadTx, Sql, Timestamp, Tx};

use super::books::Books;
use super::dunning::{self, Owed};
use super::invoices::{self, Draft, NewInvoice, NewLine};
use super::paid::{self, Period};
use super::payments::{self, Source};
use super::settle::{methods_of, names_of};
use super::{BillingReason, Invoice, InvoiceLine, Payment, PaymentMethod, Rules, holds, methods, rules};
use crate::clock;
use crate::customers::Customer;
use crate::discounts::{self, Discount};
use crate::kit::{Cents, Currency, Id, Refusal, Result};
use crate::organizations::{self, Organization, Seller};
use crate::products::Product;
use crate::subscriptions::{self, Subscription, SubscriptionStatus};

/// After how many seconds a subscription is looked at again whose change is being paid.
const CHANGE_PAUSE: i64 = 3600;

/// For how many seconds the end of a grace waits for a try that was made at the same time.
const GRACE_PAUSE: i64 = 3600;

/// What came of a look at what is due.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// How many subscriptions were due, those too that must wait because their organization is blocked. As many as were
    /// asked for means that there may be more.
    pub looked_at: usize,
    /// What the processor is to be asked for.
    pub payments: Vec<Payment>,
    /// Which periods were left out, because nothing was done while they ran: the subscription and how many.
    pub left_out: Vec<(Id<Subscription>, i64)>,
}

/// Does what is due of the next subscriptions, those first that have been due for longest, at most so many. Nobody is
/// charged for an organization that is blocked or gone.
pub fn open_due(tx: &mut Tx<'_>, rules: &Rules, limit: i64) -> Result<Batch> {
    holds::release(tx)?;
    let due = due(tx, limit)?;
    open(tx, rules, due)
}

/// As [`open_due`], of one organization.
pub fn open_due_of(
    tx: &mut Tx<'_>,
    rules: &Rules,
    organization_id: Id<Organization>,
    limit: i64,
) -> Result<Batch> {
    holds::release_of(tx, organization_id)?;
    let due = due_of(tx, organization_id, limit)?;
    open(tx, rules, due)
}

fn due_of(tx: &mut ReadTx<'_>, organization_id: Id<Organization>, limit: i64) -> Result<Vec<Subscription>> {
    let columns = Subscription::COLUMNS;
    let sql = format!(
        "SELECT {columns} FROM subscriptions WHERE organization_id = $1 AND due_at <= $2 AND NOT is_held ORDER BY due_at, id LIMIT $3"
    );
    let now = clock::now(tx, organization_id)?;
    Ok(tx.all(&sql, &[&organization_id, &now, &limit])?)
}

/// Whether anything is due.
pub fn is_any_due(tx: &mut ReadTx<'_>) -> Result<bool> {
    Ok(holds::is_any_due(tx)? || !due(tx, 1)?.is_empty())
}

/// Looks at the first subscription that is due in an hour again, because it cannot be renewed now. Returns which.
pub fn put_off_first(tx: &mut Tx<'_>) -> Result<Option<Id<Subscription>>> {
    let first = due(tx, 1)?.pop();
    put_off(tx, first)
}

/// As [`put_off_first`], of one organization.
pub fn put_off_first_of(
    tx: &mut Tx<'_>,
    organization_id: Id<Organization>,
) -> Result<Option<Id<Subscription>>> {
    let first = due_of(tx, organization_id, 1)?.pop();
    put_off(tx, first)
}

fn put_off(tx: &mut Tx<'_>, first: Option<Subscription>) -> Result<Option<Id<Subscription>>> {
    let Some(first) = first else { return Ok(None) };
    let later = clock::now(tx, first.organization_id)?.add_seconds(3600);
    dunning::note(tx, first.id, first.retries, Some(later))?;
    Ok(Some(first.id))
}

/// What is due by the clocks of their organizations. Most organizations have the real one, which one index answers; those
/// whose clock was moved are looked at by themselves.
fn due(tx: &mut ReadTx<'_>, limit: i64) -> Result<Vec<Subscription>> {
    let (columns, now) = (Subscription::COLUMNS, tx.now());
    let select = format!("SELECT {columns} FROM subscriptions WHERE ");
    let mut due: Vec<Subscription> = tx.all(
        &format!("{select}due_at <= $1 AND NOT is_held ORDER BY due_at, id LIMIT $2"),
        &[&now, &limit],
    )?;
    let rest = limit.saturating_sub(i64::try_from(due.len()).unwrap_or(limit));
    let ahead = if rest > 0 { clock::of_those_ahead(tx)? } else { Vec::new() };
    if !ahead.is_empty() {
        let mut sql = Sql::new(select);
        let mut separator = "((";
        for (organization_id, at) in ahead {
            sql.push(separator).push("organization_id = ").bind(organization_id);
            sql.push(" AND due_at > ").bind(now).push(" AND due_at <= ").bind(at).push(")");
            separator = " OR (";
        }
        sql.push(") AND NOT is_held ORDER BY due_at, id LIMIT ").bind(rest);
        due.extend(tx.list::<Subscription>(&sql)?);
    }
    Ok(due)
}

fn open(tx: &mut Tx<'_>, rules: &Rules, due: Vec<Subscription>) -> Result<Batch> {
    let looked_at = due.len();
    let due = holds::hold(tx, due)?;
    if due.is_empty() {
        return Ok(Batch { looked_at, ..Batch::default() });
    }
    let mut opening = Opening::of(tx, rules, &due)?;
    opening.batch.looked_at = looked_at;
    for subscription in due {
        opening.one(tx, subscription)?;
    }
    opening.books.post(tx)?;
    Ok(opening.batch)
}

/// What is read once for all subscriptions of a batch.
struct Opening<'r> {
    rules: &'r Rules,
    clocks: HashMap<Id<Organization>, Timestamp>,
    sellers: HashMap<Id<Organization>, Seller>,
    customers: HashMap<Id<Customer>, Customer>,
    credits: HashMap<Id<Customer>, Cents>,
    discounts: HashMap<Id<Discount>, Discount>,
    methods: HashMap<Id<PaymentMethod>, PaymentMethod>,
    names: HashMap<Id<Product>, String>,
    waiting: HashMap<Id<Subscription>, Vec<InvoiceLine>>,
    changing: BTreeSet<Id<Subscription>>,
    books: Books,
    batch: Batch,
}

impl<'r> Opening<'r> {
    fn of(tx: &mut Tx<'_>, rules: &'r Rules, due: &[Subscription]) -> Result<Self> {
        let organizations: BTreeSet<_> = due.iter().map(|one| one.organization_id).collect();
        let ids: Vec<_> = due.iter().map(|one| one.id).collect();
        let customers: BTreeSet<_> = due.iter().map(|one| one.customer_id).collect();
        let discounts: BTreeSet<_> = due.iter().filter_map(|one| one.discount_id).collect();
        let methods: BTreeSet<_> = due.iter().filter_map(|one| one.payment_method_id).collect();
        let products: BTreeSet<_> = due.iter().map(|one| one.product_id).collect();
        let mut waiting: HashMap<_, Vec<InvoiceLine>> = HashMap::new();
        for line in invoices::waiting_lines(tx, &ids)? {
            if let Some(id) = line.subscription_id {
                waiting.entry(id).or_default().push(line);
            }
        }
        Ok(Self {
            rules,
            sellers: organizations::sellers_of(tx, &organizations)?,
            clocks: clock::of_all(tx, &organizations.into_iter().collect::<Vec<_>>())?,
            credits: credits_of(tx, &customers)?,
            customers: customers_of(tx, &customers)?,
            discounts: discounts::find_many(tx, &discounts.into_iter().collect::<Vec<_>>())?
                .into_iter()
                .map(|discount| (discount.id, discount))
                .collect(),
            methods: methods_of(tx, &methods)?,
            names: names_of(tx, &products)?,
            waiting,
            changing: invoices::changing(tx, &ids)?,
            books: Books::default(),
            batch: Batch::default(),
        })
    }

    fn one(&mut self, tx: &mut Tx<'_>, subscription: Subscription) -> Result<()> {
        let now = self.clocks.get(&subscription.organization_id).copied().unwrap_or(tx.now());
        match subscription.status {
            SubscriptionStatus::Active | SubscriptionStatus::Trialing => {
                let customer = self.customers.get(&subscription.customer_id).cloned();
                match (customer, subscription.cancel_at_period_end) {
                    (Some(customer), false) => self.renew(tx, &subscription, &customer, now),
                    // Nobody is charged who was deleted.
                    (customer, _) => self.end(tx, &subscription, customer.as_ref(), now),
                }
            }
            SubscriptionStatus::PastDue => self.retry(tx, subscription, now),
            _ => dunning::note(tx, subscription.id, subscription.retries, None),
        }
    }

    /// Opens the next period, and its invoice.
    fn renew(
        &mut self,
        tx: &mut Tx<'_>,
        before: &Subscription,
        customer: &Customer,
        now: Timestamp,
    ) -> Result<()> {
        if now < before.current_period_end {
            // Somebody wrote a wrong date; the period goes on.
            return dunning::note(tx, before.id, before.retries, Some(before.current_period_end));
        }
        if self.changing.contains(&before.id) {
            // The payment of a change will decide what the next period is.
            return dunning::note(tx, before.id, before.retries, Some(now.add_seconds(CHANGE_PAUSE)));
        }
        let period = self.rules.next_period(before, now);
        let bounds = rules::start_of(before, period).zip(rules::start_of(before, period.saturating_add(1)));
        let Some((start, end)) = bounds else {
            return dunning::note(tx, before.id, before.retries, None);
        };
        let left_out = period.saturating_sub(before.period).saturating_sub(1);
        if left_out > 0 {
            self.batch.left_out.push((before.id, left_out));
        }
        let discount = before.discount_id.and_then(|id| self.discounts.get(&id)).filter(|discount| {
            let since = before.discount_since.or(before.started_at).unwrap_or(before.created_at);
            discounts::rules::reduces_period(discount.span(), since, start)
        });
        let product_name = self.names.get(&before.product_id).cloned().unwrap_or_default();
        let base = before.base_amount.unwrap_or_default();
        let new = NewInvoice {
            billing_reason: BillingReason::SubscriptionCycle,
            period,
            period_start: start,
            period_end: end,
            product_id: before.product_id,
            product_price_id: before.price_id,
            discount_id: None,
            lines: vec![NewLine {
                product_price_id: before.price_id,
                description: product_name.clone(),
                amount: base,
                is_proration: false,
                span: Some((start, end)),
            }],
        };
        let waiting = self.waiting.remove(&before.id).unwrap_or_default();
        let is_plain = waiting.is_empty();
        let credit = self.credits.entry(before.customer_id).or_default();
        let seller = self.sellers.get(&before.organization_id).ok_or_else(Refusal::not_found)?;
        let draft = Draft { subscription: before, customer, seller, discount, waiting, credit: *credit, now };
        let (mut invoice, lines) = invoices::make_out(tx, self.rules, draft, &new)?;
        // What was waived was never there, so at most all of it is used.
        *credit = Cents::new((credit.get() - invoice.credit_applied.get()).max(0));
        let mut after = before.clone();
        after.period = period;
        (after.current_period_start, after.current_period_end) = (start, end);
        after.due_at = Some(end);
        after.amount = before.base_amount.map(|base| {
            if is_plain {
                return invoice.subtotal();
            }
            let listed = Cents::new(base.get() - invoice.discount_amount.get());
            Cents::new(listed.get() - invoices::held_in(self.rules, customer, listed, invoice.currency).get())
        });
        subscriptions::change(tx, before, &mut after)?;
        let period = Period { rules: self.rules, subscription: after, product_name, lines, now };
        self.collect(tx, &mut invoice, period)
    }

    /// Ends a subscription at the end of its period, as was announced. What changes within the period still cost is
    /// invoiced a last time; it is asked for once, and given up if that fails.
    fn end(
        &mut self,
        tx: &mut Tx<'_>,
        before: &Subscription,
        customer: Option<&Customer>,
        now: Timestamp,
    ) -> Result<()> {
        let mut after = before.clone();
        after.status = SubscriptionStatus::Canceled;
        (after.ends_at, after.ended_at) = (Some(before.current_period_end), Some(before.current_period_end));
        after.canceled_at = after.canceled_at.or(after.ended_at);
        after.due_at = None;
        subscriptions::change(tx, before, &mut after)?;
        invoices::void_changes(tx, &after)?;
        let waiting = invoices::waiting_lines(tx, &[after.id])?;
        let owed = waiting.iter().map(|line| line.amount.get()).fold(0, i64::saturating_add);
        let Some(customer) = customer.filter(|_| owed > 0) else {
            return invoices::end(tx, &after, false);
        };
        if holds::is_blocked(tx, after.organization_id)? {
            return invoices::end(tx, &after, false);
        }
        let new = NewInvoice::last(&after, now);
        let credit = self.credits.entry(after.customer_id).or_default();
        let seller = self.sellers.get(&after.organization_id).ok_or_else(Refusal::not_found)?;
        let draft =
            Draft { subscription: &after, customer, seller, discount: None, waiting, credit: *credit, now };
        let (mut invoice, lines) = invoices::make_out(tx, self.rules, draft, &new)?;
        *credit = Cents::new((credit.get() - invoice.credit_applied.get()).max(0));
        let product_name = self.names.get(&after.product_id).cloned().unwrap_or_default();
        let period = Period { rules: self.rules, subscription: after, product_name, lines, now };
        self.collect(tx, &mut invoice, period)
    }

    /// Takes what an invoice needs from nobody, or plans to ask for it.
    fn collect(&mut self, tx: &mut Tx<'_>, invoice: &mut Invoice, period: Period<'_>) -> Result<()> {
        if invoice.due() == Cents::default() {
            paid::pay(tx, &mut self.books, invoice, None, period)?;
            return Ok(());
        }
        let Period { subscription, product_name, now, .. } = period;
        let method = subscription.payment_method_id.and_then(|id| self.methods.get(&id));
        if let Some(method) = method {
            let payment = payments::plan_unasked(tx, self.rules, invoice, Source::Saved(method))?;
            self.batch.payments.push(payment);
            return Ok(());
        }
        let owed = Owed { invoice, subscription, product_name: &product_name, now };
        dunning::failed(tx, self.rules, &dunning::no_method(), owed)?;
        Ok(())
    }

    /// Tries a payment again that is owed, or gives it up, or ends the grace.
    fn retry(&mut self, tx: &mut Tx<'_>, before: Subscription, now: Timestamp) -> Result<()> {
        let since = before.past_due_since.unwrap_or(now);
        let next = self.rules.next_look(since, before.retries);
        let is_for_grace = before
            .grace_ends_at
            .is_some_and(|end| end <= now && before.due_at.is_none_or(|due_at| end <= due_at) && next != end);
        if is_for_grace {
            let next = next.max(now.add_seconds(dunning::LEAST_PAUSE));
            return dunning::look_at(tx, &before, Some(next), now);
        }
        let Some(mut invoice) = methods::owed(tx, &before)? else {
            // Nothing is owed any more: what is not settled yet will say so.
            return dunning::look_at(tx, &before, None, now);
        };
        let in_a_day = now.add_seconds(24 * 3600);
        if payments::under_way(tx, invoice.id)?.is_some() {
            // It will decide. Should it never, somebody looks again.
            return dunning::look_at(tx, &before, Some(in_a_day), now);
        }
        if self.rules.next_retry(since, before.retries).is_none() {
            return dunning::give_up(tx, self.rules, &mut invoice, &before, before.clone(), now);
        }
        let retries = before.retries.saturating_add(1);
        // While it is being tried nothing is due but the end of the grace; what comes of it says when the next try is.
        let soon = now.add_seconds(GRACE_PAUSE);
        let look_at = before.grace_ends_at.map_or(in_a_day, |end| end.max(soon).min(in_a_day));
        dunning::note(tx, before.id, retries, Some(look_at))?;
        let subscription = Subscription { retries, ..before };
        let product_name = self.names.get(&subscription.product_id).cloned().unwrap_or_default();
        // What nobody had to be asked for was paid when it was made out, so whoever pays it now reads its lines then.
        let lines = Vec::new();
        let period = Period { rules: self.rules, subscription, product_name, lines, now };
        self.collect(tx, &mut invoice, period)
    }
}

fn customers_of(tx: &mut Tx<'_>, ids: &BTreeSet<Id<Customer>>) -> Result<HashMap<Id<Customer>, Customer>> {
    let columns = Customer::COLUMNS;
    let mut sql = Sql::new(format!("SELECT {columns} FROM customers WHERE deleted_at IS NULL AND id IN "));
    sql.bind_list(ids.iter().copied());
    Ok(tx.list::<Customer>(&sql)?.into_iter().map(|customer| (customer.id, customer)).collect())
}

fn credits_of(tx: &mut Tx<'_>, ids: &BTreeSet<Id<Customer>>) -> Result<HashMap<Id<Customer>, Cents>> {
    let mut sql =
        Sql::new("SELECT customer_id, CAST(sum(amount) AS bigint) FROM credit_entries WHERE currency = ");
    sql.bind(Currency::default()).push(" AND customer_id IN ").bind_list(ids.iter().copied());
    sql.push(" GROUP BY customer_id");
    Ok(tx.list::<(Id<Customer>, Cents)>(&sql)?.into_iter().collect())
}
