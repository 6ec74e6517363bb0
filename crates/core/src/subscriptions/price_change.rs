//! Changing what a subscription costs: to another price of its product or of another one.
//!
//! | from, to | what happens |
//! |---|---|
//! | the same price | nothing |
//! | the same interval | at once; the rest of the period is settled by the next invoice, see [`super::proration`] |
//! | another interval | at once; a new period begins and is invoiced now, less what is left of the old one. If it is not paid, the subscription is past due |
//! | nothing, something | a new period begins and is invoiced now, and only if that is paid does anything change |
//!
//! A payment that has to come first may need its time: the customer's bank asks them, or takes hours, or no answer comes.
//! Then the change waits with it, and is made by the unit that settles the payment. Who wishes the same change meanwhile
//! is told of the same payment. One that waits for the customer's approval makes way for another change, or for another
//! card; it is canceled at its processor first, see [`in_the_way`]. One that is being processed does not make way. Nobody
//! is charged for a change that is not made: money that comes too late goes back.

use merak_store::{ReadTx, Timestamp, Tx};
use serde_json::Value;

use super::payers::{self, Cost};
pub use super::preview::{Bill, Preview, preview};
use super::rules::Error;
use super::{Subscription, proration};
use crate::billing::invoices::{self, NewInvoice, NewLine, Opened};
use crate::billing::{
    self, BillingReason, Invoice, InvoiceStatus, Payment, PaymentMethod, PaymentStatus, Rules, payments,
};
use crate::clock;
use crate::customer_sessions::Vouch;
use crate::customers::{self, Customer};
use crate::discounts::{self, Discount};
use crate::kit::{Cents, Currency, Id, Kind, Refusal, Result, Timeframe, at, calendar};
use crate::products::{self, AmountType, Price, Product, RecurringInterval};

/// A wish for another price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangePrice {
    /// Which one.
    pub price_id: Id<Price>,
    /// Whether the customer can be asked to approve a payment.
    pub payer: Presence,
    /// Who vouches that whoever wishes it may; see [`super::payers`].
    pub vouch: Vouch,
}

/// Whether the customer is there when a subscription is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// They are, and can be led to their bank.
    There,
    /// A program acts, and nobody can be asked.
    Away,
}

/// What a change of the price does.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceChange {
    /// The price that it will have.
    pub price: Price,
    /// The subscription as it will be.
    pub after: Subscription,
    /// When it becomes so, and what is to be paid.
    pub settles: Settles,
    /// Whether a card pays more for it than before, at once or in a year; see [`super::payers`].
    pub is_dearer: bool,
}

/// How a change of the price is paid.
#[derive(Clone, Debug, PartialEq)]
pub enum Settles {
    /// It changes nothing.
    NotAtAll,
    /// It is made now, and these lines wait for the next invoice.
    WithNextInvoice(Vec<NewLine>),
    /// It is made now, and this is invoiced now.
    Now(NewInvoice),
    /// This is invoiced now, and the change is made only if that is paid.
    First(NewInvoice),
}

/// Decides what a change to a price does. A price that the subscription cannot have is refused.
pub fn plan(
    tx: &mut ReadTx<'_>,
    rules: &Rules,
    subscription: &Subscription,
    price_id: Id<Price>,
) -> Result<PriceChange> {
    let (price, product) = checked(tx, subscription, price_id)?;
    if !subscription.status.is_active() || subscription.ended_at.is_some() {
        return Err(Error::NotActive.into());
    }
    if price.id == subscription.price_id {
        let after = subscription.clone();
        return Ok(PriceChange { price, after, settles: Settles::NotAtAll, is_dearer: false });
    }
    if billing::is_blocked(tx, subscription.organization_id)? {
        return Err(Refusal::bad_request("The seller is blocked, so nothing can be charged."));
    }
    let now = clock::now(tx, subscription.organization_id)?;
    let discount = match subscription.discount_id {
        Some(id) => discounts::find_many(tx, &[id])?.pop(),
        None => None,
    };
    let old_name: String = tx.one("SELECT name FROM products WHERE id = $1", &[&subscription.product_id])?;
    let customer = customers::find(tx, subscription.customer_id)?.ok_or_else(Refusal::not_found)?;
    let paid = paid_for(tx, subscription)?;
    if paid.is_under_way {
        return Err(Refusal::bad_request("The payment of the current period is under way."));
    }
    let parts = Parts {
        subscription,
        old_name,
        price: &price,
        product: &product,
        discount,
        paid,
        taxed: Taxed { rules, customer: &customer },
        now,
    };
    let (after, settles) = parts.decide()?;
    let is_dearer = parts.cost_after(&after, &settles).is_dearer_than(parts.cost_before());
    Ok(PriceChange { price, after, settles, is_dearer })
}

