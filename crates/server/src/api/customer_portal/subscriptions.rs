//! Subscriptions as their buyer sees them.

use crate::wire::Operation;

pub fn operations() -> Vec<Operation> {
    Vec::new()
}
