//! Removes the bytes of a deleted file from the storage, or the parts of an upload that was given up.

use merak_core::files::{self, File};
use merak_core::jobs::{self, Claimed, Outcome};
use merak_core::kit::Id;

use super::Error;
use super::upload_file::{object_of, upload_of};
use crate::state::House;

pub(super) async fn run(house: &House, claimed: &Claimed, id: Id<File>) -> Result<(), Error> {
    let file = house.store.read(move |tx| files::find_deleted(tx, id)).await?;
    if let Some(file) = file {
        let storage = &house.adapters.files;
        if !file.upload_id.is_empty() {
            storage.abort(&upload_of(&file)?).await?;
        }
        // An upload may have been completed while it was given up, so the object is removed in either case.
        storage.remove(&object_of(&file)).await?;
    }
    let claimed = claimed.clone();
    house.store.write(move |tx| jobs::settle(tx, &claimed, &Outcome::Done)).await?;
    Ok(())
}
