//! Files that commands make: whether they can be, before any work is done, and why they could not.

use std::fmt::Display;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::failure::Failure;
use crate::options::directory_of;

/// Errs if `what` cannot be made there for a reason that the caller has to change.
pub fn check(path: &Path, what: &str) -> Result<(), Failure> {
    let name = path.display();
    // Of a link that leads to nothing, too, something is there.
    if let Ok(found) = fs::symlink_metadata(path) {
        return Err(Failure::usage(if found.is_dir() {
            format!("{name} is a folder; name a file in it")
        } else {
            format!("{name} exists; {what} replaces nothing")
        }));
    }
    if path.file_name().is_none() || path.as_os_str().as_bytes().ends_with(b"/") {
        return Err(Failure::usage("name a file"));
    }
    let folder = directory_of(path);
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(no_folder(folder)),
        Err(error) if error.kind() == ErrorKind::NotADirectory => Err(no_folder(folder)),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Failure::usage(format!(
            "cannot write {name}: there is no folder {}; make it first",
            folder.display()
        ))),
        Err(error) => Err(cannot_write(path, error)),
    }
}

/// Errs if there is something that is no folder.
pub fn check_folder(path: &Path) -> Result<(), Failure> {
    match fs::metadata(path) {
        Ok(found) if !found.is_dir() => Err(no_folder(path)),
        _ => Ok(()),
    }
}

/// What a file could not be made for, as far as that lies with its place.
pub fn cannot_write(path: &Path, cause: impl Display) -> Failure {
    Failure::runtime(format!("cannot write {}: {cause}", path.display()))
}

fn no_folder(path: &Path) -> Failure {
    Failure::usage(format!("{} is no folder", path.display()))
}
