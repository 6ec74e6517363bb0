//! Pages of what is found, and how much that is.

use std::collections::HashMap;

use merak_store::{Engine, Order, PartitionedPage, ReadTx, Sql};

use super::marks::{folded, marks_of_query, marks_text};
use super::totals::Question;
use super::{Names, Noun, Searched, Totals};
use crate::kit::{Id, Page, Paged, Result};
use crate::organizations::Organization;

/// Organizations beyond this many are not looked up by marks, and their totals are not remembered.
const MOST_ORGANIZATIONS: usize = 64;

/// Totals up to this one that were counted by marks are not remembered.
const QUICK: i64 = 100;

/// What is looked for.
pub(crate) struct Search<'s> {
    /// In whose things; at least one, each once.
    pub(crate) organizations: &'s [Id<Organization>],
    /// A part of a text, not empty.
    pub(crate) query: &'s str,
    /// More conditions over the thing's own columns, each beginning with ` AND `, if there are any.
    pub(crate) filter: Option<&'s dyn Fn(&mut Sql)>,
    /// See [`PartitionedPage::push_stretches`].
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
    let total = finder.total(tx, search.filter, totals)?;
    let (offset, limit) = (search.page.offset(), search.page.rows());
    if total <= offset {
        return Ok(Paged::new(Vec::new(), total));
    }
    let wanted = usize::try_from(limit.min(total - offset)).unwrap_or(usize::MAX);
    let end = offset + limit;
    // In so many things in a row there are all that the page needs, unless the matches stand close together elsewhere.
    let stretch = (end + end / 2 + 10).saturating_mul(finder.all) / total + 1;
    if stretch / pace(noun, finder.engine) <= total {
        let rows: Vec<T> = tx.list(&finder.walked::<T>(search, Some(stretch)))?;
        if rows.len() >= wanted {
            return Ok(Paged::new(rows, total));
        }
    }
    let by_marks = finder.by_marks();
    let reading = if by_marks.is_some() { 0 } else { finder.all / stride(finder.engine) };
    let select = if finder.all / pace(noun, finder.engine) < 2 * (total + reading) {
        finder.walked::<T>(search, None)
    } else {
        finder.sorted::<T>(&by_marks.unwrap_or_else(|| finder.by_reading()), search)
    };
    Ok(Paged::new(tx.list(&select)?, total))
}

/// Appends ` AND ` and the condition that a thing of the select's table is called so.
pub(crate) fn push_condition(sql: &mut Sql, engine: Engine, noun: Noun, query: &str) {
    let names = noun.names();
    sql.push(&format!(
        " AND EXISTS (SELECT 1 FROM {} WHERE {}.id = {}.id AND ",
        names.rows, names.rows, names.table
    ));
    push_contains(sql, engine, "content", &folded(query));
    sql.push(")");
}

/// Appends whether a folded text contains another. What it says stands for itself, `%` and `_` too.
pub(super) fn push_contains(sql: &mut Sql, engine: Engine, column: &str, query: &str) {
    let place = match engine {
        Engine::Sqlite => "instr",
        Engine::Postgres => "strpos",
    };
    sql.push(&format!("{place}({column}, ")).bind(query.to_owned()).push(") > 0");
}

/// How many things there are of which some are looked for.
fn all(tx: &mut ReadTx<'_>, noun: Noun, organizations: &[Id<Organization>]) -> Result<i64> {
    let (table, column) = noun.names().counts;
    let mut sql = Sql::new(format!("SELECT CAST(coalesce(sum({column}), 0) AS bigint) FROM {table}"));
    sql.push(" WHERE organization_id IN ").bind_list(organizations.iter().copied());
    Ok(tx.count(&sql)?)
}

/// What is looked for, and among how many.
struct Finder<'f> {
    noun: Noun,
    engine: Engine,
    /// Folded.
    query: String,
    organizations: &'f [Id<Organization>],
    all: i64,
}

