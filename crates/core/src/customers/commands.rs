//! What changes customers.

use merak_store::{Engine, Param, ResultExt, Tx};

use super::{Customer, buyers, queries};
use crate::access::Tenancy;
use crate::billing::methods;
use crate::checkouts::Checkout;
use crate::connections;
use crate::jobs::{self, Job};
use crate::kit::{Address, Email, Id, Metadata, Patch, Refusal, Result, TaxId, at};
use crate::organizations::Organization;
use crate::search;
use crate::subscriptions;
use crate::users::User;

/// A new customer.
#[derive(Clone, Debug)]
pub struct CreateCustomer {
    /// Whose customer.
    pub organization_id: Id<Organization>,
    /// The address.
    pub email: Email,
    /// What they are called.
    pub name: Option<String>,
    /// Where they are billed.
    pub billing_address: Option<Address>,
    /// Their tax number.
    pub tax_id: Option<TaxId>,
    /// The organization's own notes.
    pub metadata: Metadata,
}

/// Makes a customer. An address that a live customer of the organization has is refused.
pub fn create(tx: &mut Tx<'_>, command: &CreateCustomer) -> Result<Customer> {
    create_by(tx, command, None)
}

/// As [`create`]. Whoever confirms the checkout that makes a customer may act as them until [`outgrow`].
pub(crate) fn create_by(
    tx: &mut Tx<'_>,
    command: &CreateCustomer,
    checkout_id: Option<Id<Checkout>>,
) -> Result<Customer> {
    let customer = Customer {
        id: Id::new(tx),
        organization_id: command.organization_id,
        user_id: None,
        email: command.email.clone(),
        email_verified: false,
        name: command.name.clone(),
        billing_address: command.billing_address.clone().map(Address::tidied),
        tax_id: command.tax_id.clone(),
        metadata: command.metadata.clone(),
        created_at: tx.now(),
        modified_at: None,
        deleted_at: None,
    };
    let (email_lower, name_lower) = (customer.email.lower(), customer.name.as_deref().map(str::to_lowercase));
    let mut others: Vec<(_, &dyn Param)> = vec![("newcomer_checkout_id", &checkout_id)];
    // PostgreSQL writes these itself. On SQLite a trigger would, which costs as much as the row.
    if tx.engine() == Engine::Sqlite {
        others.extend([("email_lower", &email_lower as &dyn Param), ("name_lower", &name_lower)]);
    }
    tx.insert_with(&customer, &others).on_constraint(EMAIL_KEY, || email_taken(&customer.email))?;
    search::add(tx, &customer)?;
    count(tx, customer.organization_id, 1)?;
    Ok(customer)
}

const EMAIL_KEY: &str = "customers_organization_id_email_key";

fn email_taken(email: &Email) -> Refusal {
    Refusal::invalid(
        at("body")
            .field("email")
            .value_error("A customer with this email address already exists.", email.as_str()),
    )
}

/// A change of a customer. Absent members stay as they are; null clears where there is something to clear.
#[derive(Clone, Debug, Default)]
pub struct UpdateCustomer {
    /// A new address. One that differs by more than its letter case is no longer verified.
    pub email: Option<Email>,
    /// See [`Customer::name`].
    pub name: Patch<String>,
    /// Replaced as a whole.
    pub billing_address: Patch<Address>,
    /// See [`Customer::tax_id`].
    pub tax_id: Patch<TaxId>,
    /// Replaced as a whole.
    pub metadata: Option<Metadata>,
}

impl UpdateCustomer {
    fn is_empty(&self) -> bool {
        self.email.is_none()
            && self.name.is_absent()
            && self.billing_address.is_absent()
            && self.tax_id.is_absent()
            && self.metadata.is_none()
    }
}

/// Changes a customer the caller may see.
pub fn update(
    tx: &mut Tx<'_>,
    tenancy: &Tenancy,
    id: Id<Customer>,
    command: &UpdateCustomer,
) -> Result<Customer> {
    let before = queries::get(tx, tenancy, id)?;
    if command.is_empty() {
        return Ok(before);
    }
    let mut customer = before.clone();
    if let Some(email) = &command.email {
        if email.lower() != customer.email.lower() {
            customer.email_verified = false;
        }
        customer.email = email.clone();
    }
    command.name.clone().apply(&mut customer.name);
    command.billing_address.clone().map(Address::tidied).apply(&mut customer.billing_address);
    command.tax_id.clone().apply(&mut customer.tax_id);
    if let Some(metadata) = &command.metadata {
        customer.metadata = metadata.clone();
    }
    customer.modified_at = Some(tx.now());
    tx.changed_one(
        "UPDATE customers SET email = $2, email_verified = $3, name = $4, billing_address = $5, tax_id = $6, \
         metadata = $7, modified_at = $8 WHERE id = $1",
        &[
            &customer.id,
            &customer.email,
            &customer.email_verified,
            &customer.name,
            &customer.billing_address,
            &customer.tax_id,
            &customer.metadata,
            &customer.modified_at,
        ],
    )
    .on_constraint(EMAIL_KEY, || email_taken(&customer.email))?;
    search::change(tx, &before, &customer)?;
    if customer.email.lower() != before.email.lower() {
        for table in ["orders", "subscriptions"] {
            let sql =
                format!("UPDATE {table} SET customer_email = lower(CAST($2 AS text)) WHERE customer_id = $1");
            tx.execute(&sql, &[&customer.id, &customer.email])?;
        }
        outgrow(tx, id, None)?;
        another_address(tx, id)?;
        customer.user_id = None;
    }
    Ok(customer)
}

