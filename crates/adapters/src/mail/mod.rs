//! Ways to send mail. All take the same message, and say whether somebody took it over.

mod folder;
mod format;
mod log;
mod memory;
mod smtp;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use jiff::Timestamp;

pub use folder::{Folder, Kept, Opened};
pub use format::{AddressError, FormatError, formatted};
pub use log::Log;
pub use memory::Memory;
pub use smtp::{Smtp, SmtpSettings, Tls};

use crate::Result;

/// The service's name in sentences.
pub(crate) const SERVICE: &str = "The mail server";

/// Somebody who takes mail.
#[async_trait]
pub trait Mailer: fmt::Debug + Send + Sync {
    /// Hands a message over. An error means that it may be tried again; whether the message went out is then not known
    /// if the connection broke at its end, and a repeat has the same id.
    async fn send(&self, message: &Message) -> Result<Delivery>;

    /// Hands over many messages, in their order. What has not begun by then is not begun: the answers are to the first
    /// messages, and there may be fewer of them.
    async fn send_many(&self, messages: &[Message], until: Instant) -> Vec<Result<Delivery>> {
        let mut answers = Vec::with_capacity(messages.len());
        for message in messages {
            if Instant::now() >= until {
                break;
            }
            answers.push(self.send(message).await);
        }
        answers
    }

    /// This mailer, if what it took can be read here.
    fn as_folder(self: Arc<Self>) -> Option<Arc<Folder>> {
        None
    }
}

/// What came of handing a message over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It was taken.
    Taken,
    /// It was refused for good: the same message will never be taken. The reason is for the operator.
    Refused(String),
}

/// A message to one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Tells the message from all others, and its repeats as the same: letters, digits and hyphens.
    pub id: String,
    /// When it was written.
    pub date: Timestamp,
    /// Who sends it.
    pub from: Mailbox,
    /// Where an answer goes, if not there.
    pub reply_to: Option<String>,
    /// The address it goes to.
    pub to: String,
    /// What it is about. Line breaks in it become spaces.
    pub subject: String,
    /// What it says, as plain text.
    pub text: String,
    /// What it says, as HTML.
    pub html: String,
}

impl Message {
    /// The message's `Message-ID`, in its angle brackets: the same for each repeat.
    pub fn message_id(&self) -> String {
        format!("<{}@{}>", self.id, self.from.domain())
    }
}

/// An address with the name of whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The name, as people read it; may be empty.
    pub name: String,
    /// The address.
    pub address: String,
}

impl Mailbox {
    /// Reads `Name <address>` or an address alone, which gets the usual name.
    pub fn parse(text: &str, usual_name: &str) -> std::result::Result<Self, AddressError> {
        let text = text.trim();
        let (name, written) = match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
            Some((name, written)) => (name.trim().trim_matches('"'), written.trim()),
            None => ("", text),
        };
        let name = if name.is_empty() { usual_name } else { name };
        format::address(written)?;
        Ok(Self { name: name.to_owned(), address: written.to_owned() })
    }

    /// What stands behind the @-sign, in ASCII.
    pub fn domain(&self) -> String {
        let domain = self.address.rsplit('@').next().unwrap_or_default();
        idna::domain_to_ascii(domain).unwrap_or_else(|_| String::from("localhost"))
    }
}
