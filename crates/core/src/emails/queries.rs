//! What is read of mails: what to send, and the record.

use std::collections::{BTreeSet, HashMap};

use const_format::concatcp;
use merak_store::{ReadTx, Sql, Timestamp, Tx, row};
use uuid::Uuid;

use super::benefit_lines::tell_keys;
use super::commands::sealing_key;
use super::{Email, Outgoing, PortalLink, SecretEmail};
use crate::customer_sessions;
use crate::customers::{self, Customer};
use crate::kit::seal::open as unseal;
use crate::kit::{Id, InstanceSecret, Result, Token};
use crate::organizations::Organization;

/// A mail as its job finds it.
#[derive(Clone, Debug)]
pub enum Opened {
    /// There is nothing to send: it was sent before, or its record is gone.
    Nothing,
    /// What it tells is still being made.
    TooEarly,
    /// Sending it is of no use any more, for this reason.
    Useless(&'static str),
    /// It is to be sent.
    Draft(Box<Draft>),
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
    /// When what it tells of happened, by the clock of the organization: its date.
    pub date: Timestamp,
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
        /// Its public address, if it said so.
        pub email: Option<String>,
        /// Where its own bills go, if it said so.
        pub billing_email: Option<String>,
    }
}

impl Sender {
    /// Where answers go. Where nothing is known, they go back to the address that all mails come from.
    pub fn reply_to(&self) -> Option<&str> {
        self.email.as_deref().or(self.billing_email.as_deref())
    }
}

/// The portal as a mail leads there.
#[derive(Clone, Debug)]
pub struct Portal {
    /// The token of a session that begins now; none if the customer is no more, or has another address by now.
    pub token: Option<Token>,
    /// The order or subscription that is shown first.
    pub shows: Option<Uuid>,
}

/// Opens a mail to send it. One that leads to the portal gets a new session of its customer each time: the hour of the
/// session is to begin when the mail goes out.
pub fn open(tx: &mut Tx<'_>, secret: &InstanceSecret, id: Id<Outgoing>) -> Result<Opened> {
    Ok(open_many(tx, secret, &[id])?.pop().unwrap_or(Opened::Nothing))
}

/// As [`open`], of many mails, in their order. What they need is read once for all of them.
pub fn open_many(tx: &mut Tx<'_>, secret: &InstanceSecret, ids: &[Id<Outgoing>]) -> Result<Vec<Opened>> {
    let mut sql =
        Sql::new(concatcp!("SELECT ", Outgoing::COLUMNS, " FROM emails WHERE sent_at IS NULL AND id IN "));
    sql.bind_list(ids.iter().copied());
    let mut rows: HashMap<Id<Outgoing>, (Outgoing, std::result::Result<Content, Opened>)> = HashMap::new();
    for row in tx.list::<Outgoing>(&sql)? {
        let content = content(tx, secret, &row)?;
        rows.insert(row.id, (row, content));
    }
    let organizations: BTreeSet<_> = rows.values().filter_map(|(row, _)| row.organization_id).collect();
    let senders = senders(tx, &organizations)?;
    let readers: BTreeSet<_> = rows
        .values()
        .filter_map(|(_, content)| content.as_ref().ok()?.portal())
        .map(|link| link.customer_id)
        .collect();
    // Nobody gets in who was deleted.
    let readers = customers::find_with_deleted(tx, &readers.into_iter().collect::<Vec<_>>())?
        .into_iter()
        .filter(|customer| customer.deleted_at.is_none())
        .map(|customer| (customer.id, customer))
        .collect();
    let mut opened = Vec::with_capacity(ids.len());
    for id in ids {
        opened.push(match rows.remove(id) {
            None => Opened::Nothing,
            Some((_, Err(opened))) => opened,
            Some((row, Ok(content))) => Opened::Draft(Box::new(Draft {
                id: row.id,
                portal: portal(tx, secret, &row, content.portal(), &readers)?,
                sender: row.organization_id.and_then(|id| senders.get(&id).cloned()),
                recipient: row.recipient,
                date: row.occurred_at.unwrap_or(row.created_at),
                content,
            })),
        });
    }
    Ok(opened)
}

impl Content {
    fn portal(&self) -> Option<PortalLink> {
        match self {
            Self::Plain(email) => email.portal(),
            Self::Secret(_) => None,
        }
    }
}

/// What a mail says; if it is not to be sent, why.
fn content(
    tx: &mut ReadTx<'_>,
    secret: &InstanceSecret,
    row: &Outgoing,
) -> Result<std::result::Result<Content, Opened>> {
    Ok(match (&row.payload, &row.sealed_payload) {
        (Some(payload), _) => {
            let mut email: Box<Email> = payload.parse()?;
            match email.portal() {
                Some(of) if tell_keys(tx, of, email.benefits_mut(), row.created_at)? => Err(Opened::TooEarly),
                _ => Ok(Content::Plain(email)),
            }
        }
        (None, Some(sealed)) => {
            let text = unseal(&sealing_key(secret), sealed);
            match text.and_then(|text| serde_json::from_slice::<SecretEmail>(&text).ok()) {
                None => Err(Opened::Useless("it was sealed with another secret of the installation")),
                Some(email) if email.expires_at() <= tx.now() => {
                    Err(Opened::Useless("what it lets in with has ended"))
                }
                Some(email) => Ok(Content::Secret(email)),
            }
        }
        (None, None) => Err(Opened::Nothing),
    })
}

fn senders(
    tx: &mut ReadTx<'_>,
    ids: &BTreeSet<Id<Organization>>,
) -> Result<HashMap<Id<Organization>, Sender>> {
    let mut sql =
        Sql::new(concatcp!("SELECT organizations.id, ", Sender::COLUMNS, " FROM organizations WHERE id IN "));
    sql.bind_list(ids.iter().copied());
    Ok(tx.list::<(Id<Organization>, Sender)>(&sql)?.into_iter().collect())
}

/// The portal that a mail leads to, with a new session. Never one at another organization than the mail speaks for, nor at an
/// address that is not the customer's any more: whoever reads it is somebody else, or may be.
fn portal(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    row: &Outgoing,
    link: Option<PortalLink>,
    readers: &HashMap<Id<Customer>, Customer>,
) -> Result<Option<Portal>> {
    let Some(link) = link else { return Ok(None) };
    let is_own = readers.get(&link.customer_id).is_some_and(|customer| {
        Some(customer.organization_id) == row.organization_id
            && customer.email.lower() == row.recipient.to_lowercase()
    });
    let token =
        if is_own { Some(customer_sessions::create_for_link(tx, secret, link.customer_id)?.1) } else { None };
    Ok(Some(Portal { token, shows: link.shows }))
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
