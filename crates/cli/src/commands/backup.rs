//! `merak backup` and `merak restore`: the embedded database as a file.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use merak_core::MIGRATIONS;
use merak_store::{Database, Store};

use crate::failure::Failure;
use crate::options::Options;

/// Copy the embedded database to a file while it is in use.
#[derive(Debug, Args)]
pub struct Backup {
    /// The file to make; it must not exist.
    file: PathBuf,
}

/// Put a backup in the place of the embedded database; the server must be stopped.
#[derive(Debug, Args)]
pub struct Restore {
    /// The backup.
    file: PathBuf,
    /// Replace a database that is there.
    #[arg(long)]
    replace: bool,
}

impl Backup {
    /// Copies the database as it is at one moment, while others go on using it.
    pub fn run(&self, options: &Options) -> Result<(), Failure> {
        if self.file.exists() {
            return Err(Failure::usage(format!("{} exists", self.file.display())));
        }
        options.open()?.backup(&self.file)?;
        println!("{}", self.file.display());
        Ok(())
    }
}

impl Restore {
    /// Checks the backup, then puts a copy of it in the database's place.
    pub fn run(&self, options: &Options) -> Result<(), Failure> {
        let Database::Sqlite { path } = options.database()? else {
            return Err(Failure::usage("a PostgreSQL database is restored with pg_restore"));
        };
        if !self.file.is_file() {
            return Err(Failure::usage(format!("{} is no file", self.file.display())));
        }
        if path.exists() && !self.replace {
            return Err(Failure::usage(format!("{} exists; say --replace", path.display())));
        }
        let cannot = |error: std::io::Error| Failure::runtime(format!("cannot write {}: {error}", path.display()));
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(cannot)?;
        }
        let copy = beside(&path, ".restoring");
        check(&self.file)?.backup(&copy)?;
        for suffix in ["-wal", "-shm"] {
            remove_if_there(&beside(&path, suffix)).map_err(cannot)?;
        }
        fs::rename(&copy, &path).map_err(cannot)?;
        println!("{}", path.display());
        Ok(())
    }
}

/// Opens a backup and makes sure that it is a database of ours. It is left as it is.
fn check(file: &Path) -> Result<Store, Failure> {
    let store = Store::open(&merak_store::Options::new(Database::Sqlite { path: file.to_owned() }))?;
    let pending = store.pending(MIGRATIONS)?;
    if pending.len() == MIGRATIONS.len() {
        return Err(Failure::usage(format!("{} is no database of Merak", file.display())));
    }
    Ok(store)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