impl Finder<'_> {
    /// How many match.
    fn total(&self, tx: &mut ReadTx<'_>, filter: Option<&dyn Fn(&mut Sql)>, totals: &Totals) -> Result<i64> {
        let question = Question { noun: self.noun, organizations: self.organizations, query: &self.query };
        let is_remembered = self.organizations.len() <= MOST_ORGANIZATIONS;
        // As many matches are looked up by their marks; more are counted by reading everything.
        let few = (self.all / stride(self.engine)).max(1000);
        let recalled = if is_remembered { totals.recall(tx, question)? } else { None };
        let by_marks = if recalled.is_some() { None } else { self.by_marks() };
        let counted = match (recalled, by_marks) {
            (Some(total), _) => Some(total),
            (None, Some(found)) => {
                let mut sql = Sql::new("SELECT count(*) FROM (SELECT 1 FROM (");
                sql.append(&found).push(") AS found LIMIT ").bind(few + 1).push(") AS first");
                Some(tx.count(&sql)?).filter(|total| *total <= few)
            }
            (None, None) => None,
        };
        match (filter, counted) {
            (None, Some(total)) => {
                if let ([only], true) = (self.organizations, recalled.is_none() && total > QUICK) {
                    totals.remember(tx, question, &HashMap::from([(*only, total)]))?;
                }
                Ok(total)
            }
            (None, None) => {
                let mut sql = Sql::new("SELECT organization_id, count(*)");
                self.push_reading(&mut sql);
                sql.push(" GROUP BY organization_id");
                let counted: HashMap<Id<Organization>, i64> = tx.list(&sql)?.into_iter().collect();
                if is_remembered {
                    totals.remember(tx, question, &counted)?;
                }
                Ok(counted.values().sum())
            }
            (Some(filter), counted) => {
                let found = match counted {
                    Some(total) if total <= few => self.by_marks(),
                    _ => None,
                };
                let mut sql = Sql::new("SELECT count(*)");
                self.push_filtered(&mut sql, &found.unwrap_or_else(|| self.by_reading()), filter);
                Ok(tx.count(&sql)?)
            }
        }
    }

    /// A select of what the search keeps of all matches, by way of the marks. `None` if the query has none.
    fn by_marks(&self) -> Option<Sql> {
        if self.organizations.len() > MOST_ORGANIZATIONS {
            return None;
        }
        let names = self.noun.names();
        let mut sql = Sql::default();
        for (n, organization_id) in self.organizations.iter().enumerate() {
            let marks = marks_of_query(*organization_id, &self.query);
            if marks.is_empty() {
                return None;
            }
            let text = marks_text(self.engine, &marks);
            sql.push(if n == 0 { "SELECT " } else { " UNION ALL SELECT " });
            sql.push(&self.kept()).push(" FROM ").push(names.marks);
            match self.engine {
                // A cross join is read from left to right on SQLite.
                Engine::Sqlite => {
                    sql.push(&format!(
                        " CROSS JOIN {rows} ON {rows}.number = {}.rowid",
                        names.marks,
                        rows = names.rows
                    ));
                    sql.push(&format!(" WHERE {} MATCH ", names.marks)).bind(text);
                }
                Engine::Postgres => {
                    sql.push(&format!(
                        " JOIN {rows} ON {rows}.number = {}.number",
                        names.marks,
                        rows = names.rows
                    ));
                    sql.push(" WHERE marks @> CAST(CAST(").bind(text).push(" AS text) AS integer[])");
                }
            }
            sql.push(" AND organization_id = ").bind(*organization_id).push(" AND ");
            push_contains(&mut sql, self.engine, "content", &self.query);
        }
        Some(sql)
    }

    /// The same by comparing everything.
    fn by_reading(&self) -> Sql {
        let mut sql = Sql::new(format!("SELECT {}", self.kept()));
        self.push_reading(&mut sql);
        sql
    }

    fn push_reading(&self, sql: &mut Sql) {
        sql.push(&format!(" FROM {} WHERE organization_id IN ", self.noun.names().rows));
        sql.bind_list(self.organizations.iter().copied()).push(" AND ");
        push_contains(sql, self.engine, "content", &self.query);
    }

    /// The columns of the search's rows that the order needs, or the id alone.
    fn kept(&self) -> String {
        let columns: Vec<&str> = self.noun.names().keys.iter().map(|(_, _, column)| *column).collect();
        columns.join(", ")
    }

    /// Appends the things that were found and are left by a filter, with their own columns.
    fn push_filtered(&self, sql: &mut Sql, found: &Sql, filter: &dyn Fn(&mut Sql)) {
        let table = self.noun.names().table;
        sql.push(" FROM (")
            .append(found)
            .push(&format!(") AS found CROSS JOIN {table} WHERE {table}.id = found.id"));
        sql.push(&format!(" AND {table}.deleted_at IS NULL"));
        filter(sql);
    }

    /// A select of the page that sorts everything that was found.
    fn sorted<T: Searched>(&self, found: &Sql, search: &Search<'_>) -> Sql {
        let names = self.noun.names();
        let mut sql = Sql::new(format!(
            "SELECT {} FROM {table} WHERE {table}.id IN (SELECT ",
            T::SELECTED,
            table = names.table
        ));
        match (self.noun.sorted_by(search.order), search.filter) {
            (Some(order), None) => {
                sql.push(&format!("{rows}.id FROM (", rows = names.rows)).append(found);
                sql.push(&format!(") AS {}", names.rows));
                push_page(&mut sql, search, &order);
            }
            (_, filter) => {
                sql.push(&format!("{}.id", names.table));
                self.push_filtered(&mut sql, found, filter.unwrap_or(&|_| {}));
                push_page(&mut sql, search, search.order);
            }
        }
        sql.push(")").push(&Order::clause(search.order));
        sql
    }

    /// A select of the page that goes along the list and compares on the way: all of it, or so many things from its
    /// beginning.
    fn walked<T: Searched>(&self, search: &Search<'_>, stretch: Option<i64>) -> Sql {
        let Names { table, rows, .. } = *self.noun.names();
        let order = self.noun.sorted_by(search.order).filter(|_| search.filter.is_none());
        let is_live = |sql: &mut Sql| {
            sql.push(&format!(" AND {table}.deleted_at IS NULL"));
            if let Some(filter) = search.filter {
                filter(sql);
            }
        };
        let mut sql = Sql::new(format!("SELECT {} FROM {table} WHERE {table}.id IN (SELECT ", T::SELECTED));
        match (&order, stretch) {
            (Some(order), None) => {
                sql.push(&format!("{rows}.id FROM {rows}"));
                let filter = |sql: &mut Sql| {
                    sql.push(" AND ");
                    push_contains(sql, self.engine, "content", &self.query);
                };
                push_list(&mut sql, search, (rows, order, &filter), None);
            }
            (Some(order), stretch) => {
                sql.push(&format!("{rows}.id FROM (SELECT {}, content FROM {rows}", self.kept()));
                push_list(&mut sql, search, (rows, order, &|_| {}), stretch);
                sql.push(&format!(") AS {rows} WHERE "));
                push_contains(&mut sql, self.engine, "content", &self.query);
                push_page(&mut sql, search, order);
            }
            (None, None) => {
                sql.push(&format!("{table}.id FROM {table}"));
                let filter = |sql: &mut Sql| {
                    is_live(sql);
                    push_condition(sql, self.engine, self.noun, &self.query);
                };
                push_list(&mut sql, search, (table, search.order, &filter), None);
            }
            (None, stretch) => {
                sql.push(&format!("{table}.id FROM (SELECT {table}.id AS id FROM {table}"));
                push_list(&mut sql, search, (table, search.order, &is_live), stretch);
                sql.push(&format!(") AS walked CROSS JOIN {rows} CROSS JOIN {table}"));
                sql.push(&format!(" WHERE {rows}.id = walked.id AND {table}.id = walked.id AND "));
                push_contains(&mut sql, self.engine, "content", &self.query);
                push_page(&mut sql, search, search.order);
            }
        }
        sql.push(")").push(&Order::clause(search.order));
        sql
    }
}

