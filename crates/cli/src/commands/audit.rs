//! `merak audit`: does the ledger hold, and what do its accounts hold?

use clap::Args;
use merak_core::kit::{Cents, Id};
use merak_core::ledger::audit::{AuditPoint, Finding};
use merak_core::ledger::{self, Balance};
use merak_core::organizations::Organization;
use serde_json::json;

use super::open;
use crate::failure::Failure;
use crate::opened::Opened;
use crate::options::Options;
use crate::output;

/// Prove that the ledger holds, and show what its accounts hold.
#[derive(Debug, Args)]
#[command(
    after_help = "It exits with 1 if anything does not hold, and says what and where. It can run while the server does. \
                        Note down the last hash that it shows: as long as it is in the chain, nothing before it was \
                        written anew."
)]
pub struct Audit {
    /// Slug of the organization [default: all, also deleted ones].
    #[arg(long, value_name = "SLUG")]
    organization: Option<String>,
    /// Print one JSON object on one line for each finding and for each organization.
    #[arg(long)]
    json: bool,
}

impl Audit {
    /// Runs the command.
    pub fn run(&self, options: &Options) -> Result<(), Failure> {
        options.open_existing()?;
        let (store, _) = open(options)?;
        let mut found = 0;
        for (id, slug) in self.chosen(&store)? {
            found += self.audit(&store, id, &slug)?;
        }
        match found {
            0 => Ok(()),
            1 => Err(Failure::runtime("the ledger does not hold: there is one finding")),
            many => Err(Failure::runtime(format!("the ledger does not hold: there are {many} findings"))),
        }
    }

    fn chosen(&self, store: &Opened) -> Result<Vec<(Id<Organization>, String)>, Failure> {
        let all = store.read_blocking(ledger::list_organizations)?;
        let Some(wanted) = self.organization.as_ref().map(|slug| slug.to_lowercase()) else { return Ok(all) };
        let chosen: Vec<_> = all.into_iter().filter(|(_, slug)| *slug == wanted).collect();
        if chosen.is_empty() {
            return Err(Failure::usage(format!("there is no organization with the slug {wanted}")));
        }
        Ok(chosen)
    }

    /// Audits one ledger in short units, and says what it finds as it finds it.
    fn audit(&self, store: &Opened, id: Id<Organization>, slug: &str) -> Result<usize, Failure> {
        let (mut found, mut looked_at) = (0, 0);
        let mut point = Some(AuditPoint::default());
        while let Some(from) = point {
            let part = store.read_blocking(move |tx| ledger::audit(tx, id, &from))?;
            for finding in &part.findings {
                output::result(self.json, &object(slug, finding), &[line(slug, finding)])?;
            }
            (found, looked_at, point) = (found + part.findings.len(), looked_at + part.looked_at, part.next);
        }
        let (head, balances) = store.read_blocking(move |tx| {
            Ok::<_, merak_core::kit::Refusal>((ledger::head(tx, id)?, ledger::balances(tx, id)?))
        })?;
        let balance = |balance: &Balance| json!({"account": balance.account, "currency": balance.currency, "amount": balance.amount});
        let object = json!({
            "organization": slug, "looked_at": looked_at, "findings": found,
            "last_sequence": head.as_ref().map(|(sequence, _)| sequence),
            "last_hash": head.as_ref().map(|(_, hash)| hash),
            "balances": balances.iter().map(balance).collect::<Vec<_>>(),
        });
        let mut lines = vec![match head {
            Some((sequence, hash)) => format!("{slug}: {sequence} entries, the last with the hash {hash}"),
            None => format!("{slug}: no entries"),
        }];
        lines.extend(balances.iter().map(|balance| {
            format!("  {:<20} {:>16} {}", balance.account, in_units(balance.amount), balance.currency)
        }));
        output::result(self.json, &object, &lines)?;
        Ok(found)
    }
}

fn object(slug: &str, finding: &Finding) -> serde_json::Value {
    json!({
        "organization": slug, "check": finding.check, "sequence": finding.sequence, "message": finding.message,
    })
}

fn line(slug: &str, finding: &Finding) -> String {
    let place = finding.sequence.map(|sequence| format!(", entry {sequence}")).unwrap_or_default();
    format!("{slug}{place}: {} ({})", finding.message, finding.check)
}

/// An amount in whole units and hundredths.
fn in_units(amount: Cents) -> String {
    let sign = if amount.get() < 0 { "-" } else { "" };
    let count = amount.get().unsigned_abs();
    format!("{sign}{}.{:02}", count / 100, count % 100)
}
