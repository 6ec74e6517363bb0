//! What is read of discounts.

use std::collections::HashMap;

use const_format::concatcp;
use merak_store::{PartitionedPage, ReadTx, Sql};

use super::{Discount, DiscountCode, DiscountSort};
use crate::access::Tenancy;
use crate::kit::{Id, Page, Paged, Refusal, Result, Sort, order};
use crate::organizations::Organization;
use crate::products::Product;
use crate::search::{self, Search, Totals};

/// The live discount, if the caller may see it; else not found.
pub fn get(tx: &mut ReadTx<'_>, tenancy: &Tenancy, id: Id<Discount>) -> Result<Discount> {
    const SQL: &str =
        concatcp!("SELECT ", Discount::COLUMNS, " FROM discounts WHERE id = $1 AND deleted_at IS NULL");
    tx.find::<Discount>(SQL, &[&id])?
        .filter(|discount| tenancy.contains(discount.organization_id))
        .ok_or_else(Refusal::not_found)
}

/// The organization's live discount with this code, in any letter case, if there is one.
pub fn find_by_code(
    tx: &mut ReadTx<'_>,
    organization_id: Id<Organization>,
    code: &DiscountCode,
) -> Result<Option<Discount>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Discount::COLUMNS,
        " FROM discounts WHERE organization_id = $1 AND code_lower = lower(CAST($2 AS text)) ",
        "AND deleted_at IS NULL AND code IS NOT NULL"
    );
    Ok(tx.find(SQL, &[&organization_id, code])?)
}

/// These discounts, deleted ones too, in no order: what has one goes on showing it. Says nothing about who may see them.
pub fn find_many(tx: &mut ReadTx<'_>, ids: &[Id<Discount>]) -> Result<Vec<Discount>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(concatcp!("SELECT ", Discount::COLUMNS, " FROM discounts WHERE id IN "));
    sql.bind_list(ids.iter().copied());
    Ok(tx.list(&sql)?)
}

/// Whether a discount can reduce the price of a product: it is live, of the same organization, and for all products or
/// for this one. It need not be redeemable at the moment.
pub fn is_for_product(tx: &mut ReadTx<'_>, id: Id<Discount>, product: &Product) -> Result<bool> {
    let found: Option<Id<Discount>> = tx.find(
        "SELECT id FROM discounts WHERE id = $1 AND organization_id = $2 AND deleted_at IS NULL \
         AND (NOT EXISTS (SELECT 1 FROM discount_products WHERE discount_id = discounts.id) \
         OR EXISTS (SELECT 1 FROM discount_products WHERE discount_id = discounts.id AND product_id = $3))",
        &[&id, &product.organization_id, &product.id],
    )?;
    Ok(found.is_some())
}

/// A discount with the products that it is for.
#[derive(Clone, Debug)]
pub struct CompleteDiscount {
    /// The discount.
    pub discount: Discount,
    /// The products; none means all of the organization.
    pub products: Vec<Product>,
}

/// Reads the products that these discounts are for, by one statement.
pub fn complete(tx: &mut ReadTx<'_>, discounts: Vec<Discount>) -> Result<Vec<CompleteDiscount>> {
    if discounts.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(concatcp!(
        "SELECT discount_products.discount_id, ",
        Product::COLUMNS,
        " FROM discount_products JOIN products ON products.id = discount_products.product_id \
         WHERE products.deleted_at IS NULL AND discount_products.discount_id IN "
    ));
    sql.bind_list(discounts.iter().map(|discount| discount.id)).push(" ORDER BY discount_products.position");
    let mut products: HashMap<Id<Discount>, Vec<Product>> = HashMap::new();
    for (discount_id, product) in tx.list::<(Id<Discount>, Product)>(&sql)? {
        products.entry(discount_id).or_default().push(product);
    }
    let with_products = |discount: Discount| CompleteDiscount {
        products: products.remove(&discount.id).unwrap_or_default(),
        discount,
    };
    Ok(discounts.into_iter().map(with_products).collect())
}

/// Reads the products that this discount is for.
pub fn complete_one(tx: &mut ReadTx<'_>, discount: Discount) -> Result<CompleteDiscount> {
    let completed = complete(tx, vec![discount])?.pop();
    Ok(completed.expect("one discount was given and so one is complete"))
}

/// A list of discounts.
#[derive(Clone, Debug)]
pub struct ListDiscounts {
    /// Only those whose name or code contains this, in any letter case. `%` and `_` stand for themselves.
    pub query: Option<String>,
    /// In which order.
    pub sorting: Vec<Sort<DiscountSort>>,
    /// Which page.
    pub page: Page,
}

/// Lists the live discounts of the given organizations.
pub fn list(
    tx: &mut ReadTx<'_>,
    tenancy: &Tenancy,
    wanted: &ListDiscounts,
    totals: &Totals,
) -> Result<Paged<Discount>> {
    if tenancy.ids().is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let order = order(&wanted.sorting, "discounts.id");
    if let Some(query) = wanted.query.as_deref().filter(|text| !text.is_empty()) {
        let search = Search {
            organizations: tenancy.ids(),
            query,
            filter: None,
            stretches: &[""],
            order: &order,
            page: wanted.page,
        };
        return search::page(tx, &search, totals);
    }
    let mut count =
        Sql::new("SELECT CAST(sum(discounts) AS bigint) FROM discount_counts WHERE organization_id IN ");
    count.bind_list(tenancy.ids().iter().copied());
    let total = tx.count(&count)?;
    let mut select = Sql::new(concatcp!("SELECT ", Discount::COLUMNS, " FROM discounts"));
    PartitionedPage {
        table: "discounts",
        column: "organization_id",
        filter: &|sql: &mut Sql| {
            sql.push(" AND discounts.deleted_at IS NULL");
        },
        order: &order,
        limit: wanted.page.rows(),
        offset: wanted.page.offset(),
    }
    .push(&mut select, tenancy.ids());
    Ok(Paged::new(tx.list(&select)?, total))
}
