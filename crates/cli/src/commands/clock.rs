//! `merak clock`: show an organization's clock, or move it ahead to see what will be.

use std::time::Duration;

use clap::Subcommand;
use merak_core::clock::{self, advance};
use merak_core::kit::{Id, Timeframe, calendar};
use merak_core::organizations::{self, Organization};
use merak_server::Chores;
use merak_store::{Store, Timestamp};
use serde_json::json;

use super::{open, wait_for};
use crate::failure::Failure;
use crate::options::Options;
use crate::{output, services};

/// How long to wait between two looks at a clock that others move as well.
const LOOK: Duration = Duration::from_millis(100);

/// Show an organization's clock, or move it ahead to see what will be.
#[derive(Debug, Subcommand)]
pub enum Clock {
    /// Show what time it is for an organization.
    Show {
        /// The organization's slug.
        #[arg(long, value_name = "SLUG")]
        organization: String,
        /// Print one JSON object on one line.
        #[arg(long)]
        json: bool,
    },
    /// Move the clock ahead, from one thing that falls due to the next: renewals, retries, checkouts whose time is up. Only
    /// where payments are played by the sandbox. It never goes back.
    Advance {
        /// The organization's slug.
        #[arg(long, value_name = "SLUG")]
        organization: String,
        /// By how much: `1y`, `2mo`, `30d` or `12h`.
        #[arg(long, value_name = "TIME")]
        by: String,
        /// Print one JSON object on one line.
        #[arg(long)]
        json: bool,
    },
}

impl Clock {
    /// Runs the command.
    pub fn run(self, options: &Options) -> Result<(), Failure> {
        let (store, secret) = open(options)?;
        match self {
            Self::Show { organization, json } => {
                let found = find(&store, &organization)?;
                tell(&store, &found, json)
            }
            Self::Advance { organization, by, json } => {
                let found = find(&store, &organization)?;
                let now = now_of(&store, found.id)?;
                let target = later(now, &by).ok_or_else(|| {
                    Failure::usage(format!("--by: {by:?} is not a time such as 1y, 2mo, 30d or 12h"))
                })?;
                let config = services::connected(options, options.server()?)?;
                wait_for(async {
                    let mut chores = Chores::new(&config, &store, secret)?;
                    let refused = |error: merak_server::ChoreError| match error.refusal() {
                        Some(refusal) if refusal.kind().is_some() => Failure::usage(refusal.sentences()),
                        _ => Failure::runtime(error),
                    };
                    chores.advance_clock(found.id, target).await.map_err(refused)?;
                    let mut shown = now;
                    while chores.go_on(found.id).await.map_err(refused)? {
                        let at = now_of_async(&store, found.id).await?;
                        if at != shown {
                            output::remark(&at.wire());
                            shown = at;
                        }
                        tokio::time::sleep(LOOK).await;
                    }
                    Ok(())
                })?;
                tell(&store, &found, json)
            }
        }
    }
}

fn find(store: &Store, slug: &str) -> Result<Organization, Failure> {
    let wanted = slug.to_owned();
    store
        .read_blocking(move |tx| organizations::find_by_slug(tx, &wanted))?
        .ok_or_else(|| Failure::usage(format!("there is no organization with the slug {slug}")))
}

fn now_of(store: &Store, id: Id<Organization>) -> Result<Timestamp, Failure> {
    Ok(store.read_blocking(move |tx| clock::now(tx, id))?)
}

async fn now_of_async(store: &Store, id: Id<Organization>) -> Result<Timestamp, Failure> {
    Ok(store.read(move |tx| clock::now(tx, id)).await?)
}

fn tell(store: &Store, organization: &Organization, json: bool) -> Result<(), Failure> {
    let id = organization.id;
    let (now, clock) = store.read_blocking(move |tx| {
        Ok::<_, merak_core::kit::Refusal>((clock::now(tx, id)?, advance::find(tx, id)?))
    })?;
    let ahead = clock.map_or(0, |clock| clock.ahead_us / 1_000_000);
    let object = json!({"organization_id": id, "now": now, "seconds_ahead": ahead});
    output::result(json, &object, &[format!("{} ({ahead} seconds ahead)", now.wire())])
}

/// The instant so much later; none if that is no time, or past the calendar.
fn later(at: Timestamp, by: &str) -> Option<Timestamp> {
    let digits = by.find(|letter: char| !letter.is_ascii_digit())?;
    let (count, unit) = by.split_at(digits);
    let count: u32 = count.parse().ok().filter(|count| *count > 0)?;
    match unit {
        "y" => calendar::add(at, count, Timeframe::Year),
        "mo" => calendar::add(at, count, Timeframe::Month),
        "d" => calendar::add(at, count, Timeframe::Day),
        "h" => Some(at.add_seconds(i64::from(count) * 3600)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_by_their_units() {
        let at: Timestamp = "2025-01-31T00:00:00Z".parse().unwrap();
        for (by, expected) in [
            ("1y", Some("2026-01-31T00:00:00Z")),
            ("1mo", Some("2025-02-28T00:00:00Z")),
            ("30d", Some("2025-03-02T00:00:00Z")),
            ("12h", Some("2025-01-31T12:00:00Z")),
            ("0d", None),
            ("12", None),
            ("d", None),
            ("-1d", None),
            ("1w", None),
            ("9999y", None),
        ] {
            assert_eq!(later(at, by).map(Timestamp::wire).as_deref(), expected, "{by}");
        }
    }
}
