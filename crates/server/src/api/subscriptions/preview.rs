//! What a change of the price would cost, before it is made.

use merak_core::billing::invoices::NewLine;
use merak_core::kit::{Cents, Currency, Id, Kind};
use merak_core::products::Price;
use merak_core::subscriptions::price_change;
use merak_store::Timestamp;

use crate::wire::{answer, request};

/// How a preview can be refused.
pub const REFUSALS: &[Kind] = &[Kind::BadRequest, Kind::SubscriptionNotActive, Kind::NotFound];

request! {
    /// Which change to preview.
    pub struct PreviewQuery {
        /// The price to change to.
        pub product_price_id: Id<Price>,
    }
}

answer! {
    /// What a change of the price would cost.
    pub struct SubscriptionPreview {
        /// What would be invoiced now; null if everything waits for the next invoice.
        pub now: Option<PreviewedInvoice>,
        /// Whether the change would be made only if that is paid.
        pub is_paid_first: bool,
        /// The next invoice after the change; null if the subscription ends before.
        pub next: Option<PreviewedInvoice>,
    }

    /// An invoice that is not made out. Amounts are in cents.
    pub struct PreviewedInvoice {
        /// When it would be made out.
        pub date: Timestamp,
        /// What it is made of.
        pub lines: Vec<PreviewedLine>,
        /// The currency.
        pub currency: Currency,
        /// The sum of the lines; negative if more is given back than charged.
        pub amount: Cents,
        /// What the discount takes off.
        pub discount_amount: Cents,
        /// The amount less discount.
        pub subtotal_amount: Cents,
        /// The tax; negative if it is given back.
        pub tax_amount: Cents,
        /// With tax. What is below zero becomes credit.
        pub total_amount: Cents,
        /// How much credit it uses.
        pub credit_applied: Cents,
        /// What would be charged.
        pub due_amount: Cents,
    }

    /// A line of such an invoice.
    pub struct PreviewedLine {
        /// What the customer would read.
        pub description: String,
        /// The price that is charged or given back.
        pub product_price_id: Id<Price>,
        /// How much, before tax; negative is given back.
        pub amount: Cents,
        /// Whether it settles the rest of a period.
        pub is_proration: bool,
        /// From when it counts.
        pub period_start: Option<Timestamp>,
        /// Until when.
        pub period_end: Option<Timestamp>,
    }
}

impl From<price_change::Preview> for SubscriptionPreview {
    fn from(preview: price_change::Preview) -> Self {
        Self {
            now: preview.now.map(PreviewedInvoice::from),
            is_paid_first: preview.is_paid_first,
            next: preview.next.map(PreviewedInvoice::from),
        }
    }
}

impl From<price_change::Bill> for PreviewedInvoice {
    fn from(bill: price_change::Bill) -> Self {
        Self {
            date: bill.at,
            currency: bill.currency,
            amount: bill.amount,
            discount_amount: bill.discount_amount,
            subtotal_amount: bill.subtotal(),
            tax_amount: bill.tax_amount,
            total_amount: bill.total(),
            credit_applied: bill.credit_applied,
            due_amount: bill.due(),
            lines: bill.lines.into_iter().map(PreviewedLine::from).collect(),
        }
    }
}

impl From<NewLine> for PreviewedLine {
    fn from(line: NewLine) -> Self {
        Self {
            description: line.description,
            product_price_id: line.product_price_id,
            amount: line.amount,
            is_proration: line.is_proration,
            period_start: line.span.map(|span| span.0),
            period_end: line.span.map(|span| span.1),
        }
    }
}
