//! Collecting what a change of a subscription's price costs at once.

use merak_core::billing::{Payment, PaymentStatus};
use merak_core::subscriptions::price_change::{self, Applied};

use super::{Error, collect};
use crate::state::House;

/// Asks the processor for what a change costs. What was to be changed only if it was paid, and was not, is given up and
/// refused.
pub async fn collect(house: &House, applied: Applied) -> Result<(), Error> {
    match applied {
        Applied::Done => Ok(()),
        // The subscription is past due if it fails, which the caller sees.
        Applied::Asks(payment) => collect::payment(house, *payment).await.map(drop),
        Applied::AsksFirst(payment) => {
            let settled = collect::payment(house, *payment).await?;
            if settled.status == PaymentStatus::Succeeded {
                return Ok(());
            }
            give_up(house, settled).await
        }
    }
}

/// As [`collect()`], for a customer who is there: they are told what became of the payment, and may have to approve it. What
/// is changed only if it is paid waits for that.
pub async fn in_person(house: &House, applied: Applied) -> Result<Option<Payment>, Error> {
    match applied {
        Applied::Done => Ok(None),
        Applied::Asks(payment) | Applied::AsksFirst(payment) => {
            collect::payment(house, *payment).await.map(Some)
        }
    }
}

async fn give_up(house: &House, payment: Payment) -> Result<(), Error> {
    house.store.write(move |tx| price_change::give_up(tx, &payment)).await?;
    Err(price_change::not_paid().into())
}
