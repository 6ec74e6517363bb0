//! The binary `merak`: options, wiring and exit codes. Everything else is in the crates below.

mod commands;
mod failure;
mod options;
mod secret;

use std::process::ExitCode;

use clap::Parser;

use self::commands::Command;
use self::options::Options;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Sell software from a server of your own: license keys, checkouts, subscriptions.
#[derive(Debug, Parser)]
#[command(name = "merak", version, propagate_version = true, arg_required_else_help = true)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = arguments.options.completed().and_then(|options| {
        options.start_log();
        arguments.command.run(&options)
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("merak: {failure}");
            failure.exit_code()
        }
    }
}
