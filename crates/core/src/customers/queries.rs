//! What is read of customers.

use const_format::concatcp;
use merak_store::{PartitionedPage, ReadTx, Sql};

use super::{Customer, CustomerSort};
use crate::access::{Actor, Subject, Tenancy};
use crate::checkouts::Checkout;
use crate::kit::{Email, Id, Metadata, Page, Paged, Refusal, Result, Sort, order};
use crate::organizations::Organization;
use crate::search::{self, Search, Totals};
use crate::users::{self, User};

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
        " FROM customers WHERE organization_id = $1 AND email_lower = lower(CAST($2 AS text)) AND deleted_at IS NULL"
    );
    Ok(tx.find(SQL, &[&organization_id, email])?)
}

/// The live customer, if the caller may see it; else not found.
pub fn get(tx: &mut ReadTx<'_>, tenancy: &Tenancy, id: Id<Customer>) -> Result<Customer> {
    find(tx, id)?.filter(|customer| tenancy.contains(customer.organization_id)).ok_or_else(Refusal::not_found)
}

/// Whose things a portal caller sees, and how much of them.
#[derive(Clone, Debug)]
pub(crate) struct Buyer {
    /// The customers.
    pub customer_ids: Vec<Id<Customer>>,
    /// The checkout whose fruits are all that is seen.
    pub checkout: Option<Box<Checkout>>,
}

impl Buyer {
    /// The checkout whose fruits are all that is seen.
    pub(crate) fn checkout_id(&self) -> Option<Id<Checkout>> {
        self.checkout.as_ref().map(|checkout| checkout.id)
    }

    /// Takes from a customer what the caller may not know. Who has only confirmed a checkout sees what they typed into it.
    pub(crate) fn veil(&self, customer: &mut Customer) {
        let Some(checkout) = &self.checkout else { return };
        *customer = Customer {
            id: customer.id,
            organization_id: customer.organization_id,
            user_id: None,
            email: checkout.customer_email.clone().unwrap_or_else(|| customer.email.clone()),
            email_verified: false,
            name: checkout.customer_name.clone(),
            billing_address: checkout.customer_billing_address.clone(),
            tax_id: checkout.customer_tax_id.clone(),
            metadata: Metadata::default(),
            created_at: checkout.created_at,
            modified_at: None,
            deleted_at: customer.deleted_at,
        };
    }
}

/// The checkout that has made the customer, as long as nothing else is known or was done about them.
pub fn newcomer_of(tx: &mut ReadTx<'_>, id: Id<Customer>) -> Result<Option<Id<Checkout>>> {
    let sql = "SELECT newcomer_checkout_id FROM customers WHERE id = $1";
    Ok(tx.find::<Option<Id<Checkout>>>(sql, &[&id])?.flatten())
}

/// Whose things a portal caller sees, where those who have only confirmed a checkout are shown what it sold.
pub(crate) fn buyer(tx: &mut ReadTx<'_>, actor: &Actor) -> Result<Buyer> {
    const SQL: &str =
        concatcp!("SELECT ", Checkout::COLUMNS, " FROM checkouts WHERE id = $1 AND customer_id = $2");
    let Subject::Purchase { customer_id, checkout_id } = actor.subject else {
        return Ok(Buyer { customer_ids: ids_of_buyer(tx, actor)?, checkout: None });
    };
    // One that is there no more has nothing to show.
    Ok(match tx.find::<Checkout>(SQL, &[&checkout_id, &customer_id])? {
        Some(checkout) => Buyer { customer_ids: vec![customer_id], checkout: Some(Box::new(checkout)) },
        None => Buyer { customer_ids: Vec::new(), checkout: None },
    })
}

/// The customers a portal caller acts for: the session's own, or all that are linked to the user.
pub fn ids_of_buyer(tx: &mut ReadTx<'_>, actor: &Actor) -> Result<Vec<Id<Customer>>> {
    match actor.subject {
        Subject::Customer(id) => Ok(vec![id]),
        Subject::User(user_id) => Ok(tx.all(
            "SELECT id FROM customers WHERE user_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT 1000",
            &[&user_id],
        )?),
        Subject::Anonymous | Subject::Organization(_) | Subject::Purchase { .. } => Ok(Vec::new()),
    }
}

/// One of the customers a portal caller acts for; else not found.
pub fn find_of_buyer(tx: &mut ReadTx<'_>, actor: &Actor, id: Id<Customer>) -> Result<Customer> {
    let is_own = |customer: &Customer| match actor.subject {
        Subject::Customer(own) => own == customer.id,
        Subject::User(user_id) => customer.user_id == Some(user_id),
        Subject::Anonymous | Subject::Organization(_) | Subject::Purchase { .. } => false,
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

/// Whether a person is this customer: their account is linked to it, and has shown that the customer's address is theirs.
/// The seller may have given the customer another one since.
pub fn is_of_person(tx: &mut ReadTx<'_>, customer: &Customer, user_id: Id<User>) -> Result<bool> {
    if customer.user_id != Some(user_id) {
        return Ok(false);
    }
    let user = users::find(tx, user_id)?;
    Ok(user.is_some_and(|user| user.email_verified && user.email.lower() == customer.email.lower()))
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
