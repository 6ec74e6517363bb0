//! Sends mails: their records are opened, each mail is written and handed over, and the records say what came of it.
//!
//! A crash between handing over and the record sends the mail once more, with the same `Message-ID`. So does a server
//! that took it and could not say so in time.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use merak_adapters::Error as Outside;
use merak_adapters::mail::{Delivery, Message};
use merak_core::emails::{self, Opened, Outgoing};
use merak_core::jobs::{self, Claimed, FlowJob, Job, Outcome};
use merak_core::kit::{Id, Refusal};
use merak_store::Tx;

use super::Error;
use crate::emails::write;
use crate::state::House;

/// For how long mails of a batch are begun: what has not been by then is left to another batch, because the lease of all
/// ends at one time.
const BEGUN_WITHIN: Duration = Duration::from_secs(10);

/// What came of a mail.
enum Fate {
    Nothing,
    TooEarly,
    Useless(&'static str),
    Sent(String),
    Refused(String),
    Delayed(String),
    NotBegun,
}

pub(super) async fn run(house: &House, claimed: &Claimed, id: Id<Outgoing>) -> Result<(), Error> {
    send(house, vec![(claimed.clone(), id)]).await
}

/// Sends the mails of these jobs, and settles the jobs. Jobs of anything else are left alone.
pub async fn run_many(house: &House, claimed: Vec<Claimed>) -> Result<(), Error> {
    let mut seen = HashSet::new();
    let mails = claimed.into_iter().filter_map(|claimed| match claimed.job {
        // Two jobs of one mail go one after the other: the second comes back when its lease ends.
        Job::Flow(FlowJob::SendEmail { email_id }) if seen.insert(email_id) => Some((claimed, email_id)),
        _ => None,
    });
    send(house, mails.collect()).await
}

async fn send(house: &House, mails: Vec<(Claimed, Id<Outgoing>)>) -> Result<(), Error> {
    let begun = Instant::now();
    let (secret, ids) = (house.secret.clone(), mails.iter().map(|(_, id)| *id).collect::<Vec<_>>());
    let (opened, now) = house
        .store
        .write(move |tx| Ok::<_, Refusal>((emails::open_many(tx, &secret, &ids)?, tx.now())))
        .await?;
    let mut drafts = Vec::new();
    let mut fates: Vec<(Claimed, Id<Outgoing>, Fate)> = Vec::with_capacity(mails.len());
    for ((claimed, id), opened) in mails.into_iter().zip(opened) {
        match opened {
            Opened::Nothing => fates.push((claimed, id, Fate::Nothing)),
            Opened::TooEarly => fates.push((claimed, id, Fate::TooEarly)),
            Opened::Useless(reason) => fates.push((claimed, id, Fate::Useless(reason))),
            Opened::Draft(draft) => drafts.push((claimed, id, draft)),
        }
    }
    let messages: Vec<Message> =
        drafts.iter().map(|(_, _, draft)| write(&house.letterhead, draft, now)).collect();
    let mut answers = house.adapters.mail.send_many(&messages, begun + BEGUN_WITHIN).await.into_iter();
    for ((claimed, id, _), message) in drafts.into_iter().zip(&messages) {
        fates.push((claimed, id, answers.next().map_or(Fate::NotBegun, |answer| fate(id, message, answer))));
    }
    // Notes what came of each and settles its job, in one unit.
    let unit = move |tx: &mut Tx<'_>| {
        for (claimed, id, fate) in &fates {
            let outcome = note(tx, claimed, *id, fate)?;
            jobs::settle(tx, claimed, &outcome)?;
        }
        Ok::<_, Refusal>(())
    };
    Ok(house.store.write(unit).await?)
}

/// What an answer means to a mail.
fn fate(id: Id<Outgoing>, message: &Message, answer: Result<Delivery, Outside>) -> Fate {
    match answer {
        Ok(Delivery::Taken) => Fate::Sent(message.message_id()),
        Ok(Delivery::Refused(reason)) => {
            // Without the reason, which may repeat the address; the record has it.
            tracing::warn!(email = %id, "a mail was refused for good");
            Fate::Refused(reason)
        }
        Err(error) => {
            let seen = if let Outside::Unreachable { .. } = error {
                error.to_string()
            } else {
                String::from("not now")
            };
            tracing::warn!(email = %id, reason = seen, "a mail could not be sent and is tried again");
            Fate::Delayed(error.to_string())
        }
    }
}

fn note(tx: &mut Tx<'_>, claimed: &Claimed, id: Id<Outgoing>, fate: &Fate) -> Result<Outcome, Refusal> {
    match fate {
        Fate::Nothing => Ok(Outcome::Done),
        Fate::TooEarly => Ok(Outcome::Postponed("what it tells is still being made".into(), 1)),
        Fate::Useless(reason) => {
            tracing::warn!(email = %id, reason, "a mail was not sent");
            emails::note_useless(tx, id, reason)?;
            Ok(Outcome::Done)
        }
        Fate::Sent(message_id) => {
            emails::note_sent(tx, id, message_id)?;
            Ok(Outcome::Done)
        }
        Fate::Refused(reason) => emails::note_refused(tx, id, reason),
        Fate::Delayed(reason) => emails::note_delayed(tx, id, claimed.failure(), reason),
        Fate::NotBegun => Ok(Outcome::Postponed("others were sent first".into(), 0)),
    }
}