/// What is still to be done for a change of the price.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    /// Nothing: the subscription is as it shall be.
    Done,
    /// The processor is asked for this payment. The change is made, whatever comes of it.
    Asks(Box<Payment>),
    /// The processor is asked for this payment. The change is made once it succeeds, and not if it fails, see
    /// [`given_up`].
    AsksFirst(Box<Payment>),
}

/// Changes the price of a subscription, or plans the payment by which it changes. Something that was free and that
/// nobody has a means of payment for is refused.
pub fn apply(tx: &mut Tx<'_>, rules: &Rules, before: &Subscription, wish: ChangePrice) -> Result<Applied> {
    let change = plan(tx, rules, before, wish.price_id)?;
    payers::require(tx, before, &change, wish.vouch)?;
    let mut after = change.after;
    if let Some(payment) = under_way(tx, before, wish)? {
        return Ok(Applied::AsksFirst(Box::new(payment)));
    }
    match change.settles {
        Settles::NotAtAll => Ok(Applied::Done),
        Settles::WithNextInvoice(lines) => {
            super::change(tx, before, &mut after)?;
            for line in &lines {
                invoices::put_aside(tx, &after, line)?;
            }
            Ok(Applied::Done)
        }
        Settles::Now(invoice) => {
            super::change(tx, before, &mut after)?;
            match invoices::open(tx, rules, &after, &invoice)? {
                Opened::Paid(_) => Ok(Applied::Done),
                Opened::Asks(payment) => Ok(Applied::Asks(asked(tx, payment, wish.payer)?)),
                Opened::WithoutMethod(invoice) => {
                    billing::without_method(tx, rules, &invoice)?;
                    Ok(Applied::Done)
                }
            }
        }
        Settles::First(invoice) => {
            let mut paying = before.clone();
            paying.payment_method_id = newest_method(tx, before, wish.vouch)?;
            match invoices::open(tx, rules, &paying, &invoice)? {
                Opened::Paid(_) => Ok(Applied::Done),
                Opened::Asks(payment) => Ok(Applied::AsksFirst(asked(tx, payment, wish.payer)?)),
                Opened::WithoutMethod(_) => Err(Error::MissingPaymentMethod.into()),
            }
        }
    }
}

fn asked(tx: &mut Tx<'_>, mut payment: Box<Payment>, payer: Presence) -> Result<Box<Payment>> {
    if payer == Presence::There {
        payments::ask_in_person(tx, &mut payment)?;
    }
    Ok(payment)
}

/// What a subscription that was free is to be paid with.
fn newest_method(
    tx: &mut ReadTx<'_>,
    subscription: &Subscription,
    vouch: Vouch,
) -> Result<Option<Id<PaymentMethod>>> {
    Ok(payers::card(tx, subscription, true, vouch)?.map(|method| method.id))
}

/// Refuses a change that [`apply`] would refuse, so that nothing makes way for it.
pub fn require(
    tx: &mut ReadTx<'_>,
    rules: &Rules,
    subscription: &Subscription,
    wish: ChangePrice,
) -> Result<()> {
    let change = plan(tx, rules, subscription, wish.price_id)?;
    payers::require(tx, subscription, &change, wish.vouch)
}

