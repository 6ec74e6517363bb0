//! What comes of taking a row over from elsewhere.

use std::fmt;

use super::Id;

/// What came of a row that was to be taken over with its id, its times and its texts.
#[derive(Clone, PartialEq, Eq)]
pub enum Imported<T> {
    /// It is here now; under another id if its own belongs to somebody else here.
    New(Id<T>),
    /// The organization has it already.
    Found(Id<T>),
    /// It cannot be here, for this reason.
    Refused(String),
}

impl<T> Imported<T> {
    /// A row that cannot be here.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(reason.into())
    }
}

// A derive would demand the same of `T`.
impl<T> fmt::Debug for Imported<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New(id) => write!(f, "New({id})"),
            Self::Found(id) => write!(f, "Found({id})"),
            Self::Refused(reason) => write!(f, "Refused({reason:?})"),
        }
    }
}
