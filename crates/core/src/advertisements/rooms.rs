//! In which room a campaign is shown.

use merak_store::{Json, ReadTx, Timestamp, Tx};
use serde_json::Value;

use super::Campaign;
use crate::benefits::Benefit;
use crate::customers::Customer;
use crate::kit::{Id, Result};

/// The member of a grant's properties that names its campaign.
pub(super) const NAME: &str = "advertisement_campaign_id";

/// Brings the campaigns up to date that a grant names, or named before it was changed. To be called with its properties
/// whenever a grant came to be, was granted, revoked or names another campaign.
pub(crate) fn settle_named(tx: &mut Tx<'_>, properties: &Json) -> Result<()> {
    // Nearly all grants are of other kinds and need not be read.
    if !properties.as_str().contains(NAME) {
        return Ok(());
    }
    let properties: Value = properties.parse()?;
    let Some(id) = properties[NAME].as_str().and_then(|id| id.parse().ok()) else { return Ok(()) };
    settle(tx, id)
}

/// Shows a campaign in the room of its holder's grant that was granted last among those that name it, or nowhere.
fn settle(tx: &mut Tx<'_>, id: Id<Campaign>) -> Result<()> {
    const BEFORE: &str = "SELECT customer_id, benefit_id FROM advertisement_campaigns WHERE id = $1";
    let Some((customer_id, before)) = tx.find::<(Id<Customer>, Option<Id<Benefit>>)>(BEFORE, &[&id])? else {
        return Ok(());
    };
    let (room, since) = latest(tx, id, customer_id)?.unzip();
    tx.changed_one(
        "UPDATE advertisement_campaigns SET benefit_id = $2, granted_at = $3 WHERE id = $1",
        &[&id, &room, &since],
    )?;
    if room == before {
        return Ok(());
    }
    tx.changed_one("UPDATE advertisement_counts SET benefit_id = $2 WHERE campaign_id = $1", &[&id, &room])?;
    if let Some(before) = before {
        tx.changed_one(
            "UPDATE advertisement_room_counts SET campaigns = campaigns - 1 WHERE benefit_id = $1",
            &[&before],
        )?;
    }
    if let Some(room) = room {
        tx.execute(
            "INSERT INTO advertisement_room_counts (benefit_id, campaigns) VALUES ($1, 1) \
             ON CONFLICT (benefit_id) DO UPDATE SET campaigns = advertisement_room_counts.campaigns + 1",
            &[&room],
        )?;
    }
    Ok(())
}

fn latest(
    tx: &mut ReadTx<'_>,
    id: Id<Campaign>,
    customer_id: Id<Customer>,
) -> Result<Option<(Id<Benefit>, Timestamp)>> {
    // The text is bound and not cast, because SQLite looks an expression of a cast up in no index.
    const SQL: &str = "SELECT benefit_id, granted_at FROM benefit_grants \
         WHERE properties ->> 'advertisement_campaign_id' = $1 \
         AND properties ->> 'advertisement_campaign_id' IS NOT NULL \
         AND granted_at IS NOT NULL AND customer_id = $2 ORDER BY granted_at DESC, id DESC LIMIT 1";
    Ok(tx.find(SQL, &[&id.to_string(), &customer_id])?)
}
