//! What a purchase gives its buyer, and the record of giving it.

mod commands;
mod files;
pub mod grants;
mod import;
pub mod kinds;
mod queries;

use merak_store::{Json, Timestamp, row};

pub use self::commands::{CreateBenefit, UpdateBenefit, create, create_found, delete, get_to_update, update};
pub use self::files::{BenefitCursor, file_completed, update_batch_of_file};
pub use self::import::import;
pub use self::queries::{ListBenefits, find, find_all, get, get_ever, list};
use crate::connections::Platform;
use crate::kit::{Id, text_enum};
use crate::organizations::Organization;

text_enum! {
    /// The kinds of benefit, in the wire's order.
    pub enum BenefitType {
        /// A private note to the buyer.
        Custom = "custom",
        /// Room for the buyer's advertisement.
        Ads = "ads",
        /// A role on a Discord server.
        Discord = "discord",
        /// Access to a repository on GitHub.
        GithubRepository = "github_repository",
        /// Files to download.
        Downloadables = "downloadables",
        /// License keys for an app to check.
        LicenseKeys = "license_keys",
    }
}

impl BenefitType {
    /// Whether another service gives it.
    pub fn is_outside(self) -> bool {
        self.platform().is_some()
    }

    /// The service that gives it, to accounts there.
    pub fn platform(self) -> Option<Platform> {
        kinds::of(self).outside().map(kinds::Outside::platform)
    }
}

row! {
    /// Something an organization gives to those who buy.
    #[derive(Clone, Debug)]
    pub struct Benefit in "benefits" {
        /// The benefit's id.
        pub id: Id<Benefit>,
        /// Who gives it.
        pub organization_id: Id<Organization>,
        /// Its kind, which never changes.
        pub r#type: BenefitType,
        /// What buyers read, 3 to 42 characters.
        pub description: String,
        /// Deprecated on the wire; true for everything made through the API.
        pub is_tax_applicable: bool,
        /// Whether sellers may put it on products.
        pub selectable: bool,
        /// Whether it may be deleted.
        pub deletable: bool,
        /// The kind's own settings, in the form that [`kinds::Kind::prepare`] returned.
        pub properties: Json,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// When it was deleted.
        pub deleted_at: Option<Timestamp>,
    }
}