/// The payment of another change that waits for the customer's approval and makes way for this one. Whoever is about to
/// [`apply`] a change cancels it at the processor and settles what that says, so that it can't be approved any more.
pub fn in_the_way(
    tx: &mut ReadTx<'_>,
    subscription: &Subscription,
    wish: ChangePrice,
) -> Result<Option<Payment>> {
    for invoice in invoices::changes(tx, subscription)? {
        if let Some(payment) = payments::under_way(tx, invoice.id)?
            && makes_way(tx, subscription, (&invoice, &payment), wish)?
        {
            return Ok(Some(payment));
        }
    }
    Ok(None)
}

/// Whether a payment waits for an approval that is not wanted any more: of another change, or by another card than the
/// customer, who is there, would pay with now.
fn makes_way(
    tx: &mut ReadTx<'_>,
    subscription: &Subscription,
    (invoice, payment): (&Invoice, &Payment),
    wish: ChangePrice,
) -> Result<bool> {
    if payment.status != PaymentStatus::RequiresAction {
        return Ok(false);
    }
    if invoice.product_price_id != wish.price_id {
        return Ok(true);
    }
    Ok(wish.payer == Presence::There
        && (payment.is_off_session
            || payment.payment_method_id != newest_method(tx, subscription, wish.vouch)?))
}

/// The payment that this change waits for already. What makes way for it is given up; while the payment of another change
/// is being processed, it is refused to change anything.
fn under_way(tx: &mut Tx<'_>, subscription: &Subscription, wish: ChangePrice) -> Result<Option<Payment>> {
    for invoice in invoices::changes(tx, subscription)? {
        match payments::under_way(tx, invoice.id)? {
            Some(payment) if !makes_way(tx, subscription, (&invoice, &payment), wish)? => {
                if invoice.product_price_id == wish.price_id {
                    return Ok(Some(payment));
                }
                return Err(Refusal::bad_request(
                    "The payment of another change is being processed. It can be changed again once that is known.",
                ));
            }
            _ => invoices::void(tx, invoice.id)?,
        }
    }
    Ok(None)
}

/// Gives up a change that was to be made only if it was paid, if that will not come: its payment failed, or waits for an
/// approval that nobody can be asked for. Then nothing is changed, nothing is owed, and this is the refusal.
pub fn given_up(tx: &mut Tx<'_>, id: Id<Payment>) -> Result<Option<Refusal>> {
    let payment = payments::find(tx, id)?.ok_or_else(Refusal::not_found)?;
    let why = match payment.status {
        PaymentStatus::Failed => {
            payment.failure_message.clone().unwrap_or_else(|| "No reason was given.".into())
        }
        PaymentStatus::RequiresAction if payment.is_off_session => "The customer has to approve it.".into(),
        _ => return Ok(None),
    };
    payment.invoice_id.map_or(Ok(()), |id| invoices::void(tx, id))?;
    let sentence = format!(
        "The subscription becomes a paid one, and its payment was declined: {why} Nothing was changed or charged. In the \
         customer portal another card can be chosen, and a payment be approved."
    );
    Ok(Some(Refusal::rule(Kind::MissingPaymentMethod, sentence)))
}

/// The price and its product, if the subscription can have it. The order of the checks is that of the wire.
fn checked(
    tx: &mut ReadTx<'_>,
    subscription: &Subscription,
    price_id: Id<Price>,
) -> Result<(Price, Product)> {
    let wrong = |message: &str| {
        let place = at("body").field("product_price_id");
        Refusal::invalid(place.value_error(message, Value::from(price_id.to_string())))
    };
    let price = products::find_price(tx, price_id)?.ok_or_else(|| wrong("Price does not exist."))?;
    if price.is_archived {
        return Err(wrong("Price is archived."));
    }
    if price.recurring_interval.is_none() {
        return Err(wrong("Price is not recurring."));
    }
    if price.amount_type == AmountType::Custom {
        return Err(wrong("A price that the buyer chooses can't be changed to."));
    }
    let product = products::find(tx, price.product_id)?.ok_or_else(|| wrong("Price does not exist."))?;
    if product.is_archived {
        return Err(wrong("Product is archived."));
    }
    if product.organization_id != subscription.organization_id {
        return Err(wrong("Price does not exist."));
    }
    Ok((price, product))
}

