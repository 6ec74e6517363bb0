//! Where settings come from.

use std::fs;

use serde_json::Value;

use crate::installation::{Installation, Outcome, outcome};

/// The address that `openapi` prints, which shows where the public URL came from.
fn public_url(done: &Outcome) -> String {
    let document: Value = serde_json::from_str(&done.output).unwrap_or_else(|_| panic!("{done:?}"));
    document["servers"][0]["url"].as_str().unwrap().to_owned()
}

#[test]
fn an_option_wins_over_a_variable_and_a_variable_over_the_file() {
    let installation = Installation::new();
    fs::write(installation.path("merak.toml"), "public_url = \"https://file.example\"\n").unwrap();
    let run = |arguments: &[&str], variable: Option<&str>| {
        let mut command = installation.merak(["openapi", "--config", "merak.toml"]);
        public_url(&outcome(command.args(arguments).envs(variable.map(|url| ("MERAK_PUBLIC_URL", url)))))
    };
    assert_eq!(run(&[], None), "https://file.example");
    assert_eq!(run(&[], Some("https://variable.example")), "https://variable.example");
    assert_eq!(
        run(&["--public-url", "https://option.example"], Some("https://variable.example")),
        "https://option.example"
    );
    let named = outcome(installation.merak(["openapi"]).env("MERAK_CONFIG", "merak.toml"));
    assert_eq!(public_url(&named), "https://file.example");
}

#[test]
fn every_setting_can_stand_in_the_file() {
    let installation = Installation::new();
    let text = r#"
        data_dir = "from-file"
        secret = "a secret from the file"
        public_url = "https://shop.example"
        log_format = "json"
        listen = "127.0.0.1:0"
        metrics_listen = "127.0.0.1:0"
        front_end_origin = ["https://app.example", "http://localhost:3000"]
        trust_proxy = true
        rate_limit_per_address = 7
        rate_limit_per_key = 8
        discord_client_id = "1"
        discord_client_secret = "2"
        discord_bot_token = "3"
        mail = "folder:mail-from-file"
        mail_from = "Fjord <shop@example.com>"
        storage = "local"
        storage_dir = "files-from-file"
        taxes = "rates"
        tax_seller_country = "DE"
        tax_registration = ["EU", "US-NY"]
        tax_inclusive = true
    "#;
    fs::write(installation.path("merak.toml"), text).unwrap();
    let mut command = installation.merak(["doctor", "--config", "merak.toml"]);
    let done = outcome(command.env_remove("MERAK_DATA_DIR"));
    for line in [
        "database: sqlite:from-file/merak.db",
        "listen: 127.0.0.1:0",
        "public URL: https://shop.example",
        "Discord: set",
        "GitHub: not set",
        "files: files-from-file can be written",
    ] {
        assert!(done.output.contains(&format!("ok      {line}\n")), "{done:?}");
    }
}

#[test]
fn buckets_need_a_name_and_a_key_and_nothing_else_does() {
    let installation = Installation::new();
    for (options, sentence) in [
        ("--storage s3", "merak: --storage s3 needs --storage-bucket"),
        ("--storage s3 --storage-bucket a", "merak: --storage s3 needs --storage-public-bucket"),
        ("--storage-bucket a", "merak: --storage-bucket needs --storage s3"),
        (
            "--storage-endpoint nowhere",
            "merak: --storage-endpoint: write http:// or https:// and a host, not nowhere",
        ),
    ] {
        let done = installation.run(&format!("openapi {options}"));
        assert_eq!(done.failure(), (Some(2), sentence), "{done:?}");
    }
}

