//! What a shop has that no record carries, for whoever reads what an import came to.

use std::collections::BTreeMap;

use merak_store::ReadTx;

use crate::kit::{Id, Result, text_enum};
use crate::organizations::Organization;

text_enum! {
    /// What stays where it is when a shop moves.
    pub enum Uncarried {
        /// Agreements to pay again and again.
        Subscriptions = "subscriptions",
        /// What orders were worth; that they were made comes along.
        Orders = "orders",
        /// Money that was given back.
        Refunds = "refunds",
        /// Money that came in.
        Payments = "payments",
        /// What sponsors show.
        AdvertisementCampaigns = "advertisement_campaigns",
    }
}

impl Uncarried {
    /// What it means that they stay.
    pub const fn remark(self) -> &'static str {
        match self {
            Self::Subscriptions => {
                "they renew and end only where they are; what they gave stays given here until somebody takes it back"
            }
            Self::Orders => "they say who bought what; amounts, taxes and invoices do not come along",
            Self::Refunds => "what orders gave stays given here",
            Self::Payments => "they stay with the ledger and the saved cards",
            Self::AdvertisementCampaigns => "sponsors make them again",
        }
    }

    const fn count(self) -> &'static str {
        match self {
            Self::Subscriptions => "SELECT count(*) FROM subscriptions WHERE organization_id = $1",
            Self::Orders => "SELECT count(*) FROM orders WHERE organization_id = $1",
            Self::Refunds => "SELECT count(*) FROM refunds WHERE organization_id = $1",
            Self::Payments => "SELECT count(*) FROM payments WHERE organization_id = $1",
            Self::AdvertisementCampaigns => {
                "SELECT count(*) FROM advertisement_campaigns \
                 JOIN benefits ON benefits.id = advertisement_campaigns.benefit_id \
                 WHERE benefits.organization_id = $1 AND advertisement_campaigns.deleted_at IS NULL"
            }
        }
    }
}

/// How many of each an organization has, of those that it has.
pub fn uncarried(tx: &mut ReadTx<'_>, id: Id<Organization>) -> Result<BTreeMap<Uncarried, u64>> {
    let mut counts = BTreeMap::new();
    for kind in Uncarried::ALL {
        let count: i64 = tx.one(kind.count(), &[&id])?;
        if count > 0 {
            counts.insert(*kind, count.unsigned_abs());
        }
    }
    Ok(counts)
}
