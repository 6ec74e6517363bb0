//! Sessions of people who signed in with a browser, which keeps the token as a cookie.

use merak_store::{ReadTx, Timestamp, Tx, row};

use crate::access::{Actor, Subject};
use crate::kit::{Id, InstanceSecret, Result, Scope, ScopeSet, Token, TokenHash, TokenKind};
use crate::users::User;

/// How long a session lasts, in seconds: 31 days. It is not renewed by use.
pub const LIFETIME: i64 = 31 * 24 * 3600;

/// How much of a browser's name is kept, in characters.
const LONGEST_USER_AGENT: usize = 300;

row! {
    /// A session of a person. The token text is not stored, only its hash.
    #[derive(Clone, Debug)]
    pub struct UserSession in "user_sessions" {
        /// The session's id.
        pub id: Id<UserSession>,
        /// Who signed in.
        pub user_id: Id<User>,
        /// HMAC of the token text.
        pub token_hash: TokenHash,
        /// What the browser called itself.
        pub user_agent: String,
        /// When it ends.
        pub expires_at: Timestamp,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

/// Opens a session. Earlier ones go on; the token is seen only now.
pub fn create(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    user_id: Id<User>,
    user_agent: &str,
) -> Result<(UserSession, Token)> {
    let token = Token::generate(TokenKind::UserSession, |bytes| tx.fill(bytes));
    let session = UserSession {
        id: Id::new(tx),
        user_id,
        token_hash: secret.hash(token.as_str()),
        user_agent: user_agent.chars().take(LONGEST_USER_AGENT).collect(),
        expires_at: tx.now().add_seconds(LIFETIME),
        created_at: tx.now(),
    };
    tx.insert(&session)?;
    Ok((session, token))
}

/// Finds out whom a cookie stands for. `None` if it is unknown or ended, or if the person was deleted.
pub fn authenticate(tx: &mut ReadTx<'_>, hash: &TokenHash) -> Result<Option<Actor>> {
    let found = tx.find::<(Id<User>, Timestamp, Option<Timestamp>)>(
        "SELECT users.id, user_sessions.expires_at, users.blocked_at \
         FROM user_sessions JOIN users ON users.id = user_sessions.user_id \
         WHERE token_hash = $1 AND users.deleted_at IS NULL",
        &[hash],
    )?;
    let now = tx.now();
    Ok(found.filter(|(_, expires_at, _)| *expires_at > now).map(|(user_id, _, blocked_at)| Actor {
        is_blocked: blocked_at.is_some(),
        ..Actor::new(Subject::User(user_id), ScopeSet::of(&[Scope::WebDefault]))
    }))
}

/// Ends the session with this token. Returns whether there was one.
pub fn end(tx: &mut Tx<'_>, hash: &TokenHash) -> Result<bool> {
    Ok(tx.execute("DELETE FROM user_sessions WHERE token_hash = $1", &[hash])? > 0)
}

/// Removes at most `limit` sessions that ended. Returns how many.
pub fn purge(tx: &mut Tx<'_>, limit: i64) -> Result<u64> {
    let now = tx.now();
    Ok(tx.execute(
        "DELETE FROM user_sessions WHERE id IN \
         (SELECT id FROM user_sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        &[&now, &limit],
    )?)
}
