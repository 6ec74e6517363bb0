//! Portal sessions: an hour in which a token stands for one customer.
//!
//! A session that is opened at the end of a checkout may be *bound* to it. Anybody can type an address into a checkout, so
//! having confirmed one shows nothing about who they are:
//!
//! | Who buys | Session |
//! | --- | --- |
//! | a customer whom the seller's program has named, or a person who was signed in | whole |
//! | a customer who came into being by this very checkout, and to whom nothing else has happened | whole |
//! | a customer who was there before, whose address was typed | bound: it shows what the checkout sold |
//!
//! A whole session of the first kind opens the portal, but pays nothing new with a saved card: whoever was given the link to
//! the checkout may have confirmed it. That takes a session of somebody who has signed in by mail, or whom the seller's program
//! has let in; or one of the second kind, all of whose cards were typed into this very checkout.
//!
//! A session of the second kind is bound as soon as something else happens to its customer: another checkout is confirmed
//! for them, they show that the address is theirs, their address is changed, or they are given something.

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp, Tx, row};

use crate::checkouts::Checkout;
use crate::customers::Customer;
use crate::kit::{Id, InstanceSecret, Refusal, Result, Token, TokenHash, TokenKind};

/// How long a session lasts, in seconds. It is not renewed by use.
pub const LIFETIME: i64 = 3600;

row! {
    /// A portal session of a customer. The token text is not stored, only its hash.
    #[derive(Clone, Debug)]
    pub struct CustomerSession in "customer_sessions" {
        /// The session's id.
        pub id: Id<CustomerSession>,
        /// Whom the token stands for.
        pub customer_id: Id<Customer>,
        /// HMAC of the token text.
        pub token_hash: TokenHash,
        /// The checkout at whose end it was opened, for somebody who had not shown who they are.
        pub checkout_id: Option<Id<Checkout>>,
        /// Whether whoever holds it has shown to be the customer, and has not just confirmed a checkout.
        pub is_owner_known: bool,
        /// When it ends.
        pub expires_at: Timestamp,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

/// Of sessions joined with their customers: the checkout that a session is bound to, or null.
pub(crate) const BOUND_TO: &str = "CASE WHEN customer_sessions.checkout_id = customers.newcomer_checkout_id THEN NULL \
     ELSE customer_sessions.checkout_id END";

/// Opens a session for a customer who has shown who they are. Earlier sessions go on; the token is seen only now.
pub fn create(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    customer_id: Id<Customer>,
) -> Result<(CustomerSession, Token)> {
    insert(tx, secret, customer_id, (None, true))
}

/// Opens a session for whoever has confirmed a checkout, of its customer.
pub fn create_for_checkout(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    checkout: &Checkout,
) -> Result<(CustomerSession, Token)> {
    let customer_id = checkout.customer_id.ok_or_else(Refusal::not_found)?;
    open(tx, secret, customer_id, (!checkout.is_buyer_known).then_some(checkout.id))
}

/// Opens a session that reaches as far as one of this checkout, or a whole one, for somebody who has not shown to be the
/// customer.
pub fn open(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    customer_id: Id<Customer>,
    checkout_id: Option<Id<Checkout>>,
) -> Result<(CustomerSession, Token)> {
    insert(tx, secret, customer_id, (checkout_id, false))
}

fn insert(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    customer_id: Id<Customer>,
    (checkout_id, is_owner_known): (Option<Id<Checkout>>, bool),
) -> Result<(CustomerSession, Token)> {
    let token = Token::generate(TokenKind::CustomerSession, |bytes| tx.fill(bytes));
    let session = CustomerSession {
        id: Id::new(tx),
        customer_id,
        token_hash: secret.hash(token.as_str()),
        checkout_id,
        is_owner_known,
        expires_at: tx.now().add_seconds(LIFETIME),
        created_at: tx.now(),
    };
    tx.insert(&session)?;
    Ok((session, token))
}

/// A session that has not ended.
#[derive(Clone, Debug)]
pub struct Live {
    /// Whom it stands for.
    pub customer: Customer,
    /// The checkout that it is bound to: nothing else may be shown then, and nothing changed.
    pub bound_to: Option<Id<Checkout>>,
    /// Whether the customer's saved cards may pay something new by it.
    pub opens_cards: bool,
}

/// A session, if it has not ended; none of a customer or an organization that was deleted or blocked.
pub fn find(tx: &mut ReadTx<'_>, hash: &TokenHash) -> Result<Option<Live>> {
    type Found = (Customer, Option<Id<Checkout>>, bool, Option<Id<Checkout>>);
    const SQL: &str = concatcp!(
        "SELECT ",
        Customer::COLUMNS,
        ", ",
        BOUND_TO,
        ", customer_sessions.is_owner_known, customer_sessions.checkout_id FROM customer_sessions JOIN customers ON customers.id = customer_sessions.customer_id \
         JOIN organizations ON organizations.id = customers.organization_id \
         WHERE customer_sessions.token_hash = $1 AND customer_sessions.expires_at > $2 \
         AND customers.deleted_at IS NULL AND organizations.deleted_at IS NULL AND organizations.blocked_at IS NULL"
    );
    let now = tx.now();
    let found: Option<Found> = tx.find(SQL, &[hash, &now])?;
    Ok(found.map(|(customer, bound_to, is_owner_known, opened_by)| {
        let opens_cards = bound_to.is_none() && (is_owner_known || opened_by.is_some());
        Live { customer, bound_to, opens_cards }
    }))
}

/// Ends the session with this token.
pub fn end(tx: &mut Tx<'_>, hash: &TokenHash) -> Result<()> {
    tx.execute("DELETE FROM customer_sessions WHERE token_hash = $1", &[hash])?;
    Ok(())
}

/// Removes at most `limit` sessions that ended. Returns how many.
pub fn purge(tx: &mut Tx<'_>, limit: i64) -> Result<u64> {
    let now = tx.now();
    Ok(tx.execute(
        "DELETE FROM customer_sessions WHERE id IN \
         (SELECT id FROM customer_sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        &[&now, &limit],
    )?)
}
