//! `merak migrate`.

use merak_testkit::both_engines;

use crate::installation::Installation;

both_engines! {
    setup = Installation::on;

    fn the_second_time_there_is_nothing_to_do(installation: Installation) {
        let first = installation.run("migrate");
        assert_eq!(first.code, Some(0), "{first:?}");
        assert!(first.output.starts_with("applied 0001_"), "{first:?}");
        let second = installation.run("migrate");
        assert_eq!((second.code, second.output.as_str()), (Some(0), "The schema is up to date.\n"));
    }
}

#[test]
fn a_database_url_of_another_kind_is_refused() {
    let done = Installation::new().run("migrate --database-url mysql://shop");
    let sentence =
        "merak: --database-url: a database URL is `sqlite:` and a path, or begins with `postgres://`";
    assert_eq!(done.failure(), (Some(2), sentence));
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let installation = Installation::new();
    std::fs::write(installation.path("file"), "").unwrap();
    let done = installation.run("migrate --data-dir file/data");
    assert_eq!(done.code, Some(1));
    assert!(done.remarks.starts_with("merak: cannot make the directory file/data: "), "{done:?}");
}
