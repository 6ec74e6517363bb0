//! The binary `merak`: options, wiring and exit codes. Everything else is in the crates below.

mod addresses;
mod commands;
mod failure;
mod mail;
mod occupancy;
mod opened;
mod options;
mod output;
mod progress;
mod secret;
mod services;
mod target;
mod taxes;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};

use self::commands::Command;
use self::options::Options;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ABOUT_SETTINGS: &str = "\
Every command takes the same settings, which `merak --help` lists. Each can be an option, an environment variable, or
stand in the TOML file that --config names; an option wins over a variable, and a variable over the file.

Begin with `merak demo`.";

/// Sell software from a server of your own: checkouts, subscriptions, license keys.
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

/// The command line. What a command has for itself must not drown in settings, so these are only in the long help; and
/// no help shows what they are set to.
fn command_line() -> clap::Command {
    Arguments::command().mut_args(|setting| setting.hide_short_help(true).hide_env_values(true))
}

fn main() -> ExitCode {
    let arguments =
        Arguments::from_arg_matches(&command_line().get_matches()).unwrap_or_else(|error| error.exit());
    let outcome = arguments.options.completed().and_then(|options| {
        options.start_log()?;
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
