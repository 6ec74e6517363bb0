//! Lists of what was sold: orders and subscriptions, which are filtered, sorted and counted alike.
//!
//! A page costs the same for ten rows and for a million. Each filter has indexes in the orders that are asked for with it,
//! and totals are kept by the commands ([`count`], [`total`]). A list sorted by the name of a product or of a discount is
//! put together: the totals say how many rows each has, so whose rows the page shows, and those rows are read through the
//! product's or the discount's own index ([`page`]). Several filters at once are read by whichever index has the fewest
//! rows to look at.

mod counts;
mod page;
mod plans;

use merak_store::{FromRow, Order, ReadTx, Sql};

pub(crate) use self::counts::{Place, count, total};
pub(crate) use self::page::page;
use crate::access::Tenancy;
use crate::customers::Customer;
use crate::discounts::Discount;
use crate::kit::{Id, Result};
use crate::organizations::Organization;
use crate::products::Product;
/// What is sold, and how its table is made.
pub(crate) trait Sold: FromRow {
    /// The table.
    const TABLE: &'static str;

    /// The columns of its row, with the table's name.
    const SELECTED: &'static str;

    /// Conditions that hold for every row of a list, each beginning with ` AND `.
    const CONDITION: &'static str;

    /// Its totals.
    const COUNTS: Counts;

    /// The expression of the time that a list is sorted by unless something else is said.
    fn time() -> &'static str;

    /// The expression of the product's name.
    fn product() -> &'static str;

    /// The expression of the discount's name, which is null where there is none.
    fn discount() -> &'static str;

    /// Whether many rows are equal by this expression, so that time decides among them.
    fn is_coarse(by: &str) -> bool;

    /// What there are indexes for; of two that would do, the one to be taken stands first.
    fn indexes() -> Vec<Index>;
}

/// The names of tables of totals.
pub(crate) struct Counts {
    /// The one by product.
    pub(crate) by_product: &'static str,
    /// The one of what has a discount, by discount and product.
    pub(crate) by_discount: &'static str,
    /// Their columns that count, one for each sort of rows.
    pub(crate) columns: &'static [&'static str],
}

/// An index in the order of lists.
pub(crate) struct Index {
    /// Its first column.
    pub(crate) of: Owner,
    /// The expression that it is sorted by.
    pub(crate) by: &'static str,
    /// Where it has the sort of the rows.
    pub(crate) sorts: Narrowing,
}

/// Whether an index tells sorts of rows apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Narrowing {
    /// It does not.
    None,
    /// Between its first column and its order: each sort is a stretch of it.
    Stretches,
    /// Its order begins with it: the wanted sorts stand beside each other.
    Range,
}

/// What rows of a list can belong to; each is a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Organization,
    Product,
    Discount,
    /// The organization, of what has no discount.
    NoDiscount,
    Customer,
}

/// Which sorts of rows are wanted: orders that are paid once or again and again, subscriptions that run or do not.
#[derive(Clone, Debug)]
pub(crate) struct Sorts {
    /// The columns of the totals that count them.
    pub(crate) counted: Vec<&'static str>,
    /// Each as a condition that an index with stretches answers, beginning with ` AND `.
    pub(crate) stretches: &'static [&'static str],
    /// All together as a condition that an index with a range answers; empty if none is left out.
    pub(crate) range: &'static str,
    /// The same as a condition that no index is used for.
    pub(crate) condition: &'static str,
}

impl Sorts {
    /// Whether some are left out.
    const fn is_narrow(&self) -> bool {
        !self.condition.is_empty()
    }
}

/// Which rows a list has. Empty is no filter; what is named belongs to the organizations.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) organizations: Vec<Id<Organization>>,
    pub(crate) products: Vec<Id<Product>>,
    pub(crate) discounts: Vec<Id<Discount>>,
    /// Only what has no discount.
    pub(crate) is_undiscounted: bool,
    pub(crate) customers: Vec<Id<Customer>>,
    pub(crate) sorts: Sorts,
}

/// What a list of some organizations is narrowed to.
pub(crate) struct Filters<'f> {
    pub(crate) products: &'f [Id<Product>],
    pub(crate) discounts: &'f [Id<Discount>],
    pub(crate) customers: &'f [Id<Customer>],
    pub(crate) sorts: Sorts,
}

