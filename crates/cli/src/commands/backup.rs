//! `merak backup`: the embedded database as a file.

use std::path::PathBuf;

use clap::Args;
use merak_store::BackupError;

use crate::failure::Failure;
use crate::options::Options;
use crate::{output, secret, target};

/// Copy the embedded database to a file while it is in use.
#[derive(Debug, Args)]
pub struct Backup {
    /// The file to make; it must not exist.
    file: PathBuf,
}

impl Backup {
    /// Copies the database as it is at one moment, while others go on using it.
    pub fn run(&self, options: &Options) -> Result<(), Failure> {
        target::check(&self.file, "a backup")?;
        options.open_existing()?.backup(&self.file).map_err(|error| match error {
            BackupError::Store(error) => error.into(),
            BackupError::Target(cause) => target::cannot_write(&self.file, cause),
        })?;
        if options.secret.is_none() {
            output::remark(&format!(
                "Keep a copy of {} apart from it: the tokens in the backup are of no use without.",
                secret::file(options.data_dir()).display()
            ));
        }
        output::say(&self.file.display().to_string())
    }
}
