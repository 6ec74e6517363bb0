//! Links that sign a person in, once and within a quarter of an hour. Who runs the server makes them, or they come by
//! mail.

use merak_store::{ReadTx, Timestamp, Tx, row};

use crate::emails::{self, SecretEmail};
use crate::kit::{Email, Id, InstanceSecret, Result, Token, TokenHash, TokenKind};
use crate::users::{self, User};

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

/// How many links of a person are good at once when they ask by mail; one more ends the oldest.
const MOST_LIVE: i64 = 5;

/// Sends a link to the person who has this address, in any letter case. Whether there is such a person is not told:
/// nothing is sent then.
pub fn request(tx: &mut Tx<'_>, secret: &InstanceSecret, email: &Email) -> Result<()> {
    let user = users::find_by_email(tx, email)?.filter(|user| user.blocked_at.is_none());
    let Some(user) = user else { return Ok(()) };
    let keep = MOST_LIVE - 1;
    tx.execute(
        "DELETE FROM login_links WHERE user_id = $1 AND id NOT IN \
         (SELECT id FROM login_links WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2)",
        &[&user.id, &keep],
    )?;
    let (link, token) = create(tx, secret, user.id)?;
    let email = SecretEmail::SignInLink { token: token.into_string(), expires_at: link.expires_at };
    emails::enqueue_secret(tx, secret, (None, user.email.as_str()), &email)?;
    Ok(())
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
