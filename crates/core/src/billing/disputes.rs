//! Payments that buyers' banks take back, or want to: which they are, and who is told.

use std::collections::HashMap;

use const_format::concatcp;
use merak_store::{ReadTx, Sql, Tx};

use super::paid::product_name;
use super::{Dispute, DisputeStatus, Invoice, Payment};
use crate::customers;
use crate::emails::{self, DisputedPayment, Email, Money};
use crate::kit::{Id, Page, Paged, Result};
use crate::orders::Order;
use crate::organizations::Organization;

/// Of payments, those that have paid what they were for. One that came when that was paid already goes back.
const HAS_PAID: &str =
    "NOT EXISTS (SELECT 1 FROM refunds WHERE refunds.payment_id = payments.id AND refunds.order_id IS NULL)";

/// Of the disputes of what has paid an order, the newest.
const NEWEST: &str = "NOT EXISTS (SELECT 1 FROM payments AS another JOIN disputes AS later ON later.payment_id = another.id \
     WHERE another.invoice_id = payments.invoice_id AND later.id > disputes.id AND NOT EXISTS \
     (SELECT 1 FROM refunds WHERE refunds.payment_id = another.id AND refunds.order_id IS NULL))";

/// The disputes of an order, the oldest first.
pub fn of_order(tx: &mut ReadTx<'_>, order: &Order) -> Result<Vec<Dispute>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Dispute::COLUMNS,
        " FROM payments JOIN disputes ON disputes.payment_id = payments.id WHERE payments.invoice_id = $1 AND ",
        HAS_PAID,
        " ORDER BY disputes.id"
    );
    match order.invoice_id {
        Some(id) => Ok(tx.all(SQL, &[&id])?),
        None => Ok(Vec::new()),
    }
}

/// How the newest dispute of each of these orders stands, by order. Those without any are left out.
pub fn of_orders<'o>(
    tx: &mut ReadTx<'_>,
    orders: impl IntoIterator<Item = &'o Order>,
) -> Result<HashMap<Id<Order>, DisputeStatus>> {
    let named = orders.into_iter().filter_map(|order| Some((order.invoice_id?, order.id)));
    let by_invoice: HashMap<Id<Invoice>, Id<Order>> = named.collect();
    if by_invoice.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::new(
        "SELECT payments.invoice_id, disputes.status FROM payments JOIN disputes ON disputes.payment_id = payments.id \
         WHERE payments.invoice_id IN ",
    );
    sql.bind_list(by_invoice.keys().copied()).push(concatcp!(" AND ", HAS_PAID, " ORDER BY disputes.id"));
    let found: Vec<(Id<Invoice>, DisputeStatus)> = tx.list(&sql)?;
    Ok(found.into_iter().filter_map(|(id, status)| Some((*by_invoice.get(&id)?, status))).collect())
}

/// The orders of an organization whose payment was disputed, the last disputed first.
pub fn orders(tx: &mut ReadTx<'_>, organization_id: Id<Organization>, page: Page) -> Result<Paged<Order>> {
    const FROM: &str = concatcp!(
        " FROM disputes JOIN payments ON payments.id = disputes.payment_id \
         JOIN orders ON orders.invoice_id = payments.invoice_id WHERE disputes.organization_id = $1 AND ",
        HAS_PAID,
        " AND ",
        NEWEST
    );
    const SQL: &str = concatcp!(
        "SELECT ",
        Order::COLUMNS,
        FROM,
        " ORDER BY disputes.created_at DESC, disputes.id DESC LIMIT $2 OFFSET $3"
    );
    let found = tx.all(SQL, &[&organization_id, &page.rows(), &page.offset()])?;
    let total = tx.one(concatcp!("SELECT count(*)", FROM), &[&organization_id])?;
    Ok(Paged::new(found, total))
}

/// Writes to everybody who works for the organization that a dispute was opened, or how it ended.
pub(super) fn tell(
    tx: &mut Tx<'_>,
    dispute: &Dispute,
    payment: &Payment,
    order: Option<&Order>,
) -> Result<()> {
    let customer = customers::find_with_deleted(tx, &[payment.customer_id])?.pop();
    let of = DisputedPayment {
        product_name: match order {
            Some(order) => Some(product_name(tx, order.product_id)?),
            None => None,
        },
        amount: Money { amount: dispute.amount, currency: dispute.currency },
        customer_email: customer.as_ref().map(|customer| customer.email.to_string()),
        customer_name: customer.and_then(|customer| customer.name),
        order_id: order.map(|order| order.id.uuid()),
    };
    let email = match dispute.status {
        DisputeStatus::Open => Email::DisputeOpened { of },
        DisputeStatus::Won => Email::DisputeClosed { of, is_won: true },
        DisputeStatus::Lost => Email::DisputeClosed { of, is_won: false },
    };
    emails::enqueue_to_members(tx, dispute.organization_id, &email)?;
    Ok(())
}
