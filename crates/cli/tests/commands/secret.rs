//! The secret of an installation.

use std::fs;

use merak_testkit::{Engine, both_engines};

use crate::installation::{Installation, mode, outcome};

const TOKEN: [&str; 5] = ["token", "create", "--user", "a@example.com", "--all-scopes"];

both_engines! {
    setup = Installation::on;

    fn a_node_with_another_secret_does_not_start(installation: Installation) {
        // A file of SQLite has one node at a time.
        let (first, _) = installation.serve(&[]);
        assert_eq!(first.stop().code, Some(0));
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--secret", "quite-another-secret"];
        let second = outcome(&mut installation.merak(arguments));
        assert_eq!((second.code, second.output.as_str()), (Some(1), ""));
        assert_eq!(
            second.remarks.lines().last(),
            Some(
                "merak: this database belongs to an installation with another secret; start every node with the \
                 same MERAK_SECRET (or the same data directory's `secret` file)"
            )
        );
        let secret = fs::read_to_string(installation.data_dir().join("secret")).unwrap();
        let (same, _) = installation.serve(&["--secret", &secret]);
        assert_eq!(same.stop().code, Some(0));
    }
}

#[test]
fn a_second_node_without_a_secret_makes_none() {
    let first = Installation::on(Engine::Postgres);
    let (_server, _) = first.serve(&[]);
    let second = Installation::new();
    let url = first.database_url().unwrap();
    let done = outcome(&mut second.merak(["serve", "--listen", "127.0.0.1:0", "--database-url", &url]));
    assert_eq!(done.code, Some(1));
    assert!(done.remarks.contains("whose secret is not here; set MERAK_SECRET to it"), "{done:?}");
    assert!(!second.data_dir().join("secret").exists());
}

#[test]
fn it_is_made_once_and_only_its_owner_can_read_it() {
    let installation = Installation::new();
    assert_eq!(outcome(&mut installation.merak(TOKEN)).code, Some(0));
    let file = installation.data_dir().join("secret");
    let secret = fs::read_to_string(&file).unwrap();
    assert_eq!((secret.len(), mode(&file), mode(&installation.data_dir())), (64, 0o600, 0o700));
    assert_eq!(outcome(&mut installation.merak(TOKEN)).code, Some(0));
    assert_eq!(fs::read_to_string(&file).unwrap(), secret);
    let names = fs::read_dir(installation.data_dir()).unwrap().map(|file| file.unwrap().file_name());
    let others: Vec<_> = names.filter(|name| !name.to_string_lossy().starts_with("merak.db")).collect();
    assert_eq!(others, ["secret"]);
}

#[test]
fn one_that_can_be_guessed_is_refused_wherever_it_stands() {
    let installation = Installation::new();
    let given = outcome(installation.merak(["migrate"]).env("MERAK_SECRET", "fifteen letters"));
    let sentence = "merak: the secret must have at least 16 characters; this one has 15";
    assert_eq!(given.failure(), (Some(2), sentence));
    assert!(!installation.data_dir().exists());
    fs::create_dir(installation.data_dir()).unwrap();
    fs::write(installation.data_dir().join("secret"), "\n").unwrap();
    let kept = outcome(&mut installation.merak(TOKEN));
    assert_eq!(kept.code, Some(1));
    assert!(
        kept.remarks.contains("/secret: the secret must have at least 16 characters; this one has 0"),
        "{kept:?}"
    );
}
