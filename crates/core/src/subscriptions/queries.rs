//! What is read of subscriptions.

use const_format::concatcp;
use merak_store::ReadTx;

use super::Subscription;
use crate::kit::{Id, Result};

/// The subscription, if there is one; says nothing about who may see it.
pub fn find(tx: &mut ReadTx<'_>, id: Id<Subscription>) -> Result<Option<Subscription>> {
    const SQL: &str = concatcp!("SELECT ", Subscription::COLUMNS, " FROM subscriptions WHERE id = $1");
    Ok(tx.find(SQL, &[&id])?)
}
