//! Organizations: list, create, get, update.

use merak_core::access::{self, MERCHANTS, Subject, USERS};
use merak_core::kit::{Kind, LONGEST_NAME, Patch, Refusal, Result, Scope, Slug, WebUrl, at, slug};
use merak_core::organizations::{
    self, CreateOrganization, FeatureSettings, ListOrganizations, OrganizationSort, ProfileSettingsPatch,
    SubscribeSettings, UpdateOrganization,
};
use merak_store::{ReadTx, Tx};
use serde_json::Value;
use uuid::Uuid;

use super::shared::{ById, Organization};
use crate::wire::{
    Call, Created, Given, Json, ListResource, Nothing, Operation, first_page, page, request, sorting,
    usual_limit,
};

const NAV: &str = "Featured Endpoints > Organizations";
const READERS: &[Scope] = &[Scope::OrganizationsRead, Scope::OrganizationsWrite];
const WRITERS: &[Scope] = &[Scope::OrganizationsWrite];
/// How many others a profile may feature.
const MOST_LISTED: usize = 100;
/// How many links a profile may have: they stand in every answer that shows an organization.
const MOST_LINKS: usize = 30;
/// How many characters the text of a badge may have.
const LONGEST_CONTENT: usize = 5000;
/// How many characters a colour may have.
const LONGEST_COLOR: usize = 64;

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/organizations/", list)
            .named("organizations:list", "List Organizations")
            .about("Lists the organizations the caller works for.")
            .nav(NAV)
            .admits(MERCHANTS, READERS),
        Operation::post("/v1/organizations/", create)
            .named("organizations:create", "Create Organization")
            .about("Makes an organization; the caller becomes its first member. Its slug can never be changed.")
            .nav(NAV)
            .admits(USERS, WRITERS),
        Operation::get("/v1/organizations/{id}", get)
            .named("organizations:get", "Get Organization")
            .about("Shows an organization.")
            .nav(NAV)
            .admits(MERCHANTS, READERS)
            .refuses(&[Kind::NotFound]),
        Operation::patch("/v1/organizations/{id}", update)
            .named("organizations:update", "Update Organization")
            .about("Changes an organization. What is left out stays as it is; settings are merged member by member.")
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .refuses(&[Kind::NotPermitted, Kind::NotFound]),
    ]
}

sorting!(Sorting, OrganizationSort, "OrganizationSortProperty", "created_at");