/// What became of the payment of the current period.
#[derive(Clone, Copy, Debug, Default)]
struct PaidFor {
    /// The tax that its price held, where prices hold it; none if its invoice was not for just that price.
    held: Option<Cents>,
    /// How much of it went back, or is about to, by refunds and disputes, since the price was changed last: as prices are,
    /// with the tax that they hold.
    gone: Cents,
    /// Whether it has not come yet.
    is_under_way: bool,
}

fn paid_for(tx: &mut ReadTx<'_>, subscription: &Subscription) -> Result<PaidFor> {
    let sql = format!(
        "SELECT {} FROM invoices WHERE subscription_id = $1 AND period = $2 AND status <> 'void'",
        Invoice::COLUMNS
    );
    let invoice: Option<Invoice> = tx.find(&sql, &[&subscription.id, &subscription.period])?;
    let Some(invoice) = invoice else { return Ok(PaidFor::default()) };
    if invoice.status == InvoiceStatus::Open {
        return Ok(PaidFor { is_under_way: true, ..PaidFor::default() });
    }
    // A change gives back less by what went before it, so the next one only looks at what went since.
    let last: Option<Timestamp> = tx
        .find::<Option<Timestamp>>(
            "SELECT max(created_at) FROM invoice_lines WHERE subscription_id = $1 AND invoice_id IS NULL AND is_proration \
             AND period_end = $2",
            &[&subscription.id, &subscription.current_period_end],
        )?
        .flatten();
    let since = last.unwrap_or_else(|| jiff::Timestamp::UNIX_EPOCH.into());
    let gone: Cents = tx.one(
        "SELECT CAST(coalesce((SELECT sum(refunds.amount) FROM orders JOIN refunds ON refunds.order_id = orders.id \
         WHERE orders.invoice_id = $1 AND refunds.status <> 'failed' AND refunds.created_at > $2), 0) \
         + coalesce((SELECT sum(disputes.amount) FROM payments JOIN disputes ON disputes.payment_id = payments.id \
         WHERE payments.invoice_id = $1 AND disputes.status <> 'won' AND disputes.created_at > $2 \
         AND NOT EXISTS (SELECT 1 FROM refunds \
         WHERE refunds.payment_id = payments.id AND refunds.order_id IS NULL)), 0) AS bigint)",
        &[&invoice.id, &since],
    )?;
    // The tax of a price that it was changed to since is not that of the invoice.
    let is_its_price =
        invoice.product_price_id == subscription.price_id && Some(invoice.subtotal()) == subscription.amount;
    Ok(PaidFor {
        held: is_its_price.then(|| invoice.held()),
        gone: as_prices_are(&invoice, gone),
        is_under_way: false,
    })
}

/// How much of an amount with all tax a price shows: all of it where prices hold their tax, and less where it comes on
/// top.
fn as_prices_are(invoice: &Invoice, amount: Cents) -> Cents {
    let (whole, listed) = (invoice.total().get(), invoice.subtotal().get() + invoice.held().get());
    if whole <= 0 || listed <= 0 {
        return amount;
    }
    let share = i128::from(amount.get()) * i128::from(listed) / i128::from(whole);
    i64::try_from(share).map_or(amount, Cents::new)
}

impl PaidFor {
    /// What is left of the price of the period after what went back.
    fn left_of(&self, price: Cents) -> Cents {
        Cents::new((price.get() - self.gone.get()).max(0))
    }
}

