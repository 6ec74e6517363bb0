//! The project's chores, each a command: `cargo xtask <command>`.

mod bench;
mod check;
mod contract;
mod packages;
mod postgres;
mod process;
mod scratch;
mod tally;
mod test;
mod tidy;

use std::process::ExitCode;

/// What stops a command, as one sentence for the person who ran it.
type Failure = Box<dyn std::error::Error>;

const USAGE: &str = "\
cargo xtask test [SUITE | FILTER]...  install what the tests need and run them; suites are listed in xtask/src/test.rs
cargo xtask check                     format, lints, documentation, house rules, advisories
cargo xtask tidy                      the house rules alone
cargo xtask contract                  compare `merak openapi` with the wire contract
cargo xtask bench [ARGUMENT]...       build and run the load generator";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let arguments: Vec<String> = arguments.collect();
    let outcome = match command.as_str() {
        "test" => test::run(&arguments),
        "check" => check::run(),
        "tidy" => tidy::run(),
        "contract" => contract::run(),
        "bench" => bench::run(&arguments),
        "" | "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(format!("there is no command `{other}`\n\n{USAGE}").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("cargo xtask {command}: {failure}");
            ExitCode::FAILURE
        }
    }
}
