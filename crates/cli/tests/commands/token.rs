//! `merak token`.

use std::io::Write;
use std::process::Stdio;

use merak_testkit::both_engines;
use serde_json::Value;

use crate::http;
use crate::installation::{Installation, outcome};
use crate::shop::{Shop, text};

/// The tokens that are listed, as objects.
fn listed(installation: &Installation, whose: &str) -> Vec<Value> {
    let done = installation.run(&format!("token list {whose} --json"));
    assert_eq!(done.code, Some(0), "{done:?}");
    done.output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

both_engines! {
    setup = Installation::on;

    fn a_token_allows_its_scopes_until_it_is_revoked(installation: Installation) {
        let shop = Shop::open(&installation);
        let (_server, url) = installation.serve(&[]);
        let made = installation.json("token create --user owner@example.com --scopes organizations:read");
        let token = text(&made["token"]);
        assert!(token.starts_with("polar_pat_"));
        assert_eq!(http::get(&url, "/v1/organizations/", &token).status, 200);
        assert_eq!(http::get(&url, "/v1/license-keys/", &token).status, 403);
        let revoked = installation.run(&format!("token revoke {}", text(&made["id"])));
        assert_eq!((revoked.code, revoked.output), (Some(0), format!("revoked {}\n", text(&made["id"]))));
        assert_eq!(http::get(&url, "/v1/organizations/", &token).status, 401, "at once");
        assert_eq!(http::get(&url, "/v1/organizations/", &shop.token).status, 200, "others stay");
        let again = installation.run(&format!("token revoke {}", text(&made["id"])));
        assert_eq!(again.code, Some(2), "{again:?}");
    }

    fn an_expired_token_is_listed_and_allows_nothing(installation: Installation) {
        Shop::open(&installation);
        let made = installation.json("token create --user owner@example.com --all-scopes --expires-in 1 --comment CI");
        let tokens = listed(&installation, "--user owner@example.com");
        assert_eq!(tokens.len(), 2, "the newest is first");
        assert_eq!((&tokens[0]["id"], &tokens[0]["comment"]), (&made["id"], &Value::from("CI")));
        assert!(tokens[0]["expires_at"].is_string() && tokens[1]["expires_at"].is_null());
        let (_server, url) = installation.serve(&[]);
        let token = text(&made["token"]);
        // Starting the server may have taken longer than the second; then it has expired already.
        while http::get(&url, "/v1/organizations/", &token).status == 200 {
            std::thread::yield_now();
        }
        assert_eq!(http::get(&url, "/v1/organizations/", &token).status, 401);
        let shown = installation.run("token list --user owner@example.com").output;
        let line = shown.lines().find(|line| line.contains("CI")).unwrap();
        assert!(line.contains("  ended ") && line.contains("[all scopes]"), "{line}");
        assert!(!shown.contains("polar_pat_"), "the text of a token is never seen again");
    }

    fn a_leaked_token_ends_whatever_it_is(installation: Installation) {
        let shop = Shop::open(&installation);
        let (_server, url) = installation.serve(&[]);
        let report = |token: &str| installation.json(&format!("token report-leak {token}"));
        assert_eq!(http::get(&url, "/v1/organizations/", &shop.token).status, 200);
        let ended = report(&shop.token);
        assert_eq!((&ended["label"], &ended["is_ended"]), (&Value::from("true_positive"), &Value::from(true)));
        assert_eq!(ended["kind"], "polar_personal_access_token");
        assert_eq!(http::get(&url, "/v1/organizations/", &shop.token).status, 401, "at once");
        let again = report(&shop.token);
        assert_eq!((&again["label"], &again["is_ended"]), (&Value::from("true_positive"), &Value::from(false)));
        assert_eq!(report("polar_pat_nobodys")["label"], "false_positive");
        let made = text(&installation.json("token create --organization acme --all-scopes")["token"]);
        let mut command = installation.merak(["token", "report-leak", "-"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{made}").unwrap();
        let done = child.wait_with_output().unwrap();
        let line = String::from_utf8(done.stdout).unwrap();
        assert!(line.starts_with("ended polar_access_token ") && !line.contains(&made), "{line}");
        assert_eq!(http::get(&url, "/v1/organizations/", &made).status, 401);
    }

    fn an_organization_may_act_as_itself(installation: Installation) {
        let shop = Shop::open(&installation);
        let made = installation.json("token create --organization acme --scopes organizations:read");
        let token = text(&made["token"]);
        assert!(token.starts_with("polar_at_o_"));
        let tokens = listed(&installation, "--organization acme");
        assert_eq!((tokens.len(), &tokens[0]["id"]), (1, &made["id"]));
        assert!(tokens[0]["expires_at"].is_string(), "it ends after ten days");
        let (_server, url) = installation.serve(&[]);
        let path = format!("/v1/organizations/{}", shop.organization_id);
        assert_eq!(http::get(&url, &path, &token).status, 200);
        installation.json(&format!("token revoke {}", text(&made["id"])));
        assert_eq!(http::get(&url, &path, &token).status, 401);
        assert!(listed(&installation, "--organization acme").is_empty());
    }
}

#[test]
fn wrong_words_are_answered_with_what_to_do() {
    let installation = Installation::new();
    let create = |arguments: &[&str]| {
        let done = outcome(installation.merak(["token", "create"]).args(arguments));
        assert_eq!(done.code, Some(2), "{done:?}");
        done.remarks.trim_end().to_owned()
    };
    let user = ["--user", "a@example.com"];
    let scopes = |scopes| create(&[user[0], user[1], "--scopes", scopes]);
    assert_eq!(
        scopes("license_keys:read nope:read"),
        "merak: --scopes: there is no scope nope:read; `merak token create --help` lists them all"
    );
    assert_eq!(scopes("admin"), "merak: --scopes: admin is reserved; a token cannot carry it");
    assert_eq!(scopes(" "), "merak: --scopes: name at least one scope; a token without any allows nothing");
    assert!(create(&["--all-scopes"]).contains("--user <EMAIL>"));
    assert!(create(&[user[0], user[1]]).contains("--scopes <SCOPES>"));
    assert!(
        create(&[user[0], user[1], "--all-scopes", "--organization", "acme"]).contains("cannot be used with")
    );
    assert!(create(&[user[0], user[1], "--all-scopes", "--expires-in", "0"]).contains("--expires-in"));
    assert!(!installation.data_dir().exists(), "nothing was made");
    assert_eq!(
        create(&["--organization", "acme", "--all-scopes"]).lines().last(),
        Some("merak: there is no organization with the slug acme")
    );
    let list = installation.run("token list --user a@example.com");
    assert_eq!(list.failure(), (Some(2), "merak: there is no user a@example.com"));
}
