//! The binary `merak`: options, wiring and exit codes. Everything else is in the crates below.

mod commands;
mod failure;
mod occupancy;
mod opened;
mod options;
mod output;
mod secret;

use std::process::ExitCode;

use clap::Parser;

use self::commands::Command;
use self::options::Options;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ABOUT_SETTINGS: &str = "\
Every setting can also be an environment variable, or stand in the TOML file that --config names, where its name has
underscores: data_dir = \"/srv/merak\". An option wins over a variable, and a variable over the file.

Begin with `merak demo`.";

/// Sell software from a server of your own: license keys, benefits, customers.
#[derive(Debug, Parser)]
#[command(
    name = "merak",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = ABOUT_SETTINGS
)]
struct Arguments {
    #[command(flatten, next_help_heading = "Settings")]
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
            output::remark(&format!("merak: {failure}"));
            failure.exit_code()
        }
    }
}
