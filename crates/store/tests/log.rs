//! SQLite's write-ahead log stays short, however much is written, and loses nothing.

use std::fs;

use merak_store::{Database, Error, Migration};
use merak_testkit::Engine;

const SCHEMA: Migration = Migration {
    name: "0001_pages",
    sql: "CREATE TABLE pages (id bigint NOT NULL, body text NOT NULL, CONSTRAINT pages_pkey PRIMARY KEY (id));",
};

#[test]
fn the_log_does_not_grow_with_what_is_written() {
    let database = merak_testkit::migrated(Engine::Sqlite, &[SCHEMA]);
    let Database::Sqlite { path } = database.database().clone() else { unreachable!("it was asked for") };
    let log = path.with_extension(format!("{}-wal", path.extension().unwrap_or_default().display()));
    let store = database.open();
    let mut longest = 0;
    for number in 0..2_000_i64 {
        store
            .write_blocking::<_, Error>(move |tx| {
                let body = "x".repeat(200_000);
                tx.execute("INSERT INTO pages (id, body) VALUES ($1, $2)", &[&number, &body])
            })
            .unwrap();
        longest = longest.max(fs::metadata(&log).unwrap().len());
    }
    // On a busy machine the thread that moves pages comes late, and the writer does not wait for it.
    assert!(longest < 200_000_000, "400 MB were written and the log grew to {longest} bytes");
    let found = store.read_blocking::<i64, Error>(|tx| tx.one("SELECT count(*) FROM pages", &[])).unwrap();
    assert_eq!(found, 2_000);
    store.shutdown_blocking();
    assert!(!log.exists(), "a closed database is a single file");
    let again = database.open();
    let found = again.read_blocking::<i64, Error>(|tx| tx.one("SELECT count(*) FROM pages", &[])).unwrap();
    assert_eq!(found, 2_000);
}
