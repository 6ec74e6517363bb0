//! The instance secret: given, or kept in a file of the data directory that only its owner can read.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use merak_core::kit::InstanceSecret;
use rand::RngExt;
use rand::distr::Alphanumeric;

use crate::failure::Failure;

/// Length of a generated secret, in characters of six bits each.
const LENGTH: usize = 64;

/// Shorter secrets can be guessed.
const SHORTEST: usize = 16;

/// Where a data directory keeps its secret.
pub fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("secret")
}

/// Errs if a secret is too short to be one.
pub fn check(given: &str) -> Result<(), Failure> {
    if given.len() < SHORTEST {
        return Err(Failure::usage(format!(
            "the secret must have at least {SHORTEST} characters; this one has {}",
            given.len()
        )));
    }
    Ok(())
}

/// The secret that was given, or the data directory's own, if it has one.
pub fn find(given: Option<&str>, data_dir: &Path) -> Result<Option<InstanceSecret>, Failure> {
    if let Some(given) = given {
        check(given)?;
        return Ok(Some(InstanceSecret::new(given)));
    }
    let path = file(data_dir);
    match fs::read_to_string(&path) {
        Ok(text) => {
            let text = text.trim();
            check(text).map_err(|failure| Failure::runtime(format!("{}: {failure}", path.display())))?;
            Ok(Some(InstanceSecret::new(text)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::runtime(format!("cannot read {}: {error}", path.display()))),
    }
}

/// Makes a secret and keeps it in the data directory. If another process was faster, its secret is the one.
pub fn make(data_dir: &Path) -> Result<InstanceSecret, Failure> {
    let path = file(data_dir);
    let cannot =
        |error: std::io::Error| Failure::runtime(format!("cannot write {}: {error}", path.display()));
    make_directory(data_dir)?;
    let text: String = rand::rng().sample_iter(Alphanumeric).take(LENGTH).map(char::from).collect();
    // Under its own name the file appears with all of its text, so that nobody ever reads half a secret.
    let draft = data_dir.join(format!("secret.{}", std::process::id()));
    let mut draft_file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .map_err(cannot)?;
    let kept = draft_file
        .write_all(text.as_bytes())
        .and_then(|()| draft_file.sync_all())
        .and_then(|()| fs::hard_link(&draft, &path));
    fs::remove_file(&draft).map_err(cannot)?;
    match kept {
        Ok(()) => Ok(InstanceSecret::new(text)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            find(None, data_dir)?.ok_or_else(|| Failure::runtime(format!("{} came and went", path.display())))
        }
        Err(error) => Err(cannot(error)),
    }
}

/// Makes a directory for secrets and customers' data, which are nobody else's business on this machine.
pub fn make_directory(directory: &Path) -> Result<(), Failure> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| {
        Failure::runtime(format!("cannot make the directory {}: {error}", directory.display()))
    })
}
