//! All subscriptions, a part at a time.

use merak_store::{Order, PartitionedPage, ReadTx, Sql, Timestamp};

use super::{Subscription, SubscriptionStatus};
use crate::access::Tenancy;
use crate::kit::{Cents, Currency, Id, Result};
use crate::products::RecurringInterval;

/// How many subscriptions a part has at most.
const PART: i64 = 1000;
/// How many are exported at most.
const MOST: i64 = 1_000_000;

/// A subscription as a table of subscribers has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscriber {
    /// The customer's address.
    pub email: String,
    /// When the subscription was made.
    pub created_at: Timestamp,
    /// Whether it entitles to something.
    pub is_active: bool,
    /// The product's name.
    pub product: String,
    /// What the current period costs; none if it is free.
    pub amount: Option<Cents>,
    /// In which currency; none if it is free.
    pub currency: Option<Currency>,
    /// How long a period is.
    pub interval: RecurringInterval,
}

/// Where an export has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportCursor {
    started_at: Timestamp,
    id: Id<Subscription>,
    done: i64,
}

/// The next subscriptions of these organizations that have begun, the newest first, and where to go on; none at the end,
/// and after a million. What begins meanwhile is not in it.
pub fn export(
    tx: &mut ReadTx<'_>,
    tenancy: &Tenancy,
    after: Option<ExportCursor>,
) -> Result<(Vec<Subscriber>, Option<ExportCursor>)> {
    type Row = (
        (Id<Subscription>, Timestamp, Timestamp, SubscriptionStatus),
        (Option<Cents>, Option<Currency>, RecurringInterval),
        (String, String),
    );
    if tenancy.ids().is_empty() {
        return Ok((Vec::new(), None));
    }
    let done = after.map_or(0, |cursor| cursor.done);
    let limit = PART.min(MOST - done);
    let filter = |sql: &mut Sql| {
        sql.push(" AND subscriptions.started_at IS NOT NULL");
        if let Some(cursor) = after {
            sql.push(" AND (subscriptions.started_at, subscriptions.id) < (").bind(cursor.started_at);
            sql.push(", ").bind(cursor.id).push(")");
        }
    };
    let mut select = Sql::new(
        "SELECT subscriptions.id, subscriptions.started_at, subscriptions.created_at, subscriptions.status, \
         subscriptions.amount, subscriptions.currency, subscriptions.recurring_interval, \
         customers.email, products.name FROM subscriptions \
         JOIN customers ON customers.id = subscriptions.customer_id \
         JOIN products ON products.id = subscriptions.product_id",
    );
    PartitionedPage {
        table: "subscriptions",
        column: "organization_id",
        filter: &filter,
        order: &["subscriptions.started_at", "subscriptions.id"].map(Order::descending),
        limit,
        offset: 0,
    }
    .push(&mut select, tenancy.ids());
    let rows: Vec<Row> = tx.list(&select)?;
    let read = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let cursor = rows.last().map(|((id, started_at, ..), ..)| ExportCursor {
        started_at: *started_at,
        id: *id,
        done: done.saturating_add(read),
    });
    let is_last = read < PART || done.saturating_add(read) >= MOST;
    let subscriber = |((_, _, created_at, status), (amount, currency, interval), (email, product)): Row| {
        Subscriber { email, created_at, is_active: status.is_active(), product, amount, currency, interval }
    };
    Ok((rows.into_iter().map(subscriber).collect(), cursor.filter(|_| !is_last)))
}
