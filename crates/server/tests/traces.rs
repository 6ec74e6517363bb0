//! The reference's recorded answers, replayed on both engines. What is to differ stands in `trace-deviations.tsv`, with
//! a reason; anything else that differs is a mistake, and so is a listed deviation that is none any more.

#[path = "traces/comparison.rs"]
mod comparison;
#[path = "traces/fixtures.rs"]
mod fixtures;
#[expect(dead_code, reason = "this binary needs a part of what all share")]
mod support;
#[path = "traces/trace.rs"]
mod trace;

use std::collections::BTreeMap;

use merak_adapters::discord;
use merak_adapters::rest::ClientCredentials;
use merak_server::Config;
use merak_testkit::TestDatabase;

use self::support::Shop;
use self::support::shop::config;
use self::trace::{Case, Values};

merak_testkit::both_engines! {
    setup = support::migrated;

    async fn the_life_of_license_keys_is_answered_as_recorded(database: TestDatabase) {
        replay(database, "license-keys.jsonl", |_| true).await;
    }

    async fn the_catalogue_is_answered_as_recorded(database: TestDatabase) {
        replay(database, "catalog.jsonl", |_| true).await;
    }
}

/// Sends the cases of a file in order and compares every answer.
async fn replay(database: TestDatabase, file: &str, is_wanted: impl Fn(&Case) -> bool) {
    let shop = Shop::open_with(database, connected()).await;
    let mut values = fixtures::prepare(&shop).await;
    let mut deviations = comparison::deviations(file);
    let mut pairs = comparison::Pairs::default();
    let mut surprises = Vec::new();
    let cases: Vec<Case> = trace::read(file).into_iter().filter(is_wanted).collect();
    assert!(cases.len() > 50, "{file} has too few cases");
    for case in &cases {
        shop.advance(1);
        let answer = case.send(&shop.anonymous, &values).await;
        case.capture(&answer, &mut values);
        let found = comparison::differences(case, &answer, &values, &mut pairs);
        let listed = deviations.remove(&case.name).unwrap_or_default();
        if found != listed {
            surprises.push(format!(
                "{}: listed {listed:?}, found {found:?}\n    {}",
                case.name,
                answer.text()
            ));
        }
    }
    surprises.extend(deviations.keys().map(|name| format!("{name}: listed, but there is no such case")));
    assert!(surprises.is_empty(), "{file} differs:\n{}", surprises.join("\n"));
}

/// The recorded server could make roles on Discord. No case gets as far as asking there.
fn connected() -> Config {
    let client = ClientCredentials { id: String::from("1"), secret: String::from("2") };
    let url = "http://127.0.0.1:9".parse().expect("this is an address");
    let discord = discord::Options { url, client, bot_token: String::from("3") };
    Config { discord: Some(discord), ..config() }
}

/// Deviations by the name of their case.
type Deviations = BTreeMap<String, String>;

/// For the deviations and the traces: lines that say something.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Puts values for placeholders.
fn filled(text: &str, values: &Values) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, tail) = after.split_once('}').expect("a placeholder ends");
        filled.push_str(before);
        filled.push_str(&values.text(name));
        rest = tail;
    }
    filled + rest
}
