//! Collecting what a change of a subscription's price costs at once.
//!
//! ```text
//! what makes way is canceled ── unit: the change, or the invoice that comes before it ── the payment is asked for ──
//! unit: the answer, and the change
//! ```
//!
//! What becomes of a payment that needs its time is decided by whoever learns of it: the sweep of payments, or an event.

use merak_core::billing::Payment;
use merak_core::subscriptions::Subscription;
use merak_core::subscriptions::price_change::{self, Applied, ChangePrice};

use super::{Error, collect};
use crate::state::House;

/// Cancels the payment of another change that waits for an approval, see [`price_change::in_the_way`]. To be called before
/// the change is applied.
pub async fn make_way(house: &House, subscription: Subscription, wish: ChangePrice) -> Result<(), Error> {
    let waiting = house.store.read(move |tx| price_change::in_the_way(tx, &subscription, wish)).await?;
    match waiting {
        Some(payment) => collect::cancel(house, &payment).await,
        None => Ok(()),
    }
}

/// Asks the processor for what a change costs. Returns the payment, if there is one; the change is made, or is made once
/// that succeeds. What was to be changed only if it was paid, and will not be, is given up and refused.
pub async fn collect(house: &House, applied: Applied) -> Result<Option<Payment>, Error> {
    match applied {
        Applied::Done => Ok(None),
        // It is changed already, and past due if the payment fails, which the caller sees.
        Applied::Asks(payment) => match collect::payment_patiently(house, &payment).await {
            Err(Error::Outside(error)) => {
                tracing::warn!(payment = %payment.id, %error, "it is not known what became of a payment");
                Ok(Some(*payment))
            }
            asked => asked.map(Some),
        },
        Applied::AsksFirst(payment) => {
            let asked = collect::payment_patiently(house, &payment).await?;
            let id = asked.id;
            match house.store.write(move |tx| price_change::given_up(tx, id)).await? {
                Some(refusal) => Err(refusal.into()),
                None => Ok(Some(asked)),
            }
        }
    }
}
