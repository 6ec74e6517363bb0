//! From a message to the bytes that go over the wire.

use std::time::{Duration, UNIX_EPOCH};

use lettre::address::Envelope;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox as LettreMailbox, MultiPart};
use lettre::{Address, Message as LettreMessage};

use super::{Mailbox, Message};

/// A name longer than this says nothing to a reader, and fills headers.
const LONGEST_NAME: usize = 200;

/// Why a text is no address that mail can be sent to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no e-mail address: {0}")]
pub struct AddressError(String);

/// Why there are no bytes of a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// One of its addresses is none.
    #[error("{field}: {error}")]
    Address {
        /// Which one.
        field: &'static str,
        /// What is wrong with it.
        error: AddressError,
    },
    /// It cannot be written down.
    #[error("the message cannot be written: {0}")]
    Message(String),
}

/// Says that no person wrote the message, so that programs do not answer it.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), String::from("auto-generated"))
    }
}

/// The message with its envelope. Text that is not ASCII is encoded, so that any server can take it; only an address
/// whose part before the @-sign is not ASCII needs one that knows such addresses.
pub fn formatted(message: &Message) -> Result<(Envelope, Vec<u8>), FormatError> {
    let in_field = |field| move |error| FormatError::Address { field, error };
    let to = address(&message.to).map_err(in_field("the recipient"))?;
    let from = mailbox(&message.from).map_err(in_field("the sender"))?;
    let envelope = Envelope::new(Some(from.email.clone()), vec![to.clone()])
        .map_err(|error| FormatError::Message(error.to_string()))?;
    let mut builder = LettreMessage::builder()
        .from(from)
        .to(to.into())
        .subject(one_line(&message.subject))
        .date(UNIX_EPOCH + Duration::from_secs(message.date.as_second().try_into().unwrap_or(0)))
        .message_id(Some(message.message_id()))
        .header(AutoSubmitted)
        .envelope(envelope.clone());
    // An answer to nobody is better than no mail.
    if let Some(Ok(reply_to)) = message.reply_to.as_deref().map(address) {
        builder = builder.reply_to(reply_to.into());
    }
    let body = MultiPart::alternative_plain_html(message.text.clone(), message.html.clone());
    let written = builder.multipart(body).map_err(|error| FormatError::Message(error.to_string()))?;
    Ok((envelope, written.formatted()))
}

fn mailbox(mailbox: &Mailbox) -> Result<LettreMailbox, AddressError> {
    let name: String = one_line(&mailbox.name).chars().take(LONGEST_NAME).collect();
    let name = Some(name).filter(|name| !name.is_empty());
    Ok(LettreMailbox::new(name, address(&mailbox.address)?))
}

/// An address as servers want it, its domain in ASCII.
pub(super) fn address(text: &str) -> Result<Address, AddressError> {
    let (local, domain) =
        text.rsplit_once('@').ok_or_else(|| AddressError(String::from("it has no @-sign")))?;
    let domain = idna::domain_to_ascii(domain).map_err(|error| AddressError(error.to_string()))?;
    Address::new(local, domain).map_err(|error| AddressError(error.to_string()))
}

/// A text without line breaks and other control characters, so that it cannot end the header it stands in, and without
/// the marks that turn the reading direction of what follows.
fn one_line(text: &str) -> String {
    let is_unseen = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    };
    let spaced: String = text.chars().map(|letter| if is_unseen(letter) { ' ' } else { letter }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}
