//! What is read of customers.

use const_format::concatcp;
use merak_store::{PartitionedPage, ReadTx, Sql};

use super::{Customer, CustomerSort};
use crate::access::{Actor, Subject, Tenancy};
use crate::kit::{Email, Id, Page, Paged, Refusal, Result, Sort, order};
use crate::organizations::Organization;
use crate::search::{self, Search, Totals};
use crate::users::User;

const BY_ID: &str =
    concatcp!("SELECT ", Customer::COLUMNS, " FROM customers WHERE id = $1 AND deleted_at IS NULL");

/// The live customer, if there is one; says nothing about who may see it.
pub fn find(tx: &mut ReadTx<'_>, id: Id<Customer>) -> Result<Option<Customer>> {
    Ok(tx.find(BY_ID, &[&id])?)
}

/// These customers, deleted ones too, in no order; says nothing about who may see them.
pub fn find_with_deleted(tx: &mut ReadTx<'_>, ids: &[Id<Customer>]) -> Result<Vec<Customer>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(concatcp!("SELECT ", Customer::COLUMNS, " FROM customers WHERE id IN "));
    sql.bind_list(ids.iter().copied());
    Ok(tx.list(&sql)?)
}

/// The organization's live customer with this address, in any letter case.
pub fn find_by_email(
    tx: &mut ReadTx<'_>,
    organization_id: Id<Organization>,
    email: &Email,
) -> Result<Option<Customer>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Customer::COLUMNS,
        " FROM customers WHERE organization_id = $1 AND lower(email) = lower(CAST($2 AS text)) AND deleted_at IS NULL"
    );
    Ok(tx.find(SQL, &[&organization_id, email])?)
}

/// The live customer, if the caller may see it; else not found.
pub fn get(tx: &mut ReadTx<'_>, tenancy: &Tenancy, id: Id<Customer>) -> Result<Customer> {
    find(tx, id)?.filter(|customer| tenancy.contains(customer.organization_id)).ok_or_else(Refusal::not_found)
}

/// The customers a portal caller acts for: the session's own, or all that are linked to the user.
pub fn ids_of_buyer(tx: &mut ReadTx<'_>, actor: &Actor) -> Result<Vec<Id<Customer>>> {
    match actor.subject {
        Subject::Customer(id) => Ok(vec![id]),
        Subject::User(user_id) => Ok(tx.all(
            "SELECT id FROM customers WHERE user_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT 1000",
            &[&user_id],
        )?),
        Subject::Anonymous | Subject::Organization(_) => Ok(Vec::new()),
    }
}

/// One of the customers a portal caller acts for; else not found.
pub fn find_of_buyer(tx: &mut ReadTx<'_>, actor: &Actor, id: Id<Customer>) -> Result<Customer> {
    let is_own = |customer: &Customer| match actor.subject {
        Subject::Customer(own) => own == customer.id,
        Subject::User(user_id) => customer.user_id == Some(user_id),
        Subject::Anonymous | Subject::Organization(_) => false,
    };
    find(tx, id)?.filter(is_own).ok_or_else(Refusal::not_found)
}

/// The person's live customer in the organization, the oldest if there are several.
pub fn find_of_user(
    tx: &mut ReadTx<'_>,
    organization_id: Id<Organization>,
    user_id: Id<User>,
) -> Result<Option<Customer>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Customer::COLUMNS,
        " FROM customers WHERE user_id = $1 AND organization_id = $2 AND deleted_at IS NULL ORDER BY id LIMIT 1"
    );
    Ok(tx.find(SQL, &[&user_id, &organization_id])?)
}

/// A list of customers.
#[derive(Clone, Debug)]
pub struct ListCustomers {
    /// Only those whose address or name contains this, in any letter case. `%` and `_` stand for themselves.
    pub query: Option<String>,
    /// In which order.
    pub sorting: Vec<Sort<CustomerSort>>,
    /// Which page.
    pub page: Page,
}

/// Lists the live customers of the given organizations.
pub fn list(
    tx: &mut ReadTx<'_>,
    tenancy: &Tenancy,
    wanted: &ListCustomers,
    totals: &Totals,
) -> Result<Paged<Customer>> {
    if tenancy.ids().is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let order = order(&wanted.sorting, "customers.id");
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
        Sql::new("SELECT CAST(sum(customers) AS bigint) FROM customer_counts WHERE organization_id IN ");
    count.bind_list(tenancy.ids().iter().copied());
    let total = tx.count(&count)?;
    let mut select = Sql::new(concatcp!("SELECT ", Customer::COLUMNS, " FROM customers"));
    PartitionedPage {
        table: "customers",
        column: "organization_id",
        filter: &|sql: &mut Sql| {
            sql.push(" AND customers.deleted_at IS NULL");
        },
        order: &order,
        limit: wanted.page.rows(),
        offset: wanted.page.offset(),
    }
    .push(&mut select, tenancy.ids());
    Ok(Paged::new(tx.list(&select)?, total))
}
