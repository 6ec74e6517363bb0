//! Why a transfer stopped.

use std::io;
use std::path::PathBuf;

use merak_core::kit::Refusal;

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a transfer stopped. What single records were left behind for is no error; it stands in the report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The core refuses, or the database did not do its part.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A file cannot be read or written.
    #[error("{}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// What takes an export does not take it.
    #[error("the export cannot be written: {cause}")]
    Unwritten {
        /// What the system says.
        cause: io::Error,
    },
    /// A file is not what [`file`](crate::file) writes, or not all of it.
    #[error("line {line}: {reason}")]
    Format {
        /// Which line, counted from one.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A server has nothing at an address.
    #[error("{address}: the answer is 404 Not Found; is this the address of the API?")]
    Absent {
        /// What was asked for.
        address: String,
    },
    /// A server cannot be asked.
    #[error("{address}: {reason}")]
    Server {
        /// What was asked for.
        address: String,
        /// What went wrong.
        reason: String,
    },
}

impl Error {
    /// What a server has nothing of is an empty list.
    pub(crate) fn if_absent<T>(self) -> Result<Option<T>> {
        if matches!(self, Self::Absent { .. }) { Ok(None) } else { Err(self) }
    }
}

impl From<merak_store::Error> for Error {
    fn from(error: merak_store::Error) -> Self {
        Self::Refused(error.into())
    }
}
