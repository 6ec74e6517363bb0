//! A shop straight from a server that speaks the API of 2025-01-07, Polar's or another Merak.
//!
//! Everything is read as its seller reads it, page by page, and only read. The API shows merchants the texts of license
//! keys and the ids of activations, so that apps in the field go on as before. What it does not show, cannot come along;
//! [`NOT_SHOWN`] lists it.

mod client;
mod pages;
mod walk;

pub use self::client::{Client, Server};
pub use self::walk::import;

/// What the API does not show to merchants, for whoever reads the report.
pub const NOT_SHOWN: &[&str] = &[
    "conditions of activations: a validation need not repeat them any more until the app activates anew",
    "access tokens, customer sessions and webhooks: make new ones here",
    "accounts that customers and sellers connected at Discord and GitHub: they connect them again",
    "payments, refunds, invoices and the ledger",
    "archived prices, license keys of deleted benefits, and deleted customers",
    "downloads that were archived, or taken off their benefit, after customers got them",
    "the bytes of downloads: put them into a folder, each under its file's id, and import again with --files",
];
