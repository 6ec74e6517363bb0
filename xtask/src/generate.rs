//! `cargo xtask generate`: writes the generated files that are committed, so that a review shows what a change
//! does to them.

use std::process::Command;

use crate::{Failure, process, test};

/// Each generated file and the arguments of `merak` that print it.
const GENERATED: [(&str, &[&str]); 1] = [("docs/openapi.json", &["openapi"])];

/// Writes every generated file anew.
pub fn run() -> Result<(), Failure> {
    let merak = test::binary()?;
    for (file, arguments) in GENERATED {
        let (success, text) = process::output(Command::new(&merak).args(arguments))?;
        if !success {
            return Err(format!("`merak {}` failed", arguments.join(" ")).into());
        }
        std::fs::write(process::root().join(file), text)?;
        println!("wrote {file}");
    }
    Ok(())
}
