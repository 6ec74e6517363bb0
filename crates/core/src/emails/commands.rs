//! What changes of mails: they are asked for, sent, or given up.

use const_format::concatcp;
use merak_store::{Json, Timestamp, Tx};

use super::{Email, Outgoing, SecretEmail, rules};
use crate::clock;
use crate::jobs::{self, FlowJob, Outcome};
use crate::kit::seal::seal;
use crate::kit::{Id, InstanceSecret, Result};
use crate::organizations::Organization;

/// How long the record of a mail is kept, in seconds: thirty days.
const KEPT_FOR: i64 = 30 * 24 * 3600;

/// How many members of an organization are told something at most.
const MOST_MEMBERS: i64 = 1000;

/// Asks for a mail, in the name of an organization or of the installation. It is sent if and only if the unit of work
/// commits.
pub fn enqueue(
    tx: &mut Tx<'_>,
    organization_id: Option<Id<Organization>>,
    to: &str,
    email: &Email,
) -> Result<Id<Outgoing>> {
    let mut row = row(tx, organization_id, to, email.kind())?;
    row.payload = Some(Json::new(email)?);
    insert(tx, &row)
}

/// Asks for a mail to everybody who works for an organization, in its name. Returns how many there are.
pub fn enqueue_to_members(
    tx: &mut Tx<'_>,
    organization_id: Id<Organization>,
    email: &Email,
) -> Result<usize> {
    let members: Vec<String> = tx.all(
        "SELECT users.email FROM organization_members AS members JOIN users ON users.id = members.user_id \
         WHERE members.organization_id = $1 AND members.deleted_at IS NULL AND users.deleted_at IS NULL AND users.blocked_at IS NULL \
         ORDER BY users.id LIMIT $2",
        &[&organization_id, &MOST_MEMBERS],
    )?;
    for address in &members {
        enqueue(tx, Some(organization_id), address, email)?;
    }
    Ok(members.len())
}

/// As [`enqueue`], of a mail that lets its reader in.
pub fn enqueue_secret(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    (organization_id, to): (Option<Id<Organization>>, &str),
    email: &SecretEmail,
) -> Result<Id<Outgoing>> {
    let mut row = row(tx, organization_id, to, email.kind())?;
    let text = Json::new(email)?.to_string();
    row.sealed_payload = Some(seal(tx, &sealing_key(secret), text.as_bytes()));
    insert(tx, &row)
}

/// Notes that somebody took the mail. What it said is forgotten.
pub fn note_sent(tx: &mut Tx<'_>, id: Id<Outgoing>, message_id: &str) -> Result<()> {
    let now = tx.now();
    tx.execute(
        "UPDATE emails SET sent_at = $2, message_id = $3, payload = NULL, sealed_payload = NULL, last_error = NULL, \
         failed_at = NULL WHERE id = $1 AND sent_at IS NULL",
        &[&id, &now, &message_id],
    )?;
    Ok(())
}

/// Notes that the mail was refused for good. What it says stays, so that it can be sent once the reason is gone.
pub fn note_refused(tx: &mut Tx<'_>, id: Id<Outgoing>, reason: &str) -> Result<Outcome> {
    let now = tx.now();
    tx.execute(
        "UPDATE emails SET failed_at = $2, last_error = $3 WHERE id = $1 AND sent_at IS NULL",
        &[&id, &now, &reason],
    )?;
    Ok(Outcome::SetAside(reason.into()))
}

/// Notes that the mail could not be sent now, for the `failure`-th time. It is tried again until it is too old.
pub fn note_delayed(tx: &mut Tx<'_>, id: Id<Outgoing>, failure: i64, reason: &str) -> Result<Outcome> {
    let mut dice = [0; 8];
    tx.fill(&mut dice);
    let updated: Vec<Timestamp> = tx.returning(
        "UPDATE emails SET last_error = $2 WHERE id = $1 AND sent_at IS NULL RETURNING created_at",
        &[&id, &reason],
    )?;
    match updated.first() {
        Some(created_at) if rules::is_too_late(*created_at, tx.now()) => note_refused(tx, id, reason),
        Some(_) => {
            let pause = rules::pause_after(failure, u64::from_le_bytes(dice));
            Ok(Outcome::FailedOutside(reason.into(), pause))
        }
        None => Ok(Outcome::Done),
    }
}

/// Notes that the mail is of no use any more. What it said is forgotten.
pub fn note_useless(tx: &mut Tx<'_>, id: Id<Outgoing>, reason: &str) -> Result<()> {
    let now = tx.now();
    tx.execute(
        "UPDATE emails SET failed_at = $2, last_error = $3, payload = NULL, sealed_payload = NULL \
         WHERE id = $1 AND sent_at IS NULL",
        &[&id, &now, &reason],
    )?;
    Ok(())
}

/// Removes at most `limit` records whose time is over, and what was set aside of their jobs. Returns how many.
pub fn purge(tx: &mut Tx<'_>, limit: i64) -> Result<u64> {
    const OLD: &str = "SELECT id FROM emails WHERE created_at <= $1 ORDER BY created_at, id LIMIT $2";
    let end = tx.now().add_seconds(-KEPT_FOR);
    tx.execute(
        concatcp!(
            "DELETE FROM jobs WHERE failed_at IS NOT NULL AND lane IN \
             (SELECT 'email:' || CAST(old.id AS text) FROM (",
            OLD,
            ") AS old)"
        ),
        &[&end, &limit],
    )?;
    Ok(tx.execute(concatcp!("DELETE FROM emails WHERE id IN (", OLD, ")"), &[&end, &limit])?)
}

pub(super) fn sealing_key(secret: &InstanceSecret) -> [u8; 32] {
    secret.derive("mails that let somebody in")
}

fn row(tx: &mut Tx<'_>, organization_id: Option<Id<Organization>>, to: &str, kind: &str) -> Result<Outgoing> {
    let now = tx.now();
    // What is kept, tried and ends does so by the real clock; only the date is that of the organization.
    let by_its_clock = organization_id.map(|id| clock::now(tx, id)).transpose()?;
    Ok(Outgoing {
        id: Id::new(tx),
        organization_id,
        recipient: to.to_owned(),
        kind: kind.to_owned(),
        payload: None,
        sealed_payload: None,
        message_id: None,
        last_error: None,
        created_at: now,
        occurred_at: by_its_clock.filter(|at| *at != now),
        sent_at: None,
        failed_at: None,
    })
}

fn insert(tx: &mut Tx<'_>, row: &Outgoing) -> Result<Id<Outgoing>> {
    tx.insert(row)?;
    jobs::enqueue(tx, &FlowJob::SendEmail { email_id: row.id }.into())?;
    Ok(row.id)
}
