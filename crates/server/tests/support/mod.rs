//! What the tests of the server share: a shop behind a real server, a client that speaks HTTP to it, and a look at
//! everything that is stored.

pub mod files;
pub mod http;
pub mod shop;
pub mod tables;

pub use self::http::{Answer, Client};
pub use self::shop::{Shop, everything, migrated};

/// An id that nothing has.
pub const UNKNOWN: &str = "6f1c1a52-8d1e-4a0b-9c53-0a7f2f1f4b11";
