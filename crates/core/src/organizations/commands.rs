//! What changes organizations.

use merak_store::{ResultExt, Tx};
use uuid::Uuid;

use super::{FeatureSettings, Organization, ProfileSettings, ProfileSettingsPatch, queries};
use crate::access::Tenancy;
use crate::events::{self, EventType};
use crate::kit::{Id, Patch, Refusal, Result, Slug, WebUrl, at};
use crate::streams::{self, Channel};
use crate::users::User;

/// The least amount of a pledge unless an organization says otherwise, in cents.
const PLEDGE_MINIMUM_AMOUNT: i64 = 2000;

/// A new organization.
#[derive(Clone, Debug)]
pub struct CreateOrganization {
    /// What it is called, at least three characters.
    pub name: String,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its picture.
    pub avatar_url: Option<WebUrl>,
    /// What is switched on for it.
    pub feature_settings: FeatureSettings,
}

/// Makes an organization; its creator becomes its first member.
pub fn create(tx: &mut Tx<'_>, creator: Id<User>, command: &CreateOrganization) -> Result<Organization> {
    let now = tx.now();
    let organization = Organization {
        id: Id::new(tx),
        name: command.name.clone(),
        slug: command.slug.as_str().to_owned(),
        avatar_url: command.avatar_url.as_ref().map(|url| url.as_str().to_owned()),
        bio: None,
        company: None,
        blog: None,
        location: None,
        email: None,
        twitter_username: None,
        pledge_minimum_amount: PLEDGE_MINIMUM_AMOUNT,
        pledge_badge_show_amount: true,
        default_upfront_split_to_contributors: None,
        profile_settings: ProfileSettings::default(),
        feature_settings: command.feature_settings,
        billing_email: None,
        legal_name: None,
        billing_address: None,
        tax_id: None,
        default_badge_custom_content: None,
        total_monthly_spending_limit: None,
        per_user_monthly_spending_limit: None,
        onboarded_at: None,
        blocked_at: None,
        created_at: now,
        modified_at: None,
        deleted_at: None,
    };
    tx.insert(&organization).on_constraint("organizations_slug_key", || {
        Refusal::invalid(
            at("body")
                .field("slug")
                .value_error("An organization with this slug already exists.", command.slug.as_str()),
        )
    })?;
    tx.execute(
        "INSERT INTO organization_members (user_id, organization_id, created_at) VALUES ($1, $2, $3)",
        &[&creator, &organization.id, &now],
    )?;
    open_counts(tx, organization.id)?;
    Ok(organization)
}

/// Makes the rows in which what an organization has is counted.
pub(super) fn open_counts(tx: &mut Tx<'_>, id: Id<Organization>) -> Result<()> {
    tx.execute("INSERT INTO customer_counts (organization_id, customers) VALUES ($1, 0)", &[&id])?;
    Ok(())
}

/// A change of an organization. Absent members stay as they are.
#[derive(Clone, Debug, Default)]
pub struct UpdateOrganization {
    /// A new name, not blank.
    pub name: Option<String>,
    /// A new picture, or none.
    pub avatar_url: Patch<WebUrl>,
    /// See [`Organization::default_upfront_split_to_contributors`].
    pub default_upfront_split_to_contributors: Patch<i64>,
    /// See [`Organization::pledge_badge_show_amount`].
    pub pledge_badge_show_amount: Option<bool>,
    /// See [`Organization::pledge_minimum_amount`].
    pub pledge_minimum_amount: Option<i64>,
    /// See [`Organization::billing_email`].
    pub billing_email: Patch<String>,
    /// See [`Organization::default_badge_custom_content`].
    pub default_badge_custom_content: Patch<String>,
    /// See [`Organization::total_monthly_spending_limit`].
    pub total_monthly_spending_limit: Patch<i64>,
    /// See [`Organization::per_user_monthly_spending_limit`].
    pub per_user_monthly_spending_limit: Patch<i64>,
    /// Members of the profile settings to replace.
    pub profile_settings: Option<ProfileSettingsPatch>,
    /// Whether issue funding is on; unchanged if absent.
    pub issue_funding_enabled: Option<bool>,
}

