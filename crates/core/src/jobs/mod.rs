//! Jobs: what has to happen after a unit of work, written in it as a row.
//!
//! A job is leased to a worker, runs, and is deleted when done. One that fails is tried again with growing pauses and
//! is in the end set aside, visible, with its last error. Jobs run at least once: each must bear being run twice.

mod failed_work;
mod outcome;
mod queue;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::failed_work::{
    FailedWork, Work, forget_failed_of_grant, list_failed_of_benefit, retry_of_benefit,
};
pub use self::outcome::{Outcome, Reason};
pub use self::queue::{
    Backlog, Claimed, LEASE, Waiting, backlog, claim, claim_mails, claim_unit, enqueue, ensure_recurring,
    has_grants_to_update, is_any_due, is_any_of, list_failed, list_waiting, next_due, next_unit_due, retry,
    retry_failed, run, settle, settle_refused,
};
use crate::benefits::grants::{BenefitGrant, Cursor, Purchase, PurchaseCursor};
use crate::benefits::{Benefit, BenefitCursor};
use crate::customers::Customer;
use crate::emails::Outgoing;
use crate::files::File;
use crate::kit::Id;
use crate::organizations::Organization;
use crate::products::Product;
use crate::search::Noun;

/// Everything a worker can be asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Bring the grants of a benefit up to date after its settings changed.
    UpdateGrantsOfBenefit {
        /// The benefit.
        benefit_id: Id<Benefit>,
        /// Where to go on.
        after: Option<Cursor>,
    },
    /// Bring those in line who hold benefits that give a file, which is complete now.
    UpdateGrantsOfFile {
        /// The file.
        file_id: Id<File>,
        /// Where to go on.
        after: Option<BenefitCursor>,
    },
    /// Take a deleted benefit back from everybody who holds it.
    RevokeGrantsOfBenefit {
        /// The benefit.
        benefit_id: Id<Benefit>,
    },
    /// Take back everything a deleted customer holds.
    RevokeGrantsOfCustomer {
        /// The customer.
        customer_id: Id<Customer>,
    },
    /// Bring everybody in line who bought a product, after what comes with it changed.
    UpdateGrantsOfProduct {
        /// The product.
        product_id: Id<Product>,
        /// Where to go on.
        after: Option<PurchaseCursor>,
    },
    /// Bring one purchase in line with what comes with its product, which a mail about the purchase lists.
    UpdateGrantsOfPurchase {
        /// The purchase.
        purchase: Purchase,
    },
    /// The same where no mail does: the buyer is written to about each thing.
    UpdateUntoldGrantsOfPurchase {
        /// The purchase.
        purchase: Purchase,
    },
    /// Make things findable that were there before their search was.
    Index {
        /// Which things.
        noun: Noun,
        /// Where to go on: the id of the last one.
        after: Option<Uuid>,
    },
    /// Give stored answers the slugs that their custom fields have now.
    MoveAnswers {
        /// Whose answers.
        organization_id: Id<Organization>,
    },
    /// Write down of checkouts that their time is up.
    ExpireCheckouts,
    /// Remove what ended: sessions, sign-in links and codes, kept answers, records of mails, uploads that were never
    /// completed, old events and messages.
    Purge,
    /// What needs the outside.
    #[serde(untagged)]
    Flow(FlowJob),
}

/// Jobs that call the outside. The core says what is to be done; `merak-server`'s flows do it, in units of work with
/// calls between them, and settle the job in the last unit. A call may be made twice: a crash leaves it unsettled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum FlowJob {
    /// Remove the bytes of a deleted file, or the parts of an upload that was given up, from the storage.
    RemoveStoredFile {
        /// The file, whose row stays.
        file_id: Id<File>,
    },
    /// Bring another service into line with a grant: give what it entitles to, take back what it does not.
    SettleAccess {
        /// The grant.
        grant_id: Id<BenefitGrant>,
        /// Whose grant it is.
        customer_id: Id<Customer>,
    },
    /// Send a mail.
    SendEmail {
        /// The mail.
        email_id: Id<Outgoing>,
    },
}

