//! What a grant lets a buyer download: a row for each file, customer and benefit. It is never taken away by archiving
//! the file, only by revoking the benefit or deleting the file.

mod commands;
mod queries;
pub mod token;

use merak_store::{Timestamp, row};

pub use self::commands::{grant, redeem, revoke};
pub use self::queries::{ListDownloadablesOfBuyer, list_of_buyer};
use crate::benefits::Benefit;
use crate::customers::Customer;
use crate::files::File;
use crate::kit::{Id, text_enum};

text_enum! {
    /// Whether a buyer may download.
    pub enum Status {
        /// They may.
        Granted = "granted",
        /// They may not any more.
        Revoked = "revoked",
    }
}

row! {
    /// A file that a customer may download because of a benefit.
    #[derive(Clone, Debug)]
    pub struct Downloadable in "downloadables" {
        /// Its id.
        pub id: Id<Downloadable>,
        /// Who may download.
        pub customer_id: Id<Customer>,
        /// What.
        pub file_id: Id<File>,
        /// Because of which benefit.
        pub benefit_id: Id<Benefit>,
        /// Whether they still may.
        pub status: Status,
        /// How often it was downloaded.
        pub downloaded: i64,
        /// When it last was.
        pub last_downloaded_at: Option<Timestamp>,
        /// When it was first granted.
        pub created_at: Timestamp,
        /// When it was last granted again or revoked.
        pub modified_at: Option<Timestamp>,
    }
}
