//! What is read of custom fields.

use const_format::concatcp;
use merak_store::{PartitionedPage, ReadTx, Sql};

use super::{CustomField, CustomFieldSort, CustomFieldType};
use crate::access::Tenancy;
use crate::kit::{Id, Page, Paged, Refusal, Result, Sort, order};
use crate::search::{self, Search, Totals};

/// The live field, if the caller may see it; else not found.
pub fn get(tx: &mut ReadTx<'_>, tenancy: &Tenancy, id: Id<CustomField>) -> Result<CustomField> {
    const SQL: &str = concatcp!(
        "SELECT ",
        CustomField::COLUMNS,
        " FROM custom_fields WHERE id = $1 AND deleted_at IS NULL"
    );
    tx.find::<CustomField>(SQL, &[&id])?
        .filter(|field| tenancy.contains(field.organization_id))
        .ok_or_else(Refusal::not_found)
}

/// The live fields among these, by one statement, in no particular order; says nothing about who may see them.
pub fn find_many(tx: &mut ReadTx<'_>, ids: &[Id<CustomField>]) -> Result<Vec<CustomField>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(concatcp!("SELECT ", CustomField::COLUMNS, " FROM custom_fields WHERE id IN "));
    sql.bind_list(ids.iter().copied()).push(" AND deleted_at IS NULL");
    Ok(tx.list(&sql)?)
}

/// A list of custom fields.
#[derive(Clone, Debug)]
pub struct ListCustomFields {
    /// Only those whose name or slug contains this, in any letter case. `%` and `_` stand for themselves.
    pub query: Option<String>,
    /// Only these types; empty is no filter.
    pub types: Vec<CustomFieldType>,
    /// In which order.
    pub sorting: Vec<Sort<CustomFieldSort>>,
    /// Which page.
    pub page: Page,
}

/// Lists the live fields of the given organizations.
pub fn list(
    tx: &mut ReadTx<'_>,
    tenancy: &Tenancy,
    wanted: &ListCustomFields,
    totals: &Totals,
) -> Result<Paged<CustomField>> {
    if tenancy.ids().is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let order = order(&wanted.sorting, "custom_fields.id");
    let of_types = |sql: &mut Sql| {
        sql.push(" AND custom_fields.type IN ").bind_list(wanted.types.iter().copied());
    };
    if let Some(query) = wanted.query.as_deref().filter(|text| !text.is_empty()) {
        let search = Search {
            organizations: tenancy.ids(),
            query,
            filter: if wanted.types.is_empty() { None } else { Some(&of_types) },
            stretches: &[""],
            order: &order,
            page: wanted.page,
        };
        return search::page(tx, &search, totals);
    }
    let filter = |sql: &mut Sql| {
        sql.push(" AND custom_fields.deleted_at IS NULL");
        if !wanted.types.is_empty() {
            of_types(sql);
        }
    };
    let mut count = Sql::new(
        "SELECT CAST(sum(custom_fields) AS bigint) FROM custom_field_counts WHERE organization_id IN ",
    );
    count.bind_list(tenancy.ids().iter().copied());
    if !wanted.types.is_empty() {
        count.push(" AND type IN ").bind_list(wanted.types.iter().copied());
    }
    let total = tx.count(&count)?;
    let mut select = Sql::new(concatcp!("SELECT ", CustomField::COLUMNS, " FROM custom_fields"));
    PartitionedPage {
        table: "custom_fields",
        column: "organization_id",
        filter: &filter,
        order: &order,
        limit: wanted.page.rows(),
        offset: wanted.page.offset(),
    }
    .push(&mut select, tenancy.ids());
    Ok(Paged::new(tx.list(&select)?, total))
}
