//! The API: a file for each section of its navigation, holding routes, wire structs and handlers.

mod auth;
mod benefits;
mod customer_portal;
mod customer_sessions;
mod customers;
mod files;
mod integrations;
mod license_keys;
mod organizations;
mod shared;

use crate::wire::Operation;

/// Every operation, in the order of the contract. Where two paths can match a request, the earlier one is asked first.
pub fn operations() -> Vec<Operation> {
    [
        organizations::operations(),
        benefits::operations(),
        license_keys::operations(),
        files::operations(),
        customers::operations(),
        customer_portal::operations(),
        customer_sessions::operations(),
        auth::operations(),
        integrations::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
