//! Merak's domain: what a shop is, what it sells as rights, and the rules that keep both honest.
//!
//! Everything here is synchronous and runs inside a unit of work of `merak-store`. Nothing here knows HTTP, reads a
//! clock or rolls dice of its own: time, ids and secrets come from the transaction. A folder is a noun of the API's
//! navigation and holds up to four rooms: nouns (`mod.rs`), `rules`, `commands` and `queries`.
#![warn(missing_docs)]

pub mod access;
pub mod advertisements;
pub mod benefits;
pub mod billing;
pub mod checkout_links;
pub mod checkouts;
pub mod clock;
pub mod connections;
pub mod custom_fields;
pub mod customer_session_codes;
pub mod customer_sessions;
pub mod customers;
pub mod demo;
pub mod discounts;
pub mod downloadables;
pub mod emails;
pub mod events;
pub mod files;
pub mod idempotency;
pub mod instance;
pub mod jobs;
pub mod kit;
pub mod ledger;
pub mod license_keys;
pub mod login_links;
pub mod orders;
pub mod organizations;
pub mod products;
pub mod sandbox_records;
pub mod search;
mod sold;
pub mod storefronts;
pub mod streams;
pub mod subscriptions;
pub mod taxes;
pub mod transfer;
pub mod user_sessions;
pub mod users;

use merak_store::Migration;

/// The schema's history, oldest first. A migration that was released is never edited.
pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_foundation", sql: include_str!("../migrations/0001_foundation.sql") },
    Migration { name: "0002_files", sql: include_str!("../migrations/0002_files.sql") },
    Migration { name: "0003_custom_fields", sql: include_str!("../migrations/0003_custom_fields.sql") },
    Migration { name: "0004_products", sql: include_str!("../migrations/0004_products.sql") },
    Migration { name: "0005_discounts", sql: include_str!("../migrations/0005_discounts.sql") },
    Migration { name: "0006_checkout_links", sql: include_str!("../migrations/0006_checkout_links.sql") },
    Migration { name: "0007_advertisements", sql: include_str!("../migrations/0007_advertisements.sql") },
    Migration { name: "0008_connections", sql: include_str!("../migrations/0008_connections.sql") },
    Migration { name: "0009_sessions", sql: include_str!("../migrations/0009_sessions.sql") },
    Migration { name: "0010_customer_search", sql: include_str!("../migrations/0010_customer_search.sql") },
    Migration { name: "0011_imports", sql: include_str!("../migrations/0011_imports.sql") },
    Migration { name: "0013_ledger", sql: include_str!("../migrations/0013_ledger.sql") },
    Migration { name: "0014_emails", sql: include_str!("../migrations/0014_emails.sql") },
    Migration { name: "0015_events", sql: include_str!("../migrations/0015_events.sql") },
    Migration { name: "0016_sale", sql: include_str!("../migrations/0016_sale.sql") },
    Migration { name: "0018_checkout_counts", sql: include_str!("../migrations/0018_checkout_counts.sql") },
    Migration { name: "0020_sale_lists", sql: include_str!("../migrations/0020_sale_lists.sql") },
    Migration { name: "0021_grant_mails", sql: include_str!("../migrations/0021_grant_mails.sql") },
    Migration { name: "0022_bound_sessions", sql: include_str!("../migrations/0022_bound_sessions.sql") },
    Migration { name: "0023_sellers", sql: include_str!("../migrations/0023_sellers.sql") },
    Migration { name: "0024_grace", sql: include_str!("../migrations/0024_grace.sql") },
    Migration { name: "0025_disputes", sql: include_str!("../migrations/0025_disputes.sql") },
    Migration { name: "0026_sound_file", sql: include_str!("../migrations/0026_sound_file.sql") },
    Migration { name: "0027_vouches", sql: include_str!("../migrations/0027_vouches.sql") },
    Migration { name: "0028_held_in_lines", sql: include_str!("../migrations/0028_held_in_lines.sql") },
    Migration { name: "0029_seats", sql: include_str!("../migrations/0029_seats.sql") },
    Migration { name: "0030_email_order", sql: include_str!("../migrations/0030_email_order.sql") },
    Migration { name: "0031_sealed_ledger", sql: include_str!("../migrations/0031_sealed_ledger.sql") },
    Migration { name: "0032_failed_work", sql: include_str!("../migrations/0032_failed_work.sql") },
    Migration { name: "0033_link_counts", sql: include_str!("../migrations/0033_link_counts.sql") },
    Migration { name: "0034_buyers", sql: include_str!("../migrations/0034_buyers.sql") },
    Migration { name: "0035_shelves", sql: include_str!("../migrations/0035_shelves.sql") },
    Migration { name: "0017_sandbox_records", sql: include_str!("../migrations/0017_sandbox_records.sql") },
    Migration { name: "0012_search", sql: include_str!("../migrations/0012_search.sql") },
];
