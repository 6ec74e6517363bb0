//! The statements of a search.

use std::collections::BTreeSet;

use merak_store::{Engine, Order, PartitionedPage, ReadTx, Sql};
use uuid::Uuid;

use super::marks::{folded, marks_of_query, marks_text, up_to_domain};
use super::page::Search;
use super::{Names, Noun, Searched};
use crate::kit::{Id, Result};
use crate::organizations::Organization;

/// A mark that so many things have at most is rare.
const RARE: i64 = 1000;

/// Organizations beyond this many are not looked up by marks, and their totals are not remembered.
pub(super) const MOST_ORGANIZATIONS: usize = 64;

/// What is looked for, and among how many.
pub(super) struct Finder<'f> {
    pub(super) noun: Noun,
    pub(super) engine: Engine,
    /// Folded.
    pub(super) query: String,
    pub(super) organizations: &'f [Id<Organization>],
    pub(super) all: i64,
}

impl Finder<'_> {
    /// A select of what the search keeps of all matches, by way of the marks. `None` if the query has none.
    pub(super) fn by_marks(&self, tx: &mut ReadTx<'_>) -> Result<Option<Sql>> {
        if self.organizations.len() > MOST_ORGANIZATIONS {
            return Ok(None);
        }
        let names = self.noun.names();
        let mut sql = Sql::default();
        for (n, organization_id) in self.organizations.iter().enumerate() {
            let marks = self.telling_marks(tx, *organization_id)?;
            if marks.is_empty() {
                return Ok(None);
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
        Ok(Some(sql))
    }

    /// The marks of the query that are worth being looked up. What they leave is compared in any case, while an index goes
    /// along much of a common mark's list, however short the other lists are.
    fn telling_marks(&self, tx: &mut ReadTx<'_>, organization_id: Id<Organization>) -> Result<BTreeSet<u32>> {
        let marks = marks_of_query(organization_id, &self.query);
        if marks.len() <= 1 || self.all <= RARE {
            return Ok(marks);
        }
        // PostgreSQL cannot count a part of a list.
        if self.engine == Engine::Sqlite {
            let rare = self.rare(tx, &marks)?;
            if !rare.is_empty() {
                return Ok(rare);
            }
        }
        Ok(up_to_domain(&self.query).map_or(marks, |part| marks_of_query(organization_id, part)))
    }

    /// The rare ones of these marks.
    fn rare(&self, tx: &mut ReadTx<'_>, marks: &BTreeSet<u32>) -> Result<BTreeSet<u32>> {
        let index = self.noun.names().marks;
        let mut sql = Sql::default();
        for mark in marks {
            sql.push(if sql.text().is_empty() { "SELECT " } else { " UNION ALL SELECT " });
            sql.push("CAST(").bind(i64::from(*mark));
            sql.push(&format!(
                " AS integer), (SELECT count(*) FROM (SELECT 1 FROM {index} WHERE {index} MATCH "
            ));
            sql.bind(marks_text(self.engine, &BTreeSet::from([*mark]))).push(" LIMIT ").bind(RARE + 1);
            sql.push("))");
        }
        let counted: Vec<(i64, i64)> = tx.list(&sql)?;
        let rare = counted.into_iter().filter(|(_, things)| *things <= RARE);
        Ok(rare.filter_map(|(mark, _)| u32::try_from(mark).ok()).collect())
    }

    /// The same by comparing everything.
    pub(super) fn by_reading(&self) -> Sql {
        let mut sql = Sql::new(format!("SELECT {}", self.kept()));
        self.push_reading(&mut sql);
        sql
    }

    pub(super) fn push_reading(&self, sql: &mut Sql) {
        sql.push(&format!(" FROM {} WHERE organization_id IN ", self.noun.names().rows));
        sql.bind_list(self.organizations.iter().copied()).push(" AND ");
        push_contains(sql, self.engine, "content", &self.query);
    }

    /// The columns of the search's rows that the order needs, or the id alone.
    pub(super) fn kept(&self) -> String {
        let columns: Vec<&str> = self.noun.names().keys.iter().map(|(_, _, column)| *column).collect();
        columns.join(", ")
    }

    /// Appends the things that were found and are left by a filter, with their own columns.
    pub(super) fn push_filtered(&self, sql: &mut Sql, found: &Sql, filter: &dyn Fn(&mut Sql)) {
        let table = self.noun.names().table;
        sql.push(" FROM (")
            .append(found)
            .push(&format!(") AS found CROSS JOIN {table} WHERE {table}.id = found.id"));
        sql.push(&format!(" AND {table}.deleted_at IS NULL"));
        filter(sql);
    }

    /// A select of the ids of the page that sorts everything that was found.
    pub(super) fn sorted(&self, found: &Sql, search: &Search<'_>) -> Sql {
        let names = self.noun.names();
        let mut sql = Sql::new("SELECT ");
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
        sql
    }

    /// A select of the things whose ids a select gives, in order.
    pub(super) fn things<T: Searched>(&self, ids: &Sql, order: &[Order]) -> Sql {
        let table = self.noun.names().table;
        let mut sql = Sql::new(format!("SELECT {} FROM {table} WHERE {table}.id IN (", T::SELECTED));
        sql.append(ids).push(")").push(&Order::clause(order));
        sql
    }

    /// A select of these things in order.
    pub(super) fn named<T: Searched>(&self, ids: impl Iterator<Item = Uuid>, order: &[Order]) -> Sql {
        let mut sql = self.of_ids(T::SELECTED, ids, None);
        sql.push(&Order::clause(order));
        sql
    }

    /// A select of the page of these things that are left by the filter.
    pub(super) fn page_of<T: Searched>(&self, ids: impl Iterator<Item = Uuid>, search: &Search<'_>) -> Sql {
        let mut sql = self.of_ids(T::SELECTED, ids, search.filter);
        push_page(&mut sql, search, search.order);
        sql
    }

    /// A select of something of the things with these ids that are left by the filter. It says nothing about whose they
    /// are, so that no index by organization can lure the database into reading all of them.
    pub(super) fn of_ids(
        &self,
        selected: &str,
        ids: impl Iterator<Item = Uuid>,
        filter: Option<&dyn Fn(&mut Sql)>,
    ) -> Sql {
        let table = self.noun.names().table;
        let mut sql = Sql::new(format!("SELECT {selected} FROM {table} WHERE {table}.id IN "));
        sql.bind_list(ids).push(&format!(" AND {table}.deleted_at IS NULL"));
        if let Some(filter) = filter {
            filter(&mut sql);
        }
        sql
    }

    /// Whether which matches there are, and in which order, depends on nothing but the rows of the search.
    pub(super) fn has_kept_order(&self, search: &Search<'_>) -> bool {
        search.filter.is_none() && self.noun.sorted_by(search.order).is_some()
    }

    /// A select of the ids of the page that goes along the list and compares on the way: all of it, or so many things
    /// from its beginning.
    pub(super) fn walked(&self, search: &Search<'_>, stretch: Option<i64>) -> Sql {
        let Names { table, rows, .. } = *self.noun.names();
        let order = self.noun.sorted_by(search.order).filter(|_| search.filter.is_none());
        let is_live = |sql: &mut Sql| {
            sql.push(&format!(" AND {table}.deleted_at IS NULL"));
            if let Some(filter) = search.filter {
                filter(sql);
            }
        };
        let mut sql = Sql::new("SELECT ");
        match (&order, stretch) {
            (Some(order), None) => {
                sql.push(&format!("{rows}.id FROM {rows}"));
                let filter = |sql: &mut Sql| {
                    sql.push(" AND ");
                    push_contains(sql, self.engine, "content", &self.query);
                };
                push_list(&mut sql, search, &Listed { table: rows, order, filter: &filter }, None);
            }
            (Some(order), stretch) => {
                sql.push(&format!("{rows}.id FROM (SELECT {}, content FROM {rows}", self.kept()));
                push_list(&mut sql, search, &Listed { table: rows, order, filter: &|_| {} }, stretch);
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
                push_list(&mut sql, search, &Listed { table, order: search.order, filter: &filter }, None);
            }
            (None, stretch) => {
                sql.push(&format!("{table}.id FROM (SELECT {table}.id AS id FROM {table}"));
                push_list(
                    &mut sql,
                    search,
                    &Listed { table, order: search.order, filter: &is_live },
                    stretch,
                );
                sql.push(&format!(") AS walked CROSS JOIN {rows} CROSS JOIN {table}"));
                sql.push(&format!(" WHERE {rows}.id = walked.id AND {table}.id = walked.id AND "));
                push_contains(&mut sql, self.engine, "content", &self.query);
                push_page(&mut sql, search, search.order);
            }
        }
        sql
    }
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

/// What a search goes along.
struct Listed<'l> {
    table: &'l str,
    order: &'l [Order],
    filter: &'l dyn Fn(&mut Sql),
}

/// Appends which rows of a table are listed and in which order: so many from the beginning, or the page.
fn push_list(sql: &mut Sql, search: &Search<'_>, listed: &Listed<'_>, stretch: Option<i64>) {
    PartitionedPage {
        table: listed.table,
        column: "organization_id",
        filter: listed.filter,
        order: listed.order,
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
    pub(super) fn has_sorted_rows(self) -> bool {
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
