//! `merak jobs`.

use merak_core::jobs::{self, Job};
use merak_core::kit::{Id, Refusal};
use merak_store::{Database, Options, Store};
use merak_testkit::both_engines;
use serde_json::Value;
use uuid::Uuid;

use crate::installation::Installation;
use crate::shop::text;

/// Asks for two jobs that were then set aside.
fn set_aside(installation: &Installation) {
    let database = match installation.database_url() {
        Some(url) => url.parse().unwrap(),
        None => Database::Sqlite { path: installation.data_dir().join("merak.db") },
    };
    let store = Store::open(&Options::new(database)).unwrap();
    store
        .write_blocking(|tx| {
            for number in 1..=2 {
                let customer_id = Id::from_uuid(Uuid::from_u128(number));
                jobs::enqueue(tx, &Job::RevokeGrantsOfCustomer { customer_id })?;
            }
            tx.execute("UPDATE jobs SET failed_at = due_at, failures = 10, last_error = 'no network'", &[])?;
            Ok::<_, Refusal>(())
        })
        .unwrap();
}

fn listed(installation: &Installation, line: &str) -> Vec<Value> {
    let done = installation.run(&format!("{line} --json"));
    assert_eq!(done.code, Some(0), "{done:?}");
    done.output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

both_engines! {
    setup = Installation::on;

    fn what_was_set_aside_is_shown_and_runs_again(installation: Installation) {
        assert_eq!(installation.run("migrate").code, Some(0));
        set_aside(&installation);
        let failed = listed(&installation, "jobs list --failed");
        assert_eq!(failed.len(), 2);
        assert_eq!((&failed[0]["last_error"], &failed[0]["failures"]), (&"no network".into(), &10.into()));
        assert_eq!(listed(&installation, "jobs list --failed --limit 1").len(), 1);
        assert!(listed(&installation, "jobs list").is_empty());
        let shown = installation.run("jobs list --failed").output;
        assert!(shown.contains("  revoke_grants_of_customer  set aside ") && shown.contains("no network"), "{shown}");

        let id = text(&failed[0]["id"]);
        let done = installation.run(&format!("jobs retry {id}"));
        assert_eq!((done.code, done.output), (Some(0), format!("{id} runs again\n")));
        let waiting = listed(&installation, "jobs list");
        assert_eq!((waiting.len(), &waiting[0]["id"]), (1, &failed[0]["id"]));
        assert_eq!((&waiting[0]["last_error"], &waiting[0]["failures"]), (&"no network".into(), &0.into()));
        assert_eq!(installation.json("jobs retry --all")["retried"], 1);
        assert_eq!(installation.run("jobs retry --all").output, "no job was set aside\n");
        assert!(listed(&installation, "jobs list --failed").is_empty());
        assert_eq!(listed(&installation, "jobs list").len(), 2);
    }

    fn a_job_that_is_not_there_cannot_be_tried_again(installation: Installation) {
        assert_eq!(installation.run("migrate").code, Some(0));
        let unknown = "5d8a1f2e-0000-4000-8000-000000000001";
        let done = installation.run(&format!("jobs retry {unknown}"));
        let sentence = format!("merak: there is no job with the id {unknown}, or it runs");
        assert_eq!(done.failure(), (Some(2), sentence.as_str()));
        assert_eq!(installation.run("jobs retry").code, Some(2));
        assert_eq!(installation.run(&format!("jobs retry {unknown} --all")).code, Some(2));
    }
}