#[test]
fn taxes_are_set_together_and_at_places_that_there_are() {
    let installation = Installation::new();
    fs::write(installation.path("rates.csv"), "DE,,7,VAT\nDE,,x,VAT\n").unwrap();
    fs::write(installation.path("good.csv"), "# mine\nDE,,7,VAT\nUS,NY,8.875,Sales tax\n").unwrap();
    for (options, sentence) in [
        ("--tax-inclusive", "merak: --tax-inclusive needs --taxes rates"),
        ("--taxes none --tax-seller-country DE", "merak: --tax-seller-country needs --taxes rates"),
        (
            "--taxes rates --tax-seller-country XX",
            "merak: --tax-seller-country: XX is no country; write two letters",
        ),
        (
            "--taxes rates --tax-registration EU,US-XX",
            "merak: --tax-registration: US-XX is no country, state or EU; write as in DE, US-NY or EU",
        ),
        (
            "--taxes rates --tax-rates rates.csv",
            "merak: --tax-rates: rates.csv, line 2: write a percentage from 0 to 100 with at most four decimals",
        ),
        (
            "--taxes rates --tax-rates nowhere.csv",
            "merak: --tax-rates: cannot read nowhere.csv: No such file or directory (os error 2)",
        ),
    ] {
        let done = installation.run(&format!("doctor {options}"));
        assert_eq!(done.failure(), (Some(2), sentence), "{done:?}");
    }
    let good =
        "doctor --taxes rates --tax-rates good.csv --tax-registration eu,us-ny --tax-seller-country de";
    assert!(installation.run(good).output.contains("ok      listen: "));
}

#[test]
fn stripe_needs_its_keys_and_the_sandbox_none() {
    let installation = Installation::new();
    let keys = "--stripe-secret-key dont-tell-me --stripe-publishable-key b --stripe-webhook-secret c";
    for (options, sentence) in [
        ("--payment-processor stripe", "merak: --payment-processor stripe needs --stripe-secret-key"),
        ("--stripe-webhook-secret a", "merak: --stripe-webhook-secret needs --stripe-secret-key"),
        (keys, "merak: --stripe-secret-key needs --payment-processor stripe"),
        (
            &format!("--payment-processor stripe {keys} --stripe-api-url nowhere"),
            "merak: --stripe-api-url: write http:// or https:// and a host, not nowhere",
        ),
    ] {
        let done = installation.run(&format!("openapi {options}"));
        assert_eq!(done.failure(), (Some(2), sentence), "{done:?}");
    }
    assert_eq!(installation.run(&format!("openapi --payment-processor stripe {keys}")).code, Some(0));
    fs::write(installation.path("merak.toml"), "payment_processor = \"stripe\"\nstripe_secret_key = \"a\"")
        .unwrap();
    let by_half = installation.run("openapi --config merak.toml");
    assert_eq!(by_half.failure(), (Some(2), "merak: --stripe-secret-key needs --stripe-publishable-key"));
}

#[test]
fn a_storage_that_does_not_answer_is_told_by_doctor() {
    let installation = Installation::new();
    let done = installation.run(
        "doctor --storage s3 --storage-endpoint http://127.0.0.1:9 --storage-bucket a --storage-public-bucket b \
         --storage-access-key-id c --storage-secret-access-key dont-tell-me",
    );
    assert!(done.output.contains("FAILED  files: The file storage cannot be reached"), "{done:?}");
    assert!(!format!("{done:?}").contains("dont-tell-me"));
}

#[test]
fn a_file_with_a_mistake_is_refused_by_name_and_line() {
    let installation = Installation::new();
    let run = |text: &str| {
        fs::write(installation.path("merak.toml"), text).unwrap();
        let done = installation.run("migrate --config merak.toml");
        assert_eq!(done.code, Some(2), "{done:?}");
        done.remarks.trim_end().to_owned()
    };
    let unknown = run("listen = \"127.0.0.1:0\"\nlissten = \"127.0.0.1:0\"\n");
    assert!(
        unknown.starts_with("merak: merak.toml, line 2: unknown field `lissten`, expected one of "),
        "{unknown}"
    );
    assert_eq!(run("listen = \"here\""), "merak: merak.toml, line 1: invalid socket address syntax");
    fs::write(installation.path("empty.toml"), "data_dir = \"\"").unwrap();
    let mut nowhere = installation.merak(["migrate", "--config", "empty.toml"]);
    let nowhere = outcome(nowhere.env_remove("MERAK_DATA_DIR"));
    assert_eq!(nowhere.failure(), (Some(2), "merak: --data-dir: name a directory"));
    let secret = run("secret = \"my dear secret is this");
    assert!(secret.starts_with("merak: merak.toml, line 1: ") && !secret.contains("dear"), "{secret}");
    assert!(!installation.data_dir().exists());
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let installation = Installation::new();
    let done = installation.run("migrate --config nowhere.toml");
    assert_eq!(
        done.failure(),
        (Some(2), "merak: cannot read nowhere.toml: No such file or directory (os error 2)")
    );
    fs::create_dir(installation.path("folder")).unwrap();
    let done = installation.run("migrate --config folder");
    assert_eq!(done.failure(), (Some(2), "merak: cannot read folder: Is a directory (os error 21)"));
}

