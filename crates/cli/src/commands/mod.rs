//! The commands.

mod backup;
mod demo;
mod doctor;
mod grant;
mod openapi;
mod organization;
mod restore;
mod serve;
mod token;
mod user;

use clap::Subcommand;
use merak_core::instance;
use merak_core::kit::{Email, InstanceSecret};

use crate::failure::Failure;
use crate::opened::Opened;
use crate::options::Options;
use crate::{output, secret};

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
    /// Look after people's accounts.
    #[command(subcommand)]
    User(user::User),
    /// Give a benefit to a customer by hand, or take it back.
    Grant(grant::Grant),
    /// Print the OpenAPI document.
    Openapi,
    /// Copy the embedded database to a file while it is in use.
    Backup(backup::Backup),
    /// Put a backup in the place of the embedded database; the server must be stopped.
    Restore(restore::Restore),
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
            Self::User(user) => user.run(options),
            Self::Grant(grant) => grant.run(options),
            Self::Openapi => openapi::run(options),
            Self::Backup(backup) => backup.run(options),
            Self::Restore(restore) => restore.run(options),
            Self::Doctor => doctor::run(options),
        }
    }
}

fn migrate(options: &Options) -> Result<(), Failure> {
    let applied = options.open()?.migrate(merak_core::MIGRATIONS)?;
    if applied.is_empty() {
        return output::say("The schema is up to date.");
    }
    applied.iter().try_for_each(|name| output::say(&format!("applied {name}")))
}

/// Opens a migrated store that belongs to this installation's secret. On first use both are made.
fn open(options: &Options) -> Result<(Opened, InstanceSecret), Failure> {
    let store = options.open_migrated()?;
    let known = secret::find(options.secret.as_deref(), options.data_dir())?;
    let secret = match known {
        Some(secret) => secret,
        // A new secret would not fit, and its file would hide that the old one is missing.
        None if store.read_blocking(instance::fingerprint)?.is_some() => {
            return Err(Failure::runtime(format!(
                "this database belongs to an installation whose secret is not here; set MERAK_SECRET to it, or put \
                 its file in place as {}",
                secret::file(options.data_dir()).display()
            )));
        }
        None => secret::make(options.data_dir())?,
    };
    let claimed = secret.clone();
    store.write_blocking(move |tx| instance::claim(tx, &claimed))?;
    Ok((store, secret))
}

/// Reads the e-mail address that an option was given.
fn email(option: &str, text: &str) -> Result<Email, Failure> {
    text.parse()
        .map_err(|problem| Failure::usage(format!("{option}: {text} is no e-mail address: {problem}")))
}
