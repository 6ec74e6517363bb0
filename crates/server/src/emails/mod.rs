//! What mails look like: from plain data to a subject, a text and HTML.
//!
//! A mail is made of a few kinds of blocks. Each kind stands once in the HTML template and once in that of the text, so
//! both always say the same. Nothing is loaded from elsewhere when a mail is read.

mod letters;
mod secrets;
#[cfg(test)]
mod tests;
pub mod words;

use askama::Template;
use merak_adapters::mail::{Mailbox, Message};
use merak_core::emails::{Content, Draft};
use merak_store::Timestamp;

use self::letters::letter;
use self::secrets::secret_letter;

/// Who and where this installation is, as its mails say it.
#[derive(Clone, Debug)]
pub struct Letterhead {
    /// Its own sender: the name of the installation, and the address all mails come from.
    pub from: Mailbox,
    /// The address under which it is reached, without a slash at its end.
    pub public_url: String,
}

/// One mail before it is written: what it is about, and its blocks in order.
struct Letter {
    subject: String,
    blocks: Vec<Block>,
}

/// A part of a mail.
enum Block {
    /// Sentences.
    Words(String),
    /// Amounts, of which the last is the sum.
    Amounts(Vec<(String, String)>),
    /// Names and values.
    Facts(Vec<(&'static str, String)>),
    /// What somebody has.
    Benefits(Vec<merak_core::emails::BenefitLine>),
    /// A code to be copied.
    Code(String),
    /// Where to go on.
    Button { label: String, url: String },
    /// What is less important.
    Quiet(String),
}

#[derive(Template)]
#[template(path = "emails/letter.html")]
struct Html<'a> {
    letter: &'a Letter,
    heading: &'a str,
    footer: &'a str,
}

#[derive(Template)]
#[template(path = "emails/letter.txt", whitespace = "preserve")]
struct Text<'a> {
    letter: &'a Letter,
    footer: &'a str,
}

/// Writes a mail. `now` is when it is sent, for those that say how long something is good.
pub fn write(head: &Letterhead, draft: &Draft, now: Timestamp) -> Message {
    let letter = match &draft.content {
        Content::Plain(email) => letter(head, draft, email),
        Content::Secret(email) => secret_letter(head, draft, email, now),
    };
    let installation = &head.from.name;
    let (name, heading, footer) = match &draft.sender {
        Some(organization) => {
            let name = format!("{} via {installation}", organization.name);
            let footer = format!("{installation} sent this mail for {}.", organization.name);
            (name, organization.name.as_str(), footer)
        }
        None => (installation.clone(), installation.as_str(), format!("{} sent this mail.", head.public_url)),
    };
    let html = Html { letter: &letter, heading, footer: &footer }.render();
    let text = Text { letter: &letter, footer: &footer }.render();
    let rendered = "a template that only reads its own fields renders into a String";
    Message {
        id: draft.id.to_string(),
        date: draft.date.into(),
        from: Mailbox { name, address: head.from.address.clone() },
        reply_to: draft.sender.as_ref().and_then(|organization| organization.reply_to().map(str::to_owned)),
        to: draft.recipient.clone(),
        text: text.expect(rendered),
        html: html.expect(rendered),
        subject: letter.subject,
    }
}
