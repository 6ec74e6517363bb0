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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::{Cents, Currency, Id};
    use crate::ledger::{Account, EntryKind, FIRST_HASH};

    /// The text of the module above, hashed by another program.
    #[test]
    fn the_hash_is_that_of_the_text() {
        let uuid = |text: &str| uuid::Uuid::parse_str(text).unwrap();
        let entry = Entry {
            id: Id::from_uuid(uuid("0195d3a4-2f5b-7c11-8e9a-3b6f0c2d1e50")),
            organization_id: Id::from_uuid(uuid("0195d3a4-2f5b-7c11-8e9a-3b6f0c2d1e4f")),
            sequence: 1,
            kind: EntryKind::Payment,
            occurred_at: "2025-01-07T10:00:00Z".parse().unwrap(),
            created_at: "2025-01-07T10:00:01Z".parse().unwrap(),
            customer_id: None,
            order_id: Some(uuid("0195d3a4-2f5b-7c11-8e9a-3b6f0c2d1e51")),
            invoice_id: None,
            payment_id: None,
            refund_id: None,
            dispute_id: None,
            description: "One license".into(),
            previous_hash: FIRST_HASH.into(),
            hash: String::new(),
        };
        let lines = [(Account::ProcessorClearing, 1000), (Account::Revenue, -1000)]
            .map(|(account, amount)| Line { account, amount: Cents::new(amount), currency: Currency::Usd });
        let expected = "ebe1c9590f0c48b5efdfedde8ebd3266cacbc348aa477f7ec813f072f29301ae";
        assert_eq!(hash_of(&entry, &lines), expected);
    }
}
