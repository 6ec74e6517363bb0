//! Events: what happened in a shop, recorded in the unit of work that did it. Webhooks are made of them.

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp, Tx, row};
use uuid::Uuid;

use crate::kit::{Id, Result, text_enum};
use crate::organizations::Organization;

/// For how long events are kept, in seconds: 30 days.
const KEPT_FOR: i64 = 30 * 24 * 3600;

text_enum! {
    /// What can happen, in the wire's order.
    pub enum EventType {
        /// Somebody began to buy.
        CheckoutCreated = "checkout.created",
        /// A checkout was changed, confirmed, paid or failed. That it expired is no event.
        CheckoutUpdated = "checkout.updated",
        /// Something was bought, or a subscription was renewed.
        OrderCreated = "order.created",
        /// A subscription began, whatever its status.
        SubscriptionCreated = "subscription.created",
        /// A subscription changed in any way, renewals included.
        SubscriptionUpdated = "subscription.updated",
        /// A subscription became active, or began so.
        SubscriptionActive = "subscription.active",
        /// A subscription is to end, or has ended, because somebody wants that.
        SubscriptionCanceled = "subscription.canceled",
        /// A subscription that was to end goes on.
        SubscriptionUncanceled = "subscription.uncanceled",
        /// A subscription entitles to nothing any more.
        SubscriptionRevoked = "subscription.revoked",
        /// A product was made.
        ProductCreated = "product.created",
        /// A product, its prices or its benefits were changed, or it was archived.
        ProductUpdated = "product.updated",
        /// A benefit was made.
        BenefitCreated = "benefit.created",
        /// A benefit was changed or deleted.
        BenefitUpdated = "benefit.updated",
        /// A benefit was granted, or waits for its buyer to do something.
        BenefitGrantCreated = "benefit_grant.created",
        /// A grant was looked at again, after a change of its benefit or something its buyer did.
        BenefitGrantUpdated = "benefit_grant.updated",
        /// A benefit was taken back.
        BenefitGrantRevoked = "benefit_grant.revoked",
        /// The settings of an organization were changed.
        OrganizationUpdated = "organization.updated",
        /// Somebody pledged money for an issue.
        PledgeCreated = "pledge.created",
        /// A pledge changed its state or amount.
        PledgeUpdated = "pledge.updated",
    }
}

row! {
    /// Something that happened.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Event in "events" {
        /// The event's id. A later event has a greater one.
        pub id: Id<Event>,
        /// In whose shop.
        pub organization_id: Id<Organization>,
        /// What happened.
        pub r#type: EventType,
        /// To what: the id of a checkout, an order, a product, as the type says.
        pub subject_id: Uuid,
        /// When.
        pub created_at: Timestamp,
    }
}

/// Records that something happened to the subject, in the unit of work in which it did.
pub fn emit(
    tx: &mut Tx<'_>,
    organization_id: Id<Organization>,
    r#type: EventType,
    subject_id: Uuid,
) -> Result<()> {
    let event = Event { id: Id::new(tx), organization_id, r#type, subject_id, created_at: tx.now() };
    Ok(tx.insert(&event)?)
}

/// The next events of an organization after the given one, in the order in which they happened, at most so many.
pub fn after(
    tx: &mut ReadTx<'_>,
    organization_id: Id<Organization>,
    after: Option<Id<Event>>,
    limit: i64,
) -> Result<Vec<Event>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Event::COLUMNS,
        " FROM events WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3"
    );
    let after = after.unwrap_or(Id::from_uuid(Uuid::nil()));
    Ok(tx.all(SQL, &[&organization_id, &after, &limit])?)
}

/// Removes at most `limit` events that are too old to be of use. Returns how many.
pub fn purge(tx: &mut Tx<'_>, limit: i64) -> Result<u64> {
    let before = tx.now().add_seconds(-KEPT_FOR);
    Ok(tx.execute(
        "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE created_at <= $1 ORDER BY created_at LIMIT $2)",
        &[&before, &limit],
    )?)
}
