//! What is read of mails: what to send, and the record.

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp, Tx, row};
use uuid::Uuid;

use super::commands::sealing_key;
use super::{Email, Outgoing, SecretEmail};
use crate::kit::seal::open as unseal;
use crate::kit::{Id, InstanceSecret, Result, Token};
use crate::{customer_sessions, customers};

/// A mail as its job finds it.
#[derive(Clone, Debug)]
pub enum Opened {
    /// There is nothing to send: it was sent before, or its record is gone.
    Nothing,
    /// Sending it is of no use any more, for this reason.
    Useless(&'static str),
    /// It is to be sent.
    Draft(Draft),
}

/// A mail that is to be sent.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Its id.
    pub id: Id<Outgoing>,
    /// The address it goes to.
    pub recipient: String,
    /// In whose name; none if in that of the installation.
    pub sender: Option<Sender>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// What it says.
    pub content: Content,
    /// The portal it leads to.
    pub portal: Option<Portal>,
}

/// What a mail says.
#[derive(Clone, Debug)]
pub enum Content {
    /// Nothing that lets anybody in.
    Plain(Box<Email>),
    /// What lets its reader in.
    Secret(SecretEmail),
}

row! {
    /// The organization in whose name a mail is sent.
    #[derive(Clone, Debug)]
    pub struct Sender in "organizations" {
        /// What it is called.
        pub name: String,
        /// Its name in addresses.
        pub slug: String,
        /// Where answers go, if it said so.
        pub email: Option<String>,
    }
}

/// The portal as a mail leads there.
#[derive(Clone, Debug)]
pub struct Portal {
    /// The token of a session that begins now; none if the customer is no more.
    pub token: Option<Token>,
    /// The order or subscription that is shown first.
    pub shows: Option<Uuid>,
}

/// Opens a mail to send it. One that leads to the portal gets a new session of its customer each time: the hour of the
/// session is to begin when the mail goes out.
pub fn open(tx: &mut Tx<'_>, secret: &InstanceSecret, id: Id<Outgoing>) -> Result<Opened> {
    let Some(row) = find(tx, id)?.filter(|row| row.sent_at.is_none()) else { return Ok(Opened::Nothing) };
    let content = match (&row.payload, &row.sealed_payload) {
        (Some(payload), _) => Content::Plain(payload.parse()?),
        (None, Some(sealed)) => {
            let text = unseal(&sealing_key(secret), sealed);
            let Some(email) = text.and_then(|text| serde_json::from_slice::<SecretEmail>(&text).ok()) else {
                return Ok(Opened::Useless("it was sealed with another secret of the installation"));
            };
            if email.expires_at() <= tx.now() {
                return Ok(Opened::Useless("what it lets in with has ended"));
            }
            Content::Secret(email)
        }
        (None, None) => return Ok(Opened::Nothing),
    };
    let sender = match row.organization_id {
        Some(organization_id) => tx.find(
            concatcp!("SELECT ", Sender::COLUMNS, " FROM organizations WHERE id = $1"),
            &[&organization_id],
        )?,
        None => None,
    };
    let portal = match &content {
        Content::Plain(email) => email.portal(),
        Content::Secret(_) => None,
    };
    let portal = match portal {
        Some(link) => {
            let customer = customers::find(tx, link.customer_id)?;
            // Never a session at another organization than the mail speaks for.
            let customer = customer.filter(|customer| row.organization_id == Some(customer.organization_id));
            let session = match customer {
                Some(customer) => Some(customer_sessions::create(tx, secret, customer.id)?),
                None => None,
            };
            Some(Portal { token: session.map(|(_, token)| token), shows: link.shows })
        }
        None => None,
    };
    Ok(Opened::Draft(Draft {
        id,
        recipient: row.recipient,
        sender,
        created_at: row.created_at,
        content,
        portal,
    }))
}

/// The record of a mail, if there is one.
pub fn find(tx: &mut ReadTx<'_>, id: Id<Outgoing>) -> Result<Option<Outgoing>> {
    const SQL: &str = concatcp!("SELECT ", Outgoing::COLUMNS, " FROM emails WHERE id = $1");
    Ok(tx.find(SQL, &[&id])?)
}

/// The newest records, the newest first, at most so many.
pub fn list_newest(tx: &mut ReadTx<'_>, limit: i64) -> Result<Vec<Outgoing>> {
    const SQL: &str =
        concatcp!("SELECT ", Outgoing::COLUMNS, " FROM emails ORDER BY created_at DESC, id DESC LIMIT $1");
    Ok(tx.all(SQL, &[&limit])?)
}
