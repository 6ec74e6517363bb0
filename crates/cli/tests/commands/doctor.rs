//! `merak doctor`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use merak_testkit::both_engines;

use crate::installation::{Installation, outcome};

/// The lines that say what is not well.
fn ailing(output: &str) -> Vec<&str> {
    output.lines().filter_map(|line| line.strip_prefix("FAILED  ")).collect()
}

both_engines! {
    setup = Installation::on;

    fn a_good_installation_passes_beside_its_server(installation: Installation) {
        let (_server, _) = installation.serve(&[]);
        let done = installation.run("doctor");
        assert_eq!((done.code, done.remarks.as_str()), (Some(0), ""), "{done:?}");
        assert!(done.output.lines().all(|line| line.starts_with("ok      ")), "{done:?}");
        for line in ["schema: up to date", "secret: belongs to this database"] {
            assert!(done.output.contains(line), "{done:?}");
        }
    }

    fn another_secret_is_a_problem(installation: Installation) {
        assert_eq!(installation.run("token create --user a@example.com --all-scopes").code, Some(0));
        let done = installation.run("doctor --secret quite-another-secret");
        assert_eq!(done.failure(), (Some(1), "merak: one of these checks failed"), "{done:?}");
        let problems = ailing(&done.output);
        assert!(problems[0].starts_with("secret: this database belongs to an installation with another secret"));
        fs::remove_file(installation.data_dir().join("secret")).unwrap();
        let done = installation.run("doctor");
        assert!(ailing(&done.output)[0].starts_with("secret: there is none: "), "{done:?}");
        assert!(!installation.data_dir().join("secret").exists(), "it makes nothing");
    }

    fn a_schema_of_yesterday_is_a_problem(installation: Installation) {
        // Backups, and databases that somebody has just created, are not migrated.
        fs::create_dir(installation.data_dir()).unwrap();
        fs::write(installation.data_dir().join("merak.db"), "").unwrap();
        let done = installation.run("doctor");
        assert_eq!(done.code, Some(1));
        assert!(ailing(&done.output)[0].starts_with("schema: run `merak migrate` for 0001_"), "{done:?}");
    }
}

#[test]
fn it_says_who_moves_money_who_knows_taxes_and_where_mail_goes() {
    let installation = Installation::new();
    let done = installation.run("doctor");
    for line in ["payments: sandbox: test cards buy, and no money moves", "taxes: none", "mail: none is sent"]
    {
        assert!(done.output.contains(&format!("ok      {line}\n")), "{line}: {done:?}");
    }
    let done = installation.run(
        "doctor --payment-processor stripe --stripe-secret-key sk_hush --stripe-publishable-key pk_1 \
         --stripe-webhook-secret whsec_hush --taxes rates --tax-seller-country FR --tax-inclusive --mail folder:letters",
    );
    for line in [
        "payments: Stripe at https://api.stripe.com/",
        "taxes: rates, in the price, for a seller in FR",
        "mail: put into letters",
    ] {
        assert!(done.output.contains(&format!("ok      {line}\n")), "{line}: {done:?}");
    }
    assert!(!done.output.contains("hush"), "{done:?}");
    assert!(!installation.path("letters").exists(), "it makes nothing");
}

#[test]
fn nothing_is_made_where_nothing_is() {
    let installation = Installation::new();
    let done = installation.run("doctor");
    assert_eq!(done.code, Some(1));
    let problems = ailing(&done.output);
    assert!(problems.iter().any(|line| line.starts_with("connection: there is no database at ")), "{done:?}");
    assert!(!installation.data_dir().exists());
}

#[test]
fn the_embedded_database_has_a_disk_and_no_damage() {
    let installation = Installation::new();
    assert_eq!(installation.run("token create --user a@example.com --all-scopes").code, Some(0));
    let done = installation.run("doctor");
    assert!(done.output.contains(" MiB free\n"), "{done:?}");
    assert!(done.output.contains("integrity: no damage found\n"), "{done:?}");
    let secret = installation.data_dir().join("secret");
    fs::set_permissions(&secret, Permissions::from_mode(0o644)).unwrap();
    let done = installation.run("doctor");
    assert!(ailing(&done.output)[0].starts_with("secret: others can read it; run `chmod 600 "), "{done:?}");
}

#[test]
fn postgres_is_asked_for_its_version_and_locale() {
    let installation = Installation::on(merak_testkit::Engine::Postgres);
    assert_eq!(installation.run("migrate").code, Some(0));
    let done = installation.run("doctor");
    assert!(done.output.contains("ok      server: PostgreSQL "), "{done:?}");
    assert!(done.output.contains("ok      locale: UTF8"), "{done:?}");
}

#[test]
fn a_server_that_cannot_be_reached_is_a_problem() {
    let arguments = ["doctor", "--database-url", "postgres://nobody:hush@127.0.0.1:1/shop"];
    let done = outcome(&mut Installation::new().merak(arguments));
    assert_eq!(done.code, Some(1));
    assert!(done.output.contains("ok      database: postgres://nobody:***@127.0.0.1:1/shop\n"), "{done:?}");
    assert!(ailing(&done.output)[0].starts_with("connection: the database is unavailable: "), "{done:?}");
    assert!(!done.output.contains("hush"), "{done:?}");
}

#[test]
fn a_directory_that_cannot_be_written_is_a_problem() {
    let installation = Installation::new();
    fs::write(installation.path("file"), "").unwrap();
    let done = installation.run("doctor --data-dir file/data");
    assert_eq!(done.code, Some(1));
    let problems = ailing(&done.output);
    assert!(
        problems.iter().any(|line| line.starts_with("directory: file/data cannot be written: ")),
        "{done:?}"
    );
}
