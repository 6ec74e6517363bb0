//! Benefits: list, create, get, update, delete, and their grants as the seller sees them.

mod failures;
mod wire;

use http::Method;
use merak_core::access::{self, MERCHANTS};
use merak_core::benefits::grants::{self, ListGrants};
use merak_core::benefits::{self, BenefitType, CreateBenefit, ListBenefits, UpdateBenefit};
use merak_core::customers::Customer;
use merak_core::kit::{Id, Kind, Paged, Result, Scope};
use merak_core::organizations::Organization;
use merak_store::{ReadTx, Tx};

pub use self::wire::{
    Benefit, GuildTokens, grant_properties_schema, kind_names, subscriber_benefit, subscriber_schema,
};
use self::wire::{BenefitCreate, BenefitGrant, BenefitUpdate};
use super::shared::ById;
use crate::flows::benefit_settings::{self, Asked};
use crate::wire::{
    Call, Created, Finishing, Flow, Json, ListResource, Many, NoContent, Nothing, Operation, Unit,
    first_page, page, request, usual_limit,
};

const NAV: &str = "Other Endpoints > Benefits";
const READERS: &[Scope] = &[Scope::BenefitsRead, Scope::BenefitsWrite];
const WRITERS: &[Scope] = &[Scope::BenefitsWrite];

pub fn operations() -> Vec<Operation> {
    let mut operations = vec![
        Operation::get("/v1/benefits/", list)
            .named("benefits:list", "List Benefits")
            .about("Lists the benefits of the caller's organizations, by kind and then by age.")
            .nav(NAV)
            .admits(MERCHANTS, READERS),
        Operation::new(Method::POST, "/v1/benefits/", Unit::flow(create))
            .named("benefits:create", "Create Benefit")
            .about("Makes a benefit of one of six kinds.")
            .nav(NAV)
            .admits(MERCHANTS, WRITERS),
        Operation::get("/v1/benefits/{id}", get)
            .named("benefits:get", "Get Benefit")
            .about("Shows a benefit.")
            .nav(NAV)
            .admits(MERCHANTS, READERS)
            .refuses(&[Kind::NotFound]),
        Operation::new(Method::PATCH, "/v1/benefits/{id}", Unit::flow(update))
            .named("benefits:update", "Update Benefit")
            .about(
                "Changes a benefit. Its kind must be named and can't change; properties are replaced as a whole, and \
                 those who hold the benefit get the new ones.",
            )
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .refuses(&[Kind::NotPermitted, Kind::NotFound]),
        Operation::delete("/v1/benefits/{id}", delete)
            .named("benefits:delete", "Delete Benefit")
            .about("Deletes a benefit and takes it back from everybody who holds it.")
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .refuses(&[Kind::NotPermitted, Kind::NotFound]),
        Operation::get("/v1/benefits/{id}/grants", list_grants)
            .named("benefits:grants", "List Benefit Grants")
            .about("Lists who holds a benefit, held it or waits for it, the newest first.")
            .nav(NAV)
            .admits(MERCHANTS, READERS)
            .refuses(&[Kind::NotFound]),
    ];
    operations.extend(failures::operations());
    operations
}

request! {
    /// Which benefits to list.
    pub struct ListBenefitsQuery {
        /// Only those of these organizations.
        #[serde(default)]
        pub organization_id: Many<Id<Organization>>,
        /// Only those of these kinds.
        #[serde(default)]
        pub r#type: Many<BenefitType>,
        /// Page number, the first is 1.
        #[serde(default = "first_page")]
        pub page: i64 = {"exclusiveMinimum": 0, "default": 1},
        /// How many items a page has; above 100 means 100.
        #[serde(default = "usual_limit")]
        pub limit: i64 = {"exclusiveMinimum": 0, "default": 10},
    }

    /// Which grants to list.
    pub struct ListGrantsQuery {
        /// Only granted ones, or only pending and revoked ones.
        pub is_granted: Option<bool>,
        /// Only those of these customers.
        #[serde(default)]
        pub customer_id: Many<Id<Customer>>,
        /// Page number, the first is 1.
        #[serde(default = "first_page")]
        pub page: i64 = {"exclusiveMinimum": 0, "default": 1},
        /// How many items a page has; above 100 means 100.
        #[serde(default = "usual_limit")]
        pub limit: i64 = {"exclusiveMinimum": 0, "default": 10},
    }
}

