//! Subscriptions as their lists are sorted and counted: those that have begun.

use const_format::concatcp;
use merak_store::Tx;

use super::{Subscription, SubscriptionSort, SubscriptionStatus};
use crate::kit::{Result, SortProperty};
use crate::sold::{self, Counts, Index, Narrowing, Owner, Place, Sold, Sorts};

/// What is sorted by for the amount going down, where what is free must stand last too. That order has an index of its own.
pub(super) const AMOUNT_DOWN: &str = "coalesce(CASE subscriptions.recurring_interval WHEN 'year' THEN subscriptions.amount ELSE subscriptions.amount * 12 END, -1)";

/// How a subscription stands, as in [`SubscriptionSort::Status`].
const RANK: &str = "(CASE subscriptions.status WHEN 'incomplete' THEN 1 WHEN 'incomplete_expired' THEN 2 WHEN 'trialing' THEN 3 WHEN 'active' THEN CASE WHEN subscriptions.cancel_at_period_end THEN 5 ELSE 4 END WHEN 'past_due' THEN 6 WHEN 'canceled' THEN 7 ELSE 8 END)";

const RANKS: [&str; 8] = [
    concatcp!(" AND ", RANK, " = 1"),
    concatcp!(" AND ", RANK, " = 2"),
    concatcp!(" AND ", RANK, " = 3"),
    concatcp!(" AND ", RANK, " = 4"),
    concatcp!(" AND ", RANK, " = 5"),
    concatcp!(" AND ", RANK, " = 6"),
    concatcp!(" AND ", RANK, " = 7"),
    concatcp!(" AND ", RANK, " = 8"),
];

/// Those that entitle to something.
const RUNNING: [&str; 3] = [RANKS[2], RANKS[3], RANKS[4]];

/// Those that do so no more.
const OVER: [&str; 3] = [RANKS[5], RANKS[6], RANKS[7]];

impl Sold for Subscription {
    const TABLE: &'static str = Self::TABLE;
    const SELECTED: &'static str = Self::COLUMNS;
    const CONDITION: &'static str = " AND subscriptions.started_at IS NOT NULL";
    const COUNTS: Counts = Counts {
        by_product: "subscription_counts",
        by_discount: "subscription_discount_counts",
        columns: &["active", "revoked", "other"],
    };

    fn time() -> &'static str {
        SubscriptionSort::StartedAt.sql()
    }

    fn product() -> &'static str {
        SubscriptionSort::Product.sql()
    }

    fn discount() -> &'static str {
        SubscriptionSort::Discount.sql()
    }

    fn is_coarse(by: &str) -> bool {
        [SubscriptionSort::Product, SubscriptionSort::Discount, SubscriptionSort::Status]
            .into_iter()
            .any(|sort| sort.sql() == by)
    }

    fn indexes() -> Vec<Index> {
        let index = |of, by: SubscriptionSort, sorts| Index { of, by: by.sql(), sorts };
        let down = |of, sorts| Index { of, by: AMOUNT_DOWN, sorts };
        vec![
            index(Owner::Organization, SubscriptionSort::StartedAt, Narrowing::None),
            index(Owner::Organization, SubscriptionSort::StartedAt, Narrowing::Stretches),
            index(Owner::Organization, SubscriptionSort::Status, Narrowing::Range),
            index(Owner::Organization, SubscriptionSort::CurrentPeriodEnd, Narrowing::Stretches),
            index(Owner::Organization, SubscriptionSort::Amount, Narrowing::Stretches),
            down(Owner::Organization, Narrowing::Stretches),
            index(Owner::Organization, SubscriptionSort::Customer, Narrowing::None),
            index(Owner::Product, SubscriptionSort::StartedAt, Narrowing::None),
            index(Owner::Product, SubscriptionSort::StartedAt, Narrowing::Stretches),
            index(Owner::Product, SubscriptionSort::Status, Narrowing::Range),
            index(Owner::Product, SubscriptionSort::Amount, Narrowing::None),
            down(Owner::Product, Narrowing::None),
            index(Owner::Discount, SubscriptionSort::StartedAt, Narrowing::Stretches),
            index(Owner::Discount, SubscriptionSort::Status, Narrowing::Range),
            index(Owner::NoDiscount, SubscriptionSort::StartedAt, Narrowing::Stretches),
            index(Owner::Customer, SubscriptionSort::StartedAt, Narrowing::None),
        ]
    }
}

/// All subscriptions, or only those that entitle to something, or only those that do so no more.
pub(super) fn sorts(is_active: Option<bool>) -> Sorts {
    match is_active {
        Some(true) => Sorts {
            counted: vec!["active"],
            stretches: &RUNNING,
            range: concatcp!(" AND ", RANK, " BETWEEN 3 AND 5"),
            condition: concatcp!(" AND (", RANK, " BETWEEN 3 AND 5) IS TRUE"),
        },
        Some(false) => Sorts {
            counted: vec!["revoked"],
            stretches: &OVER,
            range: concatcp!(" AND ", RANK, " BETWEEN 6 AND 8"),
            condition: concatcp!(" AND (", RANK, " BETWEEN 6 AND 8) IS TRUE"),
        },
        None => {
            Sorts { counted: vec!["active", "revoked", "other"], stretches: &RANKS, range: "", condition: "" }
        }
    }
}

/// Where a subscription is counted: nowhere as long as it has not begun.
fn place(subscription: &Subscription) -> Option<Place> {
    subscription.started_at?;
    Some(Place {
        organization_id: subscription.organization_id,
        product_id: subscription.product_id,
        discount_id: subscription.discount_id,
        column: column(subscription.status),
    })
}

const fn column(status: SubscriptionStatus) -> &'static str {
    if status.is_active() {
        "active"
    } else if status.is_revoked() {
        "revoked"
    } else {
        "other"
    }
}

/// Counts a new subscription.
pub(super) fn add(tx: &mut Tx<'_>, subscription: &Subscription) -> Result<()> {
    place(subscription).map_or(Ok(()), |place| sold::count::<Subscription>(tx, place, 1))
}

/// Counts a subscription that has changed where it belongs now.
pub(super) fn shift(tx: &mut Tx<'_>, before: &Subscription, after: &Subscription) -> Result<()> {
    let (from, to) = (place(before), place(after));
    if from == to {
        return Ok(());
    }
    if let Some(from) = from {
        sold::count::<Subscription>(tx, from, -1)?;
    }
    to.map_or(Ok(()), |to| sold::count::<Subscription>(tx, to, 1))
}