impl Scope {
    /// The rows of these organizations, narrowed; none if nothing that a filter names is theirs.
    ///
    /// Whose the named things are is looked at here, so that the list need not name the organization beside them: no index
    /// by organization can then lure the database into reading everything.
    pub(crate) fn of(tx: &mut ReadTx<'_>, tenancy: &Tenancy, filters: Filters<'_>) -> Result<Option<Self>> {
        let scope = Self {
            organizations: tenancy.ids().to_vec(),
            products: own(tx, Product::TABLE, filters.products, tenancy)?,
            discounts: own(tx, Discount::TABLE, filters.discounts, tenancy)?,
            is_undiscounted: false,
            customers: own(tx, Customer::TABLE, filters.customers, tenancy)?,
            sorts: filters.sorts,
        };
        let is_nothing = scope.organizations.is_empty()
            || scope.products.is_empty() && !filters.products.is_empty()
            || scope.discounts.is_empty() && !filters.discounts.is_empty()
            || scope.customers.is_empty() && !filters.customers.is_empty();
        Ok((!is_nothing).then_some(scope))
    }

    /// What the rows can be read by.
    fn owners(&self) -> Vec<Owner> {
        let all = [
            (Owner::Customer, !self.customers.is_empty()),
            (Owner::Discount, !self.discounts.is_empty()),
            (Owner::Product, !self.products.is_empty()),
            (Owner::NoDiscount, self.is_undiscounted),
            (Owner::Organization, true),
        ];
        all.into_iter().filter(|(_, is_there)| *is_there).map(|(owner, _)| owner).collect()
    }

    /// The rows of one owner, without the other filters.
    fn only(&self, owner: Owner) -> Self {
        let mut only = self.clone();
        if owner != Owner::Product {
            only.products.clear();
        }
        if owner != Owner::Discount {
            only.discounts.clear();
        }
        if owner != Owner::Customer {
            only.customers.clear();
        }
        only.is_undiscounted = owner == Owner::NoDiscount;
        only
    }

    /// Whether there is a filter beside the owner's own.
    fn has_more_than(&self, owner: Owner) -> bool {
        let filters = [
            (Owner::Customer, !self.customers.is_empty()),
            (Owner::Discount, !self.discounts.is_empty()),
            (Owner::Product, !self.products.is_empty()),
            (Owner::NoDiscount, self.is_undiscounted),
        ];
        filters.into_iter().any(|(of, is_there)| is_there && of != owner)
    }

    /// Appends the filters but for the owner's. No index is used for them: the words after each see to it.
    fn push_others<T: Sold>(&self, sql: &mut Sql, owner: Owner) {
        sql.push(T::CONDITION);
        if owner == Owner::NoDiscount {
            sql.push(&format!(" AND {}.discount_id IS NULL", T::TABLE));
        } else if self.is_undiscounted {
            sql.push(&format!(" AND ({}.discount_id IS NULL) IS TRUE", T::TABLE));
        }
        if owner != Owner::Product && !self.products.is_empty() {
            sql.push(&format!(" AND ({}.product_id IN ", T::TABLE));
            sql.bind_list(self.products.iter().copied()).push(") IS TRUE");
        }
        if owner != Owner::Discount && !self.discounts.is_empty() {
            sql.push(&format!(" AND ({}.discount_id IN ", T::TABLE));
            sql.bind_list(self.discounts.iter().copied()).push(") IS TRUE");
        }
        if owner != Owner::Customer && !self.customers.is_empty() {
            sql.push(&format!(" AND ({}.customer_id IN ", T::TABLE));
            sql.bind_list(self.customers.iter().copied()).push(") IS TRUE");
        }
    }
}

/// Those of these things that belong to the caller's organizations, deleted ones too: what was sold goes on being listed.
fn own<T>(tx: &mut ReadTx<'_>, table: &str, ids: &[Id<T>], tenancy: &Tenancy) -> Result<Vec<Id<T>>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(format!("SELECT id, organization_id FROM {table} WHERE id IN "));
    sql.bind_list(ids.iter().copied());
    let found: Vec<(Id<T>, Id<Organization>)> = tx.list(&sql)?;
    Ok(found.into_iter().filter(|(_, owner)| tenancy.contains(*owner)).map(|(id, _)| id).collect())
}

/// The order of a list with what decides among equals: time where many are equal, and the id, both in the direction of the
/// last criterion. A criterion that comes again decides nothing.
fn decided<T: Sold>(criteria: &[Order], id: &'static str) -> Vec<Order> {
    let mut decided: Vec<Order> = Vec::with_capacity(criteria.len() + 2);
    for criterion in criteria.iter().filter(|criterion| criterion.by != id) {
        if !decided.iter().any(|known| known.by == criterion.by) {
            decided.push(*criterion);
        }
    }
    let last = decided.last().copied();
    let descending = last.is_some_and(|last| last.descending);
    if last.is_some_and(|last| T::is_coarse(last.by)) && !decided.iter().any(|known| known.by == T::time()) {
        decided.push(Order { by: T::time(), descending, nullable: false });
    }
    decided.push(Order { by: id, descending, nullable: false });
    decided
}
