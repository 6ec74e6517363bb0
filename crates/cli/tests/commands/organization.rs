//! `merak organization`.

use merak_testkit::both_engines;

use crate::installation::{Installation, outcome};

both_engines! {
    setup = Installation::on;

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
