//! Pages of what is found, and how much that is.

use std::collections::HashMap;

use merak_store::{Engine, Order, ReadTx, Sql};
use uuid::Uuid;

use super::marks::folded;
use super::statements::Finder;
use super::totals::{Clock, Question};
use super::{Noun, Searched, Totals};
use crate::kit::{Id, Page, Paged, Result};
use crate::organizations::Organization;

/// So many matches at most that were looked up by marks are few: nothing of them is remembered, and their page is taken
/// from all of them.
const QUICK: i64 = 100;

/// Of the first matches so many are remembered.
const MOST_FIRST_IDS: u32 = 100;

/// What is looked for.
pub(crate) struct Search<'s> {
    /// In whose things; at least one, each once.
    pub(crate) organizations: &'s [Id<Organization>],
    /// A part of a text, not empty.
    pub(crate) query: &'s str,
    /// More conditions over the thing's own columns, each beginning with ` AND `, if there are any.
    pub(crate) filter: Option<&'s dyn Fn(&mut Sql)>,
    /// See [`merak_store::PartitionedPage::push_stretches`].
    pub(crate) stretches: &'s [&'static str],
    /// In which order.
    pub(crate) order: &'s [Order],
    /// Which page.
    pub(crate) page: Page,
}

/// How many times longer it takes to look one match up than to compare one thing when all are compared, as measured
/// among a million customers.
const fn stride(engine: Engine) -> i64 {
    match engine {
        Engine::Sqlite => 20,
        Engine::Postgres => 60,
    }
}

/// The same, than to compare one thing on the way along the list.
fn pace(noun: Noun, engine: Engine) -> i64 {
    match (noun.has_sorted_rows(), engine) {
        (true, Engine::Sqlite) => 20,
        (true, Engine::Postgres) => 5,
        (false, _) => 1,
    }
}

/// The live things that match, in this order, and how many there are.
pub(crate) fn page<T: Searched>(
    tx: &mut ReadTx<'_>,
    search: &Search<'_>,
    totals: &Totals,
) -> Result<Paged<T>> {
    let noun = T::NOUN;
    let finder = Finder {
        noun,
        engine: tx.engine(),
        query: folded(search.query),
        organizations: search.organizations,
        all: all(tx, noun, search.organizations)?,
    };
    let total = match finder.matches(tx, search.filter, totals)? {
        Matches::Few(ids) => return finder.page_of_few(tx, &ids, search),
        Matches::Many(total) => total,
    };
    let (offset, limit) = (search.page.offset(), search.page.rows());
    if total <= offset {
        return Ok(Paged::new(Vec::new(), total));
    }
    let size = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let wanted = size(limit.min(total - offset));
    let end = offset + limit;
    let is_remembered = total > QUICK && end <= i64::from(MOST_FIRST_IDS) && finder.has_kept_order(search);
    if is_remembered && let Some(ids) = totals.recall_first(tx, finder.question(), search.order)? {
        let ids = ids.iter().skip(size(offset)).take(wanted).copied();
        return Ok(Paged::new(finder.own(tx, &finder.named::<T>(ids, search.order))?, total));
    }
    // In so many things in a row there are all that the page needs, unless the matches stand close together elsewhere.
    let stretch = (end + end / 2 + 10).saturating_mul(finder.all) / total + 1;
    let is_far = is_remembered && totals.has_first(finder.question(), search.order);
    if stretch / pace(noun, finder.engine) <= total && !is_far {
        let ids = finder.walked(search, Some(stretch));
        let rows: Vec<T> = tx.list(&finder.things::<T>(&ids, search.order))?;
        if rows.len() >= wanted {
            return Ok(Paged::new(rows, total));
        }
    }
    let by_marks = finder.by_marks(tx)?;
    let reading = if by_marks.is_some() { 0 } else { finder.all / stride(finder.engine) };
    let is_walked = finder.all / pace(noun, finder.engine) < 2 * (total + reading);
    let ids = |search: &Search<'_>| {
        if is_walked {
            finder.walked(search, None)
        } else {
            finder.sorted(by_marks.as_ref().unwrap_or(&finder.by_reading()), search)
        }
    };
    if !is_remembered {
        return Ok(Paged::new(tx.list(&finder.things::<T>(&ids(search), search.order))?, total));
    }
    // Most of the time goes into finding the first; the ids of some more make the next pages quick, too.
    let first: Vec<Uuid> = tx.list(&ids(&Search { page: Page::new(1, MOST_FIRST_IDS), ..*search }))?;
    let ids = first.iter().skip(size(offset)).take(wanted).copied();
    let rows = finder.own(tx, &finder.named::<T>(ids, search.order))?;
    totals.remember_first(tx, finder.question(), (search.order, first.into()))?;
    Ok(Paged::new(rows, total))
}