impl FlowJob {
    const fn kind(&self) -> &'static str {
        match self {
            Self::RemoveStoredFile { .. } => "remove_stored_file",
            Self::SettleAccess { .. } => "settle_access",
            Self::SendEmail { .. } => "send_email",
        }
    }

    /// As of [`Job`]: calls about one thing are made one after the other.
    fn lane(&self) -> String {
        match self {
            Self::RemoveStoredFile { file_id } => format!("file:{file_id}"),
            // One customer's accounts are touched by one job at a time.
            Self::SettleAccess { customer_id, .. } => format!("access:{customer_id}"),
            Self::SendEmail { email_id } => format!("email:{email_id}"),
        }
    }
}

impl From<FlowJob> for Job {
    fn from(job: FlowJob) -> Self {
        Self::Flow(job)
    }
}

impl Job {
    /// The job's name in tables, logs and metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::UpdateGrantsOfBenefit { .. } => "update_grants_of_benefit",
            Self::UpdateGrantsOfFile { .. } => "update_grants_of_file",
            Self::RevokeGrantsOfBenefit { .. } => "revoke_grants_of_benefit",
            Self::RevokeGrantsOfCustomer { .. } => "revoke_grants_of_customer",
            Self::UpdateGrantsOfProduct { .. } => "update_grants_of_product",
            Self::UpdateGrantsOfPurchase { .. } => "update_grants_of_purchase",
            Self::UpdateUntoldGrantsOfPurchase { .. } => "update_untold_grants_of_purchase",
            Self::MoveAnswers { .. } => "move_answers",
            Self::ExpireCheckouts => "expire_checkouts",
            Self::Index { .. } => "index",
            Self::Purge => "purge",
            Self::Flow(job) => job.kind(),
        }
    }

    /// Jobs of one lane run one after the other.
    fn lane(&self) -> Option<String> {
        match self {
            Self::UpdateGrantsOfBenefit { benefit_id, .. } | Self::RevokeGrantsOfBenefit { benefit_id } => {
                Some(format!("benefit:{benefit_id}"))
            }
            Self::UpdateGrantsOfFile { file_id, .. } => Some(format!("file:{file_id}")),
            Self::RevokeGrantsOfCustomer { customer_id } => Some(format!("customer:{customer_id}")),
            Self::UpdateGrantsOfProduct { product_id, .. } => Some(format!("product:{product_id}")),
            Self::UpdateGrantsOfPurchase { purchase } | Self::UpdateUntoldGrantsOfPurchase { purchase } => {
                Some(format!("customer:{}", purchase.customer_id))
            }
            Self::MoveAnswers { organization_id } => Some(format!("answers:{organization_id}")),
            Self::ExpireCheckouts | Self::Purge => None,
            Self::Index { noun, .. } => Some(format!("index:{}", noun.as_str())),
            Self::Flow(job) => Some(job.lane()),
        }
    }

    /// At most one waiting job has this name; asking again for the same changes nothing.
    fn dedupe_key(&self) -> Option<&'static str> {
        self.recurs_after().map(|_| self.kind())
    }

    /// The benefit that it is about, if it is about no more: what fails is shown to its seller.
    const fn benefit_id(&self) -> Option<Id<Benefit>> {
        match self {
            Self::UpdateGrantsOfBenefit { benefit_id, .. } | Self::RevokeGrantsOfBenefit { benefit_id } => {
                Some(*benefit_id)
            }
            _ => None,
        }
    }

    /// The grant that it is about, if it is about one.
    const fn grant_id(&self) -> Option<Id<BenefitGrant>> {
        match self {
            Self::Flow(FlowJob::SettleAccess { grant_id, .. }) => Some(*grant_id),
            _ => None,
        }
    }

    /// For jobs that come back by themselves: after how many seconds.
    const fn recurs_after(&self) -> Option<i64> {
        match self {
            Self::ExpireCheckouts => Some(900),
            Self::Purge => Some(3600),
            _ => None,
        }
    }
}