fn list(tx: &mut ReadTx<'_>, call: &Call<Nothing, ListBenefitsQuery>) -> Result<Json<ListResource<Benefit>>> {
    let tenancy = access::tenancy(tx, &call.actor)?.narrowed(&call.query.organization_id.0);
    let page = page(call.query.page, call.query.limit);
    let wanted = ListBenefits { types: call.query.r#type.0.clone(), page };
    let found = benefits::list(tx, &tenancy, &wanted)?;
    let tokens = GuildTokens::new(&call.house.secret, tx.now());
    let shown = |benefit| Benefit::shown(benefit, &tokens);
    let items = found.items.into_iter().map(shown).collect::<Result<Vec<_>>>()?;
    Ok(Json(ListResource::new(Paged::new(items, found.total), page, |benefit| benefit)))
}

/// Asks the service behind the kind, if there is one, and makes the benefit.
async fn create(flow: Flow<Nothing, Nothing, BenefitCreate>) -> Finishing<Created<Benefit>> {
    let body = &flow.call().body;
    let mut finding = None;
    if body.r#type.is_outside() {
        flow.read(require_organization).await?;
        let asked = Asked {
            kind: body.r#type,
            properties: &body.properties,
            branch: body.r#type.as_str(),
            actor: &flow.call().actor,
        };
        finding = benefit_settings::find(&flow.call().house, &asked).await?;
    }
    flow.finish(move |tx, call| {
        let body = &call.body;
        let command = CreateBenefit {
            organization_id: require_organization(tx, call)?,
            r#type: body.r#type,
            description: body.description.clone(),
            properties: body.properties.clone(),
        };
        let made = benefits::create_found(tx, &command, finding.as_ref())?;
        Ok(Created(Benefit::shown(made, &GuildTokens::new(&call.house.secret, tx.now()))?))
    })
    .await
}

fn require_organization(
    tx: &mut ReadTx<'_>,
    call: &Call<Nothing, Nothing, BenefitCreate>,
) -> Result<Id<Organization>> {
    access::require_organization(tx, &call.actor, call.body.organization_id)
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<Benefit>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let benefit = benefits::get(tx, &tenancy, call.path.id.cast())?;
    Ok(Json(Benefit::shown(benefit, &GuildTokens::new(&call.house.secret, tx.now()))?))
}

/// Asks the service behind the kind about new settings, if there is one, and changes the benefit.
async fn update(flow: Flow<ById, Nothing, BenefitUpdate>) -> Finishing<Json<Benefit>> {
    let body = &flow.call().body;
    let mut finding = None;
    if let Some(properties) = &body.properties
        && body.r#type.is_outside()
    {
        flow.read(|tx, call| {
            let tenancy = access::tenancy(tx, &call.actor)?;
            benefits::get_to_update(tx, &tenancy, call.path.id.cast(), call.body.r#type)
        })
        .await?;
        let branch = wire::update_branch(body.r#type);
        let asked = Asked { kind: body.r#type, properties, branch, actor: &flow.call().actor };
        finding = benefit_settings::find(&flow.call().house, &asked).await?;
    }
    flow.finish(move |tx, call| {
        let tenancy = access::tenancy(tx, &call.actor)?;
        let body = &call.body;
        let command = UpdateBenefit {
            r#type: body.r#type,
            description: body.description.clone(),
            properties: body.properties.clone(),
            finding: finding.clone(),
        };
        let changed = benefits::update(tx, &tenancy, call.path.id.cast(), &command)?;
        Ok(Json(Benefit::shown(changed, &GuildTokens::new(&call.house.secret, tx.now()))?))
    })
    .await
}

fn delete(tx: &mut Tx<'_>, call: &Call<ById>) -> Result<NoContent> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    benefits::delete(tx, &tenancy, call.path.id.cast())?;
    Ok(NoContent)
}

fn list_grants(
    tx: &mut ReadTx<'_>,
    call: &Call<ById, ListGrantsQuery>,
) -> Result<Json<ListResource<BenefitGrant>>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let benefit = benefits::get(tx, &tenancy, call.path.id.cast())?;
    let page = page(call.query.page, call.query.limit);
    let wanted = ListGrants {
        benefit_id: benefit.id,
        is_granted: call.query.is_granted,
        customer_ids: call.query.customer_id.0.clone(),
        page,
    };
    Ok(Json(ListResource::new(grants::list(tx, &wanted)?, page, BenefitGrant::from)))
}
