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

/// How far back a server looks for messages that it has not passed on, in seconds. It bounds how long a unit of work may
/// take, and how far the clocks of several servers may differ, before a message is missed.
const LOOKBACK: i64 = 30;

/// How many messages a server looks back at most.
const RECENT: i64 = 20_000;

/// How many messages one statement reads.
const READ_AT_ONCE: usize = 500;

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

/// The ids of what was written of late, the newest first; a server passes on those among them that it has not passed on
/// yet. Units of work do not commit in the order of their messages' ids, so it is not enough to look after the last one.
pub fn recent(tx: &mut ReadTx<'_>) -> Result<Vec<Id<Message>>> {
    let since = tx.now().add_seconds(-LOOKBACK);
    Ok(tx.all(
        "SELECT id FROM stream_messages WHERE created_at > $1 ORDER BY created_at DESC, id DESC LIMIT $2",
        &[&since, &RECENT],
    )?)
}

/// The ids of what was written to these channels of late, or a little earlier: who begins to listen has missed it.
pub fn recent_of(tx: &mut ReadTx<'_>, channels: &[Channel]) -> Result<Vec<Id<Message>>> {
    let mut sql = Sql::new("SELECT id FROM stream_messages WHERE channel IN ");
    sql.bind_list(channels.iter().map(Channel::to_string));
    sql.push(" AND created_at > ").bind(tx.now().add_seconds(-2 * LOOKBACK));
    Ok(tx.list(&sql)?)
}

/// These messages, the oldest first.
pub fn find_many(tx: &mut ReadTx<'_>, ids: &[Id<Message>]) -> Result<Vec<Message>> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(READ_AT_ONCE) {
        let mut sql = Sql::new(concatcp!(
            "SELECT ",
            Message::COLUMNS,
            " FROM stream_messages WHERE stream_messages.id IN "
        ));
        sql.bind_list(ids.iter().copied());
        found.append(&mut tx.list::<Message>(&sql)?);
    }
    found.sort_by_key(|message| message.id);
    Ok(found)
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
