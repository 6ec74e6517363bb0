//! Subscriptions : list, export, change.

use crate::wire::Operation;

pub fn operations() -> Vec<Operation> {
    Vec::new()
}
