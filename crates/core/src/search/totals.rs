//! How many things broad searches found, remembered and kept exact.
//!
//! Counting what hundreds of thousands match takes long. A total that was counted once is brought up to date by the
//! few changes since, which the commands write down with a number that counts without a gap. So it is exact in the
//! unit that asks, whatever other nodes have written. Where only the number is kept, a total holds until it changes.
//!
//! Where the matches stand together far from the beginning of a list, finding the first of them takes long, too. Which
//! these are is remembered until something changes that matches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use merak_store::{Order, ReadTx, Sql};
use uuid::Uuid;

use super::Noun;
use super::rows::KEPT_CHANGES;
use super::statements::{MOST_ORGANIZATIONS, push_contains};
use crate::kit::{Id, Result};
use crate::organizations::Organization;

/// As many totals are remembered. When there would be more, all are forgotten.
const MOST_TOTALS: usize = 20_000;

/// Longer queries, in bytes, are not remembered.
const LONGEST_QUERY: usize = 200;

/// So many lists of first matches are remembered. When there would be more, all are forgotten.
const MOST_FIRST: usize = 1000;

/// Totals of searches that a program remembers, and which matches stand first. It must be asked in units that only
/// read: what a unit has written itself may be undone.
#[derive(Debug, Default)]
pub struct Totals {
    known: Mutex<HashMap<Key, Known>>,
    first: Mutex<HashMap<FirstKey, First>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    clock: Clock,
    organization_id: Id<Organization>,
    query: String,
}

/// How many things matched at some time.
#[derive(Clone, Copy, Debug)]
struct Known {
    total: i64,
    /// How many changes there had been.
    changes: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct FirstKey {
    noun: Noun,
    organizations: Vec<Id<Organization>>,
    /// Folded.
    query: String,
    order: String,
}

/// Which matches stood first at some time.
#[derive(Clone, Debug)]
struct First {
    ids: Arc<[Uuid]>,
    /// How many changes there had been in each organization.
    changes: Vec<i64>,
}

/// What counts the changes that totals depend on, in each organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Clock {
    /// Of what can be found. What each change was is written down, too.
    Found(Noun),
    /// Of which products have which benefits, and of which sort these products are.
    ProductBenefits,
}

impl Clock {
    /// Its name in tables.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Found(noun) => noun.as_str(),
            Self::ProductBenefits => "product_benefits",
        }
    }

    /// A total is brought up to date by so many changes at most.
    const fn kept_changes(self) -> i64 {
        match self {
            Self::Found(_) => KEPT_CHANGES,
            Self::ProductBenefits => 0,
        }
    }
}

/// A list whose total is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Question<'q> {
    /// What tells whether a total still holds.
    pub(crate) clock: Clock,
    /// Each once.
    pub(crate) organizations: &'q [Id<Organization>],
    /// What else the total depends on: of a search, the folded text.
    pub(crate) query: &'q str,
}

impl Question<'_> {
    fn key(&self, organization_id: Id<Organization>) -> Key {
        Key { clock: self.clock, organization_id, query: self.query.to_owned() }
    }

    /// How many changes there were in each organization, as the unit sees it; none is zero.
    fn clocks(&self, tx: &mut ReadTx<'_>) -> Result<HashMap<Id<Organization>, i64>> {
        let mut sql = Sql::new("SELECT organization_id, changes FROM search_clocks WHERE noun = ");
        sql.bind(self.clock.as_str()).push(" AND organization_id IN ");
        sql.bind_list(self.organizations.iter().copied());
        Ok(tx.list::<(Id<Organization>, i64)>(&sql)?.into_iter().collect())
    }

    /// The same in the order of the organizations.
    fn times(&self, tx: &mut ReadTx<'_>) -> Result<Vec<i64>> {
        let clocks = self.clocks(tx)?;
        Ok(self.organizations.iter().map(|id| clocks.get(id).copied().unwrap_or(0)).collect())
    }

    /// What the first matches in this order are remembered by, if they are.
    fn first_key(&self, order: &[Order]) -> Option<FirstKey> {
        let Clock::Found(noun) = self.clock else { return None };
        if self.query.len() > LONGEST_QUERY || self.organizations.len() > MOST_ORGANIZATIONS {
            return None;
        }
        Some(FirstKey {
            noun,
            organizations: self.organizations.to_vec(),
            query: self.query.to_owned(),
            order: Order::clause(order),
        })
    }

    /// By how much the total of each organization has changed since so many changes. Where nothing matched, the
    /// organization is left out.
    fn since(
        &self,
        tx: &mut ReadTx<'_>,
        stale: &[(Id<Organization>, i64)],
    ) -> Result<HashMap<Id<Organization>, i64>> {
        let mut sql = Sql::default();
        for (n, (organization_id, changes)) in stale.iter().enumerate() {
            sql.push(if n == 0 { "" } else { " UNION ALL " });
            sql.push("SELECT organization_id, CAST(sum(change) AS bigint) FROM search_changes WHERE noun = ");
            sql.bind(self.clock.as_str()).push(" AND organization_id = ").bind(*organization_id);
            sql.push(" AND number > ").bind(*changes).push(" AND ");
            push_contains(&mut sql, tx.engine(), "content", self.query);
            sql.push(" GROUP BY organization_id");
        }
        Ok(tx.list::<(Id<Organization>, i64)>(&sql)?.into_iter().collect())
    }
}

