//! What comes of running a job.

use super::Job;
use crate::kit::Refusal;

/// For how long a job pauses that met too many concurrent changes, in seconds.
const CONFLICT_PAUSE: i64 = 5;

/// What came of running a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// There is more to do: this job follows at once.
    Next(Job),
    /// It failed, for this reason, and is to be tried again later.
    Failed(Reason),
    /// A service outside failed, for this reason, and is to be left alone for so many seconds.
    FailedOutside(Reason, i64),
    /// It will never be done as things are, for this reason: it is set aside at once.
    SetAside(Reason),
    /// A service outside will not do it until its seller has seen to something, for this reason: it is set aside for them.
    Refused(Reason),
    /// It could not be done yet, for this reason, and is to be left alone for so many seconds. That is no failure.
    Postponed(Reason, i64),
}

impl Outcome {
    /// What came of a job that was refused. Too many concurrent changes are nobody's failure.
    pub fn of_refusal(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Store(error @ merak_store::Error::Conflict) => {
                Self::Postponed(Reason::from(error.to_string()), CONFLICT_PAUSE)
            }
            Refusal::Store(error) => Self::Failed(Reason::from(error.to_string())),
            refusal => Self::Failed(Reason::from(refusal.to_string()).told(refusal.sentences())),
        }
    }
}

/// Why a job did not end well. What the operator reads may hold names of hosts and statements of the database; sellers
/// are told only what was written for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What the operator reads.
    pub noted: String,
    /// What the seller reads whose job it is, if there is anything to be told.
    pub told: Option<String>,
}

impl Reason {
    /// The same, of which sellers are told this.
    #[must_use]
    pub fn told(self, sentence: impl Into<String>) -> Self {
        Self { told: Some(sentence.into()), ..self }
    }

    /// This reason and another one.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        let told = self.told.into_iter().chain(other.told.clone()).reduce(|one, other| one + " " + &other);
        Self { noted: format!("{}; {}", self.noted, other.noted), told }
    }
}

/// A reason for the operator alone.
impl From<String> for Reason {
    fn from(noted: String) -> Self {
        Self { noted, told: None }
    }
}

/// A reason for the operator alone.
impl From<&str> for Reason {
    fn from(noted: &str) -> Self {
        Self::from(noted.to_owned())
    }
}
