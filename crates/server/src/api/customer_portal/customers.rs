//! Customers as they see themselves: get.

use merak_core::access::BUYERS;
use merak_core::kit::{Kind, Result};
use merak_core::{connections, customers};
use merak_store::ReadTx;

use super::{NAV, READERS};
use crate::api::shared::{ById, CustomerPortalCustomer};
use crate::wire::{Call, Json, Operation};

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/customer-portal/customers/{id}", get)
            .named("customer_portal:customers:get", "Get Customer")
            .about("Shows the customer that the caller is, or one that is linked to the calling user.")
            .nav(NAV)
            .admits(BUYERS, READERS)
            .refuses(&[Kind::NotFound]),
    ]
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<CustomerPortalCustomer>> {
    let customer = customers::find_of_buyer(tx, &call.actor, call.path.id.cast())?;
    let accounts = connections::list_of_customers(tx, &[customer.id])?;
    Ok(Json(CustomerPortalCustomer::new(customer, &accounts)))
}
