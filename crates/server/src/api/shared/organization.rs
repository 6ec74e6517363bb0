//! Organizations and their settings.

use merak_core::kit::{Id, WebUrl};
use merak_core::organizations::{self, ProfileSettings};
use merak_store::Timestamp;
use uuid::Uuid;

use crate::wire::answer;

answer! {
    /// A shop.
    pub struct Organization {
        /// When the organization was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// The organization's id.
        pub id: Id<organizations::Organization>,
        /// What it is called.
        pub name: String,
        /// Its name in addresses.
        pub slug: String,
        /// Its picture.
        pub avatar_url: Option<String>,
        /// A sentence about it.
        pub bio: Option<String>,
        /// Its company.
        pub company: Option<String>,
        /// Its web page.
        pub blog: Option<String>,
        /// Where it is.
        pub location: Option<String>,
        /// Its public address.
        pub email: Option<String>,
        /// Its name on X.
        pub twitter_username: Option<String>,
        /// The least amount of a pledge, in cents.
        pub pledge_minimum_amount: i64,
        /// Whether badges show the pledged amount.
        pub pledge_badge_show_amount: bool,
        /// Percent of a reward that contributors get unless said otherwise.
        pub default_upfront_split_to_contributors: Option<i64>,
        /// How its public profile looks.
        pub profile_settings: Option<OrganizationProfileSettings>,
        /// What is switched on for it.
        pub feature_settings: Option<OrganizationFeatureSettings>,
    }

    /// How an organization's public profile looks.
    pub struct OrganizationProfileSettings {
        /// Whether the storefront is open.
        pub enabled: Option<bool> = {"required": false},
        /// A sentence about the organization.
        pub description: Option<String> = {"maxLength": 160, "required": false},
        /// Repositories shown first.
        pub featured_projects: Option<Vec<Uuid>> = {"required": false},
        /// Organizations shown beside.
        pub featured_organizations: Option<Vec<Uuid>> = {"required": false},
        /// Links shown on the profile.
        pub links: Option<Vec<WebUrl>> = {"required": false},
        /// How subscribing is advertised.
        pub subscribe: Option<OrganizationSubscribePromoteSettings>
            = {"default": {"promote": true, "show_count": true, "count_free": true}},
        /// A colour that begins with `#`.
        pub accent_color: Option<String> = {"required": false},
    }

    /// How subscribing is advertised on a profile.
    pub struct OrganizationSubscribePromoteSettings {
        /// Whether it is.
        pub promote: bool = {"default": true},
        /// Whether the number of subscribers is shown.
        pub show_count: bool = {"default": true},
        /// Whether free subscribers count.
        pub count_free: bool = {"default": true},
    }

    /// What is switched on for an organization.
    pub struct OrganizationFeatureSettings {
        /// Whether issues of its repositories can be funded.
        pub issue_funding_enabled: bool = {"default": false},
    }
}

impl From<organizations::Organization> for Organization {
    fn from(organization: organizations::Organization) -> Self {
        Self {
            created_at: organization.created_at,
            modified_at: organization.modified_at,
            id: organization.id,
            name: organization.name,
            slug: organization.slug,
            avatar_url: organization.avatar_url,
            bio: organization.bio,
            company: organization.company,
            blog: organization.blog,
            location: organization.location,
            email: organization.email,
            twitter_username: organization.twitter_username,
            pledge_minimum_amount: organization.pledge_minimum_amount,
            pledge_badge_show_amount: organization.pledge_badge_show_amount,
            default_upfront_split_to_contributors: organization.default_upfront_split_to_contributors,
            profile_settings: Some(organization.profile_settings.into()),
            feature_settings: organization.feature_settings.0.map(|features| OrganizationFeatureSettings {
                issue_funding_enabled: features.issue_funding_enabled,
            }),
        }
    }
}

impl From<ProfileSettings> for OrganizationProfileSettings {
    fn from(settings: ProfileSettings) -> Self {
        Self {
            enabled: settings.enabled,
            description: settings.description,
            featured_projects: settings.featured_projects,
            featured_organizations: settings.featured_organizations,
            links: settings.links,
            subscribe: settings.subscribe.map(|subscribe| OrganizationSubscribePromoteSettings {
                promote: subscribe.promote,
                show_count: subscribe.show_count,
                count_free: subscribe.count_free,
            }),
            accent_color: settings.accent_color,
        }
    }
}
