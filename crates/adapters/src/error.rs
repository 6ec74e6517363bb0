//! When a service does not do its part.

/// What adapters return.
pub type Result<T> = std::result::Result<T, Error>;

/// A service did not do its part. The sentences are for the operator; callers are only told which service it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It did not answer, or not in time.
    #[error("{service} cannot be reached: {cause}")]
    Unreachable {
        /// Which service.
        service: &'static str,
        /// What went wrong.
        cause: String,
    },
    /// It answered that it will not.
    #[error("{service} refuses: {cause}")]
    Refused {
        /// Which service.
        service: &'static str,
        /// What it says.
        cause: String,
    },
    /// It is not asked now, because it did not do its part a moment ago or many are waiting for it.
    #[error("{service} is not asked for {seconds} s")]
    Paused {
        /// Which service.
        service: &'static str,
        /// After how many seconds it may be asked again.
        seconds: u64,
    },
    /// It answered what is not understood.
    #[error("{service} answers strangely: {cause}")]
    Malformed {
        /// Which service.
        service: &'static str,
        /// What is strange.
        cause: String,
    },
}

impl Error {
    /// The service, in words for people.
    pub const fn service(&self) -> &'static str {
        match self {
            Self::Unreachable { service, .. }
            | Self::Refused { service, .. }
            | Self::Paused { service, .. }
            | Self::Malformed { service, .. } => service,
        }
    }
}
