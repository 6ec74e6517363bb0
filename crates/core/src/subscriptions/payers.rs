//! Which cards pay what is dearer. A card goes on to pay what it was given for; for more than that,
//!
//! | if for whoever wishes it vouches | it is paid by |
//! |---|---|
//! | the seller | whatever pays the subscription |
//! | the customer | cards that the customer has given |
//! | their having paid a checkout themselves | the card that they typed in for it |
//! | nobody | nothing |
//!
//! Somebody else may have typed a card into a checkout of the customer's, and anybody may have come along a link.
//!
//! That something goes on which was to end with its period takes nobody who vouches: its card goes on to pay what it was given
//! for, and a link in a mail is there for just such things.

use merak_store::ReadTx;

use super::Subscription;
use super::price_change::{PriceChange, Settles};
use super::rules::Error;
use crate::billing::{PaymentMethod, methods};
use crate::customer_sessions::Vouch;
use crate::kit::{Cents, Id, Refusal, Result};
use crate::products::RecurringInterval;

/// What a subscription costs, as prices are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// For how long one payment pays.
    pub(super) interval: RecurringInterval,
    /// One payment, before discounts, which end.
    pub(super) base: Cents,
    /// One payment, or what is charged now: less the discount of now, and less what is given back.
    pub(super) now: Cents,
}

impl Cost {
    /// Whether the card that has paid the one pays more for this: a year costs more, or more is charged at once than a period
    /// cost. Where the interval is another one, so is the time for which a discount runs, and only what was paid counts.
    pub(super) fn is_dearer_than(self, before: Self) -> bool {
        let paid = if self.interval == before.interval { before.base } else { before.now };
        self.now > before.now || a_year(self.base, self.interval) > a_year(paid, before.interval)
    }
}

fn a_year(amount: Cents, interval: RecurringInterval) -> i64 {
    let times = match interval {
        RecurringInterval::Month => 12,
        RecurringInterval::Year => 1,
    };
    amount.get().saturating_mul(times)
}

/// Whether a saved card may be told to pay something that it does not pay yet.
pub fn may_pay(method: &PaymentMethod, vouch: Vouch) -> bool {
    match vouch {
        Vouch::Seller => true,
        Vouch::Customer => method.is_offered,
        Vouch::Payer(id) => method.id == id,
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
    let found = |tx: &mut ReadTx<'_>, id: Option<Id<PaymentMethod>>| {
        let method = id.map(|id| methods::find(tx, id)).transpose()?.flatten();
        Ok(method.filter(PaymentMethod::is_saved))
    };
    if !is_paid_first {
        return found(tx, before.payment_method_id);
    }
    match vouch {
        Vouch::Seller => Ok(methods::list(tx, before.customer_id)?.into_iter().next()),
        Vouch::Customer => Ok(methods::list_offered(tx, before.customer_id)?.into_iter().next()),
        Vouch::Payer(id) => {
            Ok(found(tx, Some(id))?.filter(|method| method.customer_id == before.customer_id))
        }
        Vouch::Nobody => Ok(None),
    }
}

/// Refuses a dearer price that whoever wishes it may not let the card pay.
pub(super) fn require(
    tx: &mut ReadTx<'_>,
    before: &Subscription,
    change: &PriceChange,
    vouch: Vouch,
) -> Result<()> {
    if !change.is_dearer {
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
