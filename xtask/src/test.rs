//! `cargo xtask test`: every test there is, on both engines.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::postgres::Postgres;
use crate::scratch::Scratch;
use crate::tally::{self, Tally};
use crate::{Failure, contract, packages, process};

/// The suites in the order in which they run: the quick and local ones first, of those that run together the long ones.
const SUITES: [Suite; 12] = [
    Suite { name: "rust", runner: Runner::Cargo, is_alone: true },
    // It stops the PostgreSQL that all share.
    Suite { name: "crash", runner: Runner::Pytest, is_alone: true },
    Suite { name: "sdk-python", runner: Runner::Pytest, is_alone: false },
    Suite { name: "transfer", runner: Runner::Pytest, is_alone: false },
    Suite { name: "fuzz", runner: Runner::Pytest, is_alone: false },
    Suite { name: "sdk-javascript", runner: Runner::Node, is_alone: false },
    Suite { name: "mail", runner: Runner::Pytest, is_alone: false },
    Suite { name: "files", runner: Runner::Pytest, is_alone: false },
    Suite { name: "pages", runner: Runner::Browser, is_alone: false },
    Suite { name: "story", runner: Runner::PytestInBrowser, is_alone: false },
    Suite { name: "nodes", runner: Runner::Pytest, is_alone: false },
    Suite { name: "payments", runner: Runner::Pytest, is_alone: false },
];

/// How many suites run together. They wait for timers, mail and browsers, so that one alone leaves a processor idle;
/// more than two would be too slow for the patience of their tests on a machine with two processors.
const TOGETHER: usize = 2;

/// The crates' tests that read the wire contract and the recorded answers of the reference, which are not ours to pass on.
const CONTRACT_TESTS: [&str; 5] = [
    "subjects_and_scopes_are_those_of_the_contract",
    "every_request_body_of_the_contract_compiles",
    "recorded_problems_are_told_in_the_same_way",
    "the_life_of_license_keys_is_answered_as_recorded",
    "the_catalogue_is_answered_as_recorded",
];

/// Where proptest reads what its random values come from.
const RANDOM_SEED: &str = "PROPTEST_RNG_SEED";

/// A folder below `tests/`, or the tests of the crates.
struct Suite {
    name: &'static str,
    runner: Runner,
    /// Whether nothing else may run meanwhile.
    is_alone: bool,
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

/// What is known of a suite that ran.
type Counted = (&'static str, Tally, Duration);

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
    let (alone, together): (Vec<&Suite>, Vec<&Suite>) =
        SUITES.iter().filter(is_wanted).partition(|suite| suite.is_alone);

    let postgres = Postgres::start()?;
    let scratch = Scratch::new()?;
    let mut counted = Vec::new();
    for suite in alone {
        println!("\n== {} ==", suite.name);
        counted.push(suite.run(suite.command(&filters, &scratch), &postgres, ""));
    }
    counted.extend(run_together(&together, &filters, &scratch, &postgres));
    drop(scratch);
    drop(postgres);

    match tally::report(&counted).failed {
        0 => Ok(()),
        failed => Err(format!("{failed} failed").into()),
    }
}

/// Runs suites side by side. Each line of them says whose it is.
fn run_together(
    suites: &[&Suite],
    filters: &[&String],
    scratch: &Scratch,
    postgres: &Postgres,
) -> Vec<Counted> {
    // What they need is installed one after the other: package managers lock each other out.
    let ready: VecDeque<_> = suites
        .iter()
        .map(|suite| {
            println!("\n== {} ==", suite.name);
            (*suite, suite.command(filters, scratch).map_err(|failure| failure.to_string()))
        })
        .collect();
    let (ready, counted) = (Mutex::new(ready), Mutex::new(Vec::new()));
    let next = || ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    thread::scope(|scope| {
        for _ in 0..TOGETHER {
            scope.spawn(|| {
                while let Some((suite, command)) = next() {
                    let prefix = format!("{:<15}| ", suite.name);
                    let of_suite = suite.run(command.map_err(Failure::from), postgres, &prefix);
                    counted.lock().unwrap_or_else(PoisonError::into_inner).push(of_suite);
                }
            });
        }
    });
    counted.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl Suite {
    /// Runs the program to its end and counts what it says.
    fn run(&self, command: Result<Command, Failure>, postgres: &Postgres, prefix: &str) -> Counted {
        let started = Instant::now();
        let mut tally = Tally::default();
        let ended_well = command.and_then(|mut command| {
            postgres.export(&mut command);
            process::watch(&mut command, prefix, |line| tally.see(line))
        });
        if let Err(failure) = &ended_well {
            println!("{prefix}{}: {failure}", self.name);
        }
        tally.close(ended_well.unwrap_or(false));
        (self.name, tally, started.elapsed())
    }

    /// The program that runs this suite, with what it needs installed.
    fn command(&self, filters: &[&String], scratch: &Scratch) -> Result<Command, Failure> {
        let tests = process::root().join("tests");
        let folder = tests.join(self.name);
        match self.runner {
            Runner::Cargo => {
                let mut command = process::cargo();
                command.args(["test", "--workspace", "--no-fail-fast", "--"]).args(filters);
                if !contract::folder().is_dir() {
                    for test in CONTRACT_TESTS {
                        println!("skipped: {test} (it needs `shared/contract` beside the checkout)");
                        command.args(["--skip", test]);
                    }
                }
                command.env("TMPDIR", scratch.path());
                // What is drawn at random is the same for everybody, unless somebody looks for more.
                if std::env::var_os(RANDOM_SEED).is_none() {
                    command.env(RANDOM_SEED, "1");
                }
                Ok(command)
            }
            Runner::Node | Runner::Browser => {
                if self.runner == Runner::Browser {
                    packages::browser()?;
                }
                packages::node(&folder)?;
                let mut command = Command::new("node");
                // A test that fails may leave a server behind, which nobody waits for.
                // Files one after the other: how patient they are is reckoned with one other suite beside them.
                command.args(["--test", "--test-force-exit", "--test-concurrency=1", "--test-reporter=spec"]);
                command.current_dir(&folder);
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
    // With the whole workspace and one of its tests, its features are those of the tests, and nothing is compiled twice.
    let targets = ["--bin", "merak", "--test", "commands"];
    process::run(process::cargo().args(["build", "--workspace"]).args(targets))?;
    Ok(packages::target().join("debug/merak"))
}
