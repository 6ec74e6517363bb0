//! When a processor gives no answer.

use std::time::Duration;

/// What processors return.
pub type Result<T> = std::result::Result<T, Error>;

/// There is no answer. The sentences are for the operator. Whatever it is, the call is repeated with the same key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not known what happened: the processor did not answer, not in time, or not with sense. Money may have
    /// moved.
    #[error("{processor} gave no answer: {cause}")]
    Unknown {
        /// Which processor.
        processor: &'static str,
        /// What went wrong.
        cause: String,
        /// How long the processor asks to wait, if it does.
        after: Option<Duration>,
    },
    /// Nothing happened, and nothing will until the operator has done something: the credentials are wrong, or belong
    /// to another account than the one in which things were made.
    #[error("{processor} is not set up well: {cause}")]
    Misconfigured {
        /// Which processor.
        processor: &'static str,
        /// What it says.
        cause: String,
    },
}

impl Error {
    /// How long the processor asks to wait, if it does.
    pub const fn wait(&self) -> Option<Duration> {
        match self {
            Self::Unknown { after, .. } => *after,
            Self::Misconfigured { .. } => None,
        }
    }
}

impl From<Error> for crate::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Unknown { processor: service, cause, .. } => Self::Unreachable { service, cause },
            Error::Misconfigured { processor: service, cause } => Self::Refused { service, cause },
        }
    }
}
