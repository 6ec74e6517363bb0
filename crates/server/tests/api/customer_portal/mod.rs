//! `/v1/customer-portal/`.

mod benefit_grants;
mod customers;
mod license_keys;
mod organizations;
