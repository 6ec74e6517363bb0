//! Totals that the commands keep: how many rows a product has, and how many of them have which discount.

use merak_store::{ReadTx, Sql, Tx};

use super::{Scope, Sold};
use crate::discounts::Discount;
use crate::kit::{Id, Result};
use crate::organizations::Organization;
use crate::products::Product;

/// Where a row is counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) organization_id: Id<Organization>,
    pub(crate) product_id: Id<Product>,
    pub(crate) discount_id: Option<Id<Discount>>,
    /// One of the columns that count.
    pub(crate) column: &'static str,
}

/// Counts rows that are there now, or are there no more.
pub(crate) fn count<T: Sold>(tx: &mut Tx<'_>, place: Place, change: i64) -> Result<()> {
    let (columns, column) = (T::COUNTS.columns.join(", "), place.column);
    let nothing = vec!["0"; T::COUNTS.columns.len()].join(", ");
    let (organization_id, product_id) = (&place.organization_id, &place.product_id);
    let table = T::COUNTS.by_product;
    let update =
        format!("UPDATE {table} SET {column} = {column} + $3 WHERE organization_id = $1 AND product_id = $2");
    // Nearly always the row is there.
    if tx.execute(&update, &[organization_id, product_id, &change])? == 0 {
        tx.execute(
            &format!(
                "INSERT INTO {table} (organization_id, product_id, {columns}) VALUES ($1, $2, {nothing}) \
                 ON CONFLICT (organization_id, product_id) DO NOTHING"
            ),
            &[organization_id, product_id],
        )?;
        tx.changed_one(&update, &[organization_id, product_id, &change])?;
    }
    let Some(discount_id) = &place.discount_id else { return Ok(()) };
    let table = T::COUNTS.by_discount;
    tx.execute(
        &format!(
            "INSERT INTO {table} (organization_id, discount_id, product_id, {columns}) VALUES ($1, $2, $3, {nothing}) \
             ON CONFLICT (organization_id, discount_id, product_id) DO NOTHING"
        ),
        &[organization_id, discount_id, product_id],
    )?;
    Ok(tx.changed_one(
        &format!(
            "UPDATE {table} SET {column} = {column} + $4 \
             WHERE organization_id = $1 AND discount_id = $2 AND product_id = $3"
        ),
        &[organization_id, discount_id, product_id, &change],
    )?)
}

/// How many rows a list has. Those of customers are counted: a customer has few.
pub(crate) fn total<T: Sold>(tx: &mut ReadTx<'_>, scope: &Scope) -> Result<i64> {
    if scope.customers.is_empty() {
        let mut sql = Sql::new("SELECT CAST(coalesce(sum(counted), 0) AS bigint) FROM (");
        scope.push_counts::<T>(&mut sql, "product_id");
        sql.push(") AS counts");
        return Ok(tx.count(&sql)?);
    }
    let mut sql = Sql::new(format!("SELECT count(*) FROM {0} WHERE {0}.customer_id IN ", T::TABLE));
    sql.bind_list(scope.customers.iter().copied()).push(scope.sorts.condition);
    scope.push_others::<T>(&mut sql, super::Owner::Customer);
    Ok(tx.count(&sql)?)
}

impl Scope {
    /// Appends a select of the totals: the wanted column as `owner`, and `counted`. An owner may come several times.
    pub(super) fn push_counts<T: Sold>(&self, sql: &mut Sql, owner: &str) {
        let counted = self.sorts.counted.join(" + ");
        let is_by_discount = owner == "discount_id" || !self.discounts.is_empty();
        let (by_product, by_discount) = (T::COUNTS.by_product, T::COUNTS.by_discount);
        if is_by_discount {
            sql.push(&format!("SELECT {owner} AS owner, {counted} AS counted FROM {by_discount}"));
            self.push_counted(sql);
            return;
        }
        sql.push(&format!("SELECT {owner} AS owner, {counted} AS counted FROM {by_product}"));
        self.push_counted(sql);
        if self.is_undiscounted {
            sql.push(&format!(
                " UNION ALL SELECT {owner} AS owner, -({counted}) AS counted FROM {by_discount}"
            ));
            self.push_counted(sql);
        }
    }

    fn push_counted(&self, sql: &mut Sql) {
        sql.push(" WHERE organization_id IN ").bind_list(self.organizations.iter().copied());
        if !self.products.is_empty() {
            sql.push(" AND product_id IN ").bind_list(self.products.iter().copied());
        }
        if !self.discounts.is_empty() {
            sql.push(" AND discount_id IN ").bind_list(self.discounts.iter().copied());
        }
    }
}
