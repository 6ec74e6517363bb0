//! The instance secret: given, or kept in a file of the data directory that only its owner can read.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use merak_core::kit::InstanceSecret;
use rand::RngExt;
use rand::distr::Alphanumeric;

use crate::failure::Failure;

/// Length of a generated secret, in characters of six bits each.
const LENGTH: usize = 64;

/// Shorter secrets can be guessed.
const SHORTEST: usize = 16;

/// The secret that was given, or the data directory's own, made on first use.
pub fn load(given: Option<&str>, data_dir: &Path) -> Result<InstanceSecret, Failure> {
    if let Some(given) = given {
        if given.len() < SHORTEST {
            return Err(Failure::usage(format!("the secret must have at least {SHORTEST} characters")));
        }
        return Ok(InstanceSecret::new(given));
    }
    let path = data_dir.join("secret");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(InstanceSecret::new(text.trim())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(data_dir, &path),
        Err(error) => Err(Failure::runtime(format!("cannot read {}: {error}", path.display()))),
    }
}

fn make(data_dir: &Path, path: &Path) -> Result<InstanceSecret, Failure> {
    let cannot = |error: std::io::Error| Failure::runtime(format!("cannot write {}: {error}", path.display()));
    fs::create_dir_all(data_dir).map_err(cannot)?;
    let text: String = rand::rng().sample_iter(Alphanumeric).take(LENGTH).map(char::from).collect();
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(cannot)?;
            Ok(InstanceSecret::new(text))
        }
        // Another process was faster; its secret is the one.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => load(None, data_dir),
        Err(error) => Err(cannot(error)),
    }
}
