//! `merak doctor`: is everything as it should be? It looks and changes nothing.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use merak_core::taxes::TaxSettings;
use merak_core::{MIGRATIONS, instance};
use merak_server::{Mail, Payments, Storage};
use merak_store::{Database, Store};

use crate::failure::Failure;
use crate::options::{Options, directory_of};
use crate::{output, secret, services};

/// With less disk than this, a checkpoint or a backup may be what fills it.
const LEAST_FREE_BYTES: u64 = 256 << 20;

/// The oldest PostgreSQL that the statements are written for, as `server_version_num` says it.
const OLDEST_POSTGRES: u32 = 13_00_00;

/// Checks what a server needs, prints a line for each, and fails if one is not well.
pub fn run(options: &Options) -> Result<(), Failure> {
    let mut report = Report { ailing: 0 };
    let database = options.database()?;
    report.line("version", Ok(env!("CARGO_PKG_VERSION").to_owned()))?;
    report.line("database", Ok(database.to_string()))?;
    let server = options.server()?;
    report.line("listen", Ok(server.listen.to_string()))?;
    let public_url =
        options.public_url.clone().unwrap_or_else(|| String::from("made from the listen address"));
    report.line("public URL", Ok(public_url))?;
    report.line("payments", Ok(payments(&services::payments(options)?)))?;
    report.line("taxes", Ok(taxes(&server.taxes)))?;
    report.line("mail", Ok(mail(&server.mail)))?;
    report.line("Discord", connection(services::discord(options)))?;
    report.line("GitHub", connection(services::github(options)))?;
    if let Database::Sqlite { path } = &database {
        report.line("directory", writable(directory_of(path)))?;
        report.line("disk", free_space(directory_of(path)))?;
    }
    report.line("files", storage(&options.storage()?))?;
    match options.open_existing() {
        Err(failure) => report.line("connection", Err(failure.to_string()))?,
        Ok(store) => {
            match database {
                Database::Sqlite { .. } => report.line("integrity", integrity(&store))?,
                Database::Postgres { .. } => {
                    report.line("server", postgres_version(&store))?;
                    report.line("locale", postgres_locale(&store))?;
                }
            }
            let schema = schema(&store);
            let is_current = schema.is_ok();
            report.line("schema", schema)?;
            if is_current {
                report.line("secret", secret(options, &store))?;
            }
        }
    }
    match report.ailing {
        0 => Ok(()),
        1 => Err(Failure::runtime("one of these checks failed")),
        many => Err(Failure::runtime(format!("{many} of these checks failed"))),
    }
}

/// Whether a service outside is set, and its settings can be used.
fn connection<T>(settings: Result<Option<T>, Failure>) -> Result<String, String> {
    match settings {
        Ok(Some(_)) => Ok(String::from("set")),
        Ok(None) => Ok(String::from("not set")),
        Err(failure) => Err(failure.to_string()),
    }
}

/// Who moves money.
fn payments(payments: &Payments) -> String {
    match payments {
        Payments::Sandbox => String::from("sandbox: test cards buy, and no money moves"),
        Payments::Brought(processor) => processor.name().to_owned(),
        Payments::Stripe(stripe) => format!("Stripe at {}", stripe.url),
    }
}

/// Who knows what tax there is.
fn taxes(taxes: &TaxSettings) -> String {
    match taxes {
        TaxSettings::None => String::from("none"),
        TaxSettings::Rates(rates) => {
            let seller = match rates.seller_country {
                Some(country) => format!("a seller in {country}"),
                None => String::from("a seller who says no country"),
            };
            let place = if rates.is_inclusive { "in the price" } else { "on top of the price" };
            format!("rates, {place}, for {seller}")
        }
    }
}

/// Where mail goes. No server is called and no folder is made.
fn mail(mail: &Mail) -> String {
    match mail {
        Mail::Smtp(_) => String::from("sent by SMTP"),
        Mail::Folder(folder) => format!("put into {}", folder.display()),
        Mail::Log | Mail::Memory(_) => String::from("none is sent"),
    }
}

struct Report {
    ailing: usize,
}

impl Report {
    fn line(&mut self, what: &str, found: Result<String, String>) -> Result<(), Failure> {
        match found {
            Ok(found) => output::say(&format!("ok      {what}: {found}")),
            Err(problem) => {
                self.ailing += 1;
                output::say(&format!("FAILED  {what}: {problem}"))
            }
        }
    }
}

