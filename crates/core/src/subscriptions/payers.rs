//! Which cards pay what is dearer. A card goes on to pay what it was given for; for more than that,
//!
//! | if for whoever wishes it vouches | it is paid by |
//! |---|---|
//! | the seller | whatever pays the subscription |
//! | the customer | cards that the customer has given |
//! | nobody | nothing |
//!
//! Somebody else may have typed a card into a checkout of the customer's, and anybody may have come along a link.

use merak_store::ReadTx;

use super::Subscription;
use super::price_change::{PriceChange, Settles};
use super::rules::Error;
use crate::billing::{PaymentMethod, methods};
use crate::customer_sessions::Vouch;
use crate::kit::{Cents, Refusal, Result};
use crate::products::RecurringInterval;

impl PriceChange {
    /// Whether a card pays something now for this change, or more than before from now on.
    pub(super) fn is_dearer(&self, before: &Subscription) -> bool {
        let is_charged_now = match &self.settles {
            Settles::NotAtAll => return false,
            Settles::WithNextInvoice(_) => false,
            Settles::Now(new) | Settles::First(new) => {
                new.lines.iter().map(|line| line.amount.get()).sum::<i64>() > 0
            }
        };
        is_charged_now || a_year_of(&self.after) > a_year_of(before)
    }
}

/// What a subscription costs in a year, before discounts, which end.
fn a_year_of(subscription: &Subscription) -> i64 {
    let times = match subscription.recurring_interval {
        RecurringInterval::Month => 12,
        RecurringInterval::Year => 1,
    };
    subscription.base_amount.map_or(0, Cents::get).saturating_mul(times)
}

/// Whether a saved card may be told to pay something that it does not pay yet.
pub const fn may_pay(method: &PaymentMethod, vouch: Vouch) -> bool {
    match vouch {
        Vouch::Seller => true,
        Vouch::Customer => method.is_offered,
        Vouch::Nobody => false,
    }
}

/// The card that pays a change: what was free is paid with what its customer saved last, everything else with its own card.
pub fn card(
    tx: &mut ReadTx<'_>,
    before: &Subscription,
    is_paid_first: bool,
    vouch: Vouch,
) -> Result<Option<PaymentMethod>> {
    if !is_paid_first {
        let own = match before.payment_method_id {
            Some(id) => methods::find(tx, id)?,
            None => None,
        };
        return Ok(own.filter(PaymentMethod::is_saved));
    }
    let saved = match vouch {
        Vouch::Seller => methods::list(tx, before.customer_id)?,
        Vouch::Customer => methods::list_offered(tx, before.customer_id)?,
        Vouch::Nobody => Vec::new(),
    };
    Ok(saved.into_iter().next())
}

/// Refuses a dearer price that whoever wishes it may not let the card pay.
pub(super) fn require(
    tx: &mut ReadTx<'_>,
    before: &Subscription,
    change: &PriceChange,
    vouch: Vouch,
) -> Result<()> {
    if !change.is_dearer(before) {
        return Ok(());
    }
    if vouch == Vouch::Nobody {
        return Err(Error::NotShown.into());
    }
    let is_paid_first = matches!(change.settles, Settles::First(_));
    match card(tx, before, is_paid_first, vouch)? {
        Some(method) if !may_pay(&method, vouch) => Err(Refusal::from(Error::OthersCard)),
        Some(_) | None => Ok(()),
    }
}
