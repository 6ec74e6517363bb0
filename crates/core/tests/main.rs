//! Commands and queries of every noun, each scenario on both engines in a database of its own.

#[macro_use]
mod support;

mod access;
mod customers;
mod demo;
mod downloadables;
mod files;
mod grants;
mod grants_of_buyers;
mod grants_outside;
mod idempotency;
mod jobs;
mod license_key_owners;
mod license_key_races;
mod license_keys;
mod lists;
mod organizations;
mod simulation;
