//! Checkouts: for the programs of sellers, for the browsers of buyers, and as they were made before.

mod client;
mod confirm;
mod custom;
mod legacy;
mod stream;
mod wire;

use crate::wire::Operation;

/// Every operation. The literal path of `custom` comes before that of the older operations, whose ids are any text.
pub fn operations() -> Vec<Operation> {
    let mut all = custom::operations();
    all.extend(client::operations());
    all.extend(confirm::operations());
    all.extend(stream::operations());
    all.extend(legacy::operations());
    all
}
