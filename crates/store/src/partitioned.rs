//! Pages of lists whose rows belong to several owners.

use crate::{Param, Sql};

/// Above this many partitions a list gives up reading each in order and sorts instead.
const MERGE_LIMIT: usize = 64;

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
    /// Expressions over the table's columns with their direction, such as `created_at DESC`, the id last.
    pub order: &'p [String],
    /// How many rows the page has at most.
    pub limit: i64,
    /// How many rows stand before it.
    pub offset: i64,
}

impl PartitionedPage<'_> {
    /// Appends ` WHERE … ORDER BY … LIMIT …` to a select over the table.
    pub fn push<P: Param + Clone>(&self, sql: &mut Sql, partitions: &[P]) {
        let Self { table, column, filter, order, limit, offset } = *self;
        let order_by = order.join(", ");
        if partitions.len() <= 1 || partitions.len() > MERGE_LIMIT {
            sql.push(&format!(" WHERE {table}.{column} IN "));
            sql.bind_list(partitions.iter().cloned());
            filter(sql);
            sql.push(&format!(" ORDER BY {order_by} LIMIT "));
            sql.bind(limit).push(" OFFSET ").bind(offset);
            return;
        }
        let end = offset.saturating_add(limit);
        let keys: Vec<String> = order.iter().map(|key| sort_expression(key).to_owned()).collect();
        let named: Vec<String> =
            keys.iter().enumerate().map(|(n, key)| format!("{key} AS key_{n}")).collect();
        let outer: Vec<String> =
            order.iter().enumerate().map(|(n, key)| key.replacen(&keys[n], &format!("key_{n}"), 1)).collect();
        sql.push(&format!(" WHERE {table}.id IN (SELECT row_id FROM ("));
        for (n, partition) in partitions.iter().enumerate() {
            sql.push(if n == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
            sql.push(&format!("SELECT {table}.id AS row_id, {} FROM {table}", named.join(", ")));
            sql.push(&format!(" WHERE {table}.{column} = "));
            sql.bind(partition.clone());
            filter(sql);
            sql.push(&format!(" ORDER BY {order_by} LIMIT "));
            sql.bind(end).push(&format!(") AS part_{n}"));
        }
        sql.push(&format!(") AS merged ORDER BY {} LIMIT ", outer.join(", ")));
        sql.bind(limit).push(" OFFSET ").bind(offset);
        sql.push(&format!(") ORDER BY {order_by}"));
    }
}

/// The expression of an order item, without its direction.
fn sort_expression(item: &str) -> &str {
    let end =
        [" ASC", " DESC", " NULLS"].iter().filter_map(|word| item.find(word)).min().unwrap_or(item.len());
    &item[..end]
}
