//! What is read of organizations.

use std::sync::Arc;

use const_format::concatcp;
use merak_store::{Lookup, ReadTx, Sql};

use super::{Organization, OrganizationSort};
use crate::access::Tenancy;
use crate::kit::{Email, Id, Page, Paged, Refusal, Result, Sort, order_by};

/// The organization, if the caller may see it; else not found.
pub fn get(tx: &mut ReadTx<'_>, tenancy: &Tenancy, id: Id<Organization>) -> Result<Organization> {
    if !tenancy.contains(id) {
        return Err(Refusal::not_found());
    }
    find(tx, id)?.ok_or_else(Refusal::not_found)
}

static BY_ID: Lookup<Organization> =
    Lookup::new(concatcp!(Organization::COLUMNS, " FROM organizations WHERE id = $1"), &["organizations"]);

/// The organization, unless it is deleted; says nothing about who may see it.
pub fn find(tx: &mut ReadTx<'_>, id: Id<Organization>) -> Result<Option<Organization>> {
    Ok(find_with_deleted(tx, id)?.filter(|found| found.deleted_at.is_none()).map(Arc::unwrap_or_clone))
}

/// The organization, also if it is deleted; says nothing about who may see it.
pub(super) fn find_with_deleted(
    tx: &mut ReadTx<'_>,
    id: Id<Organization>,
) -> Result<Option<Arc<Organization>>> {
    Ok(tx.look_up(&BY_ID, &[&id])?)
}

/// The organization with this slug in any letter case, open to everybody unless it is blocked or deleted.
pub fn find_by_slug(tx: &mut ReadTx<'_>, slug: &str) -> Result<Option<Organization>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Organization::COLUMNS,
        " FROM organizations WHERE slug = $1 AND blocked_at IS NULL AND deleted_at IS NULL"
    );
    Ok(tx.find(SQL, &[&slug.to_lowercase()])?)
}

/// These organizations, in no order; says nothing about who may see them.
pub fn find_many(tx: &mut ReadTx<'_>, ids: &[Id<Organization>]) -> Result<Vec<Organization>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(concatcp!("SELECT ", Organization::COLUMNS, " FROM organizations WHERE id IN "));
    sql.bind_list(ids.iter().copied());
    Ok(tx.list(&sql)?)
}

/// The addresses of those who work for the organization, in the order in which they came.
pub fn addresses_of_members(tx: &mut ReadTx<'_>, id: Id<Organization>) -> Result<Vec<Email>> {
    const SQL: &str = "SELECT users.email FROM organization_members \
         JOIN users ON users.id = organization_members.user_id \
         WHERE organization_members.organization_id = $1 AND organization_members.deleted_at IS NULL \
         AND users.deleted_at IS NULL ORDER BY organization_members.created_at, users.id";
    Ok(tx.all(SQL, &[&id])?)
}

/// The organization of an installation that has just one.
pub fn only(tx: &mut ReadTx<'_>) -> Result<Option<Organization>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Organization::COLUMNS,
        " FROM organizations WHERE deleted_at IS NULL ORDER BY id LIMIT 2"
    );
    let mut few: Vec<Organization> = tx.all(SQL, &[])?;
    Ok(few.pop().filter(|_| few.is_empty()))
}

/// The organizations of the installation by slug, those that come after one with this slug, at most so many; blocked ones
/// too. For whoever runs the installation.
pub fn list_all(tx: &mut ReadTx<'_>, after: &str, limit: i64) -> Result<Vec<Organization>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Organization::COLUMNS,
        " FROM organizations WHERE deleted_at IS NULL AND slug > $1 ORDER BY slug LIMIT $2"
    );
    Ok(tx.all(SQL, &[&after, &limit])?)
}

/// A list of organizations: live, not blocked, visible.
#[derive(Clone, Debug)]
pub struct ListOrganizations {
    /// Only the one with this slug, in any letter case.
    pub slug: Option<String>,
    /// In which order.
    pub sorting: Vec<Sort<OrganizationSort>>,
    /// Which page.
    pub page: Page,
}

/// Lists organizations. A caller works for few of them, so they are simply counted and sorted.
pub fn list(
    tx: &mut ReadTx<'_>,
    tenancy: &Tenancy,
    wanted: &ListOrganizations,
) -> Result<Paged<Organization>> {
    let conditions = |sql: &mut Sql| {
        sql.push(" FROM organizations WHERE blocked_at IS NULL AND deleted_at IS NULL AND id IN ");
        sql.bind_list(tenancy.ids().iter().copied());
        if let Some(slug) = &wanted.slug {
            sql.push(" AND slug = ").bind(slug.to_lowercase());
        }
    };
    if tenancy.ids().is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let mut count = Sql::new("SELECT count(*)");
    conditions(&mut count);
    let total = tx.count(&count)?;
    let mut select = Sql::new(concatcp!("SELECT ", Organization::COLUMNS));
    conditions(&mut select);
    select.push(&order_by(&wanted.sorting, "organizations.id")).push(" LIMIT ").bind(wanted.page.rows());
    select.push(" OFFSET ").bind(wanted.page.offset());
    Ok(Paged::new(tx.list(&select)?, total))
}
