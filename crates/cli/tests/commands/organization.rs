//! `merak organization`.

use merak_testkit::both_engines;
use serde_json::{Value, json};

use crate::installation::{Installation, outcome};

both_engines! {
    setup = Installation::on;

    fn who_sells_can_be_said_and_seen(installation: Installation) {
        installation.json("organization create --name Bcme --slug bcme --owner b@example.com");
        installation.json("organization create --name Acme --slug acme --owner a@example.com");
        let update = |options: &[&str]| {
            outcome(&mut installation.merak([&["organization", "update", "ACME"], options].concat()))
        };
        for (options, sentence) in [
            (&["--city", "Oslo"][..], "merak: An address needs its country."),
            (&["--country", "Norway"][..], "merak: --country: Norway is no country by its two letters"),
        ] {
            assert_eq!(update(options).failure(), (Some(2), sentence));
        }
        let wrong = update(&["--email", "example.com"]);
        assert!(wrong.remarks.starts_with("merak: --email: example.com is no e-mail address: "), "{wrong:?}");
        let missing = installation.run("organization update nobody --tax-id 1");
        assert_eq!(missing.failure(), (Some(2), "merak: there is no organization with the slug nobody"));
        let done = update(&[
            "--email", "help@acme.example", "--legal-name", "Acme Software AS", "--address-line1", "Kaigata 1",
            "--line2", "3rd floor", "--postal-code", "0150", "--city", "Oslo", "--country", "no", "--tax-id", "NO1MVA",
        ]);
        let words = "Acme Software AS, Kaigata 1, 3rd floor, 0150 Oslo, NO, NO1MVA, help@acme.example";
        assert_eq!((done.code, done.output.trim_end()), (Some(0), format!("Invoices say from now on: {words}").as_str()), "{done:?}");
        let list = installation.run("organization list");
        let lines: Vec<&str> = list.output.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        assert_eq!(lines, [&format!("acme {words}"), "bcme Bcme"]);
        let changed = update(&["--address-line2", "", "--state", "Oslo", "--tax-id", "", "--json"]);
        let changed: Value = serde_json::from_str(&changed.output).unwrap();
        assert_eq!(changed["address"], json!({
            "line1": "Kaigata 1", "line2": null, "postal_code": "0150", "city": "Oslo", "state": "Oslo", "country": "NO"
        }));
        assert_eq!((&changed["legal_name"], &changed["tax_id"]), (&json!("Acme Software AS"), &Value::Null));
        let list = installation.run("organization list --json");
        let first: Value = serde_json::from_str(list.output.lines().next().unwrap()).unwrap();
        assert_eq!((list.output.lines().count(), first), (2, changed));
    }

    fn a_slug_can_be_had_once(installation: Installation) {
        let line = "organization create --name Acme --slug acme --owner a@example.com";
        let made = installation.run(line);
        assert_eq!((made.code, made.output.trim_end().len()), (Some(0), 36), "{made:?}");
        let again = installation.run(line);
        assert_eq!(again.failure(), (Some(2), "merak: An organization with this slug already exists."));
        let second = installation.json("organization create --name Bcme --slug bcme --owner A@example.com");
        assert_eq!(second["slug"], "bcme");
        let third = installation.json("organization create --name Ccme --slug ccme --owner a@example.com");
        assert_eq!(second["owner_id"], third["owner_id"], "one address is one account");
    }
}

#[test]
fn bad_words_are_refused_before_anything_is_made() {
    let installation = Installation::new();
    let create = |name: &str, slug: &str, owner: &str| {
        let arguments = ["organization", "create", "--name", name, "--slug", slug, "--owner", owner];
        let done = outcome(&mut installation.merak(arguments));
        assert_eq!(done.code, Some(2), "{done:?}");
        done.remarks.trim_end().to_owned()
    };
    assert_eq!(
        create("Ac", "acme", "a@example.com"),
        "merak: --name: an organization's name has at least 3 characters"
    );
    assert_eq!(
        create("Acme", "ac me!", "a@example.com"),
        "merak: --slug: The slug can only contain ASCII letters, numbers and hyphens."
    );
    assert_eq!(create("Acme", "docs", "a@example.com"), "merak: --slug: This slug is reserved.");
    let owner = create("Acme", "acme", "example.com");
    assert!(owner.starts_with("merak: --owner: example.com is no e-mail address: "), "{owner}");
    assert!(!installation.data_dir().exists());
}
