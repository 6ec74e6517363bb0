//! What is logged, and what is not.

use merak_testkit::both_engines;
use serde_json::{Value, json};

use crate::http;
use crate::installation::Installation;
use crate::shop::{Shop, activate};

both_engines! {
    setup = Installation::on;

    fn lines_of_json_are_objects_that_tell_no_secrets(installation: Installation) {
        let shop = Shop::open(&installation);
        let secret_of_file = std::fs::read_to_string(installation.data_dir().join("secret")).unwrap();
        let mut server = crate::installation::start(
            installation
                .merak(["serve", "--listen", "127.0.0.1:0", "--log-format", "json"])
                .env("MERAK_SECRET", &secret_of_file)
                // Whoever names the driver hears it, and it tells no secrets either.
                .env("MERAK_LOG", "debug,tokio_postgres=debug,postgres=debug"),
        );
        let line = server.line();
        let url = line.strip_prefix("merak is listening on ").unwrap();
        let benefit = shop.benefit(url);
        let customer = shop.customer(url, "nora@example.com");
        let grant = installation.json(&format!("grant --benefit {benefit} --customer {customer}"));
        let key = grant["license_key"]["key"].as_str().unwrap();
        activate(url, &shop.organization_id, key, "laptop");
        assert_eq!(shop.validate(url, key).status, 200);
        let session = http::post(url, "/v1/customer-sessions/", &shop.token, &json!({"customer_id": customer}));
        let session = session.json()["token"].as_str().unwrap().to_owned();
        assert_eq!(http::get(url, "/v1/customer-portal/license-keys/", &session).status, 200);
        assert_eq!(http::get(url, "/v1/license-keys/?token=leaked", "polar_pat_wrong").status, 401);
        assert_eq!(http::post(url, "/v1/customers/", &shop.token, &json!({"email": "broken@"})).status, 422);
        let done = server.stop();
        assert_eq!(done.code, Some(0));
        assert!(done.remarks.lines().count() > 5, "{done:?}");
        for line in done.remarks.lines() {
            let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(object["timestamp"].is_string() && object["level"].is_string(), "{line}");
        }
        for hidden in
            [secret_of_file.as_str(), &shop.token, key, &session, "polar_pat_wrong", "leaked", "nora@", "broken@"]
        {
            assert!(!done.remarks.contains(hidden), "{hidden} is in the log: {}", done.remarks);
        }
    }
}

#[test]
fn a_log_that_no_terminal_shows_has_no_colors() {
    let (server, _) = Installation::new().serve(&[]);
    let done = server.stop();
    assert!(done.remarks.contains(" INFO listening on http://"), "{done:?}");
    assert!(!done.remarks.contains('\u{1b}'), "{done:?}");
}
