//! Mails: asked for in the unit that gives the reason, sent by a job, and kept a while as the proof.
//!
//! A mail is a row first. Its job sends it at least once and notes that it did; sent twice, it has the same
//! `Message-ID`, by which it can be known again.

mod benefit_lines;
mod commands;
mod email;
mod queries;
mod rules;

use merak_store::{Json, Timestamp, row};

pub use self::benefit_lines::{benefit_line, benefit_lines};
pub use self::commands::{
    enqueue, enqueue_secret, enqueue_to_members, note_delayed, note_refused, note_sent, note_useless, purge,
};
pub use self::email::{
    BenefitLine, DisputedPayment, Email, Found, Money, PortalLink, Receipt, ReceiptLine, RecurringPrice,
    SecretEmail,
};
pub use self::queries::{Content, Draft, Opened, Portal, Sender, find, list_newest, open, open_many};
use crate::kit::{Id, Result};
use crate::organizations::Organization;

row! {
    /// A mail to one address: to be sent, sent, or given up.
    #[derive(Clone)]
    pub struct Outgoing in "emails" {
        /// Its id, from which its `Message-ID` is made.
        pub id: Id<Outgoing>,
        /// In whose name it is sent; none if in that of the installation.
        pub organization_id: Option<Id<Organization>>,
        /// The address it goes to.
        pub recipient: String,
        /// What kind of mail it is, see [`Email::kind`].
        pub kind: String,
        payload: Option<Json>,
        sealed_payload: Option<String>,
        /// The `Message-ID` it was sent with.
        pub message_id: Option<String>,
        /// Why it was not sent when that was last tried.
        pub last_error: Option<String>,
        /// When it was asked for.
        pub created_at: Timestamp,
        /// When what it tells of happened by the organization's clock, if that was moved.
        pub occurred_at: Option<Timestamp>,
        /// When a server took it.
        pub sent_at: Option<Timestamp>,
        /// When it was given up.
        pub failed_at: Option<Timestamp>,
    }
}

impl Outgoing {
    /// What it says, until it was sent; never what lets somebody in.
    pub fn email(&self) -> Result<Option<Email>> {
        Ok(self.payload.as_ref().map(Json::parse).transpose()?)
    }
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}
