//! Customers that come from elsewhere.

use merak_store::Tx;

use super::Customer;
use super::commands::count;
use crate::kit::{Id, Imported, Result, problem_of_name};
use crate::organizations::Organization;
use crate::search;

/// Takes a customer over as it is. One whose address a live customer of the organization has is that customer.
pub fn import(tx: &mut Tx<'_>, mut customer: Customer) -> Result<Imported<Customer>> {
    const OWNER: &str = "SELECT organization_id FROM customers WHERE id = $1";
    const SAME_ADDRESS: &str = "SELECT id FROM customers \
         WHERE organization_id = $1 AND email_lower = lower(CAST($2 AS text)) AND deleted_at IS NULL";
    if let Some(reason) = customer.name.as_deref().and_then(problem_of_name) {
        return Ok(Imported::refused(reason));
    }
    // On SQLite the address is compared by a trigger, whose conflict is nobody's to pass over.
    let same = match customer.deleted_at {
        None => tx.find::<Id<Customer>>(SAME_ADDRESS, &[&customer.organization_id, &customer.email])?,
        Some(_) => None,
    };
    if same.is_some() || !tx.insert_new(&customer)? {
        let owner = tx.find::<Id<Organization>>(OWNER, &[&customer.id])?;
        if owner == Some(customer.organization_id) {
            return Ok(Imported::Found(customer.id));
        }
        if let Some(id) = same {
            return Ok(Imported::Found(id));
        }
        customer.id = Id::new(tx);
        tx.insert(&customer)?;
    }
    if customer.deleted_at.is_none() {
        search::add(tx, &customer)?;
        count(tx, customer.organization_id, 1)?;
    }
    Ok(Imported::New(customer.id))
}
