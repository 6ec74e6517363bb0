//! Changing what a subscription costs: to another price of its product or of another one.
//!
//! | from, to | what happens |
//! |---|---|
//! | the same price | nothing |
//! | the same interval | at once; the rest of the period is settled by the next invoice, see [`super::proration`] |
//! | another interval | at once; a new period begins and is invoiced now, less what is left of the old one. If it is not paid, the subscription is past due |
//! | nothing, something | a new period begins and is invoiced now, and only if that is paid does anything change |

use merak_store::{ReadTx, Timestamp, Tx};
use serde_json::Value;

pub use super::preview::{Bill, Preview, preview};
use super::rules::Error;
use super::{Subscription, proration};
use crate::billing::invoices::{self, NewInvoice, NewLine, Opened};
use crate::billing::{self, BillingReason, Invoice, Payment, Rules, payments};
use crate::clock;
use crate::discounts::{self, Discount};
use crate::kit::{Cents, Id, Refusal, Result, Timeframe, at, calendar};
use crate::products::{self, AmountType, Price, Product, RecurringInterval};

/// What a change of the price does.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceChange {
    /// The price that it will have.
    pub price: Price,
    /// The subscription as it will be.
    pub after: Subscription,
    /// When it becomes so, and what is to be paid.
    pub settles: Settles,
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
pub fn plan(tx: &mut ReadTx<'_>, subscription: &Subscription, price_id: Id<Price>) -> Result<PriceChange> {
    let (price, product) = checked(tx, subscription, price_id)?;
    if !subscription.status.is_active() || subscription.ended_at.is_some() {
        return Err(Error::NotActive.into());
    }
    if price.id == subscription.price_id {
        let after = subscription.clone();
        return Ok(PriceChange { price, after, settles: Settles::NotAtAll });
    }
    if is_blocked(tx, subscription)? {
        return Err(Refusal::bad_request("The seller is blocked, so nothing can be charged."));
    }
    let now = clock::now(tx, subscription.organization_id)?;
    let discount = match subscription.discount_id {
        Some(id) => discounts::find_many(tx, &[id])?.pop(),
        None => None,
    };
    let old_name: String = tx.one("SELECT name FROM products WHERE id = $1", &[&subscription.product_id])?;
    let held = held(tx, subscription)?;
    let parts = Parts { subscription, old_name, price: &price, product: &product, discount, held, now };
    let (after, settles) = parts.decide()?;
    Ok(PriceChange { price, after, settles })
}

/// What is still to be done for a change of the price.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    /// Nothing: the subscription is as it shall be.
    Done,
    /// The processor is asked for this payment. The change is made, whatever comes of it.
    Asks(Box<Payment>),
    /// The processor is asked for this payment. The change is made only if it succeeds, see [`give_up`].
    AsksFirst(Box<Payment>),
}

/// Changes the price of a subscription, or plans the payment by which it changes. Something that was free and that
/// nobody has a means of payment for is refused.
pub fn apply(tx: &mut Tx<'_>, rules: &Rules, before: &Subscription, price_id: Id<Price>) -> Result<Applied> {
    let change = plan(tx, before, price_id)?;
    let mut after = change.after;
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
            require_no_change(tx, before, invoice.period)?;
            super::change(tx, before, &mut after)?;
            match invoices::open(tx, rules, &after, &invoice)? {
                Opened::Paid(_) => Ok(Applied::Done),
                Opened::Asks(payment) => Ok(Applied::Asks(payment)),
                Opened::WithoutMethod(invoice) => {
                    billing::without_method(tx, rules, &invoice)?;
                    Ok(Applied::Done)
                }
            }
        }
        Settles::First(invoice) => {
            require_no_change(tx, before, invoice.period)?;
            let mut paying = before.clone();
            if paying.payment_method_id.is_none() {
                let newest = billing::methods::list(tx, before.customer_id)?.into_iter().next();
                paying.payment_method_id = newest.map(|method| method.id);
            }
            match invoices::open(tx, rules, &paying, &invoice)? {
                Opened::Paid(_) => Ok(Applied::Done),
                Opened::Asks(payment) => Ok(Applied::AsksFirst(payment)),
                Opened::WithoutMethod(_) => Err(Error::MissingPaymentMethod.into()),
            }
        }
    }
}

