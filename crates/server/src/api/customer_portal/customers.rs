//! Customers as they see themselves: get, and what happens to them while they look.

use merak_core::access::BUYERS;
use merak_core::kit::{Kind, Refusal, Result};
use merak_core::streams::Channel;
use merak_core::{connections, customers};
use merak_store::ReadTx;

use super::{NAV, READERS};
use crate::api::shared::{ById, CustomerPortalCustomer};
use crate::wire::{Call, Json, Operation};

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::stream("/v1/customer-portal/customers/stream", stream)
            .named("customer_portal:customers:stream", "Stream Customer")
            .about("Tells, from now on, which benefits the customer gets and loses.")
            .nav(NAV)
            .admits(BUYERS, READERS)
            .refuses(&[Kind::NotFound])
            .hidden(),
        Operation::get("/v1/customer-portal/customers/{id}", get)
            .named("customer_portal:customers:get", "Get Customer")
            .about("Shows the customer that the caller is, or one that is linked to the calling user.")
            .nav(NAV)
            .admits(BUYERS, READERS)
            .refuses(&[Kind::NotFound]),
    ]
}

fn stream(tx: &mut ReadTx<'_>, call: &Call) -> Result<Vec<Channel>> {
    let customers = customers::ids_of_buyer(tx, &call.actor)?;
    if customers.is_empty() {
        return Err(Refusal::not_found());
    }
    Ok(customers.into_iter().map(Channel::Customer).collect())
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<CustomerPortalCustomer>> {
    let customer = customers::find_of_buyer(tx, &call.actor, call.path.id.cast())?;
    let accounts = connections::list_of_customers(tx, &[customer.id])?;
    Ok(Json(CustomerPortalCustomer::new(customer, &accounts)))
}
