//! The benchmarks of the sale: checkouts that are bought, and subscriptions that are renewed.

pub mod checkouts;
pub mod renewals;
mod rows;
