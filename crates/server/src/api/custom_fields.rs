//! Custom fields: list, create, get, update, delete.

mod wire;

use merak_core::access::{self, MERCHANTS};
use merak_core::custom_fields::{
    self, CreateCustomField, CustomFieldSort, CustomFieldType, ListCustomFields, UpdateCustomField,
};
use merak_core::kit::{Id, Kind, Result, Scope};
use merak_core::organizations::Organization;
use merak_store::{ReadTx, Tx};

use self::wire::{CustomFieldCreate, CustomFieldUpdate};
use super::shared::{ById, CustomField};
use crate::wire::{
    Call, Created, Json, ListResource, Many, NoContent, Nothing, Operation, first_page, page, request,
    sorting, usual_limit,
};

const NAV: &str = "Other Endpoints > Custom-Fields";
const READERS: &[Scope] = &[Scope::CustomFieldsRead, Scope::CustomFieldsWrite];
const WRITERS: &[Scope] = &[Scope::CustomFieldsWrite];

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/custom-fields/", list)
            .named("custom-fields:list", "List Custom Fields")
            .about("Lists the custom fields of the caller's organizations.")
            .nav(NAV)
            .admits(MERCHANTS, READERS),
        Operation::post("/v1/custom-fields/", create)
            .named("custom-fields:create", "Create Custom Field")
            .about("Makes a custom field of one of five types. A slug can be used once in an organization.")
            .nav(NAV)
            .admits(MERCHANTS, WRITERS),
        Operation::get("/v1/custom-fields/{id}", get)
            .named("custom-fields:get", "Get Custom Field")
            .about("Shows a custom field.")
            .nav(NAV)
            .admits(MERCHANTS, READERS)
            .refuses(&[Kind::NotFound]),
        Operation::patch("/v1/custom-fields/{id}", update)
            .named("custom-fields:update", "Update Custom Field")
            .about(
                "Changes a custom field. Its type must be named and can't change; properties are replaced as a whole. \
                 Null changes nothing.",
            )
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .refuses(&[Kind::NotFound]),
        Operation::delete("/v1/custom-fields/{id}", delete)
            .named("custom-fields:delete", "Delete Custom Field")
            .about("Deletes a custom field and takes it off all products. Answers that were given stay.")
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .refuses(&[Kind::NotFound]),
    ]
}

sorting!(Sorting, CustomFieldSort, "CustomFieldSortProperty", "slug");

request! {
    /// Which custom fields to list.
    pub struct ListCustomFieldsQuery {
        /// Only those of these organizations.
        #[serde(default)]
        pub organization_id: Many<Id<Organization>>,
        /// Only those whose name or slug contains this.
        pub query: Option<String>,
        /// Only those of these types.
        #[serde(default)]
        pub r#type: Many<CustomFieldType>,
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
    call: &Call<Nothing, ListCustomFieldsQuery>,
) -> Result<Json<ListResource<CustomField>>> {
    let tenancy = access::tenancy(tx, &call.actor)?.narrowed(&call.query.organization_id.0);
    let page = page(call.query.page, call.query.limit);
    let wanted = ListCustomFields {
        query: call.query.query.clone(),
        types: call.query.r#type.0.clone(),
        sorting: call.query.sorting.criteria(),
        page,
    };
    Ok(Json(ListResource::new(
        custom_fields::list(tx, &tenancy, &wanted, &call.house.totals)?,
        page,
        CustomField::from,
    )))
}

fn create(tx: &mut Tx<'_>, call: &Call<Nothing, Nothing, CustomFieldCreate>) -> Result<Created<CustomField>> {
    let body = &call.body;
    let command = CreateCustomField {
        organization_id: access::require_organization(tx, &call.actor, body.organization_id)?,
        r#type: body.r#type,
        slug: body.slug.clone(),
        name: body.name.clone(),
        properties: body.properties.clone(),
        metadata: body.metadata.clone(),
    };
    Ok(Created(custom_fields::create(tx, &command)?.into()))
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<CustomField>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    Ok(Json(custom_fields::get(tx, &tenancy, call.path.id.cast())?.into()))
}

fn update(tx: &mut Tx<'_>, call: &Call<ById, Nothing, CustomFieldUpdate>) -> Result<Json<CustomField>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let body = &call.body;
    let command = UpdateCustomField {
        r#type: body.r#type,
        slug: body.slug.clone(),
        name: body.name.clone(),
        properties: body.properties.clone(),
        metadata: body.metadata.clone(),
    };
    Ok(Json(custom_fields::update(tx, &tenancy, call.path.id.cast(), &command)?.into()))
}

fn delete(tx: &mut Tx<'_>, call: &Call<ById>) -> Result<NoContent> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    custom_fields::delete(tx, &tenancy, call.path.id.cast())?;
    Ok(NoContent)
}
