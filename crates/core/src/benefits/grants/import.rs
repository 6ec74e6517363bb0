//! Grants that come from elsewhere.

use merak_store::{Json, Tx};
use serde_json::{Map, Value};

use super::BenefitGrant;
use super::commands::find_in_scope;
use crate::advertisements;
use crate::benefits::Benefit;
use crate::kit::{Id, Imported, Result};

/// Takes a grant over as it is, without carrying anything out: what it gave comes over by itself.
pub fn import(tx: &mut Tx<'_>, mut grant: BenefitGrant) -> Result<Imported<BenefitGrant>> {
    const BENEFIT: &str = "SELECT benefit_id FROM benefit_grants WHERE id = $1";
    if grant.subscription_id.is_some() && grant.order_id.is_some() {
        return Ok(Imported::refused("the grant comes with both a subscription and an order"));
    }
    if grant.is_revoked() {
        grant.granted_at = None;
    }
    if !tx.insert_new(&grant)? {
        if let Some(same) = find_in_scope(tx, grant.benefit_id, grant.customer_id, grant.scope())? {
            return Ok(Imported::Found(same.id));
        }
        if tx.find::<Id<Benefit>>(BENEFIT, &[&grant.id])? == Some(grant.benefit_id) {
            return Ok(Imported::Found(grant.id));
        }
        grant.id = Id::new(tx);
        tx.insert(&grant)?;
    }
    tx.changed_one(
        "UPDATE benefit_counts SET grants = grants + 1, granted = granted + $2 WHERE benefit_id = $1",
        &[&grant.benefit_id, &i64::from(grant.is_granted())],
    )?;
    advertisements::settle_named(tx, &grant.properties)?;
    Ok(Imported::New(grant.id))
}

/// Adds to the properties of a grant what they lack of these. Whatever it has been given here stays.
pub fn supply(tx: &mut Tx<'_>, id: Id<BenefitGrant>, properties: &Json) -> Result<()> {
    let mut members = properties.parse::<Map<String, Value>>()?;
    let Some(has) = tx.find::<Json>("SELECT properties FROM benefit_grants WHERE id = $1", &[&id])? else {
        return Ok(());
    };
    members.extend(has.parse::<Map<String, Value>>()?);
    let members = Json::from(Value::Object(members));
    Ok(tx.changed_one("UPDATE benefit_grants SET properties = $2 WHERE id = $1", &[&id, &members])?)
}
