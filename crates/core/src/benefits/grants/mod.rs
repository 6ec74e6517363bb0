//! Grants: who holds which benefit, through which purchase.
//!
//! | state   | `granted_at` | `revoked_at` | meaning                                   |
//! |---------|--------------|--------------|-------------------------------------------|
//! | pending | null         | null         | waits for the customer (link an account)  |
//! | granted | time         | null         | the customer has it                       |
//! | revoked | null         | time         | the customer had it, or was never to have |

pub mod accesses;
mod announce;
mod commands;
mod import;
mod purchases;
mod queries;

use merak_store::{Json, Timestamp, row};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::accesses::{Place, chosen_account};
use self::commands::Change;
use self::commands::grant_as;
pub use self::commands::{
    BATCH, Cursor, News, choose_account, give, grant, revoke, revoke_batch_of_benefit,
    revoke_batch_of_customer, update_batch_of_benefit,
};
pub use self::import::{import, supply};
pub use self::purchases::{
    Among, Purchase, PurchaseCursor, grant_purchase, part_batch_of_product, revoke_purchase,
    update_batch_of_product, update_purchase,
};
pub(crate) use self::queries::list_of_checkout;
pub use self::queries::{GrantOfBuyer, ListGrants, ListGrantsOfBuyer, find_of_buyer, list, list_of_buyer};
use super::Benefit;
use crate::customers::Customer;
use crate::kit::{Id, sort_properties};

row! {
    /// A benefit given to a customer for one purchase, or by hand.
    #[derive(Clone, Debug)]
    pub struct BenefitGrant in "benefit_grants" {
        /// The grant's id.
        pub id: Id<BenefitGrant>,
        /// Who holds the benefit.
        pub customer_id: Id<Customer>,
        /// What is held.
        pub benefit_id: Id<Benefit>,
        /// The subscription it comes with.
        pub subscription_id: Option<Uuid>,
        /// The one-time order it comes with.
        pub order_id: Option<Uuid>,
        /// Since when the customer has it.
        pub granted_at: Option<Timestamp>,
        /// Since when the customer has it no more.
        pub revoked_at: Option<Timestamp>,
        /// What the kind remembers of it.
        pub properties: Json,
        /// When the row was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
    }
}

impl BenefitGrant {
    /// Whether the customer has the benefit.
    pub fn is_granted(&self) -> bool {
        self.granted_at.is_some()
    }

    /// Whether the benefit was taken back.
    pub fn is_revoked(&self) -> bool {
        self.revoked_at.is_some()
    }

    /// Through what the benefit is held.
    pub fn scope(&self) -> Scope {
        match (self.subscription_id, self.order_id) {
            (Some(id), _) => Scope::Subscription(id),
            (None, Some(id)) => Scope::Order(id),
            (None, None) => Scope::ByHand,
        }
    }
}

/// Through what a benefit is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// A subscription, for as long as it is active.
    Subscription(Uuid),
    /// A one-time order.
    Order(Uuid),
    /// Nothing but the seller's word.
    ByHand,
}

sort_properties! {
    /// What a buyer's list of grants can be sorted by.
    pub enum GrantSort {
        /// When it was granted; what is not yet granted stands above everything.
        GrantedAt = "granted_at" => nullable "benefit_grants.granted_at",
        /// The benefit's kind.
        Type = "type" => "benefits.type",
        /// The organization's slug.
        Organization = "organization" => "organizations.slug",
    }
}
