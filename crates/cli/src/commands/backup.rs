//! `merak backup`: the embedded database as a file.

use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;
use crate::options::Options;
use crate::{output, secret};

/// Copy the embedded database to a file while it is in use.
#[derive(Debug, Args)]
pub struct Backup {
    /// The file to make; it must not exist.
    file: PathBuf,
}

impl Backup {
    /// Copies the database as it is at one moment, while others go on using it.
    pub fn run(&self, options: &Options) -> Result<(), Failure> {
        if self.file.exists() {
            return Err(Failure::usage(format!("{} exists; a backup replaces nothing", self.file.display())));
        }
        options.open_existing()?.backup(&self.file)?;
        if options.secret.is_none() {
            output::remark(&format!(
                "Keep a copy of {} apart from it: the tokens in the backup are of no use without.",
                secret::file(options.data_dir()).display()
            ));
        }
        output::say(&self.file.display().to_string())
    }
}