request! {
    /// Which organizations to list.
    pub struct ListOrganizationsQuery {
        /// Only the one with this slug.
        pub slug: Option<String>,
        /// Page number, the first is 1.
        #[serde(default = "first_page")]
        pub page: i64 = {"exclusiveMinimum": 0, "default": 1},
        /// How many items a page has; above 100 means 100.
        #[serde(default = "usual_limit")]
        pub limit: i64 = {"exclusiveMinimum": 0, "default": 10},
        /// In which order.
        #[serde(default)]
        pub sorting: Sorting,
    }

    /// A new organization.
    pub struct OrganizationCreate {
        /// What it is called.
        pub name: String = {"minLength": 3, "maxLength": LONGEST_NAME},
        /// Its name in addresses: ASCII letters, digits and single hyphens.
        pub slug: String = {"minLength": 3, "maxLength": slug::LONGEST, "format": "slug"},
        /// Its picture.
        pub avatar_url: Option<WebUrl>,
        /// What is switched on for it.
        #[serde(default)]
        pub feature_settings: Patch<OrganizationFeatureSettingsInput>,
    }

    /// What to switch on.
    pub struct OrganizationFeatureSettingsInput {
        /// Whether issues of its repositories can be funded.
        #[serde(default)]
        pub issue_funding_enabled: Given<bool> = {"default": false},
    }

    /// A change of an organization.
    pub struct OrganizationUpdate {
        /// What it is called.
        #[serde(default)]
        pub name: Patch<String> = {"minLength": 3, "maxLength": LONGEST_NAME},
        /// Its picture.
        #[serde(default)]
        pub avatar_url: Patch<WebUrl>,
        /// Percent of a reward that contributors get unless said otherwise.
        #[serde(default)]
        pub default_upfront_split_to_contributors: Patch<i64> = {"minimum": 0, "maximum": 100},
        /// Whether badges show the pledged amount.
        #[serde(default)]
        pub pledge_badge_show_amount: Given<bool> = {"default": false},
        /// Where its own bills go.
        #[serde(default)]
        pub billing_email: Patch<String> = {"maxLength": LONGEST_NAME},
        /// Text of its funding badge.
        #[serde(default)]
        pub default_badge_custom_content: Patch<String> = {"maxLength": LONGEST_CONTENT},
        /// The least amount of a pledge, in cents.
        #[serde(default)]
        pub pledge_minimum_amount: Given<i64> = {"default": 2000},
        /// The most it spends in a month, in cents.
        #[serde(default)]
        pub total_monthly_spending_limit: Patch<i64>,
        /// The most a member spends in a month, in cents; at most the total given in the same request.
        #[serde(default)]
        pub per_user_monthly_spending_limit: Patch<i64>,
        /// Members of its profile to change.
        #[serde(default)]
        pub profile_settings: Patch<OrganizationProfileSettingsInput>,
        /// Features to switch.
        #[serde(default)]
        pub feature_settings: Patch<OrganizationFeatureSettingsInput>,
    }

    /// A change of a profile. Null clears.
    pub struct OrganizationProfileSettingsInput {
        /// Whether the storefront is open.
        #[serde(default)]
        pub enabled: Patch<bool>,
        /// A sentence about the organization.
        #[serde(default)]
        pub description: Patch<String> = {"maxLength": 160},
        /// Repositories shown first.
        #[serde(default)]
        pub featured_projects: Patch<Vec<Uuid>> = {"maxItems": MOST_LISTED},
        /// Organizations shown beside.
        #[serde(default)]
        pub featured_organizations: Patch<Vec<Uuid>> = {"maxItems": MOST_LISTED},
        /// Links shown on the profile.
        #[serde(default)]
        pub links: Patch<Vec<WebUrl>> = {"maxItems": MOST_LINKS},
        /// How subscribing is advertised.
        #[serde(default)]
        pub subscribe: Patch<OrganizationSubscribeInput> = {"default": {"promote": true, "show_count": true, "count_free": true}},
        /// A colour that begins with `#`.
        #[serde(default)]
        pub accent_color: Patch<String> = {"maxLength": LONGEST_COLOR},
    }

    /// How subscribing is advertised; what is left out is true.
    pub struct OrganizationSubscribeInput {
        /// Whether it is.
        #[serde(default)]
        pub promote: Given<bool> = {"default": true},
        /// Whether the number of subscribers is shown.
        #[serde(default)]
        pub show_count: Given<bool> = {"default": true},
        /// Whether free subscribers count.
        #[serde(default)]
        pub count_free: Given<bool> = {"default": true},
    }
}

fn list(
    tx: &mut ReadTx<'_>,
    call: &Call<Nothing, ListOrganizationsQuery>,
) -> Result<Json<ListResource<Organization>>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let page = page(call.query.page, call.query.limit);
    let wanted =
        ListOrganizations { slug: call.query.slug.clone(), sorting: call.query.sorting.criteria(), page };
    Ok(Json(ListResource::new(organizations::list(tx, &tenancy, &wanted)?, page, Organization::from)))
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<Organization>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    Ok(Json(organizations::get(tx, &tenancy, call.path.id.cast())?.into()))
}

