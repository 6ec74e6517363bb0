//! Streams: short messages for browsers that listen at this moment. Nobody who comes later hears them, so they say that
//! something changed and not what it is now.
//!
//! A message is a row, written in the unit of work that it speaks of. Each server reads the table and passes on what is
//! listened to there, so it does not matter which of several servers the unit ran on.

use std::fmt;

use const_format::concatcp;
use merak_store::{Json, ReadTx, Sql, Timestamp, Tx, row};
use serde::Serialize;
use uuid::Uuid;

use crate::customers::Customer;
use crate::kit::{Id, Result};
use crate::organizations::Organization;
use crate::users::User;

/// For how long messages are kept, in seconds. Every server has passed them on long before.
const KEPT_FOR: i64 = 3600;

/// How many messages one statement inserts.
const INSERTED_AT_ONCE: usize = 100;

/// What can be listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// One checkout.
    Checkout(Uuid),
    /// What concerns one customer.
    Customer(Id<Customer>),
    /// What concerns one person who sells.
    User(Id<User>),
    /// What concerns everybody who works for one organization.
    Organization(Id<Organization>),
}

/// As the column `channel` has it.
impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkout(id) => write!(f, "checkout:{id}"),
            Self::Customer(id) => write!(f, "customer:{id}"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Organization(id) => write!(f, "organization:{id}"),
        }
    }
}

row! {
    /// A message to those who listen to a channel.
    #[derive(Clone, Debug)]
    pub struct Message in "stream_messages" {
        /// The message's id.
        pub id: Id<Message>,
        /// To which channel, as [`Channel`] is written.
        pub channel: String,
        /// What it is about, such as `benefit.granted`.
        pub key: String,
        /// What there is to say.
        pub payload: Json,
        /// When it was written.
        pub created_at: Timestamp,
    }
}

/// Tells those who listen to the channel. They hear of it after the unit of work has committed.
pub fn publish(
    tx: &mut Tx<'_>,
    channel: &Channel,
    key: &str,
    payload: &(impl Serialize + ?Sized),
) -> Result<()> {
    publish_to_all(tx, &[*channel], key, payload)
}

/// Tells those who listen to any of the channels, in one statement.
pub fn publish_to_all(
    tx: &mut Tx<'_>,
    channels: &[Channel],
    key: &str,
    payload: &(impl Serialize + ?Sized),
) -> Result<()> {
    let (payload, now) = (Json::new(payload)?, tx.now());
    for channels in channels.chunks(INSERTED_AT_ONCE) {
        let mut sql = Sql::new("INSERT INTO stream_messages (id, channel, key, payload, created_at) VALUES ");
        for (n, channel) in channels.iter().enumerate() {
            sql.push(if n == 0 { "(" } else { ", (" }).bind(Id::<Message>::new(tx)).push(", ");
            sql.bind(channel.to_string()).push(", ").bind(key.to_owned()).push(", ");
            sql.bind(payload.clone()).push(", ").bind(now).push(")");
        }
        tx.apply(&sql)?;
    }
    Ok(())
}

/// The messages of a channel after the given one, the oldest first, at most so many.
pub fn after(
    tx: &mut ReadTx<'_>,
    channel: &Channel,
    after: Option<Id<Message>>,
    limit: i64,
) -> Result<Vec<Message>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Message::COLUMNS,
        " FROM stream_messages WHERE channel = $1 AND id > $2 ORDER BY id LIMIT $3"
    );
    let after = after.unwrap_or(Id::from_uuid(Uuid::nil()));
    Ok(tx.all(SQL, &[&channel.to_string(), &after, &limit])?)
}

/// Removes at most `limit` messages that everybody who listened has heard. Returns how many.
pub fn purge(tx: &mut Tx<'_>, limit: i64) -> Result<u64> {
    let before = tx.now().add_seconds(-KEPT_FOR);
    Ok(tx.execute(
        "DELETE FROM stream_messages WHERE id IN \
         (SELECT id FROM stream_messages WHERE created_at <= $1 ORDER BY created_at LIMIT $2)",
        &[&before, &limit],
    )?)
}