/// A customer may be another person now: who was signed in is not any more, no account is theirs until it shows that it is, and
/// the cards that were given pay nothing new.
fn another_address(tx: &mut Tx<'_>, id: Id<Customer>) -> Result<()> {
    tx.execute("UPDATE customers SET user_id = NULL WHERE id = $1", &[&id])?;
    tx.execute("DELETE FROM customer_sessions WHERE customer_id = $1", &[&id])?;
    tx.execute("DELETE FROM customer_session_codes WHERE customer_id = $1", &[&id])?;
    methods::withdraw(tx, id)
}

/// What a purchase tells of its buyer.
#[derive(Clone, Debug, Default)]
pub struct Enrichment {
    /// What they are called, if that was not known.
    pub name: Option<String>,
    /// Where they are billed, if that was not known.
    pub billing_address: Option<Address>,
    /// Their tax number, if that was not known.
    pub tax_id: Option<TaxId>,
    /// Notes, which go over those that are there.
    pub metadata: Metadata,
}

/// Fills in what was not known of a customer, and adds to the notes. What was known stays.
pub fn enrich(tx: &mut Tx<'_>, customer: &Customer, told: &Enrichment) -> Result<()> {
    let mut after = customer.clone();
    after.name = after.name.or_else(|| told.name.clone());
    after.billing_address = after.billing_address.or_else(|| told.billing_address.clone());
    after.tax_id = after.tax_id.or_else(|| told.tax_id.clone());
    after.metadata = after.metadata.merged(&told.metadata);
    let is_same = after.name == customer.name
        && after.billing_address == customer.billing_address
        && after.tax_id == customer.tax_id
        && after.metadata == customer.metadata;
    if is_same || customer.deleted_at.is_some() {
        return Ok(());
    }
    after.modified_at = Some(tx.now());
    tx.changed_one(
        "UPDATE customers SET name = $2, billing_address = $3, tax_id = $4, metadata = $5, modified_at = $6 \
         WHERE id = $1",
        &[&after.id, &after.name, &after.billing_address, &after.tax_id, &after.metadata, &after.modified_at],
    )?;
    search::change(tx, customer, &after)?;
    Ok(())
}

/// Deletes a customer the caller may see: it is gone from every answer at once, its sessions and its subscriptions end,
/// and a job takes back what it was granted. What it has as credit goes with it.
pub fn delete(tx: &mut Tx<'_>, tenancy: &Tenancy, id: Id<Customer>) -> Result<()> {
    let customer = queries::get(tx, tenancy, id)?;
    let now = tx.now();
    // Before it is gone, because it is written to once more.
    subscriptions::end_all_of(tx, id)?;
    let has_bought = tx.returning::<bool>(
        "UPDATE customers SET deleted_at = $2, modified_at = $2 WHERE id = $1 RETURNING bought_at IS NOT NULL",
        &[&id, &now],
    )?;
    if has_bought.first() == Some(&true) {
        buyers::forget(tx, customer.organization_id)?;
    }
    tx.execute("DELETE FROM customer_sessions WHERE customer_id = $1", &[&id])?;
    search::remove(tx, &customer)?;
    connections::forget_customer(tx, id)?;
    count(tx, customer.organization_id, -1)?;
    jobs::enqueue(tx, &Job::RevokeGrantsOfCustomer { customer_id: id })
}

/// Links a customer to the account of the same person, who may then act for it in the portal.
pub fn link_user(tx: &mut Tx<'_>, id: Id<Customer>, user_id: Id<User>) -> Result<()> {
    tx.changed_one("UPDATE customers SET user_id = $2 WHERE id = $1", &[&id, &user_id])?;
    outgrow(tx, id, None)
}

/// Something happens to a customer that does not come from the checkout that made them, or comes from another than this.
/// What has been opened at the end of the first one is bound to it from now on; see [`crate::customer_sessions`].
pub(crate) fn outgrow(tx: &mut Tx<'_>, id: Id<Customer>, unless_of: Option<Id<Checkout>>) -> Result<()> {
    tx.execute(
        "UPDATE customers SET newcomer_checkout_id = NULL \
         WHERE id = $1 AND newcomer_checkout_id IS NOT NULL AND newcomer_checkout_id IS DISTINCT FROM $2",
        &[&id, &unless_of],
    )?;
    Ok(())
}

pub(super) fn count(tx: &mut Tx<'_>, organization_id: Id<Organization>, change: i64) -> Result<()> {
    Ok(tx.changed_one(
        "UPDATE customer_counts SET customers = customers + $2 WHERE organization_id = $1",
        &[&organization_id, &change],
    )?)
}
