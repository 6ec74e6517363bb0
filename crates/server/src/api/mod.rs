//! The API: a file for each section of its navigation, holding routes, wire structs and handlers.

mod advertisements;
mod auth;
mod benefits;
mod checkout_links;
mod checkouts;
mod custom_fields;
pub(crate) mod customer_portal;
mod customer_sessions;
mod customers;
mod discounts;
mod embeds;
mod files;
mod integrations;
mod license_keys;
mod orders;
mod organizations;
mod personal_access_tokens;
mod products;
mod secret_scanning;
mod shared;
mod storefronts;
mod streams;
mod subscriptions;
mod users;

use crate::wire::Operation;

/// Every operation, in the order of the contract. Where two paths can match a request, the earlier one is asked first.
pub fn operations() -> Vec<Operation> {
    [
        organizations::operations(),
        subscriptions::operations(),
        products::operations(),
        orders::operations(),
        advertisements::operations(),
        benefits::operations(),
        license_keys::operations(),
        custom_fields::operations(),
        discounts::operations(),
        files::operations(),
        checkout_links::operations(),
        checkouts::operations(),
        embeds::operations(),
        storefronts::operations(),
        customers::operations(),
        customer_portal::operations(),
        customer_sessions::operations(),
        personal_access_tokens::operations(),
        users::operations(),
        auth::operations(),
        secret_scanning::operations(),
        integrations::operations(),
        streams::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
