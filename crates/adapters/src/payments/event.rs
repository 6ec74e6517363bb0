//! What a processor tells by itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Decline;

/// Something happened. It may be told twice, late, and before what happened earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The processor's name for it; the same however often it is told.
    pub id: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// The charge or the set-up that it is about.
    pub intent_id: Option<String>,
    /// Our name for the attempt, or for the refund if it is about one.
    pub reference: Option<String>,
    /// How much it is about, in minor units.
    pub amount_cents: Option<i64>,
    /// What the processor has taken for a dispute so far, in minor units.
    pub fee_cents: Option<i64>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// A charge's money is there.
    ChargeSucceeded,
    /// A charge failed.
    ChargeFailed(Decline),
    /// A method is saved.
    SetupSucceeded,
    /// A method was not saved.
    SetupFailed(Decline),
    /// A refund's money is on its way back.
    RefundSettled {
        /// The processor's name for the refund.
        refund_id: String,
    },
    /// A refund failed.
    RefundFailed {
        /// The processor's name for the refund.
        refund_id: String,
    },
    /// A customer wants money back through their bank, which holds it.
    DisputeOpened {
        /// The processor's name for the dispute.
        dispute_id: String,
    },
    /// The bank has decided.
    DisputeClosed {
        /// The processor's name for the dispute.
        dispute_id: String,
        /// Whether the merchant keeps the money.
        won: bool,
    },
    /// A saved method has other data now, such as the date on which it expires.
    MethodUpdated {
        /// The processor's id of the method.
        method_id: String,
    },
    /// A method is not saved any more.
    MethodDetached {
        /// The processor's id of the method.
        method_id: String,
    },
    /// Something that nobody here waits for.
    Ignored,
}

/// Why a message is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// It cannot be read.
    #[error("The message cannot be read.")]
    BadPayload,
    /// The processor did not sign it.
    #[error("The signature does not match.")]
    BadSignature,
    /// It was signed too long ago, or will be: somebody may have kept it to send it again.
    #[error("The message was not signed just now.")]
    Replayed,
}
