//! What a purchase gives: everything that comes with the product, in order, held through the purchase.

use std::collections::HashSet;

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::commands::{BATCH, revoke};
use super::{BenefitGrant, News, Scope, grant_as};
use crate::benefits::Benefit;
use crate::customers::{self, Customer};
use crate::jobs::{self, Job};
use crate::kit::{Id, Refusal, Result};
use crate::orders::Order;
use crate::products::{self, Product};
use crate::subscriptions::{self, Subscription};

/// Who holds what comes with a product, and through what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// Who bought.
    pub customer_id: Id<Customer>,
    /// What was bought.
    pub product_id: Id<Product>,
    /// Through what the benefits are held.
    pub scope: Scope,
}

/// Grants everything that comes with the product, in its order, and takes back what is held or waited for through the same
/// purchase and comes with the product no more. What the buyer has stays as it is; of what is new they get mails.
pub fn grant_purchase(tx: &mut Tx<'_>, purchase: &Purchase) -> Result<Vec<BenefitGrant>> {
    grant_all(tx, purchase, News::Untold)
}

fn grant_all(tx: &mut Tx<'_>, purchase: &Purchase, news: News) -> Result<Vec<BenefitGrant>> {
    let attached = attached(tx, purchase)?;
    let mut changed = Vec::with_capacity(attached.len());
    for benefit_id in &attached {
        changed.push(grant_as(tx, (*benefit_id, purchase.customer_id), purchase.scope, news)?);
    }
    changed.extend(revoke_outdated(tx, purchase, &attached)?);
    Ok(changed)
}

/// Takes back everything that comes with the product, and what is held or waited for through the same purchase and comes
/// with the product no more.
pub fn revoke_purchase(tx: &mut Tx<'_>, purchase: &Purchase) -> Result<Vec<BenefitGrant>> {
    let attached = attached(tx, purchase)?;
    let mut changed = Vec::with_capacity(attached.len());
    for benefit_id in &attached {
        changed.push(revoke(tx, *benefit_id, purchase.customer_id, purchase.scope)?);
    }
    changed.extend(revoke_outdated(tx, purchase, &attached)?);
    Ok(changed)
}

/// The benefits on the product, in order. A product or customer that is gone is not found.
fn attached(tx: &mut ReadTx<'_>, purchase: &Purchase) -> Result<Vec<Id<Benefit>>> {
    let product = products::find(tx, purchase.product_id)?.ok_or_else(Refusal::not_found)?;
    customers::find(tx, purchase.customer_id)?.ok_or_else(Refusal::not_found)?;
    let benefits = products::benefits_of(tx, &[product.id])?.remove(&product.id).unwrap_or_default();
    Ok(benefits.into_iter().map(|benefit| benefit.id).collect())
}

fn revoke_outdated(
    tx: &mut Tx<'_>,
    purchase: &Purchase,
    attached: &[Id<Benefit>],
) -> Result<Vec<BenefitGrant>> {
    // What still waits must not be given one day. Benefits that were deleted are taken back by the job of their deletion.
    const BASE: &str = "SELECT benefit_grants.benefit_id FROM benefit_grants \
         JOIN benefits ON benefits.id = benefit_grants.benefit_id AND benefits.deleted_at IS NULL \
         WHERE benefit_grants.customer_id = $1 AND benefit_grants.revoked_at IS NULL";
    const IN_ORDER: &str = " ORDER BY benefit_grants.created_at, benefit_grants.id";
    const OF_SUBSCRIPTION: &str = concatcp!(BASE, " AND benefit_grants.subscription_id = $2", IN_ORDER);
    const OF_ORDER: &str = concatcp!(BASE, " AND benefit_grants.order_id = $2", IN_ORDER);
    let held: Vec<Id<Benefit>> = match purchase.scope {
        Scope::Subscription(id) => tx.all(OF_SUBSCRIPTION, &[&purchase.customer_id, &id])?,
        Scope::Order(id) => tx.all(OF_ORDER, &[&purchase.customer_id, &id])?,
        // What is held by hand was given without a product, so no product takes it away.
        Scope::ByHand => return Ok(Vec::new()),
    };
    let attached: HashSet<Id<Benefit>> = attached.iter().copied().collect();
    let outdated = held.into_iter().filter(|id| !attached.contains(id));
    outdated.map(|benefit_id| revoke(tx, benefit_id, purchase.customer_id, purchase.scope)).collect()
}

