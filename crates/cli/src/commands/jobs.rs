//! `merak jobs`: list, retry.

use clap::Subcommand;
use merak_core::jobs::{self, Waiting};
use merak_core::kit::{Id, Refusal};
use serde_json::json;
use uuid::Uuid;

use super::open;
use crate::failure::Failure;
use crate::options::Options;
use crate::output;

/// Look after what the worker has to do.
#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// List the jobs that wait or run, the next first.
    List {
        /// List those that were set aside, with their last error, the oldest first.
        #[arg(long)]
        failed: bool,
        /// How many to list at most.
        #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
        /// Print one JSON object on one line for each job.
        #[arg(long)]
        json: bool,
    },
    /// Let a job that was set aside, or waits, run at once.
    Retry {
        /// The job's id, as `merak jobs list` shows it.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<Uuid>,
        /// Let every job run that was set aside.
        #[arg(long)]
        all: bool,
        /// Print one JSON object on one line.
        #[arg(long)]
        json: bool,
    },
}

impl Jobs {
    /// Runs the command.
    pub fn run(self, options: &Options) -> Result<(), Failure> {
        let (store, _) = open(options)?;
        match self {
            Self::List { failed, limit, json } => {
                let list = if failed { jobs::list_failed } else { jobs::list_waiting };
                let jobs = store.read_blocking(move |tx| list(tx, limit))?;
                jobs.iter().try_for_each(|job| output::result(json, &object(job), &[line(job)]))
            }
            Self::Retry { id: Some(id), json, .. } => {
                store.write_blocking(move |tx| jobs::retry(tx, Id::from_uuid(id))).map_err(|refusal| {
                    match refusal {
                        Refusal::Store(error) => Failure::from(error),
                        _ => Failure::usage(format!("there is no job with the id {id}, or it runs")),
                    }
                })?;
                output::result(json, &json!({"retried": 1}), &[format!("{id} runs again")])
            }
            Self::Retry { id: None, json, .. } => {
                let retried = store.write_blocking(jobs::retry_failed)?;
                let line = match retried {
                    0 => String::from("no job was set aside"),
                    1 => String::from("1 job runs again"),
                    _ => format!("{retried} jobs run again"),
                };
                output::result(json, &json!({"retried": retried}), &[line])
            }
        }
    }
}

fn object(job: &Waiting) -> serde_json::Value {
    json!({
        "id": job.id, "kind": job.kind, "created_at": job.created_at, "due_at": job.due_at,
        "failures": job.failures, "last_error": job.last_error, "failed_at": job.failed_at,
    })
}

fn line(job: &Waiting) -> String {
    let when = match job.failed_at {
        Some(time) => format!("set aside {}", time.wire()),
        None => format!("due {}", job.due_at.wire()),
    };
    let error = job.last_error.as_deref().map(|error| format!("  {error}")).unwrap_or_default();
    format!("{}  {}  {when}  failures {}{error}", job.id, job.kind, job.failures)
}
