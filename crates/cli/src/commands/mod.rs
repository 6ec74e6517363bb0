//! The commands.

mod backup;
mod demo;
mod doctor;
mod grant;
mod openapi;
mod organization;
mod serve;
mod token;

use clap::Subcommand;
use merak_core::instance;
use merak_core::kit::{Email, InstanceSecret};
use merak_store::Store;
use serde_json::Value;

use crate::failure::Failure;
use crate::options::Options;

/// What `merak` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API, its reference and the worker.
    Serve,
    /// Serve a small shop to look at, and say how to call it.
    Demo(demo::Demo),
    /// Bring the database's schema up to date.
    Migrate,
    /// Look after access tokens.
    #[command(subcommand)]
    Token(token::Token),
    /// Look after organizations.
    #[command(subcommand)]
    Organization(organization::Organization),
    /// Give a benefit to a customer by hand, or take it back.
    Grant(grant::Grant),
    /// Print the OpenAPI document.
    Openapi,
    /// Copy the embedded database to a file while it is in use.
    Backup(backup::Backup),
    /// Put a backup in the place of the embedded database; the server must be stopped.
    Restore(backup::Restore),
    /// Check configuration, database and disk.
    Doctor,
}

impl Command {
    /// Runs the command.
    pub fn run(self, options: &Options) -> Result<(), Failure> {
        match self {
            Self::Serve => serve::run(options),
            Self::Demo(demo) => demo.run(options),
            Self::Migrate => migrate(options),
            Self::Token(token) => token.run(options),
            Self::Organization(organization) => organization.run(options),
            Self::Grant(grant) => grant.run(options),
            Self::Openapi => openapi::run(options),
            Self::Backup(backup) => backup.run(options),
            Self::Restore(restore) => restore.run(options),
            Self::Doctor => doctor::run(options),
        }
    }
}

fn migrate(options: &Options) -> Result<(), Failure> {
    let store = options.open()?;
    let applied = store.migrate(merak_core::MIGRATIONS)?;
    if applied.is_empty() {
        println!("The schema is up to date.");
    }
    for name in applied {
        println!("applied {name}");
    }
    Ok(())
}

/// Opens a migrated store that belongs to this installation's secret.
fn open(options: &Options) -> Result<(Store, InstanceSecret), Failure> {
    let (store, secret) = (options.open_migrated()?, options.secret()?);
    let claimed = secret.clone();
    store
        .write_blocking(move |tx| instance::claim(tx, &claimed))
        .map_err(Failure::runtime)?;
    Ok((store, secret))
}

/// Reads an address given on the command line.
fn email(text: &str) -> Result<Email, Failure> {
    text.parse().map_err(|problem| Failure::usage(format!("{text} is no e-mail address: {problem}")))
}

/// Prints a result: one JSON object on one line, or the given lines for people.
fn print(json: bool, object: &Value, lines: &[String]) {
    if json {
        println!("{object}");
    } else {
        for line in lines {
            println!("{line}");
        }
    }
}
