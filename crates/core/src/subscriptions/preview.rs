//! What a change of a subscription's price would cost, without making it.

use merak_store::{ReadTx, Timestamp};

use super::Subscription;
use super::price_change::{Settles, plan};
use crate::billing::invoices::{self, NewLine, Reckoned};
use crate::billing::{InvoiceLine, Rules};
use crate::clock;
use crate::customers::{self, Customer};
use crate::discounts::{self, Discount};
use crate::kit::{Cents, Currency, Id, Refusal, Result};
use crate::products::Price;

/// What a change of the price would cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// The subscription as it would be.
    pub after: Subscription,
    /// What would be invoiced now; none if everything waits for the next invoice.
    pub now: Option<Bill>,
    /// Whether the change would be made only if that is paid.
    pub is_paid_first: bool,
    /// Whether more is paid for it than before, at once or in a year; see [`super::payers`].
    pub is_dearer: bool,
    /// The next invoice after the change; none if the subscription ends before, and nothing is left to be paid then.
    pub next: Option<Bill>,
}

/// An invoice that is not made out.
#[derive(Clone, Debug, PartialEq)]
pub struct Bill {
    /// When it would be made out, by the organization's clock.
    pub at: Timestamp,
    /// Its lines, without the tax that prices hold.
    pub lines: Vec<NewLine>,
    /// In which currency.
    pub currency: Currency,
    /// The sum of the lines; negative if more is given back than charged.
    pub amount: Cents,
    /// What the discount takes off.
    pub discount_amount: Cents,
    /// The tax; negative if it is given back.
    pub tax_amount: Cents,
    /// How much of the customer's credit it uses, with what is too little to be charged.
    pub credit_applied: Cents,
}

impl Bill {
    /// The amount less discount, before tax.
    pub fn subtotal(&self) -> Cents {
        Cents::new(self.amount.get() - self.discount_amount.get())
    }

    /// With tax. What is below zero the customer gets as credit.
    pub fn total(&self) -> Cents {
        Cents::new(self.subtotal().get() + self.tax_amount.get())
    }

    /// What is charged.
    pub fn due(&self) -> Cents {
        Cents::new((self.total().get() - self.credit_applied.get()).max(0))
    }
}

/// What a change to a price would cost, by the tax and the credit of now. Refused as the change itself is, but for a want
/// of something to pay with. Nothing is written.
pub fn preview(
    tx: &mut ReadTx<'_>,
    rules: &Rules,
    before: &Subscription,
    price_id: Id<Price>,
) -> Result<Preview> {
    let change = plan(tx, rules, before, price_id)?;
    let customer = customers::find(tx, before.customer_id)?.ok_or_else(Refusal::not_found)?;
    let mut waiting: Vec<NewLine> =
        invoices::waiting_lines(tx, &[before.id])?.into_iter().map(|line| waited(line, false)).collect();
    let now = clock::now(tx, before.organization_id)?;
    let mut credit = invoices::credit_of(tx, before.customer_id)?;
    // What a change has taken that waits for its payment is there for this one.
    for invoice in invoices::changes(tx, before)? {
        credit = Cents::new(credit.get() + invoice.credit_applied.get());
        let lines = invoices::lines_of(tx, invoice.id)?;
        let lines = lines.into_iter().filter(|line| line.created_at < invoice.created_at);
        waiting.extend(lines.map(|line| waited(line, true)));
    }
    let is_dearer = change.is_dearer;
    let after = change.after;
    let is_paid_first = matches!(change.settles, Settles::First(_));
    let discount = match after.discount_id {
        Some(id) => discounts::find_many(tx, &[id])?.pop(),
        None => None,
    };
    let (now_bill, waiting) = match change.settles {
        Settles::NotAtAll => (None, waiting),
        Settles::WithNextInvoice(lines) => (None, waiting.into_iter().chain(lines).collect()),
        Settles::Now(new) | Settles::First(new) => {
            let lines = new.lines.into_iter().chain(waiting).collect();
            let off = discount.as_ref().filter(|discount| new.discount_id == Some(discount.id));
            let of = Of { subscription: &after, customer: &customer, discount: off, at: now };
            (Some(of.bill(tx, rules, lines, &mut credit)?), Vec::new())
        }
    };
    let start = after.current_period_end;
    let next = if after.cancel_at_period_end {
        // What waits is charged once more when it ends; what would be given back then becomes credit.
        let is_owed = waiting.iter().map(|line| line.amount.get()).sum::<i64>() > 0;
        let of = Of { subscription: &after, customer: &customer, discount: None, at: start };
        if is_owed { Some(of.bill(tx, rules, waiting, &mut credit)?) } else { None }
    } else {
        let since = after.discount_since.or(after.started_at).unwrap_or(after.created_at);
        let off = discount
            .as_ref()
            .filter(|discount| discounts::rules::reduces_period(discount.span(), since, start));
        let name: String = tx.one("SELECT name FROM products WHERE id = $1", &[&after.product_id])?;
        let whole = NewLine {
            product_price_id: after.price_id,
            description: name,
            amount: after.base_amount.unwrap_or_default(),
            is_proration: false,
            span: crate::billing::rules::start_of(&after, after.period.saturating_add(2))
                .map(|end| (start, end)),
        };
        let of = Of { subscription: &after, customer: &customer, discount: off, at: start };
        Some(of.bill(tx, rules, [whole].into_iter().chain(waiting).collect(), &mut credit)?)
    };
    Ok(Preview { after, now: now_bill, is_paid_first, is_dearer, next })
}

/// Of what and when a bill is.
struct Of<'o> {
    subscription: &'o Subscription,
    customer: &'o Customer,
    discount: Option<&'o Discount>,
    at: Timestamp,
}

impl Of<'_> {
    /// The bill of these lines. The credit is what is left of it then.
    fn bill(
        &self,
        tx: &mut ReadTx<'_>,
        rules: &Rules,
        mut lines: Vec<NewLine>,
        credit: &mut Cents,
    ) -> Result<Bill> {
        let Self { subscription, customer, discount, at } = *self;
        let reckoned = Reckoned { subscription, customer, discount, credit: *credit };
        let sums = invoices::sums(tx, rules, reckoned, &lines, &[])?;
        let mut held = invoices::Held(sums.held);
        for line in &mut lines {
            line.amount = held.taken_from(line.amount);
        }
        let used = sums.credit_applied.get() - sums.waived;
        *credit = Cents::new(credit.get() - used + (-sums.total()).max(0));
        Ok(Bill {
            at,
            lines,
            currency: subscription.currency.unwrap_or_default(),
            amount: sums.amount,
            discount_amount: sums.discount,
            tax_amount: sums.tax,
            credit_applied: sums.credit_applied,
        })
    }
}

/// A line that waits, or would wait again, as it comes onto the invoice: its discount is taken off already, and it holds the
/// tax that its price holds, which is only taken out of it while it is on one.
fn waited(line: InvoiceLine, is_on_invoice: bool) -> NewLine {
    let held = if is_on_invoice { line.held_amount.get() } else { 0 };
    NewLine {
        product_price_id: line.product_price_id,
        description: line.description,
        amount: Cents::new(line.amount.get() + held),
        is_proration: true,
        span: line.period_start.zip(line.period_end),
    }
}
