//! Folders for what ends with a test run.
//!
//! Tests make thousands of databases of hundreds of small files. A file system on a disk spends more time on making and
//! removing those than the tests spend on using them, so the folders lie in memory where there is room.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Failure, process};

/// The file system in memory that Linux has.
const MEMORY: &str = "/dev/shm";

/// How many bytes must be free in memory. A run uses far less; what it uses shall not be missed.
const ROOM: u64 = 4 << 30;

/// Where folders for one run are best made.
fn place() -> Result<PathBuf, Failure> {
    let is_elsewhere_wanted = std::env::var_os("TMPDIR").is_some();
    if !is_elsewhere_wanted && Path::new(MEMORY).is_dir() && free(MEMORY)? >= ROOM {
        return Ok(PathBuf::from(MEMORY));
    }
    Ok(std::env::temp_dir())
}

/// Makes a folder of this run's own, with a name that begins so.
pub fn folder(name: &str) -> Result<PathBuf, Failure> {
    let folder = place()?.join(format!("{name}-{}", std::process::id()));
    // In a container that was started again, the number may be that of a run that was killed.
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir(&folder)?;
    Ok(folder)
}

/// Removes what runs have left that were broken off: folders that end with the number of a process that is no more.
fn remove_left(place: &Path) -> Result<(), Failure> {
    for entry in std::fs::read_dir(place)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| {
            name.strip_prefix("merak-tests-").or_else(|| name.strip_prefix("merak-postgres-"))
        });
        let is_over = number
            .is_some_and(|number| number.parse::<u32>().is_ok() && !Path::new("/proc").join(number).exists());
        // Another run may be at it, or it belongs to somebody else.
        if is_over && let Err(error) = std::fs::remove_dir_all(entry.path()) {
            eprintln!("{} stays behind: {error}", entry.path().display());
        }
    }
    Ok(())
}

fn free(folder: &str) -> Result<u64, Failure> {
    let (_, table) = process::output(Command::new("df").args(["--output=avail", "--block-size=1", folder]))?;
    // A `df` that knows no such options has nothing to say, and the folder then counts as full.
    Ok(table.lines().nth(1).and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(0))
}

/// A folder of one run's own. It is removed with this.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes the folder.
    pub fn new() -> Result<Self, Failure> {
        remove_left(&place()?)?;
        folder("merak-tests").map(Self)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} stays behind: {error}", self.0.display());
        }
    }
}
