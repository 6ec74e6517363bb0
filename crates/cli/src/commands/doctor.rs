//! `merak doctor`: is everything as it should be?

use std::fs;

use merak_core::{MIGRATIONS, instance};
use merak_store::{Database, Store};

use crate::failure::Failure;
use crate::options::Options;

/// Checks what a server needs, prints a line for each, and fails if one is not well.
pub fn run(options: &Options) -> Result<(), Failure> {
    let mut report = Report { ailing: 0 };
    let database = options.database()?;
    report.line("database", Ok(database.to_string()));
    report.line("listen", Ok(options.server().listen.to_string()));
    report.line("public URL", public_url(options));
    report.line("data directory", data_dir(options));
    match options.open() {
        Ok(store) => {
            report.line("connection", Ok(store.engine().to_string()));
            report.line("schema", schema(&store));
            report.line("secret", secret(options, &store));
            if matches!(database, Database::Sqlite { .. }) {
                report.line("integrity", integrity(&store));
            }
        }
        Err(failure) => report.line("connection", Err(failure.to_string())),
    }
    if report.ailing == 0 {
        Ok(())
    } else {
        Err(Failure::runtime(format!("{} of these checks failed", report.ailing)))
    }
}

struct Report {
    ailing: usize,
}

impl Report {
    fn line(&mut self, what: &str, found: Result<String, String>) {
        match found {
            Ok(found) => println!("ok      {what}: {found}"),
            Err(problem) => {
                self.ailing += 1;
                println!("FAILED  {what}: {problem}");
            }
        }
    }
}

fn public_url(options: &Options) -> Result<String, String> {
    match &options.public_url {
        None => Ok(String::from("made from the listen address")),
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => Ok(url.clone()),
        Some(url) => Err(format!("{url} begins neither with http:// nor https://")),
    }
}

/// Whether the data directory can be written, by writing to it.
fn data_dir(options: &Options) -> Result<String, String> {
    let directory = options.data_dir();
    let probe = directory.join(".doctor");
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(&probe, vec![0; 64 * 1024]))
        .and_then(|()| fs::remove_file(&probe))
        .map(|()| format!("{} can be written", directory.display()))
        .map_err(|error| format!("{} cannot be written: {error}", directory.display()))
}

fn schema(store: &Store) -> Result<String, String> {
    match store.pending(MIGRATIONS) {
        Ok(pending) if pending.is_empty() => Ok(String::from("up to date")),
        Ok(pending) => Err(format!("run `merak migrate` for {}", pending.join(", "))),
        Err(error) => Err(error.to_string()),
    }
}

fn secret(options: &Options, store: &Store) -> Result<String, String> {
    let secret = options.secret().map_err(|failure| failure.to_string())?;
    store
        .write_blocking(move |tx| instance::claim(tx, &secret))
        .map(|()| String::from("belongs to this database"))
        .map_err(|error| error.to_string())
}

fn integrity(store: &Store) -> Result<String, String> {
    let found = store
        .read_blocking(|tx| tx.all::<String>("PRAGMA quick_check(10)", &[]))
        .map_err(|error| error.to_string())?;
    if found == ["ok"] { Ok(String::from("no damage found")) } else { Err(found.join("; ")) }
}
