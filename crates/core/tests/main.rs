//! Commands and queries of every noun, each scenario on both engines in a database of its own.

#[macro_use]
mod support;

mod access;
mod advertisements;
mod billing;
mod checkout_links;
mod checkouts;
mod custom_field_renames;
mod custom_fields;
mod customer_search;
mod customer_session_codes;
mod customers;
mod demo;
mod discount_races;
mod discounts;
mod downloadables;
mod emails;
mod events;
mod failed_work;
mod files;
mod grant_mails;
mod grants;
mod grants_of_buyers;
mod grants_of_products;
mod grants_outside;
mod idempotency;
mod jobs;
mod ledger;
mod license_key_owners;
mod license_key_races;
mod license_keys;
mod lists;
mod organizations;
mod product_lists;
mod product_properties;
mod products;
mod sale_lists;
mod sandbox_records;
mod search;
mod search_totals;
mod simulation;
mod sound_file;
mod subscription_states;
mod subscriptions;
mod transfer;
