//! Completing a checkout: the buyer gets what was sold, all in one unit.
//!
//! The invoice, the order, the subscription, what the ledger says, the job that grants what comes with it, the mails and
//! everything that is told: of all this there is either everything or nothing, and a checkout that has succeeded does not
//! succeed again. The events come in this order: `subscription.created`, `subscription.active`, `order.created`,
//! `checkout.updated`.

use merak_store::{Timestamp, Tx};

use super::{Checkout, CheckoutStatus, advance};
use crate::billing::{
    self, BillingReason, Books, Copies, Invoice, InvoiceLine, InvoiceStatus, Payment, rules,
};
use crate::clock;
use crate::customers::{self, Customer};
use crate::emails::{self, Email, Money, PortalLink, Receipt};
use crate::jobs::{self, Job};
use crate::kit::{Address, Cents, Country, Id, Metadata, Refusal, Result};
use crate::orders::Order;
use crate::organizations::{self, Seller};
use crate::products::{self, Price, Product};
use crate::subscriptions::{self, Subscription, SubscriptionStatus};

/// Gives the buyer of a confirmed checkout what was sold. What was confirmed counts, whatever became of price and product
/// since.
pub(crate) fn complete(
    tx: &mut Tx<'_>,
    books: &mut Books,
    mut checkout: Checkout,
    payment: Option<&Payment>,
    card_country: Option<Country>,
) -> Result<()> {
    if checkout.status != CheckoutStatus::Confirmed {
        return Ok(());
    }
    let now = clock::now(tx, checkout.organization_id)?;
    let price = products::find_price(tx, checkout.product_price_id)?.ok_or_else(Refusal::not_found)?;
    let product = products::find_ever(tx, checkout.product_id)?.ok_or_else(Refusal::not_found)?;
    let customer_id = checkout.customer_id.ok_or_else(Refusal::not_found)?;
    let customer = customers::find_with_deleted(tx, &[customer_id])?.pop().ok_or_else(Refusal::not_found)?;
    let seller = organizations::seller_of(tx, checkout.organization_id)?;
    let sale = Sale {
        checkout: &checkout,
        price: &price,
        product: &product,
        customer: &customer,
        seller: &seller,
        now,
    };
    let method = payment.and_then(|payment| payment.payment_method_id);
    let switched = match price.recurring_interval {
        Some(_) => Some(sale.subscription(tx, method)?),
        None => None,
    };
    let invoice = sale.invoice(tx, switched.as_ref());
    let number = billing::number_of(tx, &invoice)?;
    let receipt = billing::receipt(&invoice, number, &product.name, &[]);
    let paid = (receipt.total > Cents::default()).then(|| receipt.clone());
    let is_once = switched.is_none();
    match switched {
        None => {}
        Some(Switched::New(subscription)) => subscriptions::create(tx, &subscription, paid)?,
        Some(Switched::Upgraded(before, mut after)) => {
            // It may have been made a paid one meanwhile; then the rest of what was paid is given back.
            let unused = subscriptions::price_change::unused(tx, &before, now)?;
            subscriptions::change_paid(tx, &before, &mut after, paid)?;
            if let Some(line) = unused {
                billing::invoices::put_aside(tx, &after, &line)?;
            }
        }
    }
    sale.write(tx, &invoice)?;
    if let Some(payment) = payment {
        let sql = "UPDATE payments SET invoice_id = $2 WHERE id = $1";
        tx.changed_one(sql, &[&payment.id, &invoice.id])?;
    }
    let billing_address = checkout.customer_billing_address.clone().or(card_country.map(Address::in_country));
    let copies = Copies {
        metadata: checkout.metadata.clone(),
        custom_field_data: checkout.custom_field_data.clone(),
        billing_address,
    };
    let order = billing::record(tx, books, &invoice, payment, copies, number)?;
    if is_once {
        sale.sold_once(tx, &order, receipt)?;
    }
    billing::announce(tx, &order)?;
    checkout.status = CheckoutStatus::Succeeded;
    advance(tx, &mut checkout)
}

