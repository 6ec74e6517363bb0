//! What came of what was asked of a processor.

use serde::{Deserialize, Serialize};

/// How a charge stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeOutcome {
    /// The processor's name for the charge over all of its life. Absent only where it was declined before it had one.
    pub intent_id: Option<String>,
    /// What lets the customer's browser go on with it.
    pub client_secret: Option<String>,
    /// How it stands.
    pub state: ChargeState,
}

/// How a charge stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChargeState {
    /// The money is there.
    Succeeded {
        /// The processor's name for the movement of money.
        charge_id: String,
        /// With what was paid, if the processor tells.
        method: Option<Method>,
        /// What the processor keeps of it, in minor units, if that is known yet.
        fee_cents: Option<i64>,
    },
    /// The customer has to prove who they are.
    RequiresAction {
        /// Where, for a browser without the processor's script.
        url: Option<String>,
    },
    /// It is not known yet; an event will tell.
    Processing,
    /// No money moves, and none will by this intent.
    Declined(Decline),
    /// It was given up before money moved.
    Canceled,
}

impl ChargeOutcome {
    /// Of several, the one in which money has moved, else one in which it may.
    pub(super) fn weightiest(outcomes: Vec<Self>) -> Option<Self> {
        outcomes.into_iter().min_by_key(|outcome| match outcome.state {
            ChargeState::Succeeded { .. } => 0,
            ChargeState::Processing => 1,
            ChargeState::RequiresAction { .. } => 2,
            ChargeState::Declined(_) => 3,
            ChargeState::Canceled => 4,
        })
    }
}

/// How the saving of a method stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupOutcome {
    /// The processor's name for it. Absent only where it was declined before it had one.
    pub intent_id: Option<String>,
    /// What lets the customer's browser go on with it.
    pub client_secret: Option<String>,
    /// How it stands.
    pub state: SetupState,
}

/// How the saving of a method stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetupState {
    /// The method is saved.
    Succeeded {
        /// It.
        method: Method,
    },
    /// The customer has to prove who they are.
    RequiresAction {
        /// Where, for a browser without the processor's script.
        url: Option<String>,
    },
    /// It is not known yet; an event will tell.
    Processing,
    /// The method cannot be saved.
    Declined(Decline),
    /// It was given up.
    Canceled,
}

/// Why a method was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decline {
    /// Why, in a word of the processor: `insufficient_funds`.
    pub code: String,
    /// Why, in a sentence for the customer.
    pub message: String,
    /// Whether this method will never be accepted, so that there is no use in trying again.
    pub hard: bool,
    /// Whether it may be accepted once the customer has proved who they are.
    pub authentication_required: bool,
}

/// A means of payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// The processor's id of it. It can be charged again only if it was saved.
    pub id: String,
    /// The kind: `card`.
    pub kind: String,
    /// The brand of a card: `visa`.
    pub brand: Option<String>,
    /// The last four digits.
    pub last4: Option<String>,
    /// The month in which it expires.
    pub exp_month: Option<u8>,
    /// The year in which it expires.
    pub exp_year: Option<u16>,
    /// The country of its bank, in two letters.
    pub country: Option<String>,
}

/// What came of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundOutcome {
    /// The processor's name for the refund. Absent only where it failed before it had one.
    pub refund_id: Option<String>,
    /// How it stands.
    pub state: RefundState,
}

/// How a refund stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// The money is on its way back.
    Succeeded,
    /// It is not known yet; an event will tell.
    Pending,
    /// No money goes back.
    Failed {
        /// Why, in a word of the processor.
        code: String,
        /// Why, in a sentence for the merchant.
        message: String,
    },
}
