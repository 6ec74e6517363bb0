//! Portal sessions: an hour in which a token stands for one customer.

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp, Tx, row};

use crate::customers::Customer;
use crate::kit::{Id, InstanceSecret, Result, Token, TokenHash, TokenKind};

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
        /// When it ends.
        pub expires_at: Timestamp,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

/// Opens a session for a customer. Earlier sessions go on; the token is seen only now.
pub fn create(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    customer_id: Id<Customer>,
) -> Result<(CustomerSession, Token)> {
    let token = Token::generate(TokenKind::CustomerSession, |bytes| tx.fill(bytes));
    let session = CustomerSession {
        id: Id::new(tx),
        customer_id,
        token_hash: secret.hash(token.as_str()),
        expires_at: tx.now().add_seconds(LIFETIME),
        created_at: tx.now(),
    };
    tx.insert(&session)?;
    Ok((session, token))
}

/// Whom a session stands for, if it has not ended; none of a customer or an organization that was deleted or blocked.
pub fn find(tx: &mut ReadTx<'_>, hash: &TokenHash) -> Result<Option<Customer>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Customer::COLUMNS,
        " FROM customer_sessions JOIN customers ON customers.id = customer_sessions.customer_id \
         JOIN organizations ON organizations.id = customers.organization_id \
         WHERE customer_sessions.token_hash = $1 AND customer_sessions.expires_at > $2 \
         AND customers.deleted_at IS NULL AND organizations.deleted_at IS NULL AND organizations.blocked_at IS NULL"
    );
    let now = tx.now();
    Ok(tx.find(SQL, &[hash, &now])?)
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
