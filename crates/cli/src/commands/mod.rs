//! The commands.

mod advertisement;
mod audit;
mod backup;
mod clock;
mod demo;
mod doctor;
mod export;
mod grant;
mod import;
mod jobs;
mod openapi;
mod organization;
mod refund;
mod restore;
mod serve;
mod token;
mod user;

use std::path::PathBuf;

use clap::Subcommand;
use merak_core::instance;
use merak_core::kit::{Email, InstanceSecret};
use merak_transfer::Vault;

use crate::failure::Failure;
use crate::opened::Opened;
use crate::options::Options;
use crate::{output, secret};

/// What `merak` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API, the pages of the shop, and what runs in the background.
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
    /// Write everything an organization owns to a file, while the server runs.
    Export(export::Export),
    /// Take in a shop from a file or another server, with the same ids and license keys.
    Import(import::Import),
    /// Look after advertisements.
    #[command(subcommand)]
    Advertisement(advertisement::Advertisement),
    /// Give the money of an order back, all of it or a part.
    Refund(refund::Refund),
    /// Show an organization's clock, or move it ahead to see what will be.
    #[command(subcommand)]
    Clock(clock::Clock),
    /// Look after what the worker has to do.
    #[command(subcommand)]
    Jobs(jobs::Jobs),
    /// Prove that the ledger holds, and show what its accounts hold.
    Audit(audit::Audit),
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
            Self::Export(export) => export.run(options),
            Self::Import(import) => import.run(options),
            Self::Advertisement(advertisement) => advertisement.run(options),
            Self::Refund(refund) => refund.run(options),
            Self::Clock(clock) => clock.run(options),
            Self::Jobs(jobs) => jobs.run(options),
            Self::Audit(audit) => audit.run(options),
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

/// The storage of files, and the folder outside that a command was given.
fn vault(options: &Options, secret: &InstanceSecret, folder: Option<&PathBuf>) -> Result<Vault, Failure> {
    // Nobody is given an address that is made here.
    let storage = merak_server::open_storage(&options.storage()?, "", secret).map_err(Failure::runtime)?;
    Ok(Vault { storage, folder: folder.cloned() })
}

/// What runs the asynchronous part of a command that is no server.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::runtime(format!("cannot start: {error}")))
}

/// Reads the e-mail address that an option was given.
fn email(option: &str, text: &str) -> Result<Email, Failure> {
    text.parse()
        .map_err(|problem| Failure::usage(format!("{option}: {text} is no e-mail address: {problem}")))
}

/// Runs something that waits for others.
fn wait_for<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::runtime(format!("cannot start threads: {error}")))?;
    runtime.block_on(work)
}