/// What a purchase entitles its buyer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Everything that comes with the product: it was paid once, or is paid for now.
    Holds,
    /// Nothing any more.
    Lost,
    /// Nothing yet.
    Waits,
}

impl Standing {
    fn of(subscription: &Subscription) -> Self {
        if subscription.gives() {
            Self::Holds
        } else if subscription.is_withdrawn() {
            Self::Lost
        } else {
            Self::Waits
        }
    }
}

/// Brings what is held through a purchase in line with what it entitles to now. A subscription gives what comes with
/// its current product for as long as it is active, and in a grace after that; whatever else is held through it is taken back.
pub fn update_purchase(tx: &mut Tx<'_>, purchase: &Purchase, news: News) -> Result<()> {
    match purchase.scope {
        Scope::Subscription(id) => {
            // What was granted through a subscription that only another server knows stays as it came.
            let Some(subscription) = subscriptions::find(tx, Id::from_uuid(id))? else { return Ok(()) };
            bring_in_line(tx, (&subscription.purchase(), Standing::of(&subscription)), news)
        }
        Scope::Order(id) => {
            const RETURNED: &str = concatcp!("SELECT id FROM orders WHERE id = $1 AND ", IS_RETURNED);
            let returned: Option<Uuid> = tx.find(RETURNED, &[&id])?;
            let standing = returned.map_or(Standing::Holds, |_| Standing::Lost);
            bring_in_line(tx, (purchase, standing), news)
        }
        Scope::ByHand => bring_in_line(tx, (purchase, Standing::Holds), news),
    }
}

/// Whether what came with an order was taken back with its money.
const IS_RETURNED: &str = "EXISTS (SELECT 1 FROM refunds WHERE refunds.order_id = orders.id \
     AND refunds.revokes_benefits AND refunds.status = 'succeeded')";

fn bring_in_line(tx: &mut Tx<'_>, (purchase, standing): (&Purchase, Standing), news: News) -> Result<()> {
    match standing {
        Standing::Holds => grant_all(tx, purchase, news).map(drop),
        Standing::Lost => revoke_purchase(tx, purchase).map(drop),
        Standing::Waits => Ok(()),
    }
}

/// Where a job that walks over purchases has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseCursor {
    /// Among which purchases.
    #[serde(default)]
    pub among: Among,
    /// `created_at` of the last one that was done.
    pub created_at: Timestamp,
    /// Its id, which decides among equals.
    pub id: Uuid,
}

/// The purchases of a product, in the order in which a job walks over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Among {
    /// The one-time orders.
    #[default]
    Orders,
    /// The subscriptions.
    Subscriptions,
}

/// Brings the next buyers of a product in line with what comes with it: those who bought it once, then those who
/// subscribed. Returns where to go on; `None` when done. If one of them is refused, so is the batch, and
/// [`part_batch_of_product`] goes on.
pub fn update_batch_of_product(
    tx: &mut Tx<'_>,
    product_id: Id<Product>,
    after: Option<PurchaseCursor>,
) -> Result<Option<PurchaseCursor>> {
    let (batch, cursor) = batch_of_product(tx, product_id, after)?;
    for (purchase, standing) in &batch {
        bring_in_line(tx, (purchase, *standing), News::Untold)?;
    }
    Ok(cursor)
}

/// Gives each purchase of a batch a job of its own, so that one that is refused leaves no trace and keeps nobody else
/// waiting. Returns where to go on; `None` when done.
pub fn part_batch_of_product(
    tx: &mut Tx<'_>,
    product_id: Id<Product>,
    after: Option<PurchaseCursor>,
) -> Result<Option<PurchaseCursor>> {
    let (batch, cursor) = batch_of_product(tx, product_id, after)?;
    for (purchase, _) in batch {
        jobs::enqueue(tx, &Job::UpdateUntoldGrantsOfPurchase { purchase })?;
    }
    Ok(cursor)
}

