//! `cargo xtask bench`: the load generator and what it measures, built as they would be released.

use std::process::Command;

use crate::{Failure, packages, process};

/// Passes every argument on to the load generator, which finds the server built anew beside it.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    process::run(process::cargo().args([
        "build",
        "--release",
        "--package",
        "merak",
        "--package",
        "merak-bench",
    ]))?;
    process::run(Command::new(packages::target().join("release/merak-bench")).args(arguments))
}
