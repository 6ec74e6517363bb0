//! What is read of products.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use const_format::concatcp;
use merak_store::{Engine, Lookup, Order, PartitionedPage, ReadTx, Sql};
use sha2::{Digest as _, Sha256};

use super::{Product, ProductSort};
use crate::access::Tenancy;
use crate::benefits::Benefit;
use crate::kit::{Id, Page, Paged, Refusal, Result, Sort, order};
use crate::organizations::Organization;
use crate::search::{self, Clock, Noun, Question, Search, Totals};

static BY_ID: Lookup<Product> =
    Lookup::new(concatcp!(Product::COLUMNS, " FROM products WHERE id = $1"), &["products"]);

/// The live product, if there is one; says nothing about who may see it.
pub fn find(tx: &mut ReadTx<'_>, id: Id<Product>) -> Result<Option<Product>> {
    Ok(find_ever(tx, id)?.filter(|product| product.deleted_at.is_none()))
}

/// The product, also if it is deleted: who has bought it goes on seeing it.
pub(crate) fn find_ever(tx: &mut ReadTx<'_>, id: Id<Product>) -> Result<Option<Product>> {
    Ok(tx.look_up(&BY_ID, &[&id])?.map(Arc::unwrap_or_clone))
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

/// Above this many products of several benefits a list walks in its order and looks for them on the way; below, it
/// reads them all and sorts.
const FEW: i64 = 1000;

/// Lists the live products of the given organizations.
pub fn list(
    tx: &mut ReadTx<'_>,
    tenancy: &Tenancy,
    wanted: &ListProducts,
    totals: &Totals,
) -> Result<Paged<Product>> {
    if tenancy.ids().is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let order = order(&wanted.sorting, "products.id");
    if let ([], [benefit_id], None) = (&*wanted.ids, &*wanted.benefit_ids, wanted.searched()) {
        return list_of_benefit(tx, tenancy, (*benefit_id, wanted), &order);
    }
    let several = wanted.several_benefits();
    if let Some(several) = &several
        && let Some(total) = totals.recall(tx, several.question(tenancy))?
    {
        return list_all(tx, tenancy, (wanted, total), &order);
    }
    if let Some(ids) = named(tx, tenancy, wanted)? {
        return list_named(tx, &ids, wanted, &order);
    }
    let Some(query) = wanted.searched() else {
        let total = match &several {
            Some(several) => several.count(tx, tenancy, (wanted, totals))?,
            None => plain_total(tx, tenancy, wanted)?,
        };
        return list_all(tx, tenancy, (wanted, total), &order);
    };
    let filter = |sql: &mut Sql| {
        wanted.push_sort(sql);
        wanted.push_benefits(sql);
    };
    let is_filtered = wanted.has_sort() || !wanted.benefit_ids.is_empty();
    let search = Search {
        organizations: tenancy.ids(),
        query,
        filter: if is_filtered { Some(&filter) } else { None },
        stretches: &wanted.stretches(),
        order: &order,
        page: wanted.page,
    };
    search::page(tx, &search, totals)
}

/// The visible products that the filters by id and by benefit leave, if these are few or are named one by one.
fn named(tx: &mut ReadTx<'_>, tenancy: &Tenancy, wanted: &ListProducts) -> Result<Option<Vec<Id<Product>>>> {
    let mut sql = Sql::new("SELECT products.id, products.organization_id FROM products");
    if !wanted.ids.is_empty() {
        sql.push(" WHERE products.id IN ").bind_list(wanted.ids.iter().copied());
        wanted.push_benefits(&mut sql);
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
    let engine = tx.engine();
    let filter = |sql: &mut Sql| {
        sql.push(" FROM products WHERE products.id IN ").bind_list(ids.iter().copied());
        sql.push(" AND products.deleted_at IS NULL");
        wanted.push_sort(sql);
        wanted.push_query(sql, engine);
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

/// A page of the products that one benefit comes with; all are of the benefit's organization.
fn list_of_benefit(
    tx: &mut ReadTx<'_>,
    tenancy: &Tenancy,
    (benefit_id, wanted): (Id<Benefit>, &ListProducts),
    order: &[Order],
) -> Result<Paged<Product>> {
    const COUNT: &str = "SELECT CAST(coalesce(sum(products.products), 0) AS bigint) FROM product_benefit_counts AS products \
         JOIN benefits ON benefits.id = products.benefit_id WHERE products.benefit_id = ";
    let mut count = Sql::new(COUNT);
    count.bind(benefit_id).push(" AND benefits.organization_id IN ");
    count.bind_list(tenancy.ids().iter().copied());
    wanted.push_sort(&mut count);
    let total = tx.count(&count)?;
    let end = wanted.page.offset() + wanted.page.rows();
    if total <= wanted.page.offset() {
        return Ok(Paged::new(Vec::new(), total));
    }
    // The list is walked in its order if the page is likely full before as many were seen as the benefit has.
    if total > end.saturating_mul(plain_total(tx, tenancy, wanted)?) / total {
        return Ok(Paged::new(page_of_all(tx, tenancy, wanted, order)?, total));
    }
    let mut select = Sql::new(concatcp!(
        "SELECT ",
        Product::COLUMNS,
        " FROM products WHERE products.id IN (SELECT products.id FROM "
    ));
    // Each engine is held to looking the few products up, where it would rather read all there are.
    match tx.engine() {
        Engine::Sqlite => select
            .push("product_benefits CROSS JOIN products WHERE products.id = product_benefits.product_id")
            .push(" AND product_benefits.benefit_id = ")
            .bind(benefit_id),
        Engine::Postgres => select
            .push("products WHERE products.id = ANY(ARRAY(SELECT product_id FROM product_benefits")
            .push(" WHERE benefit_id = ")
            .bind(benefit_id)
            .push("))"),
    };
    select.push(" AND products.deleted_at IS NULL");
    wanted.push_sort(&mut select);
    select.push(&Order::clause(order)).push(" LIMIT ").bind(wanted.page.rows());
    select.push(" OFFSET ").bind(wanted.page.offset()).push(")").push(&Order::clause(order));
    Ok(Paged::new(tx.list(&select)?, total))
}

/// Several benefits whose products are listed, of one sort perhaps.
struct SeveralBenefits(String);

impl SeveralBenefits {
    fn question<'q>(&'q self, tenancy: &'q Tenancy) -> Question<'q> {
        Question { clock: Clock::ProductBenefits, organizations: tenancy.ids(), query: &self.0 }
    }

    /// Counts the products of very many, and remembers how many they are.
    fn count(
        &self,
        tx: &mut ReadTx<'_>,
        tenancy: &Tenancy,
        (wanted, totals): (&ListProducts, &Totals),
    ) -> Result<i64> {
        let mut sql = Sql::new("SELECT organization_id, count(*) FROM products WHERE organization_id IN ");
        sql.bind_list(tenancy.ids().iter().copied()).push(" AND products.deleted_at IS NULL");
        wanted.push_sort(&mut sql);
        wanted.push_benefits(&mut sql);
        sql.push(" GROUP BY organization_id");
        let counted: HashMap<Id<Organization>, i64> = tx.list(&sql)?.into_iter().collect();
        totals.remember(tx, self.question(tenancy), &counted)?;
        Ok(counted.values().sum())
    }
}

/// A page of all products of some organizations, or of very many that some benefits come with.
fn list_all(
    tx: &mut ReadTx<'_>,
    tenancy: &Tenancy,
    (wanted, total): (&ListProducts, i64),
    order: &[Order],
) -> Result<Paged<Product>> {
    if total <= wanted.page.offset() {
        return Ok(Paged::new(Vec::new(), total));
    }
    Ok(Paged::new(page_of_all(tx, tenancy, wanted, order)?, total))
}

fn page_of_all(
    tx: &mut ReadTx<'_>,
    tenancy: &Tenancy,
    wanted: &ListProducts,
    order: &[Order],
) -> Result<Vec<Product>> {
    let mut select = Sql::new(concatcp!("SELECT ", Product::COLUMNS, " FROM products"));
    PartitionedPage {
        table: "products",
        column: "organization_id",
        filter: &|sql: &mut Sql| {
            sql.push(" AND products.deleted_at IS NULL");
            wanted.push_benefits(sql);
        },
        order,
        limit: wanted.page.rows(),
        offset: wanted.page.offset(),
    }
    .push_stretches(&mut select, tenancy.ids(), &wanted.stretches());
    Ok(tx.list(&select)?)
}

/// How many products there are, archived or not, recurring or not, as wanted; no other filter counts.
fn plain_total(tx: &mut ReadTx<'_>, tenancy: &Tenancy, wanted: &ListProducts) -> Result<i64> {
    const COUNT: &str = "SELECT CAST(coalesce(sum(products.products), 0) AS bigint) \
         FROM product_counts AS products WHERE products.organization_id IN ";
    let mut count = Sql::new(COUNT);
    count.bind_list(tenancy.ids().iter().copied());
    wanted.push_sort(&mut count);
    Ok(tx.count(&count)?)
}

impl ListProducts {
    /// The text that is looked for, if there is any.
    fn searched(&self) -> Option<&str> {
        self.query.as_deref().filter(|text| !text.is_empty())
    }

    /// The benefits, if several are the only filter beside the sort of the products.
    fn several_benefits(&self) -> Option<SeveralBenefits> {
        if !self.ids.is_empty() || self.searched().is_some() || self.benefit_ids.len() < 2 {
            return None;
        }
        let mut ids = self.benefit_ids.clone();
        ids.sort_unstable();
        ids.dedup();
        let flag = |flag: Option<bool>| flag.map_or_else(|| String::from("any"), |flag| flag.to_string());
        let mut digest = Sha256::new();
        for id in &ids {
            digest.update(id.uuid().as_bytes());
        }
        let [is_archived, is_recurring] = [self.is_archived, self.is_recurring].map(flag);
        // However many they are, the name is short.
        Some(SeveralBenefits(format!(
            "{is_archived} {is_recurring} {}",
            URL_SAFE_NO_PAD.encode(digest.finalize())
        )))
    }

    fn has_sort(&self) -> bool {
        self.is_archived.is_some() || self.is_recurring.is_some()
    }

    /// The stretches of the lists' indexes in which all products are that the filters leave.
    fn stretches(&self) -> Vec<&'static str> {
        let all = [
            (false, false, " AND products.is_archived = FALSE AND products.is_recurring = FALSE"),
            (false, true, " AND products.is_archived = FALSE AND products.is_recurring = TRUE"),
            (true, false, " AND products.is_archived = TRUE AND products.is_recurring = FALSE"),
            (true, true, " AND products.is_archived = TRUE AND products.is_recurring = TRUE"),
        ];
        let is_wanted = |is_archived: bool, is_recurring: bool| {
            self.is_archived.is_none_or(|only| only == is_archived)
                && self.is_recurring.is_none_or(|only| only == is_recurring)
        };
        all.into_iter()
            .filter(|(is_archived, is_recurring, _)| is_wanted(*is_archived, *is_recurring))
            .map(|(_, _, condition)| condition)
            .collect()
    }

    /// Appends the conditions on `products`, or on a table of counts that goes by this name.
    fn push_sort(&self, sql: &mut Sql) {
        if let Some(is_archived) = self.is_archived {
            sql.push(" AND products.is_archived = ").bind(is_archived);
        }
        if let Some(is_recurring) = self.is_recurring {
            sql.push(" AND products.is_recurring = ").bind(is_recurring);
        }
    }

    fn push_query(&self, sql: &mut Sql, engine: Engine) {
        if let Some(text) = self.searched() {
            search::push_condition(sql, engine, Noun::Products, text);
        }
    }

    fn push_benefits(&self, sql: &mut Sql) {
        if !self.benefit_ids.is_empty() {
            sql.push(
                " AND EXISTS (SELECT 1 FROM product_benefits WHERE product_benefits.product_id = products.id",
            );
            sql.push(" AND product_benefits.benefit_id IN ")
                .bind_list(self.benefit_ids.iter().copied())
                .push(")");
        }
    }
}
