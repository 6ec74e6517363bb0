//! `merak export`.

use std::fs::{self, File};

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
