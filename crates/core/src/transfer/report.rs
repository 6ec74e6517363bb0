//! What an import came to.

use merak_store::ReadTx;
use serde::Serialize;

use super::{Import, RecordKind};
use crate::kit::Result;

/// How many things with the same remark are named.
const SUBJECTS: i64 = 5;

/// Everything that one shop's imports came to, over all runs.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// How many records of each kind are here.
    pub came_in: Vec<(RecordKind, i64)>,
    /// What stayed behind, as a whole or in part.
    pub remarks: Vec<Remark>,
}

/// Things that stayed behind for one reason.
#[derive(Clone, Debug, Serialize)]
pub struct Remark {
    /// Of what kind they are.
    pub kind: RecordKind,
    /// Why.
    pub remark: String,
    /// How many there are.
    pub count: i64,
    /// Some of them.
    pub subjects: Vec<String>,
}

/// What the imports of one shop came to.
pub fn report(tx: &mut ReadTx<'_>, import: &Import) -> Result<Report> {
    let counted: Vec<(String, i64)> = tx.all(
        "SELECT kind, count(*) FROM imported_rows WHERE organization_id = $1 AND source_id = $2 GROUP BY kind",
        &[&import.organization_id, &import.source_id],
    )?;
    let mut came_in: Vec<(RecordKind, i64)> =
        counted.into_iter().filter_map(|(kind, count)| Some((kind.parse().ok()?, count))).collect();
    came_in.sort_unstable();
    let told: Vec<(String, String, i64, String)> = tx.all(
        "SELECT kind, remark, of_all, subject FROM (SELECT kind, remark, subject, \
         count(*) OVER (PARTITION BY kind, remark) AS of_all, \
         row_number() OVER (PARTITION BY kind, remark ORDER BY subject) AS place \
         FROM import_remarks WHERE organization_id = $1 AND source_id = $2) AS told \
         WHERE place <= $3 ORDER BY kind, remark, place",
        &[&import.organization_id, &import.source_id, &SUBJECTS],
    )?;
    let mut remarks: Vec<Remark> = Vec::new();
    for (kind, remark, count, subject) in told {
        let Ok(kind) = kind.parse::<RecordKind>() else { continue };
        match remarks.last_mut() {
            Some(last) if last.kind == kind && last.remark == remark => last.subjects.push(subject),
            _ => remarks.push(Remark { kind, remark, count, subjects: vec![subject] }),
        }
    }
    remarks.sort_by_key(|remark| remark.kind);
    Ok(Report { came_in, remarks })
}
