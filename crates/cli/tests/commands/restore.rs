//! `merak restore`.

use std::fs;
use std::path::Path;

use crate::installation::{Installation, Outcome, mode};
use crate::shop::Shop;

/// An installation with a shop, and a backup of it beside.
fn backed_up() -> Installation {
    let installation = Installation::new();
    Shop::open(&installation);
    assert_eq!(installation.run("backup shop.db").code, Some(0));
    installation
}

/// Everything in a directory, by name and content.
fn content(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|file| file.unwrap())
        .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
        .collect();
    files.sort();
    files
}

fn token_list(installation: &Installation) -> Outcome {
    installation.run("token list --user owner@example.com")
}

#[test]
fn an_earlier_state_comes_back() {
    let installation = backed_up();
    let before = token_list(&installation).output;
    installation.json("token create --user owner@example.com --all-scopes");
    assert_eq!(token_list(&installation).output.lines().count(), 2);
    let refused = installation.run("restore shop.db");
    assert_eq!(refused.code, Some(2));
    assert!(refused.remarks.ends_with("say --replace to lose what is in it\n"), "{refused:?}");
    assert_eq!(token_list(&installation).output.lines().count(), 2, "nothing was lost");
    let backup = fs::read(installation.path("shop.db")).unwrap();
    let done = installation.run("restore shop.db --replace");
    assert_eq!((done.code, done.remarks.as_str()), (Some(0), ""), "{done:?}");
    assert_eq!(token_list(&installation).output, before);
    assert_eq!(fs::read(installation.path("shop.db")).unwrap(), backup, "the backup was only read");
    let names: Vec<String> = content(&installation.data_dir()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["merak.db", "secret"]);
    assert_eq!(mode(&installation.data_dir().join("merak.db")), 0o600);
}

#[test]
fn what_is_no_sound_database_of_ours_is_refused_and_nothing_changes() {
    let installation = backed_up();
    let whole = fs::read(installation.path("shop.db")).unwrap();
    fs::write(installation.path("empty.db"), "").unwrap();
    fs::write(installation.path("text.db"), "SELECT 1;").unwrap();
    fs::write(installation.path("half.db"), &whole[..whole.len() / 2]).unwrap();
    let mut scratched = whole.clone();
    scratched[4096..whole.len() - 4096].fill(0x5a);
    fs::write(installation.path("scratched.db"), scratched).unwrap();
    let foreign = merak_store::Database::Sqlite { path: installation.path("foreign.db") };
    let store = merak_store::Store::open(&merak_store::Options::new(foreign)).unwrap();
    store.write_blocking(|tx| tx.execute("CREATE TABLE notes (text TEXT)", &[])).unwrap();
    store.shutdown_blocking();
    fs::create_dir(installation.path("directory.db")).unwrap();
    let before = content(&installation.data_dir());
    for (name, sentence) in [
        ("missing.db", "cannot read missing.db: No such file or directory (os error 2)"),
        ("directory.db", "cannot read directory.db: Is a directory (os error 21)"),
        ("empty.db", "empty.db is no SQLite database"),
        ("text.db", "text.db is no SQLite database"),
        ("half.db", "half.db: the database is damaged: "),
        ("scratched.db", "scratched.db: the database is damaged: "),
        ("foreign.db", "foreign.db: this is no database of Merak"),
    ] {
        let done = installation.run(&format!("restore {name} --replace"));
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(done.remarks.starts_with(&format!("merak: {sentence}")), "{name}: {done:?}");
        assert!(content(&installation.data_dir()) == before, "{name} changed something");
    }
    assert_eq!(fs::read(installation.path("empty.db")).unwrap().len(), 0);
}

#[test]
fn a_database_in_use_is_neither_replaced_nor_taken_for_a_backup() {
    let installation = backed_up();
    let (server, _) = installation.serve(&[]);
    let done = installation.run("restore shop.db --replace");
    assert_eq!(done.code, Some(1));
    assert!(done.remarks.ends_with("is in use; stop the server first\n"), "{done:?}");
    installation.json("token create --user owner@example.com --all-scopes");
    let other = Installation::new();
    let live = installation.data_dir().join("merak.db");
    let done = other.run(&format!("restore {}", live.display()));
    assert_eq!(done.code, Some(2));
    assert!(done.remarks.contains("a part of it is in "), "{done:?}");
    assert_eq!(server.stop().code, Some(0));
    assert_eq!(installation.run("restore shop.db --replace").code, Some(0));
}

#[test]
fn the_log_of_a_server_that_was_killed_does_not_get_into_the_new_database() {
    let installation = backed_up();
    let before = token_list(&installation).output;
    let (server, _) = installation.serve(&[]);
    installation.json("token create --user owner@example.com --all-scopes");
    drop(server);
    assert!(installation.data_dir().join("merak.db-wal").exists(), "it was killed");
    assert_eq!(installation.run("restore shop.db --replace").code, Some(0));
    assert_eq!(token_list(&installation).output, before);
    assert_eq!(installation.run("doctor").code, Some(0));
}

#[test]
fn a_full_disk_leaves_the_database_as_it_was() {
    let installation = backed_up();
    let before = content(&installation.data_dir());
    // A limit on the size of files meets the same writes that a full disk does.
    let done = installation.run_with_small_files("restore shop.db --replace");
    assert_eq!(done.code, Some(1), "{done:?}");
    let copy = installation.data_dir().join("merak.db.restoring");
    let sentence = format!("merak: cannot write {}: File too large", copy.display());
    assert!(done.remarks.starts_with(&sentence), "{done:?}");
    assert!(content(&installation.data_dir()) == before, "nothing is left beside");
    assert_eq!(token_list(&installation).output.lines().count(), 1);
    assert_eq!(installation.run("restore shop.db --replace").code, Some(0));
}

#[test]
fn a_damaged_database_can_be_replaced() {
    let installation = backed_up();
    fs::write(installation.data_dir().join("merak.db"), "what a mess").unwrap();
    fs::write(installation.data_dir().join("merak.db-wal"), "here too").unwrap();
    let done = installation.run("restore shop.db --replace");
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(token_list(&installation).output.lines().count(), 1);
}

#[test]
fn the_secret_has_to_be_that_of_the_backup() {
    let installation = backed_up();
    let backup = installation.path("shop.db").display().to_string();
    let fresh = Installation::new();
    let done = fresh.run(&format!("restore {backup}"));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.remarks.starts_with("The secret of this database is not here. "), "{done:?}");
    let refused = fresh.run("token list --user owner@example.com");
    assert_eq!(refused.code, Some(1));
    assert!(refused.remarks.contains("whose secret is not here"), "{refused:?}");
    assert!(!fresh.data_dir().join("secret").exists(), "no other secret takes its place");
    fs::copy(installation.data_dir().join("secret"), fresh.data_dir().join("secret")).unwrap();
    assert_eq!(token_list(&fresh).code, Some(0));

    let other = Installation::new();
    Shop::open(&other);
    let before = content(&other.data_dir());
    let done = other.run(&format!("restore {backup} --replace"));
    assert_eq!(done.code, Some(2));
    assert!(done.remarks.contains("of an installation with another secret"), "{done:?}");
    assert!(content(&other.data_dir()) == before);
}
