//! Checkout links that come from elsewhere.

use merak_store::Tx;

use super::CheckoutLink;
use super::commands::count;
use crate::kit::{Id, Imported, Result};
use crate::organizations::Organization;

/// Takes a link over with the secret that opens it, so that only the host of its address changes.
pub fn import(tx: &mut Tx<'_>, mut link: CheckoutLink) -> Result<Imported<CheckoutLink>> {
    const OWNER: &str = "SELECT organization_id FROM checkout_links WHERE id = $1";
    if link.client_secret.is_empty() {
        return Ok(Imported::refused("it has no secret"));
    }
    if !tx.insert_new(&link)? {
        if tx.find::<Id<Organization>>(OWNER, &[&link.id])? == Some(link.organization_id) {
            return Ok(Imported::Found(link.id));
        }
        link.id = Id::new(tx);
        if !tx.insert_new(&link)? {
            return Ok(Imported::refused("a link here has the same secret"));
        }
    }
    count(tx, &link, 1)?;
    Ok(Imported::New(link.id))
}
