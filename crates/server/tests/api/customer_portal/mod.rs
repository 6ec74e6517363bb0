//! `/v1/customer-portal/`.

mod benefit_grants;
mod customer_session;
mod customers;
mod downloadables;
mod license_keys;
mod organizations;
