//! What a processor says of a payment or a refund, as plain data. The server makes it of what the adapters say.

use crate::kit::{Cents, Country};

/// What a processor says of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The processor's id of the attempt, if it has one.
    pub intent_id: Option<String>,
    /// What lets the customer's browser go on with it.
    pub client_secret: Option<String>,
    /// How it stands.
    pub outcome: Outcome,
}

/// How a payment stands with its processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The money is there, or the method is saved.
    Succeeded {
        /// The processor's id of the money; none for a setup.
        charge_id: Option<String>,
        /// With what was paid, or what was saved.
        method: Option<Method>,
        /// What the processor keeps, if it told.
        fee: Option<Cents>,
    },
    /// The customer has to do something.
    RequiresAction,
    /// The processor will tell later.
    Processing,
    /// It did not and will not come.
    Failed(Failure),
}

/// Why a payment failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For programs, in the processor's word.
    pub code: String,
    /// For the customer.
    pub message: String,
    /// Whether this method will never be accepted.
    pub is_final: bool,
    /// Whether the customer has to prove who they are.
    pub needs_customer: bool,
}

/// A means of payment, as its processor describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// The processor's id of it.
    pub id: String,
    /// The kind: `card`.
    pub r#type: String,
    /// The card's brand.
    pub brand: Option<String>,
    /// The last four digits.
    pub last4: Option<String>,
    /// The last month in which it is valid, from 1.
    pub exp_month: Option<i64>,
    /// The year of that month.
    pub exp_year: Option<i64>,
    /// Where it was issued.
    pub country: Option<Country>,
}

/// What a processor says of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundAnswer {
    /// The processor's id of the refund, if it has one.
    pub refund_id: Option<String>,
    /// How it stands.
    pub outcome: RefundOutcome,
}

/// How a refund stands with its processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundOutcome {
    /// The money went back.
    Succeeded,
    /// The processor will tell later.
    Pending,
    /// No money goes back, for this reason.
    Failed(String),
}

impl Answer {
    /// An attempt that failed before the processor had anything to show for it.
    pub fn failed(code: &str, message: &str) -> Self {
        let failure = Failure {
            code: code.to_owned(),
            message: message.to_owned(),
            is_final: false,
            needs_customer: false,
        };
        Self { intent_id: None, client_secret: None, outcome: Outcome::Failed(failure) }
    }
}