impl Totals {
    /// The total, if it is known of every organization.
    pub(crate) fn recall(&self, tx: &mut ReadTx<'_>, question: Question<'_>) -> Result<Option<i64>> {
        if question.organizations.len() > MOST_ORGANIZATIONS {
            return Ok(None);
        }
        let Some(mut known) = self.find(question) else { return Ok(None) };
        let clocks = question.clocks(tx)?;
        let mut stale = Vec::new();
        for (organization_id, known) in &known {
            let now = clocks.get(organization_id).copied().unwrap_or(0);
            // A unit may also see an older state than the one in which the total was counted.
            if !(0..=question.clock.kept_changes()).contains(&(now - known.changes)) {
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
    pub(crate) fn remember(
        &self,
        tx: &mut ReadTx<'_>,
        question: Question<'_>,
        counted: &HashMap<Id<Organization>, i64>,
    ) -> Result<()> {
        if question.query.len() > LONGEST_QUERY || question.organizations.len() > MOST_ORGANIZATIONS {
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

    /// The first matches of a search in this order, if they are known: as many as were remembered, or all.
    pub(super) fn recall_first(
        &self,
        tx: &mut ReadTx<'_>,
        question: Question<'_>,
        order: &[Order],
    ) -> Result<Option<Arc<[Uuid]>>> {
        let Some(key) = question.first_key(order) else { return Ok(None) };
        let found = self.first.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let Some(mut first) = found else { return Ok(None) };
        let now = question.times(tx)?;
        let mut stale = Vec::new();
        for (organization_id, (now, then)) in
            question.organizations.iter().zip(now.iter().zip(&first.changes))
        {
            if !(0..=question.clock.kept_changes()).contains(&(now - then)) {
                return Ok(None);
            }
            if now > then {
                stale.push((*organization_id, *then));
            }
        }
        if stale.is_empty() {
            return Ok(Some(first.ids));
        }
        if !question.since(tx, &stale)?.is_empty() {
            return Ok(None);
        }
        first.changes = now;
        let ids = Arc::clone(&first.ids);
        self.keep_first(key, first);
        Ok(Some(ids))
    }

    /// Whether the first matches were remembered, be it long ago: it was not near the beginning that they stood.
    pub(super) fn has_first(&self, question: Question<'_>, order: &[Order]) -> bool {
        let all = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        question.first_key(order).is_some_and(|key| all.contains_key(&key))
    }

    /// Remembers the first matches as this unit sees them.
    pub(super) fn remember_first(
        &self,
        tx: &mut ReadTx<'_>,
        question: Question<'_>,
        (order, ids): (&[Order], Arc<[Uuid]>),
    ) -> Result<()> {
        if let Some(key) = question.first_key(order) {
            let changes = question.times(tx)?;
            self.keep_first(key, First { ids, changes });
        }
        Ok(())
    }

    /// Keeps what was seen last, also if it is older than what is there: then it is not used, and is soon replaced.
    fn keep_first(&self, key: FirstKey, first: First) {
        let mut all = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_FIRST && !all.contains_key(&key) {
            all.clear();
        }
        all.insert(key, first);
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
