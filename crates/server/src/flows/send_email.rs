//! Sends a mail: its record is opened, the mail is written and handed over, and the record says that it was.
//!
//! A crash between handing over and the record sends the mail once more, with the same `Message-ID`. So does a server
//! that took it and could not say so in time.

use merak_adapters::Error as Outside;
use merak_adapters::mail::Delivery;
use merak_core::emails::{self, Draft, Opened, Outgoing};
use merak_core::jobs::{self, Claimed, Outcome};
use merak_core::kit::{Id, Refusal};
use merak_store::{Timestamp, Tx};

use super::Error;
use crate::emails::write;
use crate::state::House;

pub(super) async fn run(house: &House, claimed: &Claimed, id: Id<Outgoing>) -> Result<(), Error> {
    let secret = house.secret.clone();
    let (opened, now) =
        house.store.write(move |tx| Ok::<_, Refusal>((emails::open(tx, &secret, id)?, tx.now()))).await?;
    let draft = match opened {
        Opened::Draft(draft) => draft,
        Opened::Nothing => return settle(house, claimed, |_, _| Ok(Outcome::Done)).await,
        Opened::Useless(reason) => {
            tracing::warn!(email = %id, reason, "a mail was not sent");
            let note = move |tx: &mut Tx<'_>, _: &Claimed| {
                emails::note_useless(tx, id, reason)?;
                Ok(Outcome::Done)
            };
            return settle(house, claimed, note).await;
        }
    };
    hand_over(house, claimed, &draft, now).await
}

async fn hand_over(house: &House, claimed: &Claimed, draft: &Draft, now: Timestamp) -> Result<(), Error> {
    let id = draft.id;
    let message = write(&house.letterhead, draft, now);
    match house.adapters.mail.send(&message).await {
        Ok(Delivery::Taken) => {
            let message_id = message.message_id();
            settle(house, claimed, move |tx, _| {
                emails::note_sent(tx, id, &message_id)?;
                Ok(Outcome::Done)
            })
            .await
        }
        Ok(Delivery::Refused(reason)) => {
            // Without the reason, which may repeat the address; the record has it.
            tracing::warn!(email = %id, "a mail was refused for good");
            settle(house, claimed, move |tx, _| emails::note_refused(tx, id, &reason)).await
        }
        Err(error) => {
            let seen = if let Outside::Unreachable { .. } = error {
                error.to_string()
            } else {
                String::from("not now")
            };
            tracing::warn!(email = %id, reason = seen, "a mail could not be sent and is tried again");
            let reason = error.to_string();
            settle(house, claimed, move |tx, claimed| {
                emails::note_delayed(tx, id, claimed.failure(), &reason)
            })
            .await
        }
    }
}

/// Notes what came of it and settles the job, in one unit.
async fn settle(
    house: &House,
    claimed: &Claimed,
    mut note: impl FnMut(&mut Tx<'_>, &Claimed) -> Result<Outcome, Refusal> + Send + 'static,
) -> Result<(), Error> {
    let claimed = claimed.clone();
    let unit = move |tx: &mut Tx<'_>| {
        let outcome = note(tx, &claimed)?;
        jobs::settle(tx, &claimed, &outcome)
    };
    Ok(house.store.write(unit).await?)
}
