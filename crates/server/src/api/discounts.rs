//! Discounts: list, create, get, update, delete.

mod wire;

use merak_core::access::{self, MERCHANTS};
use merak_core::discounts::{self, CreateDiscount, DiscountSort, ListDiscounts, UpdateDiscount};
use merak_core::kit::{Id, Kind, Paged, Result, Scope};
use merak_core::organizations::Organization;
use merak_store::{ReadTx, Tx};

use self::wire::{Discount, DiscountCreate, DiscountUpdate};
use super::shared::ById;
use crate::wire::{
    Call, Created, Json, ListResource, Many, NoContent, Nothing, Operation, first_page, page, request,
    sorting, usual_limit,
};

const NAV: &str = "Featured Endpoints > Discounts";
const READERS: &[Scope] = &[Scope::DiscountsRead, Scope::DiscountsWrite];
const WRITERS: &[Scope] = &[Scope::DiscountsWrite];

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/discounts/", list)
            .named("discounts:list", "List Discounts")
            .about("Lists the discounts of the caller's organizations.")
            .nav(NAV)
            .admits(MERCHANTS, READERS),
        Operation::post("/v1/discounts/", create)
            .named("discounts:create", "Create Discount")
            .about(
                "Makes a discount of one of four shapes: an amount or a part, once, forever or for some months. A code \
                 can be used once in an organization, whatever its letter case.",
            )
            .nav(NAV)
            .admits(MERCHANTS, WRITERS),
        Operation::get("/v1/discounts/{id}", get)
            .named("discounts:get", "Get Discount")
            .about("Shows a discount.")
            .nav(NAV)
            .admits(MERCHANTS, READERS)
            .refuses(&[Kind::NotFound]),
        Operation::patch("/v1/discounts/{id}", update)
            .named("discounts:update", "Update Discount")
            .about(
                "Changes a discount. Its type and duration can't change, nor what it takes off once it was redeemed. \
                 Members that its shape does not have are ignored.",
            )
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .refuses(&[Kind::NotFound]),
        Operation::delete("/v1/discounts/{id}", delete)
            .named("discounts:delete", "Delete Discount")
            .about("Deletes a discount, which frees its code. Subscriptions that have it keep it.")
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .refuses(&[Kind::NotFound]),
    ]
}

sorting!(Sorting, DiscountSort, "DiscountSortProperty", "-created_at");

request! {
    /// Which discounts to list.
    pub struct ListDiscountsQuery {
        /// Only those of these organizations.
        #[serde(default)]
        pub organization_id: Many<Id<Organization>>,
        /// Only those whose name or code contains this.
        pub query: Option<String>,
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
}

fn list(
    tx: &mut ReadTx<'_>,
    call: &Call<Nothing, ListDiscountsQuery>,
) -> Result<Json<ListResource<Discount>>> {
    let tenancy = access::tenancy(tx, &call.actor)?.narrowed(&call.query.organization_id.0);
    let page = page(call.query.page, call.query.limit);
    let wanted =
        ListDiscounts { query: call.query.query.clone(), sorting: call.query.sorting.criteria(), page };
    let Paged { items, total } = discounts::list(tx, &tenancy, &wanted, &call.house.totals)?;
    let complete = Paged::new(discounts::complete(tx, items)?, total);
    Ok(Json(ListResource::new(complete, page, Discount::from)))
}

fn create(tx: &mut Tx<'_>, call: &Call<Nothing, Nothing, DiscountCreate>) -> Result<Created<Discount>> {
    let body = &call.body;
    let command = CreateDiscount {
        organization_id: access::require_organization(tx, &call.actor, body.organization_id)?,
        name: body.name.clone(),
        reduction: body.reduction(),
        span: body.span(),
        code: body.code.clone(),
        starts_at: body.starts_at,
        ends_at: body.ends_at,
        max_redemptions: body.max_redemptions,
        products: body.products.clone().unwrap_or_default(),
        metadata: body.metadata.clone(),
    };
    let made = discounts::create(tx, &command)?;
    Ok(Created(discounts::complete_one(tx, made)?.into()))
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<Discount>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let found = discounts::get(tx, &tenancy, call.path.id.cast())?;
    Ok(Json(discounts::complete_one(tx, found)?.into()))
}

fn update(tx: &mut Tx<'_>, call: &Call<ById, Nothing, DiscountUpdate>) -> Result<Json<Discount>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let body = &call.body;
    let command = UpdateDiscount {
        name: body.name.clone(),
        code: body.code.clone(),
        starts_at: body.starts_at,
        ends_at: body.ends_at,
        max_redemptions: body.max_redemptions,
        r#type: body.r#type,
        amount: body.amount,
        currency: body.currency,
        basis_points: body.basis_points,
        duration: body.duration,
        duration_in_months: body.duration_in_months,
        products: body.products.clone(),
        metadata: body.metadata.clone(),
    };
    let changed = discounts::update(tx, &tenancy, call.path.id.cast(), &command)?;
    Ok(Json(discounts::complete_one(tx, changed)?.into()))
}

fn delete(tx: &mut Tx<'_>, call: &Call<ById>) -> Result<NoContent> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    discounts::delete(tx, &tenancy, call.path.id.cast())?;
    Ok(NoContent)
}
