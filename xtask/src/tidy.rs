//! `cargo xtask tidy`: the house rules that manifests and lints cannot say.

use std::path::Path;
use std::process::Command;

use crate::{Failure, process};

/// A file longer than this has become more than one room.
const LONGEST_FILE: usize = 600;

/// Texts that give away a machine or an address of a package registry. They are put together here so that this file
/// does not hold them itself.
const PLACES: [&str; 9] = [
    concat!("/", "work/"),
    concat!("/", "farm/"),
    concat!("/", "root/"),
    concat!("/", "tmp/bash_"),
    concat!("index.", "crates.io"),
    concat!("registry.", "npmjs.org"),
    concat!("files.", "pythonhosted.org"),
    concat!("pypi.", "org/simple"),
    concat!("deb.", "debian.org"),
];

/// Marks of unfinished work, in any Rust file.
const UNFINISHED: [&str; 6] = [
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("db", "g!("),
    concat!("#[", "ignore"),
];

/// What lookups that are kept in memory would not hear of.
const REPLACING: &str = concat!("INSERT OR ", "REPLACE");

/// Checks every file that git knows or would add.
pub fn run() -> Result<(), Failure> {
    let mut findings = Vec::new();
    let (_, files) = process::output(
        Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .current_dir(process::root()),
    )?;
    for file in files.lines() {
        let path = process::root().join(file);
        // Binary files and files that are deleted but not yet committed have no text to check.
        if let Ok(text) = std::fs::read_to_string(path) {
            findings.extend(check(Path::new(file), &text));
        }
    }
    if findings.is_empty() {
        println!("tidy: no findings");
        return Ok(());
    }
    for finding in &findings {
        println!("{finding}");
    }
    Err(format!("{} house rules are broken", findings.len()).into())
}

/// The findings in one file.
fn check(file: &Path, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let mut find = |line: usize, rule: &str| findings.push(format!("{}:{line}: {rule}", file.display()));
    let is_lock = file.extension().is_some_and(|extension| extension == "lock");
    let is_migration = file.extension().is_some_and(|extension| extension == "sql");
    let is_rust = file.extension().is_some_and(|extension| extension == "rs");

    for (number, line) in (1..).zip(text.lines()) {
        if !is_lock && PLACES.iter().any(|place| line.contains(place)) {
            find(number, "a path of a machine or an address of a registry");
        }
        if file.ends_with("package-lock.json") && line.contains("\"resolved\"") {
            find(number, "a lock file holds versions and hashes, not download addresses");
        }
        if (is_rust || is_migration) && line.contains(REPLACING) {
            find(number, "SQLite tells nobody of the rows that this deletes");
        }
        if is_rust && UNFINISHED.iter().any(|mark| line.contains(mark)) {
            find(number, "unfinished work");
        }
    }
    if is_rust {
        if !text.starts_with("//!") && !is_integration_test(file) {
            find(1, "a module begins with a `//!` sentence that says what it is for");
        }
        if text.lines().count() > LONGEST_FILE {
            find(LONGEST_FILE, "this file is too long to be one room");
        }
        for (number, line) in shipped_lines(file, text) {
            if line.contains(".unwrap()") {
                find(number, "`unwrap` outside tests");
            }
            if file.starts_with("crates/server/src/api") && is_sql(line) {
                find(number, "SQL belongs to the core crate");
            }
        }
    }
    findings
}

/// The lines that end up in the shipped program: no comments and no tests.
fn shipped_lines<'t>(file: &Path, text: &'t str) -> impl Iterator<Item = (usize, &'t str)> + use<'t> {
    let is_shipped = file.starts_with("crates")
        && !file.starts_with("crates/testkit")
        && file.components().any(|part| part.as_os_str() == "src")
        && !is_integration_test(file)
        && !file.ends_with("tests.rs");
    let text = if is_shipped { text } else { "" };
    // By our layout a module's tests stand at its end.
    let before_tests = text.find("#[cfg(test)]\nmod ").map_or(text, |at| &text[..at]);
    (1..).zip(before_tests.lines()).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn is_integration_test(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "tests")
}

/// Whether a line holds a statement, judged by words that only SQL writes in capitals.
fn is_sql(line: &str) -> bool {
    ["SELECT ", "INSERT INTO ", "DELETE FROM "].iter().any(|word| line.contains(word))
        || (line.contains("UPDATE ") && line.contains(" SET "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::check;

    fn findings(file: &str, text: &str) -> usize {
        check(Path::new(file), text).len()
    }

    #[test]
    fn a_module_needs_its_sentence() {
        assert_eq!(findings("crates/core/src/lib.rs", "fn main() {}\n"), 1);
        assert_eq!(findings("crates/core/src/lib.rs", "//! Says why.\n"), 0);
    }

    #[test]
    fn unwrap_is_for_tests_only() {
        let text =
            "//! Says why.\nfn f() { g().unwrap() }\n#[cfg(test)]\nmod tests { fn f() { g().unwrap() } }\n";
        assert_eq!(findings("crates/core/src/lib.rs", text), 1);
        assert_eq!(findings("crates/testkit/src/lib.rs", text), 0);
        assert_eq!(findings("crates/core/src/keys/tests.rs", text), 0);
    }

    #[test]
    fn statements_stay_out_of_the_api() {
        let text = "//! Says why.\nconst X: &str = \"SELECT id FROM keys\";\n";
        assert_eq!(findings("crates/server/src/api/keys.rs", text), 1);
        assert_eq!(findings("crates/core/src/keys.rs", text), 0);
    }

    #[test]
    fn places_and_long_files_are_found() {
        assert_eq!(findings("README.md", concat!("see /", "work/main\n")), 1);
        assert_eq!(findings("xtask/src/long.rs", &"//! Long.\n".repeat(601)), 1);
    }
}
