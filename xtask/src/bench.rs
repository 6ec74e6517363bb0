//! `cargo xtask bench`: the load generator and what it measures, built as they would be released.

use crate::{Failure, process};

/// Passes every argument on to the load generator, with the server built anew beside it.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    process::run(process::cargo().args(["build", "--release", "--package", "merak"]))?;
    process::run(
        process::cargo().args(["run", "--release", "--package", "merak-bench", "--"]).args(arguments),
    )
}
