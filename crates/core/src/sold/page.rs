//! Pages of lists that may be sorted by the name of what a row belongs to.

use merak_store::{Order, ReadTx, Sql};
use uuid::Uuid;

use super::{Scope, Sold, decided, plans, total};
use crate::kit::{Id, Page, Paged, Result};

/// Which rows of a list are wanted, and in which order.
#[derive(Clone, Copy)]
pub(super) struct Window<'w> {
    /// Ends with the table's id.
    pub(super) order: &'w [Order],
    /// How many stand before.
    pub(super) offset: i64,
    /// How many are wanted at most.
    pub(super) limit: i64,
}

impl Window<'_> {
    const fn end(&self) -> i64 {
        self.offset.saturating_add(self.limit)
    }
}

/// A page of a list, and how many rows all pages have. The order ends with `id`, the table's.
pub(crate) fn page<T: Sold>(
    tx: &mut ReadTx<'_>,
    scope: &Scope,
    (order, id): (&[Order], &'static str),
    page: Page,
) -> Result<Paged<T>> {
    let total = total::<T>(tx, scope)?;
    let order = decided::<T>(order, id);
    let rows = rows(tx, scope, Window { order: &order, offset: page.offset(), limit: page.rows() }, total)?;
    Ok(Paged::new(rows, total))
}

/// The rows in the window of a list of so many.
fn rows<T: Sold>(tx: &mut ReadTx<'_>, scope: &Scope, window: Window<'_>, total: i64) -> Result<Vec<T>> {
    let limit = window.limit.min(total - window.offset);
    if limit <= 0 {
        return Ok(Vec::new());
    }
    let window = Window { limit, ..window };
    let rest = window.order.get(1..).unwrap_or_default();
    match window.order.first() {
        // What a customer has is few enough to be sorted.
        Some(first) if scope.customers.is_empty() && !rest.is_empty() => {
            if first.by == T::product() {
                return of_groups(tx, scope, (window, Grouped::Products));
            }
            if first.by == T::discount() && scope.is_undiscounted {
                return rows(tx, scope, Window { order: rest, ..window }, total);
            }
            if first.by == T::discount() && scope.discounts.is_empty() {
                return by_discount(tx, scope, (window, *first), total);
            }
            if first.by == T::discount() {
                return of_groups(tx, scope, (window, Grouped::Discounts));
            }
            plans::rows(tx, scope, window, total)
        }
        _ => plans::rows(tx, scope, window, total),
    }
}

/// What has a discount, by its name, and what has none; that stands last going up and first going down.
fn by_discount<T: Sold>(
    tx: &mut ReadTx<'_>,
    scope: &Scope,
    (window, first): (Window<'_>, Order),
    all: i64,
) -> Result<Vec<T>> {
    let without = Scope { is_undiscounted: true, ..scope.clone() };
    let bare = total::<T>(tx, &without)?;
    let named = all - bare;
    let parts = if first.descending {
        [(true, 0, bare), (false, bare, named)]
    } else {
        [(false, 0, named), (true, named, bare)]
    };
    let mut found = Vec::new();
    for (is_bare, begins, size) in parts {
        let Some((offset, limit)) = overlap(window, begins, size) else { continue };
        let part = Window { offset, limit, ..window };
        found.extend(if is_bare {
            rows(tx, &without, Window { order: &window.order[1..], ..part }, size)?
        } else {
            of_groups(tx, scope, (part, Grouped::Discounts))?
        });
    }
    Ok(found)
}

/// What rows are grouped by.
#[derive(Clone, Copy)]
enum Grouped {
    Products,
    Discounts,
}

impl Grouped {
    const fn column(self) -> &'static str {
        match self {
            Self::Products => "product_id",
            Self::Discounts => "discount_id",
        }
    }

    const fn table(self) -> &'static str {
        match self {
            Self::Products => "products",
            Self::Discounts => "discounts",
        }
    }

    /// The rows of some of them.
    fn narrowed(self, scope: &Scope, owners: &[Uuid]) -> Scope {
        let mut narrowed = scope.clone();
        match self {
            Self::Products => narrowed.products = owners.iter().map(|id| Id::from_uuid(*id)).collect(),
            Self::Discounts => narrowed.discounts = owners.iter().map(|id| Id::from_uuid(*id)).collect(),
        }
        narrowed
    }
}

