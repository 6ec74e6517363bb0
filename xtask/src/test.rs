//! `cargo xtask test`: every test there is, on both engines.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::postgres::Postgres;
use crate::scratch::Scratch;
use crate::tally::{self, Tally};
use crate::{Failure, packages, process};

/// The suites in the order in which they run: the quick and local ones first.
const SUITES: [Suite; 12] = [
    Suite { name: "rust", runner: Runner::Cargo },
    Suite { name: "sdk-javascript", runner: Runner::Node },
    Suite { name: "pages", runner: Runner::Browser },
    Suite { name: "sdk-python", runner: Runner::Pytest },
    Suite { name: "files", runner: Runner::Pytest },
    Suite { name: "mail", runner: Runner::Pytest },
    Suite { name: "story", runner: Runner::PytestInBrowser },
    Suite { name: "payments", runner: Runner::Pytest },
    Suite { name: "crash", runner: Runner::Pytest },
    Suite { name: "nodes", runner: Runner::Pytest },
    Suite { name: "transfer", runner: Runner::Pytest },
    Suite { name: "fuzz", runner: Runner::Pytest },
];

/// A folder below `tests/`, or the tests of the crates.
struct Suite {
    name: &'static str,
    runner: Runner,
}

/// Who runs a suite.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runner {
    /// The crates' own tests.
    Cargo,
    /// Black-box tests in JavaScript.
    Node,
    /// The same, with a browser.
    Browser,
    /// Black-box tests in Python.
    Pytest,
    /// The same, with a browser.
    PytestInBrowser,
}

/// Runs the suites that the arguments name, or all. An argument that names no suite selects tests of the crates by
/// their name.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let (chosen, filters): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| SUITES.iter().any(|suite| suite.name == argument.as_str()));
    let is_wanted = |suite: &&Suite| {
        arguments.is_empty()
            || chosen.iter().any(|name| name.as_str() == suite.name)
            || (suite.runner == Runner::Cargo && !filters.is_empty())
    };
    let suites: Vec<&Suite> = SUITES.iter().filter(is_wanted).collect();

    let postgres = Postgres::start()?;
    let scratch = Scratch::new()?;
    let mut counted = Vec::new();
    for suite in suites {
        println!("\n== {} ==", suite.name);
        let started = Instant::now();
        let mut tally = Tally::default();
        let ended_well = suite.command(&filters, &scratch).and_then(|mut command| {
            postgres.export(&mut command);
            process::watch(&mut command, |line| tally.see(line))
        });
        if let Err(failure) = &ended_well {
            println!("{}: {failure}", suite.name);
        }
        tally.close(ended_well.unwrap_or(false));
        counted.push((suite.name, tally, started.elapsed()));
    }
    drop(scratch);
    drop(postgres);

    match tally::report(&counted).failed {
        0 => Ok(()),
        failed => Err(format!("{failed} failed").into()),
    }
}

impl Suite {
    /// The program that runs this suite, with what it needs installed.
    fn command(&self, filters: &[&String], scratch: &Scratch) -> Result<Command, Failure> {
        let tests = process::root().join("tests");
        let folder = tests.join(self.name);
        match self.runner {
            Runner::Cargo => {
                let mut command = process::cargo();
                command.args(["test", "--workspace", "--no-fail-fast", "--"]).args(filters);
                command.env("TMPDIR", scratch.path());
                Ok(command)
            }
            Runner::Node | Runner::Browser => {
                if self.runner == Runner::Browser {
                    packages::browser()?;
                }
                packages::node(&folder)?;
                let mut command = Command::new("node");
                // A test that fails may leave a server behind, which nobody waits for.
                command.args(["--test", "--test-force-exit", "--test-reporter=spec"]).current_dir(&folder);
                command.env("MERAK_BIN", binary()?);
                Ok(command)
            }
            Runner::Pytest | Runner::PytestInBrowser => {
                if self.runner == Runner::PytestInBrowser {
                    packages::browser()?;
                }
                let mut command = Command::new(packages::python(&tests.join("requirements.txt"))?);
                command.args(["-m", "pytest", "--color=no"]).arg(self.name).current_dir(&tests);
                command.env("MERAK_BIN", binary()?);
                command.env("HYPOTHESIS_STORAGE_DIRECTORY", packages::target().join("hypothesis"));
                Ok(command)
            }
        }
    }
}

/// The program under test: the one that `MERAK_BIN` names, or else one built here.
pub fn binary() -> Result<PathBuf, Failure> {
    if let Some(named) = std::env::var_os("MERAK_BIN") {
        return Ok(Path::new(&named).canonicalize()?);
    }
    // The whole workspace, because its features are then those of the tests and nothing is compiled twice.
    process::run(process::cargo().args(["build", "--workspace", "--bin", "merak"]))?;
    Ok(packages::target().join("debug/merak"))
}
