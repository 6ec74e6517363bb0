//! Products: list, create, get, update, and what comes with them.

mod wire;

use merak_core::access::{self, MERCHANTS};
use merak_core::benefits::Benefit;
use merak_core::kit::{Id, Kind, Paged, Result, Scope};
use merak_core::organizations::Organization;
use merak_core::products::{self, CreateProduct, ListProducts, ProductSort, UpdateProduct};
use merak_store::{ReadTx, Tx};

use self::wire::{ProductBenefitsUpdate, ProductCreate, ProductUpdate};
use super::shared::{ById, Product};
use crate::wire::{
    Call, Created, Json, ListResource, Many, Nothing, Operation, first_page, page, request, sorting,
    usual_limit,
};

const NAV: &str = "Featured Endpoints > Products";
const READERS: &[Scope] = &[Scope::ProductsRead, Scope::ProductsWrite];
const WRITERS: &[Scope] = &[Scope::ProductsWrite];

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/products/", list)
            .named("products:list", "List Products")
            .about("Lists the products of the caller's organizations.")
            .nav(NAV)
            .admits(MERCHANTS, READERS),
        Operation::post("/v1/products/", create)
            .named("products:create", "Create Product")
            .about("Makes a product with its prices: one or two recurring ones, or one that is paid once.")
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .refuses(&[Kind::NotPermitted]),
        Operation::get("/v1/products/{id}", get)
            .named("products:get", "Get Product")
            .about("Shows a product with its prices, benefits, pictures and fields.")
            .nav(NAV)
            .admits(MERCHANTS, READERS)
            .refuses(&[Kind::NotFound]),
        Operation::patch("/v1/products/{id}", update)
            .named("products:update", "Update Product")
            .about(
                "Changes a product. Prices are given as a complete list: what is not in it is archived, and subscriptions \
                 that run at an archived price stay on it.",
            )
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .refuses(&[Kind::NotPermitted, Kind::NotFound]),
        Operation::post("/v1/products/{id}/benefits", set_benefits)
            .named("products:update_benefits", "Update Product Benefits")
            .about(
                "Sets what comes with a product, as a complete list in order. Everybody who bought it before gets what is \
                 new and loses what is gone.",
            )
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .refuses(&[Kind::NotPermitted, Kind::NotFound]),
    ]
}

sorting!(Sorting, ProductSort, "ProductSortProperty", "-created_at");

request! {
    /// Which products to list.
    pub struct ListProductsQuery {
        /// Only these.
        #[serde(default)]
        pub id: Many<Id<products::Product>>,
        /// Only those of these organizations.
        #[serde(default)]
        pub organization_id: Many<Id<Organization>>,
        /// Only those whose name contains this.
        pub query: Option<String>,
        /// Only archived ones, or only the others.
        pub is_archived: Option<bool>,
        /// Only recurring ones, or only the others.
        pub is_recurring: Option<bool>,
        /// Only those that at least one of these benefits comes with.
        #[serde(default)]
        pub benefit_id: Many<Id<Benefit>>,
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

fn list(tx: &mut ReadTx<'_>, call: &Call<Nothing, ListProductsQuery>) -> Result<Json<ListResource<Product>>> {
    let query = &call.query;
    let tenancy = access::tenancy(tx, &call.actor)?.narrowed(&query.organization_id.0);
    let page = page(query.page, query.limit);
    let wanted = ListProducts {
        ids: query.id.0.clone(),
        query: query.query.clone(),
        is_archived: query.is_archived,
        is_recurring: query.is_recurring,
        benefit_ids: query.benefit_id.0.clone(),
        sorting: query.sorting.criteria(),
        page,
    };
    let found = products::list(tx, &tenancy, &wanted, &call.house.totals)?;
    let now = tx.now();
    let shown = |product| Product::new(product, &call.house, now);
    let items = products::complete(tx, found.items)?.into_iter().map(shown).collect::<Result<Vec<_>>>()?;
    Ok(Json(ListResource::new(Paged::new(items, found.total), page, |product| product)))
}

fn create(tx: &mut Tx<'_>, call: &Call<Nothing, Nothing, ProductCreate>) -> Result<Created<Product>> {
    let body = &call.body.0;
    let command = CreateProduct {
        organization_id: access::require_own_organization(tx, &call.actor, body.organization_id)?,
        name: body.name.clone(),
        description: body.description.clone(),
        prices: body.prices.0.iter().copied().map(Into::into).collect(),
        medias: body.medias.clone().unwrap_or_default(),
        fields: body.attached_custom_fields.iter().map(Into::into).collect(),
        metadata: body.metadata.clone(),
    };
    let product = products::create(tx, &command)?;
    let complete = products::complete_one(tx, product)?;
    Ok(Created(Product::new(complete, &call.house, tx.now())?))
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<Product>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let product = products::get(tx, &tenancy, call.path.id.cast())?;
    let complete = products::complete_one(tx, product)?;
    Ok(Json(Product::new(complete, &call.house, tx.now())?))
}

fn update(tx: &mut Tx<'_>, call: &Call<ById, Nothing, ProductUpdate>) -> Result<Json<Product>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let body = &call.body;
    let command = UpdateProduct {
        name: body.name.clone(),
        description: body.description.clone(),
        is_archived: body.is_archived,
        prices: body.prices.as_ref().map(|prices| prices.iter().map(Into::into).collect()),
        medias: body.medias.clone(),
        fields: body.attached_custom_fields.as_ref().map(|fields| fields.iter().map(Into::into).collect()),
        metadata: body.metadata.clone(),
    };
    let product = products::update(tx, &tenancy, call.path.id.cast(), &command)?;
    let complete = products::complete_one(tx, product)?;
    Ok(Json(Product::new(complete, &call.house, tx.now())?))
}

fn set_benefits(tx: &mut Tx<'_>, call: &Call<ById, Nothing, ProductBenefitsUpdate>) -> Result<Json<Product>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let product = products::set_benefits(tx, &tenancy, call.path.id.cast(), &call.body.benefits)?;
    let complete = products::complete_one(tx, product)?;
    Ok(Json(Product::new(complete, &call.house, tx.now())?))
}
