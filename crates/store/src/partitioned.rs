//! Pages of lists whose rows belong to several owners.

use crate::{Param, Sql};

/// Above this many stretches a list gives up reading each in order and sorts instead.
const MERGE_LIMIT: usize = 64;

/// One criterion of a list's order. Nulls stand last going up and first going down, on both engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// An expression over columns, from the program, never from a request.
    pub by: &'static str,
    /// Whether the greatest stands first.
    pub descending: bool,
    /// Whether the expression can be null.
    pub nullable: bool,
}

impl Order {
    /// The least first; never null.
    pub const fn ascending(by: &'static str) -> Self {
        Self { by, descending: false, nullable: false }
    }

    /// The greatest first; never null.
    pub const fn descending(by: &'static str) -> Self {
        Self { by, descending: true, nullable: false }
    }

    fn direction(&self) -> &'static str {
        match (self.descending, self.nullable) {
            (false, false) => "ASC",
            (false, true) => "ASC NULLS LAST",
            (true, false) => "DESC",
            (true, true) => "DESC NULLS FIRST",
        }
    }

    /// The ` ORDER BY …` of several criteria, the first deciding first.
    pub fn clause(order: &[Self]) -> String {
        let items: Vec<String> =
            order.iter().map(|order| format!("{} {}", order.by, order.direction())).collect();
        format!(" ORDER BY {}", items.join(", "))
    }
}

/// A page of rows spread over partitions (organizations, benefits, customers) of which each has an index in list
/// order. Every partition is read in order up to the page's end and the results are merged, so that the first page
/// costs the same however many rows there are.
#[derive(Clone, Copy)]
pub struct PartitionedPage<'p> {
    /// The listed table, which has a column `id`.
    pub table: &'p str,
    /// The column that names the partition, such as `organization_id`.
    pub column: &'p str,
    /// Conditions on the table's own columns, each beginning with ` AND `.
    pub filter: &'p dyn Fn(&mut Sql),
    /// The order, over the table's columns, ending with its id.
    pub order: &'p [Order],
    /// How many rows the page has at most.
    pub limit: i64,
    /// How many rows stand before it.
    pub offset: i64,
}

impl PartitionedPage<'_> {
    /// Appends ` WHERE … ORDER BY … LIMIT …` to a select over the table. A partition that is named twice counts once.
    pub fn push<P: Param + Clone + PartialEq>(&self, sql: &mut Sql, partitions: &[P]) {
        self.push_stretches(sql, partitions, &[""]);
    }

    /// The same where the index in list order has a few more columns between the partition's and the order's: each
    /// stretch is one of their values, as a condition that begins with ` AND `, and the page is read from all of them.
    pub fn push_stretches<P: Param + Clone + PartialEq>(
        &self,
        sql: &mut Sql,
        partitions: &[P],
        stretches: &[&str],
    ) {
        let Self { table, column, filter, order, limit, offset } = *self;
        let order_by = Order::clause(order);
        let mut distinct: Vec<&P> = Vec::with_capacity(partitions.len());
        if partitions.len() * stretches.len() <= MERGE_LIMIT {
            for partition in partitions {
                if !distinct.contains(&partition) {
                    distinct.push(partition);
                }
            }
        }
        let is_merged = distinct.len() * stretches.len() > 1;
        if !is_merged {
            sql.push(&format!(" WHERE {table}.{column} IN "));
            sql.bind_list(partitions.iter().cloned());
            match stretches {
                [] => {}
                [only] => {
                    sql.push(only);
                }
                several => {
                    let either: Vec<String> =
                        several.iter().map(|stretch| format!("(TRUE{stretch})")).collect();
                    sql.push(&format!(" AND ({})", either.join(" OR ")));
                }
            }
            filter(sql);
            sql.push(&order_by).push(" LIMIT ").bind(limit).push(" OFFSET ").bind(offset);
            return;
        }
        let end = offset.saturating_add(limit);
        let keys: Vec<String> =
            order.iter().enumerate().map(|(n, order)| format!("{} AS key_{n}", order.by)).collect();
        let merged: Vec<String> =
            order.iter().enumerate().map(|(n, order)| format!("key_{n} {}", order.direction())).collect();
        sql.push(&format!(" WHERE {table}.id IN (SELECT row_id FROM ("));
        let parts = distinct
            .into_iter()
            .flat_map(|partition| stretches.iter().map(move |stretch| (partition, stretch)));
        for (n, (partition, stretch)) in parts.enumerate() {
            sql.push(if n == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
            sql.push(&format!("SELECT {table}.id AS row_id, {} FROM {table}", keys.join(", ")));
            sql.push(&format!(" WHERE {table}.{column} = ")).bind(partition.clone()).push(stretch);
            filter(sql);
            sql.push(&order_by).push(" LIMIT ").bind(end).push(&format!(") AS part_{n}"));
        }
        sql.push(&format!(") AS merged ORDER BY {} LIMIT ", merged.join(", ")));
        sql.bind(limit).push(" OFFSET ").bind(offset).push(")").push(&order_by);
    }
}
