//! Customers: list, create, get, update, delete.

use merak_core::access::{self, MERCHANTS};
use merak_core::customers::{self, CreateCustomer, CustomerSort, ListCustomers, UpdateCustomer};
use merak_core::kit::{
    Address, Email, Id, Kind, LONGEST_NAME, Metadata, Patch, Refusal, Result, Scope, TaxId, at,
};
use merak_core::organizations::Organization;
use merak_store::{ReadTx, Tx};

use super::shared::{ById, Customer};
use crate::wire::{
    Call, Created, Json, ListResource, Many, NoContent, Nothing, Operation, first_page, page, request,
    sorting, usual_limit,
};

const NAV: &str = "Featured Endpoints > Customers";
const READERS: &[Scope] = &[Scope::CustomersRead, Scope::CustomersWrite];
const WRITERS: &[Scope] = &[Scope::CustomersWrite];

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/customers/", list)
            .named("customers:list", "List Customers")
            .about("Lists the customers of the caller's organizations.")
            .nav(NAV)
            .admits(MERCHANTS, READERS),
        Operation::post("/v1/customers/", create)
            .named("customers:create", "Create Customer")
            .about("Makes a customer. An address can be used once in an organization.")
            .nav(NAV)
            .admits(MERCHANTS, WRITERS),
        Operation::get("/v1/customers/{id}", get)
            .named("customers:get", "Get Customer")
            .about("Shows a customer.")
            .nav(NAV)
            .admits(MERCHANTS, READERS)
            .refuses(&[Kind::NotFound]),
        Operation::patch("/v1/customers/{id}", update)
            .named("customers:update", "Update Customer")
            .about("Changes a customer. A new address is not verified.")
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .refuses(&[Kind::NotFound]),
        Operation::delete("/v1/customers/{id}", delete)
            .named("customers:delete", "Delete Customer")
            .about("Deletes a customer, ends their sessions and takes back what they were granted.")
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .refuses(&[Kind::NotFound]),
    ]
}

sorting!(Sorting, CustomerSort, "CustomerSortProperty", "-created_at");

request! {
    /// Which customers to list.
    pub struct ListCustomersQuery {
        /// Only those of these organizations.
        #[serde(default)]
        pub organization_id: Many<Id<Organization>>,
        /// Only those whose address or name contains this.
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

    /// A new customer.
    pub struct CustomerCreate {
        /// The address.
        pub email: Email,
        /// What they are called.
        pub name: Option<String> = {"maxLength": LONGEST_NAME},
        /// Where they are billed.
        pub billing_address: Option<Address>,
        /// Their tax number and its kind.
        pub tax_id: Option<TaxId>,
        /// Whose customer. Left out with an organization's token, else required.
        pub organization_id: Option<Id<Organization>>,
        /// The organization's own notes.
        #[serde(default)]
        pub metadata: Metadata = {"default": {}},
    }

    /// A change of a customer.
    pub struct CustomerUpdate {
        /// The address.
        #[serde(default)]
        pub email: Patch<Email>,
        /// What they are called.
        #[serde(default)]
        pub name: Patch<String> = {"maxLength": LONGEST_NAME},
        /// Where they are billed, replaced as a whole.
        #[serde(default)]
        pub billing_address: Patch<Address>,
        /// Their tax number and its kind.
        #[serde(default)]
        pub tax_id: Patch<TaxId>,
        /// The organization's own notes, replaced as a whole.
        pub metadata: Option<Metadata>,
    }
}

fn list(
    tx: &mut ReadTx<'_>,
    call: &Call<Nothing, ListCustomersQuery>,
) -> Result<Json<ListResource<Customer>>> {
    let tenancy = access::tenancy(tx, &call.actor)?.narrowed(&call.query.organization_id.0);
    let page = page(call.query.page, call.query.limit);
    let wanted =
        ListCustomers { query: call.query.query.clone(), sorting: call.query.sorting.criteria(), page };
    Ok(Json(ListResource::new(
        customers::list(tx, &tenancy, &wanted, &call.house.totals)?,
        page,
        Customer::from,
    )))
}

fn create(tx: &mut Tx<'_>, call: &Call<Nothing, Nothing, CustomerCreate>) -> Result<Created<Customer>> {
    let body = &call.body;
    let command = CreateCustomer {
        organization_id: access::require_organization(tx, &call.actor, body.organization_id)?,
        email: body.email.clone(),
        name: body.name.clone(),
        billing_address: body.billing_address.clone(),
        tax_id: body.tax_id.clone(),
        metadata: body.metadata.clone(),
    };
    Ok(Created(customers::create(tx, &command)?.into()))
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<Customer>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    Ok(Json(customers::get(tx, &tenancy, call.path.id.cast())?.into()))
}

fn update(tx: &mut Tx<'_>, call: &Call<ById, Nothing, CustomerUpdate>) -> Result<Json<Customer>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    // What does not exist is told before what is wrong with the change.
    customers::get(tx, &tenancy, call.path.id.cast())?;
    let body = &call.body;
    let command = UpdateCustomer {
        email: match &body.email {
            Patch::Absent => None,
            Patch::Value(email) => Some(email.clone()),
            Patch::Null => {
                let place = at("body").field("email");
                return Err(Refusal::invalid(place.value_error("A customer needs an address.", ())));
            }
        },
        name: body.name.clone(),
        billing_address: body.billing_address.clone(),
        tax_id: body.tax_id.clone(),
        metadata: body.metadata.clone(),
    };
    Ok(Json(customers::update(tx, &tenancy, call.path.id.cast(), &command)?.into()))
}

fn delete(tx: &mut Tx<'_>, call: &Call<ById>) -> Result<NoContent> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    customers::delete(tx, &tenancy, call.path.id.cast())?;
    Ok(NoContent)
}
