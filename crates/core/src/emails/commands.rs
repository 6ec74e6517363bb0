//! What changes of mails: they are asked for.

use merak_store::{Json, Tx};

use super::{Email, Outgoing, SecretEmail};
use crate::jobs::{self, FlowJob};
use crate::kit::seal::seal;
use crate::kit::{Id, InstanceSecret, Result};
use crate::organizations::Organization;

/// Asks for a mail, in the name of an organization or of the installation. It is sent if and only if the unit of work
/// commits.
pub fn enqueue(
    tx: &mut Tx<'_>,
    organization_id: Option<Id<Organization>>,
    to: &str,
    email: &Email,
) -> Result<Id<Outgoing>> {
    let mut row = row(tx, organization_id, to, email.kind());
    row.payload = Some(Json::new(email)?);
    insert(tx, &row)
}

/// As [`enqueue`], of a mail that lets its reader in.
pub fn enqueue_secret(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    (organization_id, to): (Option<Id<Organization>>, &str),
    email: &SecretEmail,
) -> Result<Id<Outgoing>> {
    let mut row = row(tx, organization_id, to, email.kind());
    let text = Json::new(email)?.to_string();
    row.sealed_payload = Some(seal(tx, &sealing_key(secret), text.as_bytes()));
    insert(tx, &row)
}

pub(super) fn sealing_key(secret: &InstanceSecret) -> [u8; 32] {
    secret.derive("mails that let somebody in")
}

fn row(tx: &mut Tx<'_>, organization_id: Option<Id<Organization>>, to: &str, kind: &str) -> Outgoing {
    Outgoing {
        id: Id::new(tx),
        organization_id,
        recipient: to.to_owned(),
        kind: kind.to_owned(),
        payload: None,
        sealed_payload: None,
        message_id: None,
        last_error: None,
        created_at: tx.now(),
        sent_at: None,
        failed_at: None,
    }
}

fn insert(tx: &mut Tx<'_>, row: &Outgoing) -> Result<Id<Outgoing>> {
    tx.insert(row)?;
    jobs::enqueue(tx, &FlowJob::SendEmail { email_id: row.id }.into())?;
    Ok(row.id)
}
