//! The hash of an entry, as the module above describes it.

use std::fmt::{self, Write};

use sha2::{Digest, Sha256};

use super::{Entry, Line};
use crate::kit::hex::hex;

/// The hash that an entry with these lines must have.
pub(super) fn hash_of(entry: &Entry, lines: &[Line]) -> String {
    let mut text = String::with_capacity(640 + 40 * lines.len() + entry.description.len());
    write_entry(&mut text, entry, lines).expect("writing to a string cannot fail");
    hex(&Sha256::digest(text))
}

fn write_entry(text: &mut String, entry: &Entry, lines: &[Line]) -> fmt::Result {
    writeln!(text, "merak ledger 1")?;
    writeln!(text, "previous {}", entry.previous_hash)?;
    writeln!(text, "organization {}", entry.organization_id)?;
    writeln!(text, "sequence {}", entry.sequence)?;
    writeln!(text, "id {}", entry.id)?;
    writeln!(text, "kind {}", entry.kind)?;
    writeln!(text, "occurred_at {}", entry.occurred_at)?;
    writeln!(text, "created_at {}", entry.created_at)?;
    for (name, id) in [
        ("customer", entry.customer_id),
        ("order", entry.order_id),
        ("invoice", entry.invoice_id),
        ("payment", entry.payment_id),
        ("refund", entry.refund_id),
        ("dispute", entry.dispute_id),
    ] {
        match id {
            Some(id) => writeln!(text, "{name} {}", id.as_hyphenated())?,
            None => writeln!(text, "{name} -")?,
        }
    }
    writeln!(text, "lines {}", lines.len())?;
    for line in lines {
        writeln!(text, "{} {} {}", line.account, line.currency, line.amount)?;
    }
    writeln!(text, "description {}", entry.description)
}
