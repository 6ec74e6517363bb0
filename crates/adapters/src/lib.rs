//! The world outside: one trait for each kind of service, one folder for each way to have it.
//!
//! Nothing here knows the shop or its data; values go in and come out. Every call ends in a bounded time. Outcomes that
//! are answers (a part is missing, an invitation is there already) are values; an [`Error`] means that the service did
//! not do its part.
#![warn(missing_docs)]

pub mod discord;
mod error;
pub mod files;
pub mod github;
mod hex;
pub mod http;
pub mod mail;
pub mod payments;
mod redirects;
pub mod rest;
pub mod secret_scanning;

pub use error::{Error, Result};
