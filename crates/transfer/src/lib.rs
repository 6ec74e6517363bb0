//! Moving a shop from one installation to another: as a file, or straight from a server that speaks the API.
//!
//! The core knows what a shop's records are and how one is taken in ([`merak_core::transfer`]). This crate brings them
//! there: it reads and writes files, asks servers, tries again what may work later, and says how far it is.
#![warn(missing_docs)]

mod error;
pub mod file;
mod intake;
pub mod polar;
mod vault;

pub use error::{Error, Result};
pub use intake::{Outcome, Progress};
pub use vault::Vault;

/// What is told of a run under way.
pub type Told<'t> = &'t mut (dyn FnMut(&Progress) + Send);