/// What is sold, and to whom.
struct Sale<'s> {
    checkout: &'s Checkout,
    price: &'s Price,
    product: &'s Product,
    customer: &'s Customer,
    seller: &'s Seller,
    now: Timestamp,
}

/// The subscription that a checkout makes, or takes over.
enum Switched {
    New(Box<Subscription>),
    Upgraded(Box<Subscription>, Box<Subscription>),
}

impl Switched {
    const fn after(&self) -> &Subscription {
        match self {
            Self::New(after) | Self::Upgraded(_, after) => after,
        }
    }
}

impl Sale<'_> {
    /// The subscription as it will be: a new one, or the free one that the checkout makes a paid one of.
    fn subscription(&self, tx: &mut Tx<'_>, method: Option<Id<billing::PaymentMethod>>) -> Result<Switched> {
        let before = match self.checkout.subscription_id {
            // One that has ended meanwhile cannot be taken over; its customer gets a new one.
            Some(id) => subscriptions::find(tx, id)?.filter(|found| found.status.is_active()),
            None => None,
        };
        if let Some(before) = &before {
            billing::invoices::void_changes(tx, before)?;
        }
        let mut after = before.clone().map_or_else(|| Ok(self.blank(tx)), Ok::<_, Refusal>)?;
        let period = before.as_ref().map_or(0, |before| before.period.saturating_add(1));
        after.product_id = self.checkout.product_id;
        after.price_id = self.price.id;
        after.discount_id = self.checkout.discount_id;
        after.discount_since = self.checkout.discount_id.map(|_| self.now);
        after.checkout_id = Some(self.checkout.id);
        after.base_amount = self.checkout.amount;
        after.amount = self.checkout.subtotal();
        after.currency = self.checkout.amount.and(self.checkout.currency);
        after.recurring_interval = self.price.recurring_interval.unwrap_or(after.recurring_interval);
        after.payment_method_id = method;
        after.metadata = after.metadata.merged(&self.checkout.metadata);
        after.custom_field_data = merged(&after.custom_field_data, &self.checkout.custom_field_data)?;
        (after.cancel_at_period_end, after.canceled_at, after.ends_at) = (false, None, None);
        (after.anchor_at, after.anchor_period, after.period) = (self.now, period, period);
        let end = rules::start_of(&after, period.saturating_add(1));
        after.current_period_start = self.now;
        after.current_period_end = end.unwrap_or_else(|| self.now.add_seconds(1));
        after.due_at = end;
        Ok(match before {
            None => Switched::New(Box::new(after)),
            Some(before) => Switched::Upgraded(Box::new(before), Box::new(after)),
        })
    }

    fn blank(&self, tx: &mut Tx<'_>) -> Subscription {
        Subscription {
            id: Id::new(tx),
            organization_id: self.checkout.organization_id,
            customer_id: self.customer.id,
            product_id: self.product.id,
            price_id: self.price.id,
            discount_id: None,
            checkout_id: None,
            status: SubscriptionStatus::Active,
            base_amount: None,
            amount: None,
            currency: None,
            recurring_interval: self.price.recurring_interval.unwrap_or(products::RecurringInterval::Month),
            current_period_start: self.now,
            current_period_end: self.now,
            cancel_at_period_end: false,
            canceled_at: None,
            started_at: Some(self.now),
            ends_at: None,
            ended_at: None,
            customer_cancellation_reason: None,
            customer_cancellation_comment: None,
            metadata: Metadata::default(),
            custom_field_data: merak_store::Json::default(),
            payment_method_id: None,
            anchor_at: self.now,
            anchor_period: 0,
            period: 0,
            discount_since: None,
            due_at: None,
            past_due_since: None,
            grace_ends_at: None,
            retries: 0,
            created_at: self.now,
            modified_at: None,
        }
    }

    /// The invoice of what the checkout says, as it was confirmed. It is paid.
    fn invoice(&self, tx: &mut Tx<'_>, switched: Option<&Switched>) -> Invoice {
        let subscription = switched.map(Switched::after);
        let checkout = self.checkout;
        let held = if checkout.is_tax_inclusive { checkout.tax_amount.unwrap_or_default().get() } else { 0 };
        Invoice {
            id: Id::new(tx),
            organization_id: checkout.organization_id,
            customer_id: self.customer.id,
            checkout_id: Some(checkout.id),
            subscription_id: subscription.map(|one| one.id),
            period: subscription.map(|one| one.period),
            period_start: subscription.map(|one| one.current_period_start),
            period_end: subscription.map(|one| one.current_period_end),
            billing_reason: match switched {
                None => BillingReason::Purchase,
                Some(Switched::New(_)) => BillingReason::SubscriptionCreate,
                Some(Switched::Upgraded(..)) => BillingReason::SubscriptionUpdate,
            },
            status: InvoiceStatus::Paid,
            product_id: self.product.id,
            product_price_id: self.price.id,
            discount_id: checkout.discount_id,
            currency: checkout.currency.unwrap_or_default(),
            amount: Cents::new(checkout.amount.unwrap_or_default().get() - held),
            discount_amount: checkout.discount_amount,
            tax_amount: checkout.tax_amount.unwrap_or_default(),
            tax: checkout.tax.clone(),
            credit_applied: Cents::default(),
            seller: Some(self.seller.clone()),
            customer_name: checkout.customer_name.clone().or_else(|| self.customer.name.clone()),
            customer_email: checkout.customer_email.clone().unwrap_or_else(|| self.customer.email.clone()),
            customer_billing_address: checkout.customer_billing_address.clone(),
            customer_tax_id: checkout.customer_tax_id.clone(),
            created_at: self.now,
            modified_at: None,
            settled_at: Some(self.now),
        }
    }

    fn write(&self, tx: &mut Tx<'_>, invoice: &Invoice) -> Result<()> {
        tx.insert(invoice)?;
        let line = InvoiceLine {
            id: Id::new(tx),
            invoice_id: Some(invoice.id),
            subscription_id: invoice.subscription_id,
            product_price_id: self.price.id,
            description: self.product.name.clone(),
            amount: invoice.amount,
            held_amount: Cents::default(),
            is_proration: false,
            period_start: invoice.period_start,
            period_end: invoice.period_end,
            created_at: self.now,
        };
        Ok(tx.insert(&line)?)
    }

    /// What follows from a one-time purchase: what comes with it, the buyer's receipt, and a notice to the members.
    fn sold_once(&self, tx: &mut Tx<'_>, order: &Order, receipt: Receipt) -> Result<()> {
        jobs::enqueue(tx, &Job::UpdateGrantsOfPurchase { purchase: order.purchase() })?;
        let organization_id = Some(order.organization_id);
        let notice = Email::NewSale {
            product_name: self.product.name.clone(),
            amount: Money { amount: receipt.total, currency: receipt.currency },
            customer_email: self.customer.email.to_string(),
            customer_name: self.customer.name.clone().or_else(|| self.checkout.customer_name.clone()),
        };
        let confirmation = Email::OrderConfirmation {
            receipt,
            benefits: emails::benefit_lines(tx, self.product.id)?,
            portal: PortalLink { customer_id: self.customer.id, shows: Some(order.id.uuid()) },
        };
        emails::enqueue(tx, organization_id, self.customer.email.as_str(), &confirmation)?;
        for member in organizations::addresses_of_members(tx, order.organization_id)? {
            emails::enqueue(tx, organization_id, member.as_str(), &notice)?;
        }
        Ok(())
    }
}

/// Answers by slug, those of the checkout before those that were there.
fn merged(there: &merak_store::Json, new: &merak_store::Json) -> Result<merak_store::Json> {
    let mut answers: serde_json::Map<String, serde_json::Value> = there.parse()?;
    answers.extend(new.parse::<serde_json::Map<String, serde_json::Value>>()?);
    Ok(merak_store::Json::new(&answers)?)
}
