//! `merak import`: a shop from a file, or from a server that speaks the API.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use merak_core::transfer::{Begin, RecordKind, Report, Uncarried};
use merak_transfer::polar::{self, NOT_SHOWN, Server};
use merak_transfer::{Outcome, Progress, file};
use serde_json::{Map, Value, json};
use url::Url;

use super::{email, open};
use crate::failure::Failure;
use crate::options::Options;
use crate::output;
use crate::progress::Meter;

/// Take in a shop from elsewhere, with the same ids and license keys. It can be repeated, and goes on where it stopped.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Import {
    #[command(subcommand)]
    from: Option<From>,
    /// A file that `merak export` wrote.
    #[arg(required = true)]
    file: Option<PathBuf>,
    #[command(flatten)]
    into: Into,
}

/// Where a shop comes from, if not out of a file.
#[derive(Debug, Subcommand)]
enum From {
    /// Take in a shop from a server that speaks the API, Polar's or another Merak. It is only read.
    Polar(Polar),
}

/// Take in a shop from a server that speaks the API, Polar's or another Merak. It is only read.
#[derive(Debug, Args)]
struct Polar {
    /// Address of the API, before `/v1`.
    #[arg(long, value_name = "URL", default_value = "https://api.polar.sh")]
    from: Url,
    /// Access token there, which may read everything; better in the variable, where nobody sees it.
    #[arg(long, value_name = "TOKEN", env = "MERAK_IMPORT_TOKEN", hide_env_values = true)]
    token: String,
    /// Slug of the organization there [default: the only one that the token sees].
    #[arg(long, value_name = "SLUG")]
    source: Option<String>,
    #[command(flatten)]
    into: Into,
}

/// What a shop goes into.
#[derive(Debug, Args)]
struct Into {
    /// Slug of an organization here that it goes into [default: one with its own slug and id, made if it is not there].
    #[arg(long, value_name = "SLUG")]
    organization: Option<String>,
    /// E-mail address of the owner of an organization that has to be made.
    #[arg(long, value_name = "EMAIL")]
    owner: Option<String>,
    /// A folder with the bytes of files, each under its id, as `merak export --with-files` makes it.
    #[arg(long, value_name = "FOLDER")]
    files: Option<PathBuf>,
    /// Print one JSON object on one line when done.
    #[arg(long)]
    json: bool,
}

impl Import {
    /// Runs the command.
    pub fn run(self, options: &Options) -> Result<(), Failure> {
        let into = match &self.from {
            Some(From::Polar(polar)) => &polar.into,
            None => &self.into,
        };
        let owner = into.owner.as_deref().map(|owner| email("--owner", owner)).transpose()?;
        let begin = Begin { way: String::new(), into: into.organization.clone(), owner };
        let (store, secret) = open(options)?;
        let vault = super::vault(options, &secret, into.files.as_ref())?;
        let mut meter = Meter::new("seen");
        let mut told = |progress: &Progress| meter.show(progress);
        let runtime = super::runtime()?;
        let outcome = match (&self.from, &self.file) {
            (Some(From::Polar(polar)), _) => {
                if !matches!(polar.from.scheme(), "http" | "https") {
                    return Err(Failure::usage("--from: write http:// or https:// and a host"));
                }
                let server = Server { url: polar.from.clone(), token: polar.token.clone() };
                runtime.block_on(polar::import(
                    (&store, &vault),
                    server,
                    (polar.source.clone(), begin),
                    &mut told,
                ))
            }
            (None, Some(path)) => runtime.block_on(file::import((&store, &vault), path, begin, &mut told)),
            (None, None) => return Err(Failure::usage("name a file")),
        };
        meter.finish();
        let outcome = outcome?;
        let not_shown = if self.from.is_some() { NOT_SHOWN } else { &[] };
        output::result(into.json, &object(&outcome, not_shown), &lines(&outcome, not_shown))
    }
}

fn object(outcome: &Outcome, not_shown: &[&str]) -> Value {
    let kinds: Map<String, Value> = RecordKind::ALL
        .iter()
        .filter_map(|kind| {
            let tally = outcome.tallies.get(kind).copied().unwrap_or_default();
            let here = here(&outcome.report, *kind);
            (here > 0 || tally.behind > 0).then(|| {
                let counts =
                    json!({"here": here, "new": tally.new, "known": tally.known, "behind": tally.behind});
                (kind.to_string(), counts)
            })
        })
        .collect();
    json!({
        "organization_id": outcome.organization.id,
        "organization_slug": outcome.organization.slug,
        "source_id": outcome.source_id,
        "is_resumed": outcome.is_resumed,
        "records": kinds,
        "remarks": outcome.report.remarks,
        "not_carried": not_carried(outcome),
        "not_shown": not_shown,
    })
}

fn lines(outcome: &Outcome, not_shown: &[&str]) -> Vec<String> {
    let mut lines = vec![format!(
        "{} is here{}:",
        outcome.organization.slug,
        if outcome.is_resumed { ", after a run that had stopped" } else { "" }
    )];
    for kind in RecordKind::ALL {
        let tally = outcome.tallies.get(kind).copied().unwrap_or_default();
        let here = here(&outcome.report, *kind);
        if here > 0 || tally.behind > 0 {
            lines.push(format!(
                "  {:<24} {here:>9}   {} new, {} stayed behind",
                kind.as_str().replace('_', " "),
                tally.new,
                tally.behind
            ));
        }
    }
    if outcome.organization.id.uuid() != outcome.source_id {
        lines.push(format!(
            "The organization's id is {} here and was {} there: apps that send it must be changed.",
            outcome.organization.id, outcome.source_id
        ));
    }
    if !outcome.report.remarks.is_empty() {
        lines.push(String::from("What could not come along:"));
    }
    for remark in &outcome.report.remarks {
        let more = remark.count - i64::try_from(remark.subjects.len()).unwrap_or(i64::MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        lines.push(format!(
            "  {} {}: {} ({}{more})",
            remark.count,
            remark.kind.as_str().replace('_', " "),
            remark.remark,
            remark.subjects.join(", ")
        ));
    }
    if !outcome.uncarried.is_empty() {
        lines.push(String::from("What stays where it is:"));
    }
    for (kind, count) in &outcome.uncarried {
        let count = count.map_or_else(|| String::from("an unknown number of"), |count| count.to_string());
        lines.push(format!("  {count} {}: {}", kind.as_str().replace('_', " "), kind.remark()));
    }
    if !not_shown.is_empty() {
        lines.push(String::from("What the API does not show:"));
        lines.extend(not_shown.iter().map(|what| format!("  {what}")));
    }
    lines
}

fn not_carried(outcome: &Outcome) -> Vec<Value> {
    let entry = |(kind, count): (&Uncarried, &Option<u64>)| json!({"kind": kind, "count": count, "remark": kind.remark()});
    outcome.uncarried.iter().map(entry).collect()
}

fn here(report: &Report, kind: RecordKind) -> i64 {
    report.came_in.iter().find(|(other, _)| *other == kind).map_or(0, |(_, count)| *count)
}
