//! `merak restore`: a backup in the place of the embedded database.
//!
//! All checks are made on a copy that lies beside the database. It takes the database's place in one step at the end,
//! so that at every moment one whole database is there: the old one or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use merak_core::{MIGRATIONS, instance};
use merak_store::{Database, Error as StoreError};

use crate::failure::Failure;
use crate::opened::Opened;
use crate::options::{Options, directory_of};
use crate::target::cannot_write;
use crate::{occupancy, output, secret};

/// What every `SQLite` file begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// What lies beside a database while it is open, or was not closed.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// How many bytes of a backup are in memory at a time.
const AT_ONCE: usize = 1 << 20;

/// Put a backup in the place of the embedded database; the server must be stopped.
#[derive(Debug, Args)]
pub struct Restore {
    /// The backup, as `merak backup` made it.
    file: PathBuf,
    /// Replace the database that is there.
    #[arg(long)]
    replace: bool,
}

impl Restore {
    /// Checks the backup, then puts a copy of it in the database's place. The backup itself is only read.
    pub fn run(&self, options: &Options) -> Result<(), Failure> {
        let Database::Sqlite { path } = options.database()? else {
            return Err(Failure::usage("a PostgreSQL database is restored with pg_restore"));
        };
        self.check_file()?;
        if path.exists() && !self.replace {
            return Err(Failure::usage(format!(
                "{} is a database already; say --replace to lose what is in it",
                path.display()
            )));
        }
        let directory = directory_of(&path);
        secret::make_directory(directory)?;
        let _alone = occupancy::alone(directory)?;
        let copy = beside(&path, ".restoring");
        let result = self.copy_to(&copy).and_then(|()| examine(&copy, options)).and_then(|is_secret_here| {
            close(&path);
            remove(&path, &COMPANIONS)?;
            fs::rename(&copy, &path)
                .and_then(|()| File::open(directory)?.sync_all())
                .map_err(|error| cannot_write(&path, error))?;
            Ok(is_secret_here)
        });
        if result.is_err() {
            // The error that is answered matters more than a file left behind; the next restore replaces it.
            let _ = remove(&copy, &[&[""], &COMPANIONS[..]].concat());
        }
        if !result.map_err(|failure| match failure {
            Failure::Usage(problem) => Failure::Usage(format!("{}: {problem}", self.file.display())),
            Failure::Runtime(problem) => Failure::Runtime(problem),
        })? {
            output::remark(&format!(
                "The secret of this database is not here. Before the server starts, put it in place as {}.",
                secret::file(options.data_dir()).display()
            ));
        }
        output::say(&path.display().to_string())
    }

    /// Errs unless the file is a whole database by itself.
    fn check_file(&self) -> Result<(), Failure> {
        let name = self.file.display();
        let mut begin = Vec::new();
        File::open(&self.file)
            .and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut begin))
            .map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
        if begin != MAGIC {
            return Err(Failure::usage(format!("{name} is no SQLite database")));
        }
        let log = beside(&self.file, "-wal");
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            return Err(Failure::usage(format!(
                "{name} is a database in use, or one that was not closed: a part of it is in {}; copy it with \
                 `merak backup` first",
                log.display()
            )));
        }
        Ok(())
    }

    fn copy_to(&self, copy: &Path) -> Result<(), Failure> {
        remove(copy, &[&[""], &COMPANIONS[..]].concat())?;
        // Which of the two disks fails must be told, which `io::copy` does not.
        let unread = |error| Failure::runtime(format!("cannot read {}: {error}", self.file.display()));
        let unwritten = |error| cannot_write(copy, error);
        let mut from = File::open(&self.file).map_err(unread)?;
        let mut open = OpenOptions::new();
        let mut to = open.write(true).create_new(true).mode(0o600).open(copy).map_err(unwritten)?;
        let mut bytes = vec![0; AT_ONCE];
        loop {
            let read = from.read(&mut bytes).map_err(unread)?;
            if read == 0 {
                return to.sync_all().map_err(unwritten);
            }
            to.write_all(&bytes[..read]).map_err(unwritten)?;
        }
    }
}

/// Errs unless the copy is a sound database of ours. Says whether the secret it belongs to is here.
fn examine(copy: &Path, options: &Options) -> Result<bool, Failure> {
    let damaged =
        |problem: &dyn std::fmt::Display| Failure::usage(format!("the database is damaged: {problem}"));
    let unsound = |error| match error {
        // It says nothing of the backup: the copy is where there is no room.
        StoreError::Full => cannot_write(copy, "there is no space left on its disk"),
        error => damaged(&Failure::from(error)),
    };
    let store = Opened::new(Database::Sqlite { path: copy.to_owned() }, None).map_err(unsound)?;
    let found =
        store.read_blocking(|tx| tx.all::<String>("PRAGMA integrity_check(3)", &[])).map_err(unsound)?;
    if found != ["ok"] {
        return Err(damaged(&found.join("; ")));
    }
    if store.pending(MIGRATIONS)?.len() == MIGRATIONS.len() {
        return Err(Failure::usage("this is no database of Merak"));
    }
    let fingerprint = store.read_blocking(instance::fingerprint)?;
    let here = secret::find(options.secret.as_deref(), options.data_dir())?;
    match (fingerprint, here) {
        (Some(_), None) => Ok(false),
        (Some(fingerprint), Some(secret)) if fingerprint != secret.fingerprint() => {
            Err(Failure::usage(format!(
                "this backup is of an installation with another secret; set MERAK_SECRET to that, or put its file in \
             place as {}",
                secret::file(options.data_dir()).display()
            )))
        }
        _ => Ok(true),
    }
}

/// Opens and closes a database, which brings everything in its log into the file itself. The old database is thereby
/// whole without its log. One that is too damaged for that is about to be replaced anyway.
fn close(path: &Path) {
    if path.exists() {
        drop(Opened::new(Database::Sqlite { path: path.to_owned() }, None));
    }
}

fn remove(path: &Path, suffixes: &[&str]) -> Result<(), Failure> {
    for suffix in suffixes {
        let file = beside(path, suffix);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(cannot_write(&file, error)),
            _ => {}
        }
    }
    Ok(())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
