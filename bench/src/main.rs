//! Measures Merak beside a handler that touches no data, on one machine and in one run.
//!
//! Absolute numbers of two machines cannot be compared, ratios of one run can: every figure is therefore given next to what a bare axum handler answering
//! the same bytes reaches under the same load generator. What the bench wrote is read back and counted; a figure whose effect is missing is an error.

mod bare;
mod catalogue;
mod client;
mod keys;
mod license_keys;
mod load;
mod machine;
mod postgres_cluster;
mod report;
mod rounds;
mod sale;
mod scripts;
mod seed;
mod server;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "merak-bench", about = "Measures Merak beside a handler that touches no data")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Page 1 of every list, with each filter and in each order, among ten thousand and among a million.
    Catalogue(catalogue::Arguments),
    /// Checkouts, created and confirmed with the sandbox's card.
    Checkout(sale::checkouts::Arguments),
    /// Validation, activation and listing of license keys.
    LicenseKeys(license_keys::Arguments),
    /// Subscriptions that are all due at once: billed, paid and mailed.
    Renewals(sale::renewals::Arguments),
    /// Serves one fixed answer at every path: what the figures are compared with.
    Bare(bare::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Catalogue(arguments) => catalogue::run(&arguments),
        Command::Checkout(arguments) => sale::checkouts::run(&arguments),
        Command::Renewals(arguments) => sale::renewals::run(&arguments),
        Command::LicenseKeys(arguments) => license_keys::run(&arguments),
        Command::Bare(arguments) => bare::serve(&arguments),
    }
}
