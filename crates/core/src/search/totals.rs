//! How many things broad searches found, remembered and kept exact.
//!
//! Counting what hundreds of thousands match takes long. A total that was counted once is brought up to date by the
//! few changes since, which the commands write down with a number that counts without a gap. So it is exact in the
//! unit that asks, whatever other nodes have written.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use merak_store::{ReadTx, Sql};

use super::Noun;
use super::rows::KEPT_CHANGES;
use super::statements::push_contains;
use crate::kit::{Id, Result};
use crate::organizations::Organization;

/// As many totals are remembered. When there would be more, all are forgotten.
const MOST_TOTALS: usize = 20_000;

/// Longer queries, in bytes, are not remembered.
const LONGEST_QUERY: usize = 200;

/// Totals of searches that a program remembers. It must be asked in units that only read: what a unit has written
/// itself may be undone.
#[derive(Debug, Default)]
pub struct Totals {
    known: Mutex<HashMap<Key, Known>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    noun: Noun,
    organization_id: Id<Organization>,
    /// Folded.
    query: String,
}

/// How many things matched at some time.
#[derive(Clone, Copy, Debug)]
struct Known {
    total: i64,
    /// How many changes there had been.
    changes: i64,
}

/// A search whose total is asked for.
#[derive(Clone, Copy)]
pub(super) struct Question<'q> {
    pub(super) noun: Noun,
    /// Each once.
    pub(super) organizations: &'q [Id<Organization>],
    /// Folded.
    pub(super) query: &'q str,
}

impl Question<'_> {
    fn key(&self, organization_id: Id<Organization>) -> Key {
        Key { noun: self.noun, organization_id, query: self.query.to_owned() }
    }

    /// How many changes there were in each organization, as the unit sees it; none is zero.
    fn clocks(&self, tx: &mut ReadTx<'_>) -> Result<HashMap<Id<Organization>, i64>> {
        let mut sql = Sql::new("SELECT organization_id, changes FROM search_clocks WHERE noun = ");
        sql.bind(self.noun.as_str()).push(" AND organization_id IN ");
        sql.bind_list(self.organizations.iter().copied());
        Ok(tx.list::<(Id<Organization>, i64)>(&sql)?.into_iter().collect())
    }

    /// By how much the total of each organization has changed since so many changes.
    fn since(
        &self,
        tx: &mut ReadTx<'_>,
        stale: &[(Id<Organization>, i64)],
    ) -> Result<HashMap<Id<Organization>, i64>> {
        let mut sql = Sql::default();
        for (n, (organization_id, changes)) in stale.iter().enumerate() {
            sql.push(if n == 0 { "" } else { " UNION ALL " });
            sql.push("SELECT organization_id, CAST(sum(change) AS bigint) FROM search_changes WHERE noun = ");
            sql.bind(self.noun.as_str()).push(" AND organization_id = ").bind(*organization_id);
            sql.push(" AND number > ").bind(*changes).push(" AND ");
            push_contains(&mut sql, tx.engine(), "content", self.query);
            sql.push(" GROUP BY organization_id");
        }
        Ok(tx.list::<(Id<Organization>, i64)>(&sql)?.into_iter().collect())
    }
}

impl Totals {
    /// The total, if it is known of every organization.
    pub(super) fn recall(&self, tx: &mut ReadTx<'_>, question: Question<'_>) -> Result<Option<i64>> {
        let Some(mut known) = self.find(question) else { return Ok(None) };
        let clocks = question.clocks(tx)?;
        let mut stale = Vec::new();
        for (organization_id, known) in &known {
            let now = clocks.get(organization_id).copied().unwrap_or(0);
            // A unit may also see an older state than the one in which the total was counted.
            if !(0..=KEPT_CHANGES).contains(&(now - known.changes)) {
                return Ok(None);
            }
            if now > known.changes {
                stale.push((*organization_id, known.changes));
            }
        }
        if !stale.is_empty() {
            let since = question.since(tx, &stale)?;
            for (organization_id, known) in &mut known {
                known.total += since.get(organization_id).copied().unwrap_or(0);
                known.changes = clocks.get(organization_id).copied().unwrap_or(0);
            }
            self.keep(question, &known);
        }
        Ok(Some(known.iter().map(|(_, known)| known.total).sum()))
    }

    /// Remembers what was counted of each organization in this unit; what is not named has none.
    pub(super) fn remember(
        &self,
        tx: &mut ReadTx<'_>,
        question: Question<'_>,
        counted: &HashMap<Id<Organization>, i64>,
    ) -> Result<()> {
        if question.query.len() > LONGEST_QUERY {
            return Ok(());
        }
        let clocks = question.clocks(tx)?;
        let known = |id: &Id<Organization>| Known {
            total: counted.get(id).copied().unwrap_or(0),
            changes: clocks.get(id).copied().unwrap_or(0),
        };
        let known: Vec<_> = question.organizations.iter().map(|id| (*id, known(id))).collect();
        self.keep(question, &known);
        Ok(())
    }

    fn find(&self, question: Question<'_>) -> Option<Vec<(Id<Organization>, Known)>> {
        // What a thread that panicked has left behind is whole: entries are put in one by one.
        let all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let find = |id: &Id<Organization>| all.get(&question.key(*id)).map(|known| (*id, *known));
        question.organizations.iter().map(find).collect()
    }

    fn keep(&self, question: Question<'_>, known: &[(Id<Organization>, Known)]) {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() + known.len() > MOST_TOTALS {
            all.clear();
        }
        for (organization_id, known) in known {
            let kept = all.entry(question.key(*organization_id)).or_insert(*known);
            if kept.changes < known.changes {
                *kept = *known;
            }
        }
    }
}
