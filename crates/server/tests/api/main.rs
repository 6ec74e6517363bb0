//! The API as its clients meet it: one file for each operation or habit, laid out like the addresses.

#[path = "../support/mod.rs"]
mod support;

/// Makes two tests of each function, one for each engine, on a shop of its own.
macro_rules! scenarios {
    ($( $(#[$meta:meta])* async fn $name:ident($shop:ident) $body:block )*) => {
        merak_testkit::both_engines! {
            setup = crate::support::migrated;
            $(
                $(#[$meta])*
                async fn $name(database: merak_testkit::TestDatabase) {
                    let opened = crate::support::Shop::open(database).await;
                    let $shop = &opened;
                    $body
                }
            )*
        }
    };
}

mod advertisements;
mod benefits;
mod checkout_links;
mod checkouts;
mod confirmations;
mod custom_fields;
mod customer_portal;
mod customer_sessions;
mod customers;
mod dashboard;
mod dearer_plans;
mod discounts;
mod emails;
mod embeds;
mod files;
mod hosted_checkout;
mod interruptions;
mod license_keys;
mod lists;
mod orders;
mod organizations;
mod outside;
mod pages;
mod payments;
mod personal_access_tokens;
mod portal_benefits;
mod portal_pages;
mod portal_payments;
mod price_changes;
mod products;
mod saved_cards;
mod secret_scanning;
mod services;
mod sessions;
mod storefronts;
mod streams;
mod subscriptions;
mod takeovers;
mod taxes;
mod users;
mod wire;