/// Whether the directory can be written, by writing to it.
fn writable(directory: &Path) -> Result<String, String> {
    let probe = directory.join(format!(".doctor.{}", std::process::id()));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&probe)
        .and_then(|_| fs::remove_file(&probe))
        .map(|()| format!("{} can be written", directory.display()))
        .map_err(|error| format!("{} cannot be written: {error}", directory.display()))
}

/// Whether files can be stored where they are to be.
fn storage(storage: &Storage) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start threads: {error}"))?;
    runtime.block_on(merak_server::check_storage(storage))
}

fn free_space(directory: &Path) -> Result<String, String> {
    let disk = rustix::fs::statvfs(directory)
        .map_err(|error| format!("the disk of {} cannot be asked: {error}", directory.display()))?;
    enough(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn enough(free_bytes: u64) -> Result<String, String> {
    let free = format!("{} MiB free", free_bytes >> 20);
    if free_bytes < LEAST_FREE_BYTES {
        return Err(format!("{free}; a server should have {} MiB", LEAST_FREE_BYTES >> 20));
    }
    Ok(free)
}

fn integrity(store: &Store) -> Result<String, String> {
    let found =
        store.read_blocking(|tx| tx.all::<String>("PRAGMA quick_check(10)", &[])).map_err(sentence)?;
    if found == ["ok"] { Ok(String::from("no damage found")) } else { Err(found.join("; ")) }
}

fn postgres_version(store: &Store) -> Result<String, String> {
    let (name, number): (String, String) = store
        .read_blocking(|tx| {
            tx.one("SELECT current_setting('server_version'), current_setting('server_version_num')", &[])
        })
        .map_err(sentence)?;
    // A server that does not say its number is one that only speaks the protocol.
    if number.parse::<u32>().is_ok_and(|number| number < OLDEST_POSTGRES) {
        return Err(format!(
            "PostgreSQL {name} is too old; version {} is the oldest",
            OLDEST_POSTGRES / 10_000
        ));
    }
    Ok(format!("PostgreSQL {name}"))
}

/// Names are compared and sorted by the database, whose locale must know the letters of every script.
fn postgres_locale(store: &Store) -> Result<String, String> {
    let (encoding, folds): (String, bool) = store
        .read_blocking(|tx| tx.one("SELECT current_setting('server_encoding'), lower('É') = 'é'", &[]))
        .map_err(sentence)?;
    if encoding != "UTF8" {
        return Err(format!("the database's encoding is {encoding}; make it anew with ENCODING 'UTF8'"));
    }
    if !folds {
        return Err(String::from(
            "the database knows only English letters, so that Éva@example.com and éva@example.com are two people; \
             make it anew with LC_CTYPE 'C.UTF-8' or another UTF-8 locale",
        ));
    }
    Ok(String::from("UTF8, and letters of every script"))
}

fn schema(store: &Store) -> Result<String, String> {
    match store.pending(MIGRATIONS).map_err(sentence)? {
        pending if pending.is_empty() => Ok(String::from("up to date")),
        pending => Err(format!("run `merak migrate` for {}", pending.join(", "))),
    }
}

fn secret(options: &Options, store: &Store) -> Result<String, String> {
    let file = secret::file(options.data_dir());
    let known =
        secret::find(options.secret.as_deref(), options.data_dir()).map_err(|failure| failure.to_string())?;
    let Some(secret) = known else {
        return Err(format!("there is none: {} is missing and MERAK_SECRET is not set", file.display()));
    };
    let fingerprint = store.read_blocking(instance::fingerprint).map_err(sentence)?;
    if fingerprint.is_some_and(|fingerprint| fingerprint != secret.fingerprint()) {
        return Err(instance::Error::OtherSecret.to_string());
    }
    if options.secret.is_none()
        && fs::metadata(&file).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
    {
        return Err(format!("others can read it; run `chmod 600 {}`", file.display()));
    }
    Ok(String::from("belongs to this database"))
}

fn sentence(error: merak_store::Error) -> String {
    Failure::from(error).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nearly_full_disk_is_a_problem() {
        assert_eq!(enough(300 << 20).unwrap(), "300 MiB free");
        assert_eq!(enough(200 << 20).unwrap_err(), "200 MiB free; a server should have 256 MiB");
    }
}
