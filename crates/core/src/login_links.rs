//! Links that sign a person in, once and within a quarter of an hour.

use merak_store::{ReadTx, Timestamp, Tx, row};

use crate::kit::{Id, InstanceSecret, Result, Token, TokenHash, TokenKind};
use crate::users::User;

/// How long a link is good, in seconds.
pub const LIFETIME: i64 = 900;

row! {
    /// A link that was not used yet. The token in it is not stored, only its hash.
    #[derive(Clone, Debug)]
    pub struct LoginLink in "login_links" {
        /// The link's id.
        pub id: Id<LoginLink>,
        /// Whom it signs in.
        pub user_id: Id<User>,
        /// HMAC of the token text.
        pub token_hash: TokenHash,
        /// When it ends.
        pub expires_at: Timestamp,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

/// Makes a link for a person. Earlier ones go on; the token is seen only now.
pub fn create(tx: &mut Tx<'_>, secret: &InstanceSecret, user_id: Id<User>) -> Result<(LoginLink, Token)> {
    let token = Token::generate(TokenKind::MagicLink, |bytes| tx.fill(bytes));
    let link = LoginLink {
        id: Id::new(tx),
        user_id,
        token_hash: secret.hash(token.as_str()),
        expires_at: tx.now().add_seconds(LIFETIME),
        created_at: tx.now(),
    };
    tx.insert(&link)?;
    Ok((link, token))
}

/// Whether a link can be used. It may have been used by somebody else when it is redeemed.
pub fn is_open(tx: &mut ReadTx<'_>, hash: &TokenHash) -> Result<bool> {
    let now = tx.now();
    let found: Option<Id<LoginLink>> =
        tx.find("SELECT id FROM login_links WHERE token_hash = $1 AND expires_at > $2", &[hash, &now])?;
    Ok(found.is_some())
}

/// Uses a link up and says whom it signs in. `None` if it is unknown, used or ended, or if the person was blocked or
/// deleted since.
pub fn redeem(tx: &mut Tx<'_>, hash: &TokenHash) -> Result<Option<Id<User>>> {
    let now = tx.now();
    let used: Vec<(Id<User>, Timestamp)> =
        tx.returning("DELETE FROM login_links WHERE token_hash = $1 RETURNING user_id, expires_at", &[hash])?;
    let Some((user_id, _)) = used.into_iter().find(|(_, expires_at)| *expires_at > now) else {
        return Ok(None);
    };
    Ok(tx.find(
        "SELECT id FROM users WHERE id = $1 AND blocked_at IS NULL AND deleted_at IS NULL",
        &[&user_id],
    )?)
}

/// Removes at most `limit` links that ended. Returns how many.
pub fn purge(tx: &mut Tx<'_>, limit: i64) -> Result<u64> {
    let now = tx.now();
    Ok(tx.execute(
        "DELETE FROM login_links WHERE id IN \
         (SELECT id FROM login_links WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        &[&now, &limit],
    )?)
}
