//! The ledger: every movement of money of an organization, in double entry, for ever.
//!
//! An entry says what happened and moves amounts between accounts: its lines sum to zero in each currency. Entries are
//! numbered within their organization without gaps, are only ever added, and each holds the hash of the one before.
//! What was changed or taken out afterwards is found by [`audit()`].
//!
//! # The hash
//!
//! It is SHA-256 of a text in UTF-8, in lower-case hex. No key goes into it, so that anybody can check it. The text of an
//! entry has these lines, ended by line feeds; `-` stands for what is absent, ids have lower case and hyphens, instants six
//! digits of a second and `Z`. What is described comes last and may have line feeds itself.
//!
//! ```text
//! merak ledger 1
//! previous 0000000000000000000000000000000000000000000000000000000000000000
//! organization 0195d3a4-2f5b-7c11-8e9a-3b6f0c2d1e4f
//! sequence 1
//! id 0195d3a4-2f5b-7c11-8e9a-3b6f0c2d1e50
//! kind payment
//! occurred_at 2025-01-07T10:00:00.000000Z
//! created_at 2025-01-07T10:00:01.000000Z
//! customer -
//! order 0195d3a4-2f5b-7c11-8e9a-3b6f0c2d1e51
//! invoice -
//! payment -
//! refund -
//! dispute -
//! lines 2
//! processor_clearing usd 1000
//! revenue usd -1000
//! description One license
//! ```
//!
//! `previous` is the hash of the entry before, and 64 zeros for the first one. The lines stand in the order of their
//! positions.

pub mod audit;
mod commands;
pub mod entries;
mod hash;
mod queries;

use merak_store::{Timestamp, row};
use uuid::Uuid;

pub use self::audit::audit;
pub use self::commands::{post, post_all};
pub use self::queries::{Balance, balances, head, list_of_order, list_organizations};
use crate::kit::{Cents, Currency, Id, text_enum};
use crate::organizations::Organization;

text_enum! {
    /// What has happened.
    pub enum EntryKind {
        /// A customer owes something.
        Invoice = "invoice",
        /// Something was paid, by a processor or from credit.
        Payment = "payment",
        /// A processor took a fee that it did not name before.
        ProcessorFee = "processor_fee",
        /// A customer got money back.
        Refund = "refund",
        /// A payment is disputed, or was lost by a dispute.
        Dispute = "dispute",
        /// A dispute was won.
        DisputeReversal = "dispute_reversal",
        /// A customer got credit for later purchases.
        Credit = "credit",
        /// Tax was passed on to an authority.
        Tax = "tax",
        /// Something was put right by hand.
        Adjustment = "adjustment",
    }
}

text_enum! {
    /// Where amounts are. Debit is above zero and credit below, so assets and costs are normally above, and revenue and
    /// what is owed to others below.
    pub enum Account {
        /// Money that processors hold for the seller: an asset.
        ProcessorClearing = "processor_clearing",
        /// What customers owe: an asset.
        CustomerReceivable = "customer_receivable",
        /// What processors keep: a cost.
        ProcessorFees = "processor_fees",
        /// What was paid back, without its tax: less revenue.
        Refunds = "refunds",
        /// Money that processors hold back while payments are disputed: an asset.
        Disputes = "disputes",
        /// What was lost by disputes, without its tax: less revenue.
        DisputeLosses = "dispute_losses",
        /// What was put right by hand.
        Adjustments = "adjustments",
        /// What was sold, without tax.
        Revenue = "revenue",
        /// Tax that is owed to authorities.
        TaxPayable = "tax_payable",
        /// Credit that customers have: owed to them.
        CustomerCredit = "customer_credit",
    }
}

/// An amount that goes to an account, or comes from it if it is below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which account.
    pub account: Account,
    /// How much.
    pub amount: Cents,
    /// In which currency.
    pub currency: Currency,
}

/// What an entry is about. The ledger outlives what it names, so these are ids without a promise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Concerns {
    /// Whose money it is.
    pub customer_id: Option<Uuid>,
    /// Which order.
    pub order_id: Option<Uuid>,
    /// Which invoice.
    pub invoice_id: Option<Uuid>,
    /// Which payment.
    pub payment_id: Option<Uuid>,
    /// Which refund.
    pub refund_id: Option<Uuid>,
    /// Which dispute.
    pub dispute_id: Option<Uuid>,
}

/// An entry to be added. An event that moves nothing has no lines, and is told all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// What has happened.
    pub kind: EntryKind,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// What it is about.
    pub concerns: Concerns,
    /// A sentence for people.
    pub description: String,
    /// What it moves. Lines over nothing are left out.
    pub lines: Vec<Line>,
}

impl NewEntry {
    /// The entry that tells of a movement of [`entries`].
    pub fn of(
        movement: entries::Movement,
        occurred_at: Timestamp,
        concerns: Concerns,
        description: &str,
    ) -> Self {
        let (kind, lines) = movement;
        Self { kind, occurred_at, concerns, description: description.to_owned(), lines }
    }
}

row! {
    /// An entry of the ledger, without its lines.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Entry in "ledger_entries" {
        /// The entry's id.
        pub id: Id<Entry>,
        /// Whose ledger it is in.
        pub organization_id: Id<Organization>,
        /// Its number there, from 1.
        pub sequence: i64,
        /// What has happened.
        pub kind: EntryKind,
        /// When it happened.
        pub occurred_at: Timestamp,
        /// When it was added.
        pub created_at: Timestamp,
        /// Whose money it is.
        pub customer_id: Option<Uuid>,
        /// Which order it is about.
        pub order_id: Option<Uuid>,
        /// Which invoice it is about.
        pub invoice_id: Option<Uuid>,
        /// Which payment it is about.
        pub payment_id: Option<Uuid>,
        /// Which refund it is about.
        pub refund_id: Option<Uuid>,
        /// Which dispute it is about.
        pub dispute_id: Option<Uuid>,
        /// A sentence for people.
        pub description: String,
        /// The hash of the entry before.
        pub previous_hash: String,
        /// The hash of this entry.
        pub hash: String,
    }
}

/// The hash that the first entry of a ledger follows.
pub const FIRST_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";