/// Changes an organization the caller may see. Featured organizations must exist, else not found.
pub fn update(
    tx: &mut Tx<'_>,
    tenancy: &Tenancy,
    id: Id<Organization>,
    command: &UpdateOrganization,
) -> Result<Organization> {
    let mut organization = queries::get(tx, tenancy, id)?;
    let now = tx.now();
    if let Some(name) = &command.name {
        name.trim().clone_into(&mut organization.name);
    }
    command.avatar_url.clone().map(|url| url.as_str().to_owned()).apply(&mut organization.avatar_url);
    command
        .default_upfront_split_to_contributors
        .apply(&mut organization.default_upfront_split_to_contributors);
    if let Some(shown) = command.pledge_badge_show_amount {
        organization.pledge_badge_show_amount = shown;
    }
    if let Some(amount) = command.pledge_minimum_amount {
        organization.pledge_minimum_amount = amount;
    }
    command.billing_email.clone().apply(&mut organization.billing_email);
    command.default_badge_custom_content.clone().apply(&mut organization.default_badge_custom_content);
    command.total_monthly_spending_limit.apply(&mut organization.total_monthly_spending_limit);
    command.per_user_monthly_spending_limit.apply(&mut organization.per_user_monthly_spending_limit);
    if let Some(patch) = &command.profile_settings {
        require_featured(tx, patch)?;
        organization.profile_settings.apply(patch.clone());
    }
    if let Some(issue_funding_enabled) = command.issue_funding_enabled {
        organization.feature_settings = FeatureSettings::of(issue_funding_enabled);
    }
    organization.onboarded_at = organization.onboarded_at.or(Some(now));
    organization.modified_at = Some(now);
    store(tx, &organization)?;
    tell(tx, id)?;
    Ok(organization)
}

/// Tells the shop, and the members who have it open, of a change that was asked for, even of one that changes nothing.
pub(super) fn tell(tx: &mut Tx<'_>, id: Id<Organization>) -> Result<()> {
    const MEMBERS: &str = "SELECT user_id FROM organization_members WHERE organization_id = $1 AND deleted_at IS NULL ORDER BY user_id";
    events::emit(tx, id, EventType::OrganizationUpdated, id.uuid())?;
    let payload = serde_json::json!({"organization_id": id});
    let mut channels = vec![Channel::Organization(id)];
    channels.extend(tx.all::<Id<User>>(MEMBERS, &[&id])?.into_iter().map(Channel::User));
    streams::publish_to_all(tx, &channels, "organization.updated", &payload)
}

fn store(tx: &mut Tx<'_>, organization: &Organization) -> Result<()> {
    tx.changed_one(
        "UPDATE organizations SET name = $2, avatar_url = $3, default_upfront_split_to_contributors = $4, \
         pledge_badge_show_amount = $5, pledge_minimum_amount = $6, billing_email = $7, \
         default_badge_custom_content = $8, total_monthly_spending_limit = $9, \
         per_user_monthly_spending_limit = $10, profile_settings = $11, feature_settings = $12, \
         onboarded_at = $13, modified_at = $14 WHERE id = $1",
        &[
            &organization.id,
            &organization.name,
            &organization.avatar_url,
            &organization.default_upfront_split_to_contributors,
            &organization.pledge_badge_show_amount,
            &organization.pledge_minimum_amount,
            &organization.billing_email,
            &organization.default_badge_custom_content,
            &organization.total_monthly_spending_limit,
            &organization.per_user_monthly_spending_limit,
            &organization.profile_settings,
            &organization.feature_settings,
            &organization.onboarded_at,
            &organization.modified_at,
        ],
    )?;
    Ok(())
}

/// Every featured organization must exist. Featured projects cannot: no repository is known to this installation.
fn require_featured(tx: &mut Tx<'_>, patch: &ProfileSettingsPatch) -> Result<()> {
    if patch.featured_projects.as_ref().value().is_some_and(|projects| !projects.is_empty()) {
        return Err(Refusal::not_found());
    }
    let Some(wanted) = patch.featured_organizations.as_ref().value() else { return Ok(()) };
    if wanted.is_empty() {
        return Ok(());
    }
    let mut distinct: Vec<Uuid> = wanted.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let mut sql =
        merak_store::Sql::new("SELECT count(*) FROM organizations WHERE deleted_at IS NULL AND id IN ");
    let count = distinct.len();
    sql.bind_list(distinct);
    let found = tx.count(&sql)?;
    if usize::try_from(found).is_ok_and(|found| found == count) { Ok(()) } else { Err(Refusal::not_found()) }
}
