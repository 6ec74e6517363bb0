//! `cargo xtask bench`: the load generator, built as it would be released.

use crate::{Failure, process};

/// Passes every argument on to the load generator.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    process::run(
        process::cargo().args(["run", "--release", "--package", "merak-bench", "--"]).args(arguments),
    )
}
