//! Documents on paper: what a shop hands out as PDF.
//!
//! A document is made of texts that are ready to be read; this crate knows where they stand on the page and nothing of
//! a shop, its money or its data. The same texts always give the same bytes.
#![warn(missing_docs)]

mod invoice;
mod sheet;

pub use invoice::{Fact, Invoice, Line, Party, Sum};

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
#[error("the document cannot be made: {0}")]
pub struct Error(String);
