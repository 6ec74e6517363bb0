//! Downloadables that come from elsewhere.

use merak_store::Tx;

use super::Downloadable;
use crate::kit::{Id, Imported, Result};

/// Takes a downloadable over with its counter. A customer has one for each file and benefit.
pub fn import(tx: &mut Tx<'_>, mut downloadable: Downloadable) -> Result<Imported<Downloadable>> {
    const SAME: &str =
        "SELECT id FROM downloadables WHERE customer_id = $1 AND file_id = $2 AND benefit_id = $3";
    if downloadable.downloaded < 0 {
        return Ok(Imported::refused("it was downloaded less than never"));
    }
    if !tx.insert_new(&downloadable)? {
        let of =
            [&downloadable.customer_id.uuid(), &downloadable.file_id.uuid(), &downloadable.benefit_id.uuid()];
        if let Some(id) = tx.find(SAME, &[of[0], of[1], of[2]])? {
            return Ok(Imported::Found(id));
        }
        downloadable.id = Id::new(tx);
        tx.insert(&downloadable)?;
    }
    Ok(Imported::New(downloadable.id))
}