/// The next purchases of a live product by live customers, and where to go on after them.
fn batch_of_product(
    tx: &mut ReadTx<'_>,
    product_id: Id<Product>,
    after: Option<PurchaseCursor>,
) -> Result<Batch> {
    if products::find(tx, product_id)?.is_none() {
        return Ok((Vec::new(), None));
    }
    let among = after.map_or(Among::Orders, |cursor| cursor.among);
    let batch = match among {
        Among::Orders => orders_of_product(tx, product_id, after)?,
        Among::Subscriptions => subscriptions_of_product(tx, product_id, after)?,
    };
    let is_last = batch.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
    let cursor = match (batch.last(), among) {
        (Some((created_at, id, ..)), _) if !is_last => {
            Some(PurchaseCursor { among, created_at: *created_at, id: *id })
        }
        // Nothing was bought before 1970.
        (_, Among::Orders) => Some(PurchaseCursor {
            among: Among::Subscriptions,
            created_at: Timestamp::from_micros(0),
            id: Uuid::nil(),
        }),
        (_, Among::Subscriptions) => None,
    };
    Ok((batch.into_iter().map(|(_, _, purchase, standing)| (purchase, standing)).collect(), cursor))
}

/// Purchases, and where to go on after them.
type Batch = (Vec<(Purchase, Standing)>, Option<PurchaseCursor>);

/// A purchase with what places it in its walk.
type Placed = (Timestamp, Uuid, Purchase, Standing);

fn orders_of_product(
    tx: &mut ReadTx<'_>,
    product_id: Id<Product>,
    after: Option<PurchaseCursor>,
) -> Result<Vec<Placed>> {
    const BASE: &str = concatcp!(
        "SELECT ",
        Order::COLUMNS,
        " FROM orders JOIN customers ON customers.id = orders.customer_id AND customers.deleted_at IS NULL \
         WHERE orders.product_id = $1 AND orders.subscription_id IS NULL AND NOT ",
        IS_RETURNED
    );
    const IN_ORDER: &str = " ORDER BY orders.created_at, orders.id LIMIT $2";
    const FIRST: &str = concatcp!(BASE, IN_ORDER);
    const NEXT: &str = concatcp!(BASE, " AND (orders.created_at, orders.id) > ($3, $4)", IN_ORDER);
    let batch: Vec<Order> = match after {
        None => tx.all(FIRST, &[&product_id, &BATCH])?,
        Some(cursor) => tx.all(NEXT, &[&product_id, &BATCH, &cursor.created_at, &cursor.id])?,
    };
    let placed = |order: Order| (order.created_at, order.id.uuid(), order.purchase(), Standing::Holds);
    Ok(batch.into_iter().map(placed).collect())
}

fn subscriptions_of_product(
    tx: &mut ReadTx<'_>,
    product_id: Id<Product>,
    after: Option<PurchaseCursor>,
) -> Result<Vec<Placed>> {
    const BASE: &str = concatcp!(
        "SELECT ",
        Subscription::COLUMNS,
        " FROM subscriptions \
         JOIN customers ON customers.id = subscriptions.customer_id AND customers.deleted_at IS NULL \
         WHERE subscriptions.product_id = $1"
    );
    const IN_ORDER: &str = " ORDER BY subscriptions.created_at, subscriptions.id LIMIT $2";
    const FIRST: &str = concatcp!(BASE, IN_ORDER);
    const NEXT: &str =
        concatcp!(BASE, " AND (subscriptions.created_at, subscriptions.id) > ($3, $4)", IN_ORDER);
    let batch: Vec<Subscription> = match after {
        None => tx.all(FIRST, &[&product_id, &BATCH])?,
        Some(cursor) => tx.all(NEXT, &[&product_id, &BATCH, &cursor.created_at, &cursor.id])?,
    };
    let placed = |held: Subscription| (held.created_at, held.id.uuid(), held.purchase(), Standing::of(&held));
    Ok(batch.into_iter().map(placed).collect())
}
