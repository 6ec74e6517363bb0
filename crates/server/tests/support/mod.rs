//! What the tests of the server share: a shop behind a real server, a client that speaks HTTP to it, and a look at
//! everything that is stored.

pub mod files;
pub mod http;
pub mod line;
pub mod sales;
pub mod shop;
pub mod stripe;
pub mod tables;

pub use self::http::{Answer, Client};
pub use self::shop::{Shop, everything, migrated};

/// An id that nothing has.
pub const UNKNOWN: &str = "6f1c1a52-8d1e-4a0b-9c53-0a7f2f1f4b11";

/// So many characters of four bytes each in which nothing repeats, so that no database can make them shorter.
pub fn noise(length: usize) -> String {
    let mut state = 1_u32;
    let letters = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from_u32(0x2_0000 + (state >> 16) % 0xa000).unwrap()
    });
    letters.take(length).collect()
}
