//! Writes that are safe to send again: the answer is kept beside the effect, in the same unit of work, for a day.
//!
//! Kept bodies may hold secrets that are shown once, so they are sealed with a key that only the instance secret and
//! the caller's own `Idempotency-Key` can make; a reader of the database alone learns nothing.
//!
//! Nobody fills the disk with them: they stand on shelves, which hold so many bytes. The oldest of a shelf give way in the
//! unit of work that keeps another one.

use merak_store::{ReadTx, Timestamp, Tx, row};
use uuid::Uuid;

use crate::kit::hex::hex;
use crate::kit::seal::{open, seal};
use crate::kit::{InstanceSecret, Result, TokenHash};

/// How long an answer is kept, in seconds.
const KEPT_FOR: i64 = 24 * 3600;

/// How much a shelf holds besides its newest answer, in bytes. Far more than large answers take: an activation with a label of
/// 100,000 control characters, each of which is six in JSON, has less than 2 MiB when it is sealed.
const SHELF_BYTES: i64 = 16 << 20;

/// What an answer takes besides its body: hashes and places in indexes.
const BYTES_BESIDES: i64 = 1 << 10;

/// How many shelves a seller has. Which one an answer goes to is left to chance, so that a program that writes much at once
/// seldom waits for itself.
const SHELVES_OF_SELLER: u8 = 16;

/// Stands for the status of a write that is being done. No other unit of work ever sees it.
const ANNOUNCED: i64 = 0;

/// Stands for the status of a write that is being done in several units of work.
const UNDER_WAY: i64 = 1;

row! {
    /// A kept answer.
    #[derive(Clone, Debug)]
    struct KeptAnswer in "idempotent_answers" {
        name_hash: TokenHash,
        request_hash: TokenHash,
        status: i64,
        sealed_body: String,
        expires_at: Timestamp,
        shelf: Option<Uuid>,
        shelf_end: Option<i64>,
    }
}

/// Who sends a write.
#[derive(Clone, Copy, Debug)]
pub enum Caller<'c> {
    /// A person or an organization, by a name that no other caller has (see [`crate::access::Actor::name`]).
    Seller(&'c str),
    /// Anybody else.
    Other {
        /// A name that no other caller has.
        name: &'c str,
        /// Whom their answers are counted as: one can have any number of some names.
        counted_as: &'c str,
    },
}

/// A write that carries an `Idempotency-Key`.
#[derive(Clone, Debug)]
pub struct Name {
    hash: TokenHash,
    request_hash: TokenHash,
    sealing_key: [u8; 32],
    shelf: Uuid,
}

impl Name {
    /// Names a write by who sends it and the key they chose. `request` is everything the write consists of: method, path
    /// and body.
    pub fn new(secret: &InstanceSecret, caller: Caller<'_>, key: &str, request: &[&[u8]]) -> Self {
        let (Caller::Seller(sender) | Caller::Other { name: sender, .. }) = caller;
        let name = format!("idempotency\0{sender}\0{key}");
        let sealing_key = secret.derive(&format!("seal\0{name}"));
        let shelf = match caller {
            Caller::Seller(sender) => format!("{}\0{sender}", sealing_key[0] % SHELVES_OF_SELLER),
            Caller::Other { counted_as, .. } => counted_as.to_owned(),
        };
        let mut fingerprint = String::from("idempotent request");
        for part in request {
            fingerprint.push('\0');
            fingerprint.push_str(&hex(part));
        }
        Self {
            hash: secret.hash(&name),
            request_hash: secret.hash(&fingerprint),
            sealing_key,
            shelf: Uuid::from_bytes(first_half(secret.derive(&format!("shelf\0{shelf}")))),
        }
    }
}

fn first_half(bytes: [u8; 32]) -> [u8; 16] {
    std::array::from_fn(|at| bytes[at])
}

/// What is known of a named write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It was not done yet.
    No,
    /// It was done and answered so.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: Vec<u8>,
    },
    /// The key was used for another request.
    OtherRequest,
    /// It is being done, in several units of work.
    UnderWay,
}

/// Looks a named write up.
pub fn find(tx: &mut ReadTx<'_>, name: &Name) -> Result<Known> {
    const SQL: &str = const_format::concatcp!(
        "SELECT ",
        KeptAnswer::COLUMNS,
        " FROM idempotent_answers WHERE name_hash = $1"
    );
    let Some(kept) = tx.find::<KeptAnswer>(SQL, &[&name.hash])? else { return Ok(Known::No) };
    if kept.expires_at <= tx.now() {
        return Ok(Known::No);
    }
    if kept.request_hash != name.request_hash {
        return Ok(Known::OtherRequest);
    }
    if kept.status == UNDER_WAY {
        return Ok(Known::UnderWay);
    }
    let opened = open(&name.sealing_key, &kept.sealed_body);
    Ok(match (opened, u16::try_from(kept.status)) {
        (Some(body), Ok(status)) => Known::Answered { status, body },
        // Sealed by a secret that was replaced since: the answer is lost, and the write must not be done twice.
        _ => Known::OtherRequest,
    })
}

