//! `merak backup`.

use std::collections::HashSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use merak_testkit::Engine;
use serde_json::json;

use crate::http;
use crate::installation::{Installation, mode};
use crate::shop::{activate, text};

const LABEL: &str = "busy";

/// A key that is activated all the time, and the activations that were answered, in their order.
struct Busy {
    id: String,
    key: String,
    answered: Vec<String>,
}

#[test]
fn a_backup_under_writes_is_the_state_of_one_moment() {
    let installation = Installation::new();
    let (demo_server, demo) = installation.demo();
    assert_eq!(demo_server.stop().code, Some(0));
    let (server, url) = installation.serve(&["--rate-limit-per-address", "0", "--rate-limit-per-key", "0"]);
    let (organization, token) = (text(&demo["organization_id"]), text(&demo["access_token"]));
    let mut keys: Vec<Busy> = demo["license_keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| Busy { id: text(&key["id"]), key: text(&key["key"]), answered: Vec::new() })
        .collect();
    // The demo's keys have few seats, and some cannot be activated at all.
    keys.retain_mut(|key| {
        let path = format!("/v1/license-keys/{}", key.id);
        let changed = http::call(&url, "PATCH", &path, &token, &json!({"limit_activations": 100_000}));
        assert_eq!(changed.status, 200, "{changed:?}");
        let first = activate(&url, &organization, &key.key, LABEL);
        if first.status == 200 {
            key.answered.push(text(&first.json()["id"]));
        }
        first.status == 200
    });
    assert!(keys.len() >= 2, "some keys of the demo are good");

    let is_over = AtomicBool::new(false);
    let backups: Vec<_> = thread::scope(|scope| {
        for key in &mut keys {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let answer = activate(&url, &organization, &key.key, LABEL);
                    assert_eq!(answer.status, 200, "{answer:?}");
                    key.answered.push(text(&answer.json()["id"]));
                }
            });
        }
        let backup = |name| (name, installation.run(&format!("backup {name}")));
        let backups = ["one.db", "two.db"].map(backup).into();
        is_over.store(true, Ordering::Relaxed);
        backups
    });
    assert_eq!(server.stop().code, Some(0));

    for (name, done) in backups {
        assert_eq!((done.code, done.output.trim_end()), (Some(0), name), "{done:?}");
        assert!(done.remarks.starts_with("Keep a copy of "), "{done:?}");
        assert_eq!(mode(&installation.path(name)), 0o600);
        let restored = Installation::new();
        fs::create_dir(restored.data_dir()).unwrap();
        fs::copy(installation.data_dir().join("secret"), restored.data_dir().join("secret")).unwrap();
        let done = restored.run(&format!("restore {}", installation.path(name).display()));
        assert_eq!((done.code, done.remarks.as_str()), (Some(0), ""), "{done:?}");
        let (_server, url) = restored.serve(&[]);
        for busy in &keys {
            let key = http::get(&url, &format!("/v1/license-keys/{}", busy.id), &token).json();
            assert_eq!(text(&key["key"]), busy.key);
            let activations = key["activations"].as_array().unwrap().iter();
            let kept: HashSet<String> = activations
                .filter(|activation| activation["label"] == LABEL)
                .map(|activation| text(&activation["id"]))
                .collect();
            // A key's activations follow each other and every answer was waited for, so that those of one moment are
            // the first ones, without a gap.
            let first = busy.answered.iter().take_while(|id| kept.contains(*id)).count();
            assert!(first >= 1 && kept.len() == first, "{} of {} in {name}", first, kept.len());
        }
        assert_eq!(activate(&url, &organization, &keys[0].key, "after").status, 200, "life goes on");
        assert_eq!(restored.run("doctor").code, Some(0));
    }
}

#[test]
fn a_backup_replaces_nothing_and_begins_no_database() {
    let installation = Installation::new();
    let missing = installation.run("backup shop.db");
    assert_eq!(missing.code, Some(1));
    assert!(missing.remarks.starts_with("merak: there is no database at "), "{missing:?}");
    assert!(!installation.data_dir().exists() && !installation.path("shop.db").exists());
    assert_eq!(installation.run("migrate").code, Some(0));
    fs::write(installation.path("shop.db"), "precious").unwrap();
    let exists = installation.run("backup shop.db");
    assert_eq!(exists.failure(), (Some(2), "merak: shop.db exists; a backup replaces nothing"));
    assert_eq!(fs::read_to_string(installation.path("shop.db")).unwrap(), "precious");
    for (place, problem) in [
        ("nowhere/shop.db", "cannot write nowhere/shop.db: there is no folder nowhere; make it first"),
        ("shop.db/shop.db", "shop.db is no folder"),
        ("shop.db/more/shop.db", "shop.db/more is no folder"),
        ("data", "data is a folder; name a file in it"),
        ("nothing/", "name a file"),
    ] {
        let refused = installation.run(&format!("backup {place}"));
        assert_eq!(refused.failure(), (Some(2), &*format!("merak: {problem}")));
    }
    std::os::unix::fs::symlink("nothing", installation.path("link")).unwrap();
    let refused = installation.run("backup link");
    assert_eq!(refused.failure(), (Some(2), "merak: link exists; a backup replaces nothing"));
}

#[test]
fn a_backup_that_cannot_be_written_blames_its_own_file_and_leaves_nothing() {
    let installation = Installation::new();
    assert_eq!(installation.run("migrate").code, Some(0));
    let before = installation.names();
    let refused = installation.run_with_small_files("backup shop.db");
    assert_eq!(refused.code, Some(1));
    assert!(refused.remarks.starts_with("merak: cannot write shop.db: disk I/O error"), "{refused:?}");
    assert_eq!(installation.names(), before);
    assert_eq!(installation.run("backup shop.db").code, Some(0), "the database has nothing");
}

#[test]
fn postgres_has_tools_of_its_own() {
    let installation = Installation::on(Engine::Postgres);
    let done = installation.run("backup shop.db");
    assert_eq!(done.failure(), (Some(2), "merak: a PostgreSQL database is backed up with pg_dump"));
    fs::write(installation.path("shop.db"), "").unwrap();
    let done = installation.run("restore shop.db");
    assert_eq!(done.failure(), (Some(2), "merak: a PostgreSQL database is restored with pg_restore"));
}
