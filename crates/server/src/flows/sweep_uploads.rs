//! Removes uploads from the local storage that no file knows of: those of imports that were stopped, and those that were
//! begun just before a crash. Buckets have rules of their own for that.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use merak_core::files;

use super::Error;
use crate::state::House;

/// How long an upload is left in peace. A part takes less, and the files that wait for more are given up by then.
const PATIENCE: Duration = Duration::from_hours(24);

/// Removes what nobody will complete. It may be stopped and run again at any time.
pub async fn run(house: &House) -> Result<(), Error> {
    let Some(local) = Arc::clone(&house.adapters.files).as_local() else { return Ok(()) };
    let untouched = local.uploads_untouched_for(PATIENCE).await?;
    if untouched.is_empty() {
        return Ok(());
    }
    let known: HashSet<String> = house.store.read(files::uploads_under_way).await?.into_iter().collect();
    for id in untouched.iter().filter(|id| !known.contains(*id)) {
        local.abort_upload(id).await?;
    }
    Ok(())
}