/// What is given back of a subscription whose period ends before its time, because another one begins; nothing if nothing
/// was paid for it.
pub(crate) fn unused(
    tx: &mut ReadTx<'_>,
    subscription: &Subscription,
    now: Timestamp,
) -> Result<Option<NewLine>> {
    if subscription.base_amount.is_none() {
        return Ok(None);
    }
    let name: String = tx.one("SELECT name FROM products WHERE id = $1", &[&subscription.product_id])?;
    let mut paid = paid_for(tx, subscription)?;
    if paid.held.is_none()
        && let Some(amount) = subscription.amount
    {
        // The price was changed since, which settles in lines that wait; these hold the tax.
        paid.held = Some(invoices::held_as_paid(tx, subscription.id, amount)?);
    }
    Ok(if paid.is_under_way { None } else { given_back(subscription, &name, &paid, now) })
}

/// What of the current period is given back at the old price.
fn given_back(subscription: &Subscription, name: &str, paid: &PaidFor, now: Timestamp) -> Option<NewLine> {
    let span = (subscription.current_period_start, subscription.current_period_end);
    // Lines of changes hold the tax as prices do, so what is given back must, too.
    let amount = paid.left_of(Cents::new(subscription.amount?.get() + paid.held.unwrap_or_default().get()));
    let share = proration::share_left(amount, span, now);
    (share > Cents::default()).then(|| NewLine {
        product_price_id: subscription.price_id,
        description: format!("Unused time of {name}"),
        amount: Cents::new(-share.get()),
        is_proration: true,
        span: Some((now, subscription.current_period_end)),
    })
}

/// By what the tax is reckoned.
struct Taxed<'t> {
    rules: &'t Rules,
    customer: &'t Customer,
}

impl Taxed<'_> {
    /// The tax that an amount holds, where prices hold it.
    fn held(&self, amount: Cents, currency: Option<Currency>) -> Cents {
        invoices::held_in(self.rules, self.customer, amount, currency.unwrap_or_default())
    }
}

struct Parts<'p> {
    subscription: &'p Subscription,
    old_name: String,
    price: &'p Price,
    product: &'p Product,
    discount: Option<Discount>,
    paid: PaidFor,
    taxed: Taxed<'p>,
    now: Timestamp,
}

