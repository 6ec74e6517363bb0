//! What is read of grants.

use const_format::concatcp;
use merak_store::{Json, Order, PartitionedPage, ReadTx, Sql};
use uuid::Uuid;

use super::{BenefitGrant, GrantSort};
use crate::access::Actor;
use crate::benefits::{Benefit, BenefitType};
use crate::checkouts::Checkout;
use crate::customers::{self, Buyer, Customer};
use crate::kit::{Id, Page, Paged, Refusal, Result, Sort, order_by};
use crate::organizations::Organization;

/// A benefit's grants as its seller sees them.
#[derive(Clone, Debug)]
pub struct ListGrants {
    /// The benefit, which the caller may see.
    pub benefit_id: Id<Benefit>,
    /// Only granted ones, or only pending and revoked ones.
    pub is_granted: Option<bool>,
    /// Only those of these customers; empty is no filter.
    pub customer_ids: Vec<Id<Customer>>,
    /// Which page.
    pub page: Page,
}

/// Lists a benefit's grants with their customers, the newest first.
pub fn list(tx: &mut ReadTx<'_>, wanted: &ListGrants) -> Result<Paged<(BenefitGrant, Customer)>> {
    let filter = |sql: &mut Sql| {
        match wanted.is_granted {
            Some(true) => sql.push(" AND benefit_grants.granted_at IS NOT NULL"),
            Some(false) => sql.push(" AND benefit_grants.granted_at IS NULL"),
            None => sql,
        };
    };
    let mut count;
    if wanted.customer_ids.is_empty() {
        count = Sql::new(match wanted.is_granted {
            Some(true) => "SELECT granted",
            Some(false) => "SELECT grants - granted",
            None => "SELECT grants",
        });
        count.push(" FROM benefit_counts WHERE benefit_id = ").bind(wanted.benefit_id);
    } else {
        count = Sql::new("SELECT count(*) FROM benefit_grants WHERE benefit_id = ");
        count.bind(wanted.benefit_id).push(" AND customer_id IN ");
        count.bind_list(wanted.customer_ids.iter().copied());
        filter(&mut count);
    }
    let total = tx.count(&count)?;
    let mut select = Sql::new(concatcp!(
        "SELECT ",
        BenefitGrant::COLUMNS,
        ", ",
        Customer::COLUMNS,
        " FROM benefit_grants JOIN customers ON customers.id = benefit_grants.customer_id"
    ));
    let order = ["benefit_grants.created_at", "benefit_grants.id"].map(Order::descending);
    if wanted.customer_ids.is_empty() {
        PartitionedPage {
            table: "benefit_grants",
            column: "benefit_id",
            filter: &filter,
            order: &order,
            limit: wanted.page.rows(),
            offset: wanted.page.offset(),
        }
        .push(&mut select, &[wanted.benefit_id]);
    } else {
        let of_benefit = |sql: &mut Sql| {
            sql.push(" AND benefit_grants.benefit_id = ").bind(wanted.benefit_id);
            filter(sql);
        };
        PartitionedPage {
            table: "benefit_grants",
            column: "customer_id",
            filter: &of_benefit,
            order: &order,
            limit: wanted.page.rows(),
            offset: wanted.page.offset(),
        }
        .push(&mut select, &wanted.customer_ids);
    }
    Ok(Paged::new(tx.list(&select)?, total))
}

/// A grant with everything its buyer is shown.
pub type GrantOfBuyer = (BenefitGrant, Customer, Benefit, Organization);

const OF_BUYER: &str = concatcp!(
    "SELECT ",
    BenefitGrant::COLUMNS,
    ", ",
    Customer::COLUMNS,
    ", ",
    Benefit::COLUMNS,
    ", ",
    Organization::COLUMNS,
    FROM_OF_BUYER
);
const FROM_OF_BUYER: &str = " FROM benefit_grants JOIN customers ON customers.id = benefit_grants.customer_id \
     JOIN benefits ON benefits.id = benefit_grants.benefit_id \
     JOIN organizations ON organizations.id = benefits.organization_id \
     WHERE benefit_grants.revoked_at IS NULL AND benefits.deleted_at IS NULL";

/// A buyer's grants.
#[derive(Clone, Debug)]
pub struct ListGrantsOfBuyer {
    /// Only benefits of these kinds; empty is no filter, here and below.
    pub types: Vec<BenefitType>,
    /// Only these benefits.
    pub benefit_ids: Vec<Id<Benefit>>,
    /// Only benefits of these organizations.
    pub organization_ids: Vec<Id<Organization>>,
    /// Only what came from these checkouts.
    pub checkout_ids: Vec<Uuid>,
    /// Only what came with these orders.
    pub order_ids: Vec<Uuid>,
    /// Only what came with these subscriptions.
    pub subscription_ids: Vec<Uuid>,
    /// In which order.
    pub sorting: Vec<Sort<GrantSort>>,
    /// Which page.
    pub page: Page,
}

