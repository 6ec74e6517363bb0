//! By which index the rows of a page are read.

use merak_store::{Order, PartitionedPage, ReadTx, Sql};
use uuid::Uuid;

use super::page::Window;
use super::{Index, Narrowing, Owner, Scope, Sold, Sorts, total};
use crate::kit::Result;

/// How many rows looking one up on the way along a list costs, measured against sorting one.
const LOOKING: i64 = 2;

/// What the criteria of an order are called in a statement; no list has more.
const NAMES: [&str; 10] =
    ["key_0", "key_1", "key_2", "key_3", "key_4", "key_5", "key_6", "key_7", "key_8", "key_9"];

/// The rows in the window of a list of so many, sorted by what the rows have themselves.
pub(super) fn rows<T: Sold>(
    tx: &mut ReadTx<'_>,
    scope: &Scope,
    window: Window<'_>,
    all: i64,
) -> Result<Vec<T>> {
    let key = window.order.first().map_or(T::time(), |first| first.by);
    let (owners, indexes) = (scope.owners(), T::indexes());
    let fits = |index: &&Index| index.by == key && owners.contains(&index.of);
    let tells_apart = |index: &&Index| index.sorts != Narrowing::None || !scope.sorts.is_narrow();
    let alone = indexes.iter().filter(fits).filter(tells_apart).find(|index| !scope.has_more_than(index.of));
    if let Some(index) = alone {
        return Ok(tx.list(&walk::<T>(scope, index, window))?);
    }
    let mut few = (Owner::Organization, i64::MAX);
    for owner in &owners {
        let size = if scope.has_more_than(*owner) { total::<T>(tx, &scope.only(*owner))? } else { all };
        few = if size < few.1 { (*owner, size) } else { few };
    }
    let mut walks = Vec::new();
    for index in indexes.iter().filter(fits) {
        walks.push((length::<T>(tx, scope, index)?, index));
    }
    if let Some((length, index)) = walks.into_iter().min_by_key(|(length, _)| *length) {
        // In so many rows in a row are all that the page needs, unless they stand close together elsewhere.
        let stretch = (window.offset + window.limit + 10).saturating_mul(2 * length) / all.max(1) + 1;
        if stretch.saturating_mul(LOOKING) < few.1 {
            let found: Vec<T> = tx.list(&walk_part::<T>(scope, index, window, stretch))?;
            if i64::try_from(found.len()).is_ok_and(|found| found >= window.limit) {
                return Ok(found);
            }
        }
    }
    Ok(tx.list(&sort::<T>(scope, few.0, window))?)
}

/// How many rows there are to walk along in an index.
fn length<T: Sold>(tx: &mut ReadTx<'_>, scope: &Scope, index: &Index) -> Result<i64> {
    let mut only = scope.only(index.of);
    if index.sorts == Narrowing::None {
        only.sorts = Sorts { counted: T::COUNTS.columns.to_vec(), stretches: &[], range: "", condition: "" };
    }
    total::<T>(tx, &only)
}

/// Reads along an index that has the page's order.
fn walk<T: Sold>(scope: &Scope, index: &Index, window: Window<'_>) -> Sql {
    let mut sql = Sql::new(format!("SELECT {} FROM {}", T::SELECTED, T::TABLE));
    push_walk::<T>(&mut sql, scope, index, window);
    sql
}

/// Reads so many rows along an index, and of those the ones that the other filters leave. They may be too few.
fn walk_part<T: Sold>(scope: &Scope, index: &Index, window: Window<'_>, stretch: i64) -> Sql {
    let mut sql =
        Sql::new(format!("WITH walked AS MATERIALIZED (SELECT {0}.id AS row_id FROM {0}", T::TABLE));
    push_walk::<T>(&mut sql, &scope.only(index.of), index, Window { offset: 0, limit: stretch, ..window });
    sql.push(&format!(
        ") SELECT {0} FROM {1} WHERE {1}.id IN (SELECT row_id FROM walked)",
        T::SELECTED,
        T::TABLE
    ));
    sql.push(scope.sorts.condition);
    scope.push_others::<T>(&mut sql, index.of);
    sql.push(&Order::clause(window.order)).push(" LIMIT ").bind(window.limit);
    sql.push(" OFFSET ").bind(window.offset);
    sql
}

fn push_walk<T: Sold>(sql: &mut Sql, scope: &Scope, index: &Index, window: Window<'_>) {
    let range = [scope.sorts.range];
    let stretches: &[&str] = match index.sorts {
        Narrowing::None => &[""],
        Narrowing::Stretches => scope.sorts.stretches,
        Narrowing::Range => &range,
    };
    let (column, partitions) = scope.partitions(index.of);
    PartitionedPage {
        table: T::TABLE,
        column,
        filter: &|sql: &mut Sql| scope.push_others::<T>(sql, index.of),
        order: window.order,
        limit: window.limit,
        offset: window.offset,
    }
    .push_stretches(sql, &partitions, stretches);
}

/// Reads all rows of an owner that the filters leave, and sorts them.
fn sort<T: Sold>(scope: &Scope, owner: Owner, window: Window<'_>) -> Sql {
    let keys: Vec<String> =
        window.order.iter().zip(NAMES).map(|(order, name)| format!("{} AS {name}", order.by)).collect();
    let merged: Vec<Order> =
        window.order.iter().zip(NAMES).map(|(order, by)| Order { by, ..*order }).collect();
    let (column, partitions) = scope.partitions(owner);
    let mut sql = Sql::new(format!(
        "WITH found AS MATERIALIZED (SELECT {0}.id AS row_id, {1} FROM {0} WHERE {0}.{column} IN ",
        T::TABLE,
        keys.join(", ")
    ));
    sql.bind_list(partitions).push(scope.sorts.condition);
    scope.push_others::<T>(&mut sql, owner);
    sql.push(&format!(
        ") SELECT {0} FROM {1} WHERE {1}.id IN (SELECT row_id FROM found",
        T::SELECTED,
        T::TABLE
    ));
    sql.push(&Order::clause(&merged)).push(" LIMIT ").bind(window.limit);
    sql.push(" OFFSET ").bind(window.offset).push(")").push(&Order::clause(window.order));
    sql
}

impl Scope {
    /// The column that names an owner, and which it names.
    fn partitions(&self, owner: Owner) -> (&'static str, Vec<Uuid>) {
        match owner {
            Owner::Organization | Owner::NoDiscount => {
                ("organization_id", self.organizations.iter().map(|id| id.uuid()).collect())
            }
            Owner::Product => ("product_id", self.products.iter().map(|id| id.uuid()).collect()),
            Owner::Discount => ("discount_id", self.discounts.iter().map(|id| id.uuid()).collect()),
            Owner::Customer => ("customer_id", self.customers.iter().map(|id| id.uuid()).collect()),
        }
    }
}
