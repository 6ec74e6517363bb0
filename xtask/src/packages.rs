//! What the black-box tests need from npm and PyPI: installed by lock file, inside the checkout, once for each lock.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Failure, process};

/// Installs the Node packages that a folder's lock file names.
pub fn node(folder: &Path) -> Result<(), Failure> {
    if process::find("node").is_none() || process::find("npm").is_none() {
        process::install_debian(&["nodejs", "npm"])?;
    }
    let stamp = Stamp::of(&folder.join("package-lock.json"), &folder.join("node_modules"))?;
    if !stamp.is_current() {
        process::run(
            Command::new("npm")
                .current_dir(folder)
                .env("npm_config_cache", target().join("npm-cache"))
                .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]),
        )?;
        stamp.write()?;
    }
    Ok(())
}

/// Installs the browser that looks at the pages, unless `MERAK_CHROMIUM` names one.
pub fn browser() -> Result<(), Failure> {
    if std::env::var_os("MERAK_CHROMIUM").is_none() && process::find("chromium").is_none() {
        process::install_debian(&["chromium"])?;
    }
    Ok(())
}

/// Makes a Python environment with exactly the packages that a file of pinned requirements names. Returns its
/// interpreter.
pub fn python(requirements: &Path) -> Result<PathBuf, Failure> {
    if process::find("python3").is_none() {
        process::install_debian(&["python3", "python3-venv"])?;
    }
    let folder = target().join("python");
    let python = folder.join("bin/python");
    let stamp = Stamp::of(requirements, &folder)?;
    if !stamp.is_current() {
        let mut make = Command::new("python3");
        make.args(["-m", "venv", "--clear"]).arg(&folder);
        if process::run(&mut make).is_err() {
            process::install_debian(&["python3-venv"])?;
            process::run(&mut make)?;
        }
        process::run(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir"])
                .args(["--require-hashes", "--requirement"])
                .arg(requirements),
        )?;
        stamp.write()?;
    }
    Ok(python)
}

/// Cargo's folder for what can be made again.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| process::root().join("target"), PathBuf::from)
}

/// A copy of the lock file inside what was installed from it, which tells whether the two still belong together.
struct Stamp {
    lock: Vec<u8>,
    file: PathBuf,
}

impl Stamp {
    fn of(lock: &Path, installed: &Path) -> Result<Self, Failure> {
        let text = std::fs::read(lock).map_err(|error| format!("cannot read {}: {error}", lock.display()))?;
        Ok(Self { lock: text, file: installed.join(".installed-from") })
    }

    fn is_current(&self) -> bool {
        std::fs::read(&self.file).is_ok_and(|copy| copy == self.lock)
    }

    fn write(&self) -> Result<(), Failure> {
        Ok(std::fs::write(&self.file, &self.lock)?)
    }
}
