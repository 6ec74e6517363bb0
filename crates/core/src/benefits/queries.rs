//! What is read of benefits.

use const_format::concatcp;
use merak_store::{Order, PartitionedPage, ReadTx, Sql};

use super::{Benefit, BenefitType};
use crate::access::Tenancy;
use crate::kit::{Id, Page, Paged, Refusal, Result};

/// The live benefit, if there is one; says nothing about who may see it.
pub fn find(tx: &mut ReadTx<'_>, id: Id<Benefit>) -> Result<Option<Benefit>> {
    const SQL: &str =
        concatcp!("SELECT ", Benefit::COLUMNS, " FROM benefits WHERE id = $1 AND deleted_at IS NULL");
    Ok(tx.find(SQL, &[&id])?)
}

/// Those of these benefits that are live, in no order; says nothing about who may see them.
pub fn find_all(tx: &mut ReadTx<'_>, ids: &[Id<Benefit>]) -> Result<Vec<Benefit>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(concatcp!(
        "SELECT ",
        Benefit::COLUMNS,
        " FROM benefits WHERE deleted_at IS NULL AND id IN "
    ));
    sql.bind_list(ids.iter().copied());
    Ok(tx.list(&sql)?)
}

/// The live benefit, if the caller may see it; else not found.
pub fn get(tx: &mut ReadTx<'_>, tenancy: &Tenancy, id: Id<Benefit>) -> Result<Benefit> {
    find(tx, id)?.filter(|benefit| tenancy.contains(benefit.organization_id)).ok_or_else(Refusal::not_found)
}

/// The benefit, live or deleted, if the caller may see it; else not found. Of a deleted one it is still to be seen what
/// could not be taken back.
pub fn get_ever(tx: &mut ReadTx<'_>, tenancy: &Tenancy, id: Id<Benefit>) -> Result<Benefit> {
    const SQL: &str = concatcp!("SELECT ", Benefit::COLUMNS, " FROM benefits WHERE id = $1");
    tx.find::<Benefit>(SQL, &[&id])?
        .filter(|benefit| tenancy.contains(benefit.organization_id))
        .ok_or_else(Refusal::not_found)
}

/// A list of benefits.
#[derive(Clone, Debug)]
pub struct ListBenefits {
    /// Only these kinds; empty is no filter.
    pub types: Vec<BenefitType>,
    /// Which page.
    pub page: Page,
}

/// Lists the live benefits of the given organizations by kind, the oldest first.
pub fn list(tx: &mut ReadTx<'_>, tenancy: &Tenancy, wanted: &ListBenefits) -> Result<Paged<Benefit>> {
    if tenancy.ids().is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let filter = |sql: &mut Sql| {
        sql.push(" AND benefits.deleted_at IS NULL");
        if !wanted.types.is_empty() {
            sql.push(" AND benefits.type IN ").bind_list(wanted.types.iter().copied());
        }
    };
    let mut count =
        Sql::new("SELECT CAST(sum(benefits) AS bigint) FROM benefit_type_counts WHERE organization_id IN ");
    count.bind_list(tenancy.ids().iter().copied());
    if !wanted.types.is_empty() {
        count.push(" AND type IN ").bind_list(wanted.types.iter().copied());
    }
    let total = tx.count(&count)?;
    let mut select = Sql::new(concatcp!("SELECT ", Benefit::COLUMNS, " FROM benefits"));
    PartitionedPage {
        table: "benefits",
        column: "organization_id",
        filter: &filter,
        order: &["benefits.type", "benefits.created_at", "benefits.id"].map(Order::ascending),
        limit: wanted.page.rows(),
        offset: wanted.page.offset(),
    }
    .push(&mut select, tenancy.ids());
    Ok(Paged::new(tx.list(&select)?, total))
}
