//! What is read of products.

use const_format::concatcp;
use merak_store::{Order, PartitionedPage, ReadTx, Sql};

use super::{Product, ProductSort};
use crate::access::Tenancy;
use crate::benefits::Benefit;
use crate::kit::{Id, Page, Paged, Refusal, Result, Sort, contains_pattern, order};
use crate::organizations::Organization;

/// The live product, if there is one; says nothing about who may see it.
pub fn find(tx: &mut ReadTx<'_>, id: Id<Product>) -> Result<Option<Product>> {
    const SQL: &str =
        concatcp!("SELECT ", Product::COLUMNS, " FROM products WHERE id = $1 AND deleted_at IS NULL");
    Ok(tx.find(SQL, &[&id])?)
}

/// Those of these products that are live, in no order; says nothing about who may see them.
pub fn find_all(tx: &mut ReadTx<'_>, ids: &[Id<Product>]) -> Result<Vec<Product>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(concatcp!(
        "SELECT ",
        Product::COLUMNS,
        " FROM products WHERE deleted_at IS NULL AND id IN "
    ));
    sql.bind_list(ids.iter().copied());
    Ok(tx.list(&sql)?)
}

/// These products, deleted ones too, in no order: who has bought one goes on seeing it.
pub fn find_with_deleted(tx: &mut ReadTx<'_>, ids: &[Id<Product>]) -> Result<Vec<Product>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(concatcp!("SELECT ", Product::COLUMNS, " FROM products WHERE id IN "));
    sql.bind_list(ids.iter().copied());
    Ok(tx.list(&sql)?)
}

/// The live product, if the caller may see it; else not found.
pub fn get(tx: &mut ReadTx<'_>, tenancy: &Tenancy, id: Id<Product>) -> Result<Product> {
    find(tx, id)?.filter(|product| tenancy.contains(product.organization_id)).ok_or_else(Refusal::not_found)
}

/// A list of products.
#[derive(Clone, Debug)]
pub struct ListProducts {
    /// Only these; empty is no filter.
    pub ids: Vec<Id<Product>>,
    /// Only those whose name contains this, in any letter case. `%` and `_` stand for themselves.
    pub query: Option<String>,
    /// Only archived ones, or only the others.
    pub is_archived: Option<bool>,
    /// Only those whose current prices all recur, or only the others.
    pub is_recurring: Option<bool>,
    /// Only those that at least one of these benefits comes with; empty is no filter.
    pub benefit_ids: Vec<Id<Benefit>>,
    /// In which order.
    pub sorting: Vec<Sort<ProductSort>>,
    /// Which page.
    pub page: Page,
}

/// Above this many products of some benefits a list walks in its order and looks for them on the way; below, it reads
/// them all and sorts.
const FEW: i64 = 1000;

/// Lists the live products of the given organizations.
pub fn list(tx: &mut ReadTx<'_>, tenancy: &Tenancy, wanted: &ListProducts) -> Result<Paged<Product>> {
    if tenancy.ids().is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let order = order(&wanted.sorting, "products.id");
    match named(tx, tenancy, wanted)? {
        Some(ids) => list_named(tx, &ids, wanted, &order),
        None => list_all(tx, tenancy, wanted, &order),
    }
}

/// The visible products that the filters by id and by benefit leave, if these are few or are named one by one.
fn named(tx: &mut ReadTx<'_>, tenancy: &Tenancy, wanted: &ListProducts) -> Result<Option<Vec<Id<Product>>>> {
    let mut sql = Sql::new("SELECT products.id, products.organization_id FROM products");
    if !wanted.ids.is_empty() {
        sql.push(" WHERE products.id IN ").bind_list(wanted.ids.iter().copied());
        has_benefit(&mut sql, wanted);
    } else if !wanted.benefit_ids.is_empty() {
        sql.push(" JOIN (SELECT DISTINCT product_id FROM product_benefits WHERE benefit_id IN ");
        sql.bind_list(wanted.benefit_ids.iter().copied()).push(" LIMIT ").bind(FEW + 1);
        sql.push(") AS found ON found.product_id = products.id");
    } else {
        return Ok(None);
    }
    let found: Vec<(Id<Product>, Id<Organization>)> = tx.list(&sql)?;
    if wanted.ids.is_empty() && i64::try_from(found.len()).unwrap_or(i64::MAX) > FEW {
        return Ok(None);
    }
    Ok(Some(found.into_iter().filter(|(_, owner)| tenancy.contains(*owner)).map(|(id, _)| id).collect()))
}