/// The rows of those that are called alike, and where they stand in the list.
#[derive(Default)]
struct Group {
    owners: Vec<Uuid>,
    begins: i64,
    size: i64,
}

/// Rows in the order of the names of what they belong to. At most two groups stand partly in the window, its first and its
/// last; each of those is a list by itself. All others are in it as a whole, so they are small, and are read together.
fn of_groups<T: Sold>(
    tx: &mut ReadTx<'_>,
    scope: &Scope,
    (window, by): (Window<'_>, Grouped),
) -> Result<Vec<T>> {
    let mut found = Vec::new();
    let mut whole = Group::default();
    for group in groups::<T>(tx, scope, window, by)? {
        let Some((offset, limit)) = overlap(window, group.begins, group.size) else { continue };
        if limit == group.size {
            whole.owners.extend(group.owners);
            whole.size += group.size;
            continue;
        }
        found.extend(of_whole(tx, scope, (window, by), &std::mem::take(&mut whole))?);
        let part = Window { order: &window.order[1..], offset, limit };
        found.extend(rows::<T>(tx, &by.narrowed(scope, &group.owners), part, group.size)?);
    }
    found.extend(of_whole(tx, scope, (window, by), &whole)?);
    Ok(found)
}

/// All rows of several groups.
fn of_whole<T: Sold>(
    tx: &mut ReadTx<'_>,
    scope: &Scope,
    (window, by): (Window<'_>, Grouped),
    whole: &Group,
) -> Result<Vec<T>> {
    if whole.owners.is_empty() {
        return Ok(Vec::new());
    }
    let part = Window { offset: 0, limit: whole.size, ..window };
    plans::rows(tx, &by.narrowed(scope, &whole.owners), part, whole.size)
}

/// The groups that stand in the window, in order.
fn groups<T: Sold>(
    tx: &mut ReadTx<'_>,
    scope: &Scope,
    window: Window<'_>,
    by: Grouped,
) -> Result<Vec<Group>> {
    let direction = if window.order.first().is_some_and(|first| first.descending) { "DESC" } else { "ASC" };
    let mut sql = Sql::new("SELECT owner, ends, size FROM (SELECT owner, ");
    sql.push(&format!("CAST(sum(counted) OVER (ORDER BY name {direction}) AS bigint) AS ends, "));
    sql.push("CAST(sum(counted) OVER (PARTITION BY name) AS bigint) AS size FROM (");
    sql.push(&format!(
        "SELECT counts.owner, lower({}.name) AS name, sum(counts.counted) AS counted",
        by.table()
    ));
    sql.push(" FROM (");
    scope.push_counts::<T>(&mut sql, by.column());
    sql.push(&format!(
        ") AS counts JOIN {0} ON {0}.id = counts.owner GROUP BY counts.owner, lower({0}.name) HAVING sum(counts.counted) > 0",
        by.table()
    ));
    sql.push(") AS named) AS placed WHERE ends > ").bind(window.offset);
    sql.push(" AND ends - size < ").bind(window.end()).push(" ORDER BY ends, owner");
    let placed: Vec<(Uuid, i64, i64)> = tx.list(&sql)?;
    let mut groups: Vec<Group> = Vec::new();
    for (owner, ends, size) in placed {
        match groups.last_mut() {
            Some(group) if group.begins == ends - size => group.owners.push(owner),
            _ => groups.push(Group { owners: vec![owner], begins: ends - size, size }),
        }
    }
    Ok(groups)
}

/// The part of a stretch of a list that stands in the window: what stands before it in the stretch, and how many it has.
fn overlap(window: Window<'_>, begins: i64, size: i64) -> Option<(i64, i64)> {
    let from = window.offset.max(begins);
    let limit = window.end().min(begins + size) - from;
    (limit > 0).then_some((from - begins, limit))
}
