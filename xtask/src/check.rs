//! `cargo xtask check`: everything that is known without running the server.

use crate::{Failure, process, tidy};

/// Format, lints, documentation, house rules and, where the tool is installed, advisories.
pub fn run() -> Result<(), Failure> {
    process::run(process::cargo().args(["fmt", "--all", "--check"]))?;
    tidy::run()?;
    process::run(process::cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    process::run(process::cargo().env("RUSTDOCFLAGS", "-D warnings").args([
        "doc",
        "--workspace",
        "--no-deps",
    ]))?;
    advisories()
}

/// Looks the dependencies up in the advisory database. The tool is not part of the tool chain and takes longer to
/// build than everything else here, so its absence is said and not mended.
fn advisories() -> Result<(), Failure> {
    if process::find("cargo-deny").is_some() {
        process::run(process::cargo().args(["deny", "check", "advisories"]))
    } else if process::find("cargo-audit").is_some() {
        process::run(process::cargo().arg("audit"))
    } else {
        println!("advisories: neither cargo-deny nor cargo-audit is installed, not checked");
        Ok(())
    }
}
