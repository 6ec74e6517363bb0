//! Proving that a ledger holds, piece by piece.
//!
//! An audit runs the checks of [`CHECKS`] one after the other. A check goes through what it looks at in steps, each a short
//! unit that reads a bounded number of rows, so an audit of any length needs the memory of one step and holds nobody up.
//!
//! # Adding a check
//!
//! It is a [`Check`] in a file of its own beside `chain.rs`, or in the folder of the noun that it compares with the ledger, and
//! a line in [`CHECKS`]. Its step is given the cursor that its last step has returned, which is a text of its own making.

mod chain;

use merak_store::ReadTx;
use serde::Serialize;

use crate::kit::{Id, Result};
use crate::organizations::Organization;

/// Every check, in the order in which they run.
pub const CHECKS: &[Check] = &[chain::CHECK, crate::orders::AUDIT, crate::billing::AUDIT];

/// Something about a ledger that can be proved.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// What it is called in findings.
    pub name: &'static str,
    /// Looks at the next rows after the cursor; it begins where there is none.
    pub step: fn(&mut ReadTx<'_>, Id<Organization>, Option<&str>) -> Result<Step>,
}

/// What a step of a check has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// How many things it has looked at.
    pub looked_at: u64,
    /// What does not hold.
    pub problems: Vec<Problem>,
    /// Where to go on; none if the check is through.
    pub next: Option<String>,
}

/// What does not hold, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The number of the entry, if it is about one.
    pub sequence: Option<i64>,
    /// A sentence about it.
    pub message: String,
}

/// What does not hold, and which check has found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's name.
    pub check: &'static str,
    /// The number of the entry, if it is about one.
    pub sequence: Option<i64>,
    /// A sentence about it.
    pub message: String,
}

/// How far an audit has come. It begins with the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPoint {
    check: usize,
    cursor: Option<String>,
}

/// What a part of an audit has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// How many things were looked at.
    pub looked_at: u64,
    /// What does not hold.
    pub findings: Vec<Finding>,
    /// Where to go on; none if the audit is through.
    pub next: Option<AuditPoint>,
}

/// Audits the next part of an organization's ledger. Whoever calls goes on with `next`, in a unit of its own each time, until
/// there is none.
pub fn audit(tx: &mut ReadTx<'_>, organization_id: Id<Organization>, from: &AuditPoint) -> Result<Findings> {
    let Some(check) = CHECKS.get(from.check) else {
        return Ok(Findings { looked_at: 0, findings: Vec::new(), next: None });
    };
    let step = (check.step)(tx, organization_id, from.cursor.as_deref())?;
    let finding = |problem: Problem| Finding {
        check: check.name,
        sequence: problem.sequence,
        message: problem.message,
    };
    let after = AuditPoint { check: from.check + 1, cursor: None };
    let next = match step.next {
        Some(cursor) => Some(AuditPoint { check: from.check, cursor: Some(cursor) }),
        None => Some(after).filter(|point| point.check < CHECKS.len()),
    };
    Ok(Findings {
        looked_at: step.looked_at,
        findings: step.problems.into_iter().map(finding).collect(),
        next,
    })
}