#[test]
fn a_setting_that_makes_no_sense_is_refused_with_an_example() {
    let installation = Installation::new();
    let run = |arguments: &[&str]| {
        let done = outcome(installation.merak(["openapi"]).args(arguments));
        assert_eq!(done.code, Some(2), "{done:?}");
        done.remarks
    };
    assert!(run(&["--listen", "8000"]).contains("write an IP address and a port, as in 127.0.0.1:8000"));
    assert_eq!(
        run(&["--public-url", "shop.example"]),
        "merak: --public-url: write http:// or https:// and a host, not shop.example\n"
    );
    assert_eq!(
        run(&["--front-end-origin", "https://app.example/"]),
        "merak: --front-end-origin: an origin ends with its host or port, without a slash: https://app.example/\n"
    );
    assert!(run(&["--log-format", "xml"]).contains("[possible values: text, json]"));
    assert!(run(&["--rate-limit-per-key=-1"]).contains("--rate-limit-per-key"));
    let done = outcome(installation.merak(["migrate"]).env("MERAK_LOG", "merak=loud"));
    assert_eq!(done.code, Some(2));
    assert!(done.remarks.starts_with("merak: MERAK_LOG: ") && done.remarks.contains("`info`"), "{done:?}");
    let done = installation.run("migrate --database-read-url postgres://replica/shop");
    assert_eq!(done.failure(), (Some(2), "merak: --database-read-url needs a PostgreSQL --database-url"));
}

#[test]
fn a_service_that_is_set_by_half_is_refused() {
    let installation = Installation::new();
    let run = |arguments: &[&str]| {
        let done = outcome(installation.merak(["openapi"]).args(arguments));
        assert_eq!(done.code, Some(2), "{done:?}");
        done.remarks
    };
    assert_eq!(
        run(&["--discord-client-id", "1"]),
        "merak: --discord-client-id needs --discord-client-secret\n"
    );
    assert_eq!(
        run(&["--github-app-client-id", "1", "--github-app-id", "2"]),
        "merak: --github-app-id needs --github-app-private-key-file\n"
    );
    assert!(
        run(&["--github-client-id", "1", "--github-client-secret", "2"]).contains("needs --github-app-id")
    );
    assert!(run(&["--discord-url", "discord.com"]).starts_with("merak: --discord-url: write http://"));
}

#[test]
fn a_key_that_is_none_is_told_by_the_doctor() {
    let installation = Installation::new();
    fs::write(installation.path("key.pem"), "no key").unwrap();
    let app = ["--github-app-id=1", "--github-app-client-id=2", "--github-app-client-secret=3"];
    for (file, expected) in [
        ("missing.pem", "FAILED  GitHub: cannot read missing.pem: "),
        ("key.pem", "FAILED  GitHub: key.pem: this is no RSA private key in PEM form: "),
    ] {
        let key = format!("--github-app-private-key-file={file}");
        let done = outcome(installation.merak(["doctor", &*key]).args(app));
        assert!(done.output.contains(expected), "{done:?}");
        let done = outcome(installation.merak(["serve", &*key]).args(app));
        assert_eq!(done.code, Some(1), "a server does not start without it: {done:?}");
    }
}