/// Appends which rows of a table are listed and in which order: so many from the beginning, or the page.
fn push_list(
    sql: &mut Sql,
    search: &Search<'_>,
    (table, order, filter): (&str, &[Order], &dyn Fn(&mut Sql)),
    stretch: Option<i64>,
) {
    PartitionedPage {
        table,
        column: "organization_id",
        filter,
        order,
        limit: stretch.unwrap_or(search.page.rows()),
        offset: if stretch.is_some() { 0 } else { search.page.offset() },
    }
    .push_stretches(sql, search.organizations, search.stretches);
}

fn push_page(sql: &mut Sql, search: &Search<'_>, order: &[Order]) {
    sql.push(&Order::clause(order)).push(" LIMIT ").bind(search.page.rows());
    sql.push(" OFFSET ").bind(search.page.offset());
}

impl Noun {
    /// Whether what its list is sorted by is in the rows of the search.
    fn has_sorted_rows(self) -> bool {
        self.names().keys.len() > 1
    }

    /// The order over the rows of the search, if they have everything it needs.
    fn sorted_by(self, order: &[Order]) -> Option<Vec<Order>> {
        if !self.has_sorted_rows() {
            return None;
        }
        let kept = |order: &Order| {
            let key = self.names().keys.iter().find(|(expression, _, _)| *expression == order.by);
            key.map(|(_, _, column)| Order { by: column, ..*order })
        };
        order.iter().map(kept).collect()
    }
}
