//! Shops: the tenants of an installation.

mod commands;
mod import;
mod queries;
mod seller;
mod settings;

use merak_store::{Timestamp, row};

pub use self::commands::{CreateOrganization, UpdateOrganization, create, update};
pub use self::import::import;
pub use self::queries::{
    ListOrganizations, addresses_of_members, find, find_by_slug, find_many, get, list, list_all, only,
};
pub use self::seller::{Seller, UpdateSeller, update_seller};
pub(crate) use self::seller::{seller_of, sellers_of};
pub use self::settings::{FeatureSettings, ProfileSettings, ProfileSettingsPatch, SubscribeSettings};
use crate::kit::{Address, Id, sort_properties};

row! {
    /// A shop.
    #[derive(Clone, Debug)]
    pub struct Organization in "organizations" {
        /// The organization's id.
        pub id: Id<Organization>,
        /// What it is called.
        pub name: String,
        /// Its name in addresses: lower case, unique for ever, never changed.
        pub slug: String,
        /// Its picture.
        pub avatar_url: Option<String>,
        /// A sentence about it, from its GitHub profile.
        pub bio: Option<String>,
        /// Its company, from its GitHub profile.
        pub company: Option<String>,
        /// Its web page, from its GitHub profile.
        pub blog: Option<String>,
        /// Where it is, from its GitHub profile.
        pub location: Option<String>,
        /// Its public address: customers read it, and answers to its mails go there.
        pub email: Option<String>,
        /// Its name on X, from its GitHub profile.
        pub twitter_username: Option<String>,
        /// The least amount of a pledge, in cents.
        pub pledge_minimum_amount: i64,
        /// Whether badges show the pledged amount.
        pub pledge_badge_show_amount: bool,
        /// Percent of a reward that contributors get unless said otherwise.
        pub default_upfront_split_to_contributors: Option<i64>,
        /// How its public profile looks.
        pub profile_settings: ProfileSettings,
        /// What is switched on for it.
        pub feature_settings: FeatureSettings,
        /// Where its own bills go.
        pub billing_email: Option<String>,
        /// The name under which it does business, if that is another one than it shows.
        pub legal_name: Option<String>,
        /// Its address as a seller.
        pub billing_address: Option<Address>,
        /// Its tax number as a seller, as it is written on invoices.
        pub tax_id: Option<String>,
        /// Text of its funding badge.
        pub default_badge_custom_content: Option<String>,
        /// The most it spends in a month, in cents.
        pub total_monthly_spending_limit: Option<i64>,
        /// The most a member spends in a month, in cents.
        pub per_user_monthly_spending_limit: Option<i64>,
        /// When its settings were first saved.
        pub onboarded_at: Option<Timestamp>,
        /// Since when it is refused everywhere.
        pub blocked_at: Option<Timestamp>,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// When it was deleted.
        pub deleted_at: Option<Timestamp>,
    }
}

sort_properties! {
    /// What a list of organizations can be sorted by.
    pub enum OrganizationSort {
        /// When the organization was made.
        CreatedAt = "created_at" => "organizations.created_at",
        /// Its slug; the wire calls it name.
        Name = "name" => "organizations.slug",
    }
}
