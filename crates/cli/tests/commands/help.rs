//! `merak --help` and `merak --version`.

use crate::installation::{Outcome, merak, outcome};

const COMMANDS: &[&str] = &[
    "",
    "serve",
    "demo",
    "migrate",
    "token",
    "token create",
    "token list",
    "token report-leak",
    "token revoke",
    "organization",
    "organization create",
    "organization list",
    "organization update",
    "user",
    "user login-link",
    "grant",
    "advertisement",
    "advertisement create",
    "refund",
    "clock",
    "jobs",
    "jobs list",
    "jobs retry",
    "openapi",
    "backup",
    "restore",
    "export",
    "import",
    "doctor",
    "audit",
];

fn run(line: &str) -> Outcome {
    outcome(merak().args(line.split_whitespace()))
}

#[test]
fn the_version_is_one_line() {
    let done = run("--version");
    assert_eq!((done.code, done.output), (Some(0), format!("merak {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn every_command_and_every_option_has_a_sentence() {
    for command in COMMANDS {
        let help = run(&format!("{command} -h"));
        assert_eq!((help.code, help.remarks.as_str()), (Some(0), ""), "{command}");
        let sentence = help.output.lines().next().unwrap();
        assert!(sentence.starts_with(char::is_uppercase) && sentence.contains(' '), "{command}: {sentence}");
        let mut is_list = false;
        for line in help.output.lines() {
            // A heading such as `Options:` begins a list, and an empty line ends it.
            if matches!(line, "Commands:" | "Arguments:" | "Options:") {
                is_list = true;
            } else if line.is_empty() {
                is_list = false;
            } else if is_list {
                let (name, sentence) =
                    line.trim().split_once("  ").unwrap_or_else(|| panic!("{command}: {line}"));
                let sentence = sentence.trim();
                let is_sentence = sentence.starts_with(|letter: char| letter.is_uppercase() || letter == '`');
                assert!(is_sentence && sentence.contains(' '), "{command}: {name}: {sentence}");
            }
        }
    }
}

#[test]
fn the_long_help_has_every_setting_with_a_sentence_and_its_variable() {
    let short = run("serve -h").output;
    assert!(!short.contains("--data-dir"), "{short}");
    let long = run("serve --help").output;
    let settings: Vec<&str> = long.split("Settings:\n").nth(1).unwrap().lines().collect();
    let mut count = 0;
    for (line, next) in settings.iter().zip(&settings[1..]) {
        if let Some(option) = line.trim_start().strip_prefix("--") {
            let name = option.split(' ').next().unwrap().to_uppercase().replace('-', "_");
            assert!(next.trim().contains(' '), "{option} has no sentence: {next}");
            assert!(long.contains(&format!("[env: MERAK_{name}]")), "{option} has no variable");
            count += 1;
        }
    }
    assert!(count >= 13, "{count} settings: {long}");
}

#[test]
fn what_is_listed_is_what_was_looked_at() {
    let listed = |command: &str| -> Vec<String> {
        let help = run(&format!("{command} -h")).output;
        let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap().to_owned();
        let names = list.lines().map(|line| line.split_whitespace().next().unwrap());
        names
            .filter(|name| *name != "help")
            .map(|name| format!("{command} {name}").trim().to_owned())
            .collect()
    };
    let mut all = vec![String::new()];
    for command in listed("") {
        let under = if ["advertisement", "jobs", "token", "organization", "user"].contains(&command.as_str())
        {
            listed(&command)
        } else {
            Vec::new()
        };
        all.push(command);
        all.extend(under);
    }
    all.sort();
    let mut known = COMMANDS.to_vec();
    known.sort_unstable();
    assert_eq!(all, known);
}

#[test]
fn no_line_of_the_long_help_shows_a_value_of_the_environment() {
    for command in COMMANDS {
        let mut words: Vec<&str> = command.split_whitespace().collect();
        words.push("--help");
        let help = outcome(
            merak().args(words).env("MERAK_SECRET", "do-not-show-this").env("MERAK_DATA_DIR", "nor-this"),
        );
        assert!(!help.output.contains("do-not-show-this") && !help.output.contains("nor-this"), "{command}");
    }
}

#[test]
fn the_help_of_token_create_names_every_scope() {
    let help = run("token create --help").output;
    for scope in ["openid", "license_keys:write", "customer_portal:write"] {
        assert!(help.contains(&format!("\n  {scope}\n")), "{scope}: {help}");
    }
    assert!(!help.contains("web_default"), "what cannot be given is not offered");
}

#[test]
fn without_a_command_the_help_is_shown_and_an_unknown_one_is_refused() {
    let nothing = run("");
    assert_eq!((nothing.code, nothing.output.as_str()), (Some(2), ""));
    assert!(nothing.remarks.contains("Begin with `merak demo`."), "{nothing:?}");
    let unknown = run("doctr");
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.remarks.contains("a similar subcommand exists: 'doctor'"), "{unknown:?}");
}
