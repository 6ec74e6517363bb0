//! The organization itself.

use merak_store::{ReadTx, Timestamp, Tx};
use serde::{Deserialize, Serialize};

use crate::kit::{Address, Email, Id, Imported, Result, Slug};
use crate::organizations::{self, FeatureSettings, Organization, ProfileSettings};
use crate::users::{self, User};

/// An organization, with the members of the API's answer and those that only its owner sees.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrganizationRecord {
    /// The organization's id.
    pub id: Id<Organization>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub modified_at: Option<Timestamp>,
    /// What it is called.
    pub name: String,
    /// Its name in addresses.
    pub slug: String,
    /// Its picture.
    pub avatar_url: Option<String>,
    /// See [`Organization::bio`].
    pub bio: Option<String>,
    /// See [`Organization::company`].
    pub company: Option<String>,
    /// See [`Organization::blog`].
    pub blog: Option<String>,
    /// See [`Organization::location`].
    pub location: Option<String>,
    /// See [`Organization::email`].
    pub email: Option<String>,
    /// See [`Organization::twitter_username`].
    pub twitter_username: Option<String>,
    /// See [`Organization::pledge_minimum_amount`].
    pub pledge_minimum_amount: i64,
    /// See [`Organization::pledge_badge_show_amount`].
    pub pledge_badge_show_amount: bool,
    /// See [`Organization::default_upfront_split_to_contributors`].
    pub default_upfront_split_to_contributors: Option<i64>,
    /// How its public profile looks.
    pub profile_settings: Option<ProfileSettings>,
    /// What is switched on for it.
    #[serde(default)]
    pub feature_settings: FeatureSettings,
    /// See [`Organization::billing_email`].
    pub billing_email: Option<String>,
    /// See [`Organization::legal_name`]; a server's answer has none of these three.
    #[serde(default)]
    pub legal_name: Option<String>,
    /// See [`Organization::billing_address`].
    #[serde(default)]
    pub billing_address: Option<Address>,
    /// See [`Organization::tax_id`].
    #[serde(default)]
    pub tax_id: Option<String>,
    /// See [`Organization::default_badge_custom_content`].
    pub default_badge_custom_content: Option<String>,
    /// See [`Organization::total_monthly_spending_limit`].
    pub total_monthly_spending_limit: Option<i64>,
    /// See [`Organization::per_user_monthly_spending_limit`].
    pub per_user_monthly_spending_limit: Option<i64>,
    /// Since when its settings are saved.
    pub onboarded_at: Option<Timestamp>,
    /// The addresses of those who work for it; a server's answer does not name them.
    #[serde(default)]
    pub members: Vec<Email>,
}

impl OrganizationRecord {
    pub(super) fn export(tx: &mut ReadTx<'_>, organization: &Organization) -> Result<Self> {
        let members = organizations::addresses_of_members(tx, organization.id)?;
        let of = organization.clone();
        Ok(Self {
            id: of.id,
            created_at: of.created_at,
            modified_at: of.modified_at,
            name: of.name,
            slug: of.slug,
            avatar_url: of.avatar_url,
            bio: of.bio,
            company: of.company,
            blog: of.blog,
            location: of.location,
            email: of.email,
            twitter_username: of.twitter_username,
            pledge_minimum_amount: of.pledge_minimum_amount,
            pledge_badge_show_amount: of.pledge_badge_show_amount,
            default_upfront_split_to_contributors: of.default_upfront_split_to_contributors,
            profile_settings: Some(of.profile_settings),
            feature_settings: of.feature_settings,
            billing_email: of.billing_email,
            legal_name: of.legal_name,
            billing_address: of.billing_address,
            tax_id: of.tax_id,
            default_badge_custom_content: of.default_badge_custom_content,
            total_monthly_spending_limit: of.total_monthly_spending_limit,
            per_user_monthly_spending_limit: of.per_user_monthly_spending_limit,
            onboarded_at: of.onboarded_at,
            members,
        })
    }

    /// Makes the organization with its id and slug. Those who work for it are found by their addresses, or made.
    pub(super) fn take(&self, tx: &mut Tx<'_>, owner: Option<&Email>) -> Result<Imported<Organization>> {
        let slug = match Slug::parse(&self.slug) {
            Ok(slug) => slug,
            Err(problem) => return Ok(Imported::refused(format!("its slug cannot be used: {problem}"))),
        };
        let mut members: Vec<Id<User>> = Vec::new();
        for address in owner.into_iter().chain(&self.members) {
            let member = users::find_or_create(tx, address)?.id;
            if !members.contains(&member) {
                members.push(member);
            }
        }
        if members.is_empty() {
            return Ok(Imported::refused("nobody is known who works for it; name its owner with --owner"));
        }
        organizations::import(tx, &self.row(&slug), &members)
    }

    fn row(&self, slug: &Slug) -> Organization {
        let of = self.clone();
        Organization {
            id: of.id,
            name: of.name,
            slug: slug.as_str().to_owned(),
            avatar_url: of.avatar_url,
            bio: of.bio,
            company: of.company,
            blog: of.blog,
            location: of.location,
            email: of.email,
            twitter_username: of.twitter_username,
            pledge_minimum_amount: of.pledge_minimum_amount,
            pledge_badge_show_amount: of.pledge_badge_show_amount,
            default_upfront_split_to_contributors: of
                .default_upfront_split_to_contributors
                .filter(|percent| (0..=100).contains(percent)),
            // Repositories and other organizations are not here, so that none can be featured.
            profile_settings: ProfileSettings {
                featured_projects: None,
                featured_organizations: None,
                ..of.profile_settings.unwrap_or_default()
            },
            feature_settings: of.feature_settings,
            billing_email: of.billing_email,
            legal_name: of.legal_name,
            billing_address: of.billing_address,
            tax_id: of.tax_id,
            default_badge_custom_content: of.default_badge_custom_content,
            total_monthly_spending_limit: of.total_monthly_spending_limit,
            per_user_monthly_spending_limit: of.per_user_monthly_spending_limit,
            onboarded_at: of.onboarded_at,
            blocked_at: None,
            created_at: of.created_at,
            modified_at: of.modified_at,
            deleted_at: None,
        }
    }
}