/// As [`apply`], with the customer there: what is charged can be approved by them, should their bank ask.
pub fn apply_in_person(
    tx: &mut Tx<'_>,
    rules: &Rules,
    before: &Subscription,
    price_id: Id<Price>,
) -> Result<Applied> {
    let mut applied = apply(tx, rules, before, price_id)?;
    match &mut applied {
        Applied::Asks(payment) | Applied::AsksFirst(payment) => payments::in_person(tx, payment)?,
        Applied::Done => {}
    }
    Ok(applied)
}

fn is_blocked(tx: &mut ReadTx<'_>, subscription: &Subscription) -> Result<bool> {
    Ok(tx.one(
        "SELECT blocked_at IS NOT NULL OR deleted_at IS NOT NULL FROM organizations WHERE id = $1",
        &[&subscription.organization_id],
    )?)
}

/// Refuses while another change waits for its payment.
fn require_no_change(tx: &mut ReadTx<'_>, subscription: &Subscription, period: i64) -> Result<()> {
    let open: Option<Id<Invoice>> = tx.find(
        "SELECT id FROM invoices WHERE subscription_id = $1 AND period = $2 AND status = 'open'",
        &[&subscription.id, &period],
    )?;
    match open {
        Some(_) => Err(Refusal::bad_request("The payment of such a change is under way.")),
        None => Ok(()),
    }
}

/// Gives up a change that was to be made only if it was paid, and was not: nothing is changed, and nothing is owed.
pub fn give_up(tx: &mut Tx<'_>, payment: &Payment) -> Result<()> {
    payment.invoice_id.map_or(Ok(()), |id| invoices::void(tx, id))
}

/// The refusal of a change that was not paid.
pub fn not_paid() -> Refusal {
    Error::MissingPaymentMethod.into()
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

/// The tax that the price of the current period held, where prices hold it. The amount of a subscription is without it if
/// it comes from an invoice, and with it if it comes from a change since.
fn held(tx: &mut ReadTx<'_>, subscription: &Subscription) -> Result<Cents> {
    let sql = format!(
        "SELECT {} FROM invoices WHERE subscription_id = $1 AND period = $2 AND status <> 'void'",
        Invoice::COLUMNS
    );
    let invoice: Option<Invoice> = tx.find(&sql, &[&subscription.id, &subscription.period])?;
    let Some(invoice) = invoice.filter(|one| Some(one.subtotal()) == subscription.amount) else {
        return Ok(Cents::default());
    };
    let how: Option<Value> = invoice.tax.as_ref().map(merak_store::Json::parse).transpose()?;
    let is_inclusive = how.is_some_and(|how| how["is_inclusive"] == Value::Bool(true));
    Ok(if is_inclusive { invoice.tax_amount } else { Cents::default() })
}

struct Parts<'p> {
    subscription: &'p Subscription,
    old_name: String,
    price: &'p Price,
    product: &'p Product,
    discount: Option<Discount>,
    /// The tax that the price of the current period held.
    held: Cents,
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
        after.amount =
            after.base_amount.map(|base| Cents::new(base.get() - self.off(base, period_start).get()));
        after.recurring_interval = self.price.recurring_interval.unwrap_or(after.recurring_interval);
        after
    }

    /// The same, with a new period that begins now.
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

    /// What of the current period is given back at the old price.
    fn given_back(&self) -> Option<NewLine> {
        let before = self.subscription;
        let span = (before.current_period_start, before.current_period_end);
        // Lines of changes hold the tax as prices do, so what is given back must, too.
        let paid = Cents::new(before.amount?.get() + self.held.get());
        let share = proration::share_left(paid, span, self.now);
        (share > Cents::default()).then(|| NewLine {
            product_price_id: before.price_id,
            description: format!("Unused time of {}", self.old_name),
            amount: Cents::new(-share.get()),
            is_proration: true,
            span: Some((self.now, before.current_period_end)),
        })
    }

    /// What the rest of the current period gives back and costs.
    fn lines_of_rest(&self, after: &Subscription) -> Vec<NewLine> {
        let span = (after.current_period_start, after.current_period_end);
        let share = after.amount.map(|amount| proration::share_left(amount, span, self.now));
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
