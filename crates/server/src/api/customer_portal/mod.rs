//! The customer portal: what a buyer sees and does, and what the app that checks a key calls.

mod benefit_grants;
mod customer_session;
mod customers;
mod downloadables;
mod license_keys;
mod oauth_accounts;
mod orders;
mod organizations;
mod subscriptions;

pub use self::oauth_accounts::authorization_url;
use merak_core::kit::Scope;

use crate::wire::Operation;

const READERS: &[Scope] = &[Scope::CustomerPortalRead, Scope::CustomerPortalWrite];
const WRITERS: &[Scope] = &[Scope::CustomerPortalWrite];
const NAV: &str = "Other Endpoints > Customer Portal";

pub fn operations() -> Vec<Operation> {
    [
        benefit_grants::operations(),
        customer_session::operations(),
        customers::operations(),
        downloadables::operations(),
        license_keys::operations(),
        oauth_accounts::operations(),
        orders::operations(),
        organizations::operations(),
        subscriptions::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
