//! What is told of grants: events for the shop, messages for portals that are open, and mails for customers whom no mail
//! about a purchase tells.
//!
//! | what happens | event | message |
//! |---|---|---|
//! | granted, or waits for its buyer, for the first time or after it was revoked | `created` | `benefit.granted` |
//! | looked at again: the benefit changed, or the buyer did something | `updated` | `benefit.granted`, if it was not |
//! | taken back | `revoked` | `benefit.revoked` |
//! | granted again while it is granted, taken back again while it is revoked | | |
//!
//! If another service has to be asked, the event is owed until it has answered.

use merak_store::{ReadTx, Tx};
use serde::Serialize;

use super::{BenefitGrant, Scope};
use crate::benefits::{Benefit, BenefitType};
use crate::customers;
use crate::emails::{self, Email, PortalLink};
use crate::events::{self, EventType};
use crate::kit::{Id, Result};
use crate::streams::{self, Channel};

/// Why a grant is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// It is new, or was revoked.
    First,
    /// It waits, and somebody grants it once more.
    Again,
    /// Its benefit changed, or its buyer did something.
    Update,
}

/// Tells what came of carrying a grant out, if that is settled.
pub(super) fn carried_out(
    tx: &mut Tx<'_>,
    benefit: &Benefit,
    grant: &BenefitGrant,
    occasion: Occasion,
) -> Result<()> {
    let owed = take_owed(tx, benefit, grant)?;
    let event = owed.or(match occasion {
        Occasion::First => Some(EventType::BenefitGrantCreated),
        // A buyer who still has to do something was told so.
        Occasion::Again => grant.is_granted().then_some(EventType::BenefitGrantCreated),
        Occasion::Update => Some(EventType::BenefitGrantUpdated),
    });
    event.map_or(Ok(()), |event| tell(tx, benefit, grant, event))
}

/// Remembers what is to be told once another service has answered. What is owed already stays so: who has not heard of
/// a grant first hears that it is there.
pub(super) fn owe(tx: &mut Tx<'_>, grant: &BenefitGrant, occasion: Occasion) -> Result<()> {
    let event = match occasion {
        Occasion::First => EventType::BenefitGrantCreated,
        Occasion::Again | Occasion::Update => EventType::BenefitGrantUpdated,
    };
    Ok(tx.changed_one(
        "UPDATE benefit_grants SET owed_event = coalesce(owed_event, $2) WHERE id = $1",
        &[&grant.id, &event],
    )?)
}

/// Tells what is owed, now that another service has answered.
pub(super) fn settled(tx: &mut Tx<'_>, benefit: &Benefit, grant: &BenefitGrant) -> Result<()> {
    match take_owed(tx, benefit, grant)? {
        Some(event) => tell(tx, benefit, grant, event),
        None => Ok(()),
    }
}

/// Tells that a benefit was taken back. What was owed is out of date.
pub(super) fn revoked(tx: &mut Tx<'_>, benefit: &Benefit, grant: &BenefitGrant) -> Result<()> {
    take_owed(tx, benefit, grant)?;
    publish(tx, benefit, grant, "benefit.revoked")?;
    events::emit(tx, benefit.organization_id, EventType::BenefitGrantRevoked, grant.id.uuid())
}

/// Tells open portals that their customer has the benefit now, or waits for it.
pub(super) fn publish_granted(tx: &mut Tx<'_>, benefit: &Benefit, grant: &BenefitGrant) -> Result<()> {
    publish(tx, benefit, grant, "benefit.granted")
}

/// Writes to the customer that the benefit is there.
pub(super) fn mail(tx: &mut Tx<'_>, benefit: &Benefit, grant: &BenefitGrant) -> Result<()> {
    const OF_SUBSCRIPTION: &str = "SELECT products.name FROM subscriptions \
         JOIN products ON products.id = subscriptions.product_id WHERE subscriptions.id = $1";
    const OF_ORDER: &str = "SELECT products.name FROM orders JOIN products ON products.id = orders.product_id WHERE orders.id = $1";
    let Some(customer) = customers::find(tx, grant.customer_id)? else { return Ok(()) };
    let product_name = match grant.scope() {
        Scope::Subscription(id) => tx.find(OF_SUBSCRIPTION, &[&id])?,
        Scope::Order(id) => tx.find(OF_ORDER, &[&id])?,
        Scope::ByHand => None,
    };
    let email = Email::BenefitGranted {
        benefit: emails::benefit_line(tx, benefit)?,
        product_name,
        portal: PortalLink { customer_id: customer.id, shows: grant.subscription_id.or(grant.order_id) },
    };
    emails::enqueue(tx, Some(benefit.organization_id), customer.email.as_str(), &email)?;
    Ok(())
}

fn tell(tx: &mut Tx<'_>, benefit: &Benefit, grant: &BenefitGrant, event: EventType) -> Result<()> {
    if event == EventType::BenefitGrantCreated && !grant.is_granted() {
        publish_granted(tx, benefit, grant)?;
    }
    events::emit(tx, benefit.organization_id, event, grant.id.uuid())
}

/// Only what another service gives is ever owed.
fn take_owed(tx: &mut Tx<'_>, benefit: &Benefit, grant: &BenefitGrant) -> Result<Option<EventType>> {
    if !benefit.r#type.is_outside() {
        return Ok(None);
    }
    let owed = find_owed(tx, grant.id)?;
    if owed.is_some() {
        tx.changed_one("UPDATE benefit_grants SET owed_event = NULL WHERE id = $1", &[&grant.id])?;
    }
    Ok(owed)
}

fn find_owed(tx: &mut ReadTx<'_>, id: Id<BenefitGrant>) -> Result<Option<EventType>> {
    Ok(tx.one("SELECT owed_event FROM benefit_grants WHERE id = $1", &[&id])?)
}

fn publish(tx: &mut Tx<'_>, benefit: &Benefit, grant: &BenefitGrant, key: &str) -> Result<()> {
    #[derive(Serialize)]
    struct Payload {
        benefit_id: Id<Benefit>,
        benefit_type: BenefitType,
    }
    let payload = Payload { benefit_id: benefit.id, benefit_type: benefit.r#type };
    streams::publish(tx, &Channel::Customer(grant.customer_id), key, &payload)
}