/// Announces a named write before it is done. Another one of the same name that runs at the same time waits here, and
/// finds the answer when it is rerun; without this it might first stumble over what this one is about to write.
pub fn announce(tx: &mut Tx<'_>, name: &Name) -> Result<()> {
    insert_open(tx, name, ANNOUNCED, KEPT_FOR)
}

/// Begins a named write that takes several units of work, in the first of them, if nothing is known of it. Until
/// [`keep`] or [`abandon`] ends it, and for so many seconds at most, the same write is told [`Known::UnderWay`].
pub fn begin(tx: &mut Tx<'_>, name: &Name, seconds: i64) -> Result<Known> {
    let known = find(tx, name)?;
    if known == Known::No {
        insert_open(tx, name, UNDER_WAY, seconds)?;
    }
    Ok(known)
}

/// Forgets a write that was begun and came to nothing, so that it can be done again at once.
pub fn abandon(tx: &mut Tx<'_>, name: &Name) -> Result<()> {
    tx.execute(
        "DELETE FROM idempotent_answers WHERE name_hash = $1 AND status = $2",
        &[&name.hash, &UNDER_WAY],
    )?;
    Ok(())
}

fn insert_open(tx: &mut Tx<'_>, name: &Name, status: i64, seconds: i64) -> Result<()> {
    let (now, sealed_body) = (tx.now(), String::new());
    remove(tx, name, now)?;
    Ok(tx.insert(&KeptAnswer {
        name_hash: name.hash.clone(),
        request_hash: name.request_hash.clone(),
        status,
        sealed_body,
        expires_at: now.add_seconds(seconds),
        shelf: None,
        shelf_end: None,
    })?)
}

/// Removes what stands in the way of a name: an answer whose day is over, or the announcement of this very write.
fn remove(tx: &mut Tx<'_>, name: &Name, now: Timestamp) -> Result<()> {
    tx.execute(
        "DELETE FROM idempotent_answers WHERE name_hash = $1 AND (expires_at <= $2 OR status IN ($3, $4))",
        &[&name.hash, &now, &ANNOUNCED, &UNDER_WAY],
    )?;
    Ok(())
}

/// Keeps the answer of a named write, in the unit of work that did it. The oldest of its shelf give way to it.
pub fn keep(tx: &mut Tx<'_>, name: &Name, status: u16, body: &[u8]) -> Result<()> {
    let (now, sealed_body) = (tx.now(), seal(tx, &name.sealing_key, body));
    remove(tx, name, now)?;
    let shelf_end = make_room(tx, name.shelf, sealed_body.len())?;
    Ok(tx.insert(&KeptAnswer {
        name_hash: name.hash.clone(),
        request_hash: name.request_hash.clone(),
        status: i64::from(status),
        sealed_body,
        expires_at: now.add_seconds(KEPT_FOR),
        shelf: Some(name.shelf),
        shelf_end: Some(shelf_end),
    })?)
}

/// Makes room on a shelf for a body of so many bytes, and says where it ends there.
fn make_room(tx: &mut Tx<'_>, shelf: Uuid, bytes: usize) -> Result<i64> {
    let last_end: Option<i64> =
        tx.one("SELECT max(shelf_end) FROM idempotent_answers WHERE shelf = $1", &[&shelf])?;
    let end = last_end.unwrap_or(0) + BYTES_BESIDES + i64::try_from(bytes).unwrap_or(i64::MAX / 2);
    let first_end = end - SHELF_BYTES;
    if first_end >= 0 {
        tx.execute(
            "DELETE FROM idempotent_answers WHERE shelf = $1 AND shelf_end <= $2",
            &[&shelf, &first_end],
        )?;
    }
    Ok(end)
}

/// Removes at most `limit` answers whose day is over. Returns how many.
pub fn purge(tx: &mut Tx<'_>, limit: i64) -> Result<u64> {
    let now = tx.now();
    Ok(tx.execute(
        "DELETE FROM idempotent_answers WHERE name_hash IN \
         (SELECT name_hash FROM idempotent_answers WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        &[&now, &limit],
    )?)
}
