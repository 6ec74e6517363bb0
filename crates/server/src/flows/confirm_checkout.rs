//! Confirming a checkout.
//!
//! ```text
//! unit: the buyer's last changes, all checks, the checkout is held ── the payment is asked for ── unit: the answer
//! ```
//!
//! Should no answer come, the checkout stays held, and the sweep of payments finds out. Who confirms again with the same
//! token meanwhile waits for the first.

use std::sync::Arc;
use std::time::Duration;

use merak_core::billing::payments::Question;
use merak_core::billing::{Answer, Outcome, Payment, PaymentStatus, payments};
use merak_core::checkouts::confirm::{self, Confirm, Held, Standing};
use merak_core::checkouts::{self, ClientUpdate};
use merak_core::kit::{Id, Kind, Refusal};
use merak_store::Tx;

use super::{Error, collect};
use crate::state::House;

/// How often it is looked whether another confirmation has come to its end, and for how many times.
const LOOK: (Duration, u32) = (Duration::from_millis(200), 100);

/// What there is to do once a checkout was looked at.
enum Begun {
    Asks(Box<Question>),
    Waits(Box<Payment>),
    Done,
}

/// Confirms the checkout with this secret. It is confirmed, or has succeeded, if this returns.
pub async fn run(
    house: &House,
    client_secret: &str,
    update: ClientUpdate,
    confirm: Confirm,
) -> Result<(), Error> {
    if let Some((id, answer)) = ask(house, client_secret, update, confirm).await? {
        collect::settle_one(house, id, answer).await?;
    }
    Ok(())
}

/// As [`run`], up to a payment that has succeeded and is still to be settled, by the unit that tells the buyer. Should that
/// unit never come, the sweep of payments settles it.
pub async fn ask(
    house: &House,
    client_secret: &str,
    update: ClientUpdate,
    confirm: Confirm,
) -> Result<Option<(Id<Payment>, Answer)>, Error> {
    let (rules, client_secret) = (house.billing.clone(), client_secret.to_owned());
    let processor = Arc::clone(&house.adapters.payments);
    let unit = move |tx: &mut Tx<'_>| {
        let mut checkout = checkouts::find_by_client_secret(tx, &client_secret)?;
        match confirm::standing(tx, &checkout, &confirm)? {
            Standing::UnderWay(payment) => return Ok::<_, Refusal>(Begun::Waits(payment)),
            Standing::Confirmed => return Ok(Begun::Done),
            Standing::Open => {}
        }
        let terms = checkouts::apply_client_update(tx, &mut checkout, &update)?;
        let Held::Asks(mut question) = confirm::hold(tx, &rules, checkout, &terms, &confirm)? else {
            return Ok(Begun::Done);
        };
        let payer = &mut question.payer;
        if payer.processor_customer_id.is_none()
            && let Some(known_as) = processor.customer_id(&payer.customer_id.to_string())
        {
            let customer_id = payments::remember_payer(tx, payer.customer_id, &rules.processor, &known_as)?;
            payer.processor_customer_id = Some(customer_id);
        }
        Ok(Begun::Asks(question))
    };
    let begun = match house.store.write(unit.clone()).await {
        // A buyer nobody knew is made a customer. If another click made them at the same time, they are known now.
        Err(Refusal::Invalid(_)) => house.store.write(unit).await?,
        done => done?,
    };
    let payment = match begun {
        Begun::Done => return Ok(None),
        Begun::Asks(question) => {
            let (id, answer) = (question.payment.id, collect::ask_patiently(house, &question).await?);
            if let Outcome::Succeeded { .. } = answer.outcome {
                return Ok(Some((id, answer)));
            }
            collect::settle_one(house, id, answer).await?
        }
        Begun::Waits(payment) => wait(house, payment.id).await?,
    };
    if payment.status == PaymentStatus::Failed {
        return Err(declined(&payment).into());
    }
    Ok(None)
}

async fn wait(house: &House, id: Id<Payment>) -> Result<Payment, Error> {
    for _ in 0..LOOK.1 {
        let found = house.store.read(move |tx| payments::find(tx, id)).await?;
        if let Some(payment) = found.filter(|payment| payment.status != PaymentStatus::Pending) {
            return Ok(payment);
        }
        tokio::time::sleep(LOOK.0).await;
    }
    Err(Error::Outside(merak_adapters::Error::Unreachable {
        service: "The payment processor",
        cause: String::from("the first confirmation has not come to its end"),
    }))
}

/// What the buyer reads whose payment failed.
fn declined(payment: &Payment) -> Refusal {
    let reason = payment.failure_message.as_deref().unwrap_or("No reason was given.");
    Refusal::rule(
        Kind::Payment,
        format!("The payment was declined: {reason} Try again with another payment method."),
    )
}
