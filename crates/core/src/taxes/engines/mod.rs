//! Who knows what tax there is, a file each.

pub mod none;
pub mod rates;
