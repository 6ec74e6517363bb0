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

use super::rules::Error;
use super::{Subscription, change, proration};
use crate::billing::InvoiceLine;
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
    WithNextInvoice(Vec<ChangeLine>),
    /// It is made now, and an invoice of these lines is made out for the period that begins.
    Now(ChangeInvoice),
    /// An invoice of these lines is made out for the period that begins, and the change is made only if that is paid.
    First(ChangeInvoice),
}

/// What a change charges or gives back.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeLine {
    /// The price that is charged or given back.
    pub product_price_id: Id<Price>,
    /// What the customer reads.
    pub description: String,
    /// How much; negative gives back.
    pub amount: Cents,
    /// Whether it is for a part of a period. Such a line has its discount taken off already.
    pub is_proration: bool,
    /// From when to when it counts.
    pub span: (Timestamp, Timestamp),
}

/// The invoice that a change asks for: of the period that [`PriceChange::after`] is in.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeInvoice {
    /// The discount that reduces the line that is no proration.
    pub discount_id: Option<Id<Discount>>,
    /// Its lines.
    pub lines: Vec<ChangeLine>,
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
    let now = clock::now(tx, subscription.organization_id)?;
    let discount = match subscription.discount_id {
        Some(id) => discounts::find_many(tx, &[id])?.pop(),
        None => None,
    };
    let old_name: String = tx.one("SELECT name FROM products WHERE id = $1", &[&subscription.product_id])?;
    let parts = Parts { subscription, old_name, price: &price, product: &product, discount, now };
    let (after, settles) = parts.decide()?;
    Ok(PriceChange { price, after, settles })
}

/// Changes the price of a subscription where nothing has to be paid at once: the rest of the period waits for the next
/// invoice. A change that has to be paid now is refused for want of a payment, and nothing is changed.
pub fn apply(tx: &mut Tx<'_>, before: &Subscription, price_id: Id<Price>) -> Result<Subscription> {
    let PriceChange { mut after, settles, .. } = plan(tx, before, price_id)?;
    match settles {
        Settles::NotAtAll => return Ok(after),
        Settles::WithNextInvoice(lines) => {
            let now = clock::now(tx, before.organization_id)?;
            change(tx, before, &mut after)?;
            for line in lines {
                put_aside(tx, before.id, line, now)?;
            }
        }
        Settles::Now(_) | Settles::First(_) => return Err(Error::MissingPaymentMethod.into()),
    }
    Ok(after)
}

/// Writes a line that waits for the next invoice of its subscription.
fn put_aside(
    tx: &mut Tx<'_>,
    subscription_id: Id<Subscription>,
    line: ChangeLine,
    now: Timestamp,
) -> Result<()> {
    let waiting = InvoiceLine {
        id: Id::new(tx),
        invoice_id: None,
        subscription_id: Some(subscription_id),
        product_price_id: line.product_price_id,
        description: line.description,
        amount: line.amount,
        is_proration: line.is_proration,
        period_start: Some(line.span.0),
        period_end: Some(line.span.1),
        created_at: now,
    };
    Ok(tx.insert(&waiting)?)
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

struct Parts<'p> {
    subscription: &'p Subscription,
    old_name: String,
    price: &'p Price,
    product: &'p Product,
    discount: Option<Discount>,
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
    fn given_back(&self) -> Option<ChangeLine> {
        let before = self.subscription;
        let span = (before.current_period_start, before.current_period_end);
        let share = proration::share_left(before.amount?, span, self.now);
        (share > Cents::default()).then(|| ChangeLine {
            product_price_id: before.price_id,
            description: format!("Unused time of {}", self.old_name),
            amount: Cents::new(-share.get()),
            is_proration: true,
            span: (self.now, before.current_period_end),
        })
    }

    /// What the rest of the current period gives back and costs.
    fn lines_of_rest(&self, after: &Subscription) -> Vec<ChangeLine> {
        let span = (after.current_period_start, after.current_period_end);
        let share = after.amount.map(|amount| proration::share_left(amount, span, self.now));
        let charge = share.filter(|share| *share > Cents::default()).map(|share| ChangeLine {
            product_price_id: self.price.id,
            description: format!("Remaining time of {}", self.product.name),
            amount: share,
            is_proration: true,
            span: (self.now, after.current_period_end),
        });
        self.given_back().into_iter().chain(charge).collect()
    }

    fn invoice(&self, after: &Subscription) -> ChangeInvoice {
        let (start, end) = (after.current_period_start, after.current_period_end);
        let whole = ChangeLine {
            product_price_id: self.price.id,
            description: self.product.name.clone(),
            amount: after.base_amount.unwrap_or_default(),
            is_proration: false,
            span: (start, end),
        };
        ChangeInvoice {
            discount_id: self.running(self.now).map(|discount| discount.id),
            lines: self.given_back().into_iter().chain([whole]).collect(),
        }
    }
}