/// Lists what a buyer holds or waits for. A person holds few things, so they are simply counted and sorted.
pub fn list_of_buyer(
    tx: &mut ReadTx<'_>,
    actor: &Actor,
    wanted: &ListGrantsOfBuyer,
) -> Result<Paged<GrantOfBuyer>> {
    let buyer = customers::buyer(tx, actor)?;
    if buyer.customer_ids.is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let filter = |sql: &mut Sql| {
        sql.push(" AND benefit_grants.customer_id IN ").bind_list(buyer.customer_ids.iter().copied());
        if let Some(id) = buyer.checkout_id() {
            push_of_checkouts(sql, &[id.uuid()]);
        }
        if !wanted.types.is_empty() {
            sql.push(" AND benefits.type IN ").bind_list(wanted.types.iter().copied());
        }
        if !wanted.benefit_ids.is_empty() {
            sql.push(" AND benefits.id IN ").bind_list(wanted.benefit_ids.iter().copied());
        }
        if !wanted.organization_ids.is_empty() {
            sql.push(" AND organizations.id IN ").bind_list(wanted.organization_ids.iter().copied());
        }
        if !wanted.checkout_ids.is_empty() {
            push_of_checkouts(sql, &wanted.checkout_ids);
        }
        if !wanted.order_ids.is_empty() {
            sql.push(" AND benefit_grants.order_id IN ").bind_list(wanted.order_ids.iter().copied());
        }
        if !wanted.subscription_ids.is_empty() {
            sql.push(" AND benefit_grants.subscription_id IN ");
            sql.bind_list(wanted.subscription_ids.iter().copied());
        }
    };
    let mut count = Sql::new(concatcp!("SELECT count(*)", FROM_OF_BUYER));
    filter(&mut count);
    let total = tx.count(&count)?;
    let mut select = Sql::new(OF_BUYER);
    filter(&mut select);
    select.push(&order_by(&wanted.sorting, "benefit_grants.id")).push(" LIMIT ").bind(wanted.page.rows());
    select.push(" OFFSET ").bind(wanted.page.offset());
    let mut found: Vec<GrantOfBuyer> = tx.list(&select)?;
    for found in &mut found {
        veil(&buyer, found);
    }
    Ok(Paged::new(found, total))
}

/// Only grants of what these checkouts sold.
fn push_of_checkouts(sql: &mut Sql, ids: &[Uuid]) {
    sql.push(" AND (benefit_grants.order_id IN (SELECT orders.id FROM orders WHERE orders.checkout_id IN ");
    sql.bind_list(ids.iter().copied()).push(") OR benefit_grants.subscription_id IN ");
    sql.push("(SELECT subscriptions.id FROM subscriptions WHERE subscriptions.checkout_id IN ");
    sql.bind_list(ids.iter().copied()).push("))");
}

/// Takes away what the caller may not know: who else the customer is, and their accounts at other services.
fn veil(buyer: &Buyer, (grant, customer, benefit, _): &mut GrantOfBuyer) {
    if buyer.checkout.is_none() {
        return;
    }
    buyer.veil(customer);
    if benefit.r#type.is_outside() {
        grant.properties = Json::default();
    }
}

/// What came with a checkout, as far as it is held or waited for; at most a thousand.
pub(crate) fn list_of_checkout(tx: &mut ReadTx<'_>, checkout_id: Id<Checkout>) -> Result<Vec<BenefitGrant>> {
    let mut sql = Sql::new(concatcp!(
        "SELECT ",
        BenefitGrant::COLUMNS,
        " FROM benefit_grants WHERE benefit_grants.revoked_at IS NULL"
    ));
    push_of_checkouts(&mut sql, &[checkout_id.uuid()]);
    sql.push(" ORDER BY benefit_grants.id LIMIT 1000");
    Ok(tx.list(&sql)?)
}

/// One of the grants a buyer holds or waits for; else not found.
pub fn find_of_buyer(tx: &mut ReadTx<'_>, actor: &Actor, id: Id<BenefitGrant>) -> Result<GrantOfBuyer> {
    let buyer = customers::buyer(tx, actor)?;
    let mut sql = Sql::new(OF_BUYER);
    sql.push(" AND benefit_grants.id = ").bind(id);
    if let Some(id) = buyer.checkout_id() {
        push_of_checkouts(&mut sql, &[id.uuid()]);
    }
    let found = tx.list::<GrantOfBuyer>(&sql)?.pop();
    let found = found.filter(|(grant, ..)| buyer.customer_ids.contains(&grant.customer_id));
    let mut found = found.ok_or_else(Refusal::not_found)?;
    veil(&buyer, &mut found);
    Ok(found)
}
