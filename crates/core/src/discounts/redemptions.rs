//! Redeeming discounts, exactly as often as they allow.

use merak_store::{Timestamp, Tx, row};
use uuid::Uuid;

use super::Discount;
use crate::clock;
use crate::kit::{Id, Result};
use crate::organizations::Organization;

row! {
    /// A discount that somebody got.
    #[derive(Clone, Debug)]
    pub struct Redemption in "discount_redemptions" {
        /// The redemption's id.
        pub id: Id<Redemption>,
        /// Which discount.
        pub discount_id: Id<Discount>,
        /// The checkout it reduces.
        pub checkout_id: Uuid,
        /// When.
        pub created_at: Timestamp,
    }
}

/// Redeems a discount for a checkout, and says whether that could be done: not outside its time, not beyond its limit,
/// not after its deletion. For a checkout that has redeemed it, it is done already and counts no second time.
///
/// Question and count are one statement, so of two that want the last use at once, on whatever nodes, one gets it.
pub fn redeem(tx: &mut Tx<'_>, discount_id: Id<Discount>, checkout_id: Uuid) -> Result<bool> {
    let known: Option<Id<Redemption>> = tx.find(
        "SELECT id FROM discount_redemptions WHERE discount_id = $1 AND checkout_id = $2",
        &[&discount_id, &checkout_id],
    )?;
    if known.is_some() {
        return Ok(true);
    }
    let organization_id: Option<Id<Organization>> =
        tx.find("SELECT organization_id FROM discounts WHERE id = $1", &[&discount_id])?;
    let Some(organization_id) = organization_id else { return Ok(false) };
    let now = clock::now(tx, organization_id)?;
    let counted = tx.execute(
        "UPDATE discounts SET redemptions_count = redemptions_count + 1 WHERE id = $1 AND deleted_at IS NULL \
         AND (starts_at IS NULL OR starts_at <= $2) AND (ends_at IS NULL OR ends_at >= $2) \
         AND (max_redemptions IS NULL OR redemptions_count < max_redemptions)",
        &[&discount_id, &now],
    )?;
    if counted == 0 {
        return Ok(false);
    }
    let redemption = Redemption { id: Id::new(tx), discount_id, checkout_id, created_at: now };
    tx.insert(&redemption)?;
    Ok(true)
}

/// Takes a redemption back, because what it was for did not come about. Without one nothing changes.
pub fn release(tx: &mut Tx<'_>, discount_id: Id<Discount>, checkout_id: Uuid) -> Result<()> {
    let removed = tx.execute(
        "DELETE FROM discount_redemptions WHERE discount_id = $1 AND checkout_id = $2",
        &[&discount_id, &checkout_id],
    )?;
    if removed > 0 {
        tx.changed_one(
            "UPDATE discounts SET redemptions_count = redemptions_count - 1 WHERE id = $1",
            &[&discount_id],
        )?;
    }
    Ok(())
}