/// How many things there are of which some are looked for.
fn all(tx: &mut ReadTx<'_>, noun: Noun, organizations: &[Id<Organization>]) -> Result<i64> {
    let (table, column) = noun.names().counts;
    let mut sql = Sql::new(format!("SELECT CAST(coalesce(sum({column}), 0) AS bigint) FROM {table}"));
    sql.push(" WHERE organization_id IN ").bind_list(organizations.iter().copied());
    Ok(tx.count(&sql)?)
}

/// What was found.
enum Matches {
    /// The ids of all that match.
    Few(Vec<Uuid>),
    /// How many match and are left by the filter.
    Many(i64),
}

impl Finder<'_> {
    fn page_of_few<T: Searched>(
        &self,
        tx: &mut ReadTx<'_>,
        ids: &[Uuid],
        search: &Search<'_>,
    ) -> Result<Paged<T>> {
        if ids.is_empty() {
            return Ok(Paged::new(Vec::new(), 0));
        }
        let ids = || ids.iter().copied();
        let total = match search.filter {
            Some(filter) => tx.count(&self.of_ids("count(*)", ids(), Some(filter)))?,
            None => i64::try_from(ids().len()).unwrap_or(i64::MAX),
        };
        Ok(Paged::new(self.own(tx, &self.page_of::<T>(ids(), search))?, total))
    }

    /// What a select finds among the things of the organizations.
    fn own<T: Searched>(&self, tx: &mut ReadTx<'_>, select: &Sql) -> Result<Vec<T>> {
        let mut things: Vec<T> = tx.list(select)?;
        things.retain(|thing| self.organizations.contains(&thing.organization_id()));
        Ok(things)
    }

    fn question(&self) -> Question<'_> {
        let clock = Clock::Found(self.noun);
        Question { clock, organizations: self.organizations, query: &self.query }
    }

    /// As many matches are looked up by their marks; more are counted by reading everything.
    fn most_looked_up(&self) -> i64 {
        (self.all / stride(self.engine)).max(1000)
    }

    /// What matches, or how much.
    fn matches(
        &self,
        tx: &mut ReadTx<'_>,
        filter: Option<&dyn Fn(&mut Sql)>,
        totals: &Totals,
    ) -> Result<Matches> {
        let recalled = totals.recall(tx, self.question())?;
        let by_marks = if recalled.is_some() { None } else { self.by_marks(tx)? };
        let Some(found) = by_marks else {
            return self.total(tx, filter, totals, recalled).map(Matches::Many);
        };
        let most = self.most_looked_up();
        let mut sql = Sql::new("SELECT id, count(*) OVER () FROM (SELECT id FROM (");
        sql.append(&found).push(") AS found LIMIT ").bind(most + 1);
        sql.push(") AS first LIMIT ").bind(QUICK);
        let first: Vec<(Uuid, i64)> = tx.list(&sql)?;
        let total = first.first().map_or(0, |(_, total)| *total);
        if total <= QUICK {
            return Ok(Matches::Few(first.into_iter().map(|(id, _)| id).collect()));
        }
        let counted = (total <= most).then_some(total);
        if let ([only], Some(total)) = (self.organizations, counted) {
            totals.remember(tx, self.question(), &HashMap::from([(*only, total)]))?;
        }
        self.total(tx, filter, totals, counted).map(Matches::Many)
    }

    /// How many match and are left by the filter, where it may be known how many match.
    fn total(
        &self,
        tx: &mut ReadTx<'_>,
        filter: Option<&dyn Fn(&mut Sql)>,
        totals: &Totals,
        known: Option<i64>,
    ) -> Result<i64> {
        match (filter, known) {
            (None, Some(total)) => Ok(total),
            (None, None) => {
                let mut sql = Sql::new("SELECT organization_id, count(*)");
                self.push_reading(&mut sql);
                sql.push(" GROUP BY organization_id");
                let counted: HashMap<Id<Organization>, i64> = tx.list(&sql)?.into_iter().collect();
                totals.remember(tx, self.question(), &counted)?;
                Ok(counted.values().sum())
            }
            (Some(filter), known) => {
                let found = match known {
                    Some(total) if total <= self.most_looked_up() => self.by_marks(tx)?,
                    _ => None,
                };
                let mut sql = Sql::new("SELECT count(*)");
                self.push_filtered(&mut sql, &found.unwrap_or_else(|| self.by_reading()), filter);
                Ok(tx.count(&sql)?)
            }
        }
    }
}