/// A page of products that are known by their ids. Whose they are was looked at before, so that no index by
/// organization can lure the database into reading all of them.
fn list_named(
    tx: &mut ReadTx<'_>,
    ids: &[Id<Product>],
    wanted: &ListProducts,
    order: &[Order],
) -> Result<Paged<Product>> {
    if ids.is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let filter = |sql: &mut Sql| {
        sql.push(" FROM products WHERE products.id IN ").bind_list(ids.iter().copied());
        sql.push(" AND products.deleted_at IS NULL");
        if let Some(is_archived) = wanted.is_archived {
            sql.push(" AND products.is_archived = ").bind(is_archived);
        }
        if let Some(is_recurring) = wanted.is_recurring {
            sql.push(" AND products.is_recurring = ").bind(is_recurring);
        }
        is_called(sql, wanted);
    };
    let mut count = Sql::new("SELECT count(*)");
    filter(&mut count);
    let total = tx.count(&count)?;
    let mut select = Sql::new(concatcp!("SELECT ", Product::COLUMNS));
    filter(&mut select);
    select.push(&Order::clause(order)).push(" LIMIT ").bind(wanted.page.rows());
    select.push(" OFFSET ").bind(wanted.page.offset());
    Ok(Paged::new(tx.list(&select)?, total))
}

/// A page of all products of some organizations.
fn list_all(
    tx: &mut ReadTx<'_>,
    tenancy: &Tenancy,
    wanted: &ListProducts,
    order: &[Order],
) -> Result<Paged<Product>> {
    let stretches = stretches(wanted);
    let filter = |sql: &mut Sql| {
        sql.push(" AND products.deleted_at IS NULL");
        is_called(sql, wanted);
        has_benefit(sql, wanted);
    };
    let total = total(tx, tenancy, wanted, &filter)?;
    let mut select = Sql::new(concatcp!("SELECT ", Product::COLUMNS, " FROM products"));
    PartitionedPage {
        table: "products",
        column: "organization_id",
        filter: &filter,
        order,
        limit: wanted.page.rows(),
        offset: wanted.page.offset(),
    }
    .push_stretches(&mut select, tenancy.ids(), &stretches);
    Ok(Paged::new(tx.list(&select)?, total))
}

/// The stretches of the lists' indexes in which all products are that the filters leave.
fn stretches(wanted: &ListProducts) -> Vec<&'static str> {
    let all = [
        (false, false, " AND products.is_archived = FALSE AND products.is_recurring = FALSE"),
        (false, true, " AND products.is_archived = FALSE AND products.is_recurring = TRUE"),
        (true, false, " AND products.is_archived = TRUE AND products.is_recurring = FALSE"),
        (true, true, " AND products.is_archived = TRUE AND products.is_recurring = TRUE"),
    ];
    let is_wanted = |is_archived: bool, is_recurring: bool| {
        wanted.is_archived.is_none_or(|only| only == is_archived)
            && wanted.is_recurring.is_none_or(|only| only == is_recurring)
    };
    all.into_iter()
        .filter(|(is_archived, is_recurring, _)| is_wanted(*is_archived, *is_recurring))
        .map(|(_, _, condition)| condition)
        .collect()
}

fn total(
    tx: &mut ReadTx<'_>,
    tenancy: &Tenancy,
    wanted: &ListProducts,
    filter: &dyn Fn(&mut Sql),
) -> Result<i64> {
    let is_plain = searched(wanted).is_none();
    let has_sort_filter = wanted.is_archived.is_some() || wanted.is_recurring.is_some();
    let mut count;
    if let ([benefit_id], true, false) = (wanted.benefit_ids.as_slice(), is_plain, has_sort_filter) {
        // All products of a benefit are of the benefit's organization.
        count = Sql::new(
            "SELECT CAST(coalesce(sum(product_benefit_counts.products), 0) AS bigint) FROM product_benefit_counts ",
        );
        count.push("JOIN benefits ON benefits.id = product_benefit_counts.benefit_id WHERE benefit_id = ");
        count.bind(*benefit_id).push(" AND benefits.organization_id IN ");
        count.bind_list(tenancy.ids().iter().copied());
        return Ok(tx.count(&count)?);
    }
    if is_plain && wanted.benefit_ids.is_empty() {
        count = Sql::new("SELECT CAST(coalesce(sum(products), 0) AS bigint) FROM product_counts");
    } else {
        count = Sql::new("SELECT count(*) FROM products");
    }
    count.push(" WHERE organization_id IN ").bind_list(tenancy.ids().iter().copied());
    if let Some(is_archived) = wanted.is_archived {
        count.push(" AND is_archived = ").bind(is_archived);
    }
    if let Some(is_recurring) = wanted.is_recurring {
        count.push(" AND is_recurring = ").bind(is_recurring);
    }
    if !is_plain || !wanted.benefit_ids.is_empty() {
        filter(&mut count);
    }
    Ok(tx.count(&count)?)
}

/// The text that is looked for, if there is any.
fn searched(wanted: &ListProducts) -> Option<&str> {
    wanted.query.as_deref().filter(|text| !text.is_empty())
}

fn is_called(sql: &mut Sql, wanted: &ListProducts) {
    if let Some(text) = searched(wanted) {
        sql.push(" AND lower(products.name) LIKE ").bind(contains_pattern(text)).push(" ESCAPE '\\'");
    }
}

fn has_benefit(sql: &mut Sql, wanted: &ListProducts) {
    if !wanted.benefit_ids.is_empty() {
        sql.push(
            " AND EXISTS (SELECT 1 FROM product_benefits WHERE product_benefits.product_id = products.id",
        );
        sql.push(" AND product_benefits.benefit_id IN ")
            .bind_list(wanted.benefit_ids.iter().copied())
            .push(")");
    }
}
