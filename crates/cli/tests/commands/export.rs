//! `merak export`.

use std::fs::{self, File};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use merak_core::customers::{self, CreateCustomer};
use merak_core::kit::{Metadata, Refusal};
use merak_store::{Database, Options, Store};
use merak_testkit::both_engines;

use crate::installation::{Installation, outcome};
use crate::shop::Shop;

#[test]
fn an_export_is_refused_where_none_can_be_made() {
    let installation = Installation::new();
    Shop::open(&installation);
    fs::write(installation.path("shop.ndjson"), "precious").unwrap();
    let before = installation.names();
    for (line, problem) in [
        ("shop.ndjson", "shop.ndjson exists; an export replaces nothing"),
        ("no/shop.ndjson", "cannot write no/shop.ndjson: there is no folder no; make it first"),
        ("shop.ndjson/more", "shop.ndjson is no folder"),
        ("data", "data is a folder; name a file in it"),
        ("new.ndjson --with-files shop.ndjson", "shop.ndjson is no folder"),
    ] {
        let refused = installation.run(&format!("export {line}"));
        assert_eq!(refused.failure(), (Some(2), &*format!("merak: {problem}")));
    }
    assert_eq!(installation.names(), before);
    assert_eq!(fs::read_to_string(installation.path("shop.ndjson")).unwrap(), "precious");
}

#[test]
fn an_export_that_nobody_takes_says_so() {
    let installation = Installation::new();
    Shop::open(&installation);
    let full = File::create("/dev/full").unwrap();
    let done = outcome(installation.merak(["export", "-"]).stdout(full));
    let sentence = "merak: cannot write the standard output: No space left on device (os error 28)";
    assert_eq!((done.code, done.remarks.lines().last()), (Some(1), Some(sentence)), "{done:?}");
}

both_engines! {
    setup = Installation::on;

    fn an_export_waits_for_what_is_being_written(installation: Installation) {
        let shop = Shop::open(&installation);
        let database = installation.database_url().map_or_else(
            || Database::Sqlite { path: installation.data_dir().join("merak.db") },
            |url| Database::Postgres { url, read_url: None },
        );
        let store = Store::open(&Options::new(database)).unwrap();
        let command = CreateCustomer {
            organization_id: shop.organization_id.parse().unwrap(),
            email: "late@example.com".parse().unwrap(),
            name: None,
            billing_address: None,
            tax_id: None,
            metadata: Metadata::default(),
        };
        let (begin, has_begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let writing = thread::spawn(move || {
            store.write_blocking(move |tx| {
                customers::create(tx, &command)?;
                let _ = begin.send(());
                // Until the other side is gone.
                let _ = released.recv();
                Ok::<_, Refusal>(())
            })
        });
        has_begun.recv().unwrap();
        let mut export = installation.merak(["export", "shop.ndjson"]);
        let mut export = export.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_secs(1));
        assert_eq!(export.try_wait().unwrap(), None, "it waits");
        drop(release);
        writing.join().unwrap().unwrap();
        assert!(export.wait().unwrap().success());
        let exported = fs::read_to_string(installation.path("shop.ndjson")).unwrap();
        assert!(exported.contains("late@example.com"), "{exported}");
    }
}