impl Parts<'_> {
    fn decide(&self) -> Result<(Subscription, Settles)> {
        let before = self.subscription;
        let is_from_free = before.base_amount.is_none();
        let is_to_free = self.price.price_amount.is_none();
        let keeps_interval = self.price.recurring_interval == Some(before.recurring_interval);
        if keeps_interval && (!is_from_free || is_to_free) {
            let after = self.switched(before.current_period_start);
            let lines = self.lines_of_rest(&after);
            return Ok((after, Settles::WithNextInvoice(lines)));
        }
        let after = self.restarted()?;
        let invoice = self.invoice(&after);
        let settles =
            if is_from_free && !is_to_free { Settles::First(invoice) } else { Settles::Now(invoice) };
        Ok((after, settles))
    }

    /// The subscription at the new price, in a period that began then.
    fn switched(&self, period_start: Timestamp) -> Subscription {
        let mut after = self.subscription.clone();
        after.product_id = self.product.id;
        after.price_id = self.price.id;
        after.base_amount = self.price.price_amount;
        after.currency = self.price.price_currency;
        after.amount = self
            .new_price(period_start)
            .map(|listed| Cents::new(listed.get() - self.taxed.held(listed, after.currency).get()));
        after.recurring_interval = self.price.recurring_interval.unwrap_or(after.recurring_interval);
        after
    }

    /// What the new price costs in a period that began then, less discount, with the tax that prices hold.
    fn new_price(&self, period_start: Timestamp) -> Option<Cents> {
        self.price.price_amount.map(|base| Cents::new(base.get() - self.off(base, period_start).get()))
    }

    /// The tax that the price of the current period holds.
    fn held(&self) -> Cents {
        let before = self.subscription;
        let reckoned = || {
            let base = before.base_amount?;
            let listed = Cents::new(base.get() - self.off(base, before.current_period_start).get());
            Some(self.taxed.held(listed, before.currency))
        };
        self.paid.held.or_else(reckoned).unwrap_or_default()
    }

    /// The subscription at the new price, in a new period that begins now.
    fn restarted(&self) -> Result<Subscription> {
        let mut after = self.switched(self.now);
        after.period = after.period.saturating_add(1);
        after.anchor_period = after.period;
        after.anchor_at = self.now;
        after.current_period_start = self.now;
        let unit = match after.recurring_interval {
            RecurringInterval::Month => Timeframe::Month,
            RecurringInterval::Year => Timeframe::Year,
        };
        after.current_period_end = calendar::add(self.now, 1, unit)
            .ok_or_else(|| Refusal::bad_request("There is no calendar for a period this late."))?;
        after.due_at = Some(after.current_period_end);
        if after.cancel_at_period_end {
            after.ends_at = Some(after.current_period_end);
        }
        Ok(after)
    }

    /// The discount, as far as it reduces a period that begins then.
    fn running(&self, period_start: Timestamp) -> Option<&Discount> {
        let since = self.subscription.discount_since.unwrap_or(period_start);
        let runs =
            |discount: &&Discount| discounts::rules::reduces_period(discount.span(), since, period_start);
        self.discount.as_ref().filter(runs)
    }

    fn off(&self, base: Cents, period_start: Timestamp) -> Cents {
        self.running(period_start)
            .map_or(Cents::default(), |discount| discounts::rules::amount_off(discount.reduction(), base))
    }

    fn cost_before(&self) -> Cost {
        let before = self.subscription;
        let base = before.base_amount.unwrap_or_default();
        let off = self.off(base, before.current_period_start);
        Cost { interval: before.recurring_interval, base, now: Cents::new(base.get() - off.get()) }
    }

    fn cost_after(&self, after: &Subscription, settles: &Settles) -> Cost {
        let base = after.base_amount.unwrap_or_default();
        let now = match settles {
            Settles::NotAtAll | Settles::WithNextInvoice(_) => 0,
            Settles::Now(new) | Settles::First(new) => {
                new.lines.iter().map(|line| line.amount.get()).sum::<i64>() - self.off(base, self.now).get()
            }
        };
        Cost { interval: after.recurring_interval, base, now: Cents::new(now) }
    }

    fn given_back(&self) -> Option<NewLine> {
        let paid = PaidFor { held: Some(self.held()), ..self.paid };
        given_back(self.subscription, &self.old_name, &paid, self.now)
    }

    /// What the rest of the current period gives back and costs.
    fn lines_of_rest(&self, after: &Subscription) -> Vec<NewLine> {
        let span = (after.current_period_start, after.current_period_end);
        let listed = self.new_price(after.current_period_start);
        let share = listed.map(|listed| proration::share_left(listed, span, self.now));
        let charge = share.filter(|share| *share > Cents::default()).map(|share| NewLine {
            product_price_id: self.price.id,
            description: format!("Remaining time of {}", self.product.name),
            amount: share,
            is_proration: true,
            span: Some((self.now, after.current_period_end)),
        });
        self.given_back().into_iter().chain(charge).collect()
    }

    fn invoice(&self, after: &Subscription) -> NewInvoice {
        let (start, end) = (after.current_period_start, after.current_period_end);
        let whole = NewLine {
            product_price_id: self.price.id,
            description: self.product.name.clone(),
            amount: after.base_amount.unwrap_or_default(),
            is_proration: false,
            span: Some((start, end)),
        };
        NewInvoice {
            billing_reason: BillingReason::SubscriptionUpdate,
            period: after.period,
            period_start: start,
            period_end: end,
            product_id: self.product.id,
            product_price_id: self.price.id,
            discount_id: self.running(self.now).map(|discount| discount.id),
            lines: self.given_back().into_iter().chain([whole]).collect(),
        }
    }
}