fn create(
    tx: &mut Tx<'_>,
    call: &Call<Nothing, Nothing, OrganizationCreate>,
) -> Result<Created<Organization>> {
    let Subject::User(creator) = call.actor.subject else { return Err(Refusal::unauthorized()) };
    let body = &call.body;
    let slug = Slug::parse(&body.slug).map_err(|problem| {
        Refusal::invalid(at("body").field("slug").value_error(problem.to_string(), body.slug.as_str()))
    })?;
    let command = CreateOrganization {
        name: body.name.clone(),
        slug,
        avatar_url: body.avatar_url.clone(),
        feature_settings: match &body.feature_settings {
            Patch::Absent => FeatureSettings::of(false),
            Patch::Null => FeatureSettings(None),
            Patch::Value(features) => FeatureSettings::of(features.issue_funding_enabled.0.unwrap_or(false)),
        },
    };
    Ok(Created(organizations::create(tx, creator, &command)?.into()))
}

fn update(tx: &mut Tx<'_>, call: &Call<ById, Nothing, OrganizationUpdate>) -> Result<Json<Organization>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let id = call.path.id.cast();
    // What does not exist is told before what is wrong with its change.
    organizations::get(tx, &tenancy, id)?;
    let command = call.body.command()?;
    Ok(Json(organizations::update(tx, &tenancy, id, &command)?.into()))
}

impl OrganizationUpdate {
    fn command(&self) -> Result<UpdateOrganization> {
        Ok(UpdateOrganization {
            name: self.new_name()?,
            avatar_url: self.avatar_url.clone(),
            default_upfront_split_to_contributors: self.default_upfront_split_to_contributors,
            pledge_badge_show_amount: self.pledge_badge_show_amount.0,
            pledge_minimum_amount: self.pledge_minimum_amount.0,
            billing_email: self.billing_email.clone(),
            default_badge_custom_content: self.default_badge_custom_content.clone(),
            total_monthly_spending_limit: self.total_monthly_spending_limit,
            per_user_monthly_spending_limit: self.spending_limit_per_user()?,
            profile_settings: match &self.profile_settings {
                Patch::Value(settings) => Some(settings.patch()?),
                Patch::Absent | Patch::Null => None,
            },
            issue_funding_enabled: match &self.feature_settings {
                Patch::Value(features) => features.issue_funding_enabled.0,
                Patch::Absent | Patch::Null => None,
            },
        })
    }

    fn new_name(&self) -> Result<Option<String>> {
        match &self.name {
            Patch::Absent => Ok(None),
            Patch::Value(name) if !name.trim().is_empty() => Ok(Some(name.clone())),
            Patch::Value(name) => Err(not_blank(Value::from(name.as_str()))),
            Patch::Null => Err(not_blank(Value::Null)),
        }
    }

    fn spending_limit_per_user(&self) -> Result<Patch<i64>> {
        let Patch::Value(limit) = self.per_user_monthly_spending_limit else {
            return Ok(self.per_user_monthly_spending_limit);
        };
        match self.total_monthly_spending_limit {
            Patch::Value(total) if limit <= total => Ok(Patch::Value(limit)),
            _ => Err(Refusal::invalid(at("body").value_error(
                "The spending limit per user needs a total limit in the same request and can't exceed it.",
                limit,
            ))),
        }
    }
}

fn not_blank(input: Value) -> Refusal {
    Refusal::invalid(at("body").field("name").value_error("An organization needs a name.", input))
}

impl OrganizationProfileSettingsInput {
    fn patch(&self) -> Result<ProfileSettingsPatch> {
        if let Patch::Value(color) = &self.accent_color
            && !color.starts_with('#')
        {
            let place = at("body").field("profile_settings").field("accent_color");
            return Err(Refusal::invalid(place.value_error("A colour begins with #.", color.as_str())));
        }
        Ok(ProfileSettingsPatch {
            enabled: self.enabled,
            description: self.description.clone(),
            featured_projects: self.featured_projects.clone(),
            featured_organizations: self.featured_organizations.clone(),
            links: self.links.clone(),
            subscribe: self.subscribe.clone().map(|subscribe| SubscribeSettings {
                promote: subscribe.promote.0.unwrap_or(true),
                show_count: subscribe.show_count.0.unwrap_or(true),
                count_free: subscribe.count_free.0.unwrap_or(true),
            }),
            accent_color: self.accent_color.clone(),
        })
    }
}
