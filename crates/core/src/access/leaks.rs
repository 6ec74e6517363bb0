//! Tokens that were found in public places end at once.

use merak_store::Tx;
use uuid::Uuid;

use crate::emails::{self, Email, Found};
use crate::kit::{Id, InstanceSecret, Result, text_enum};
use crate::organizations::Organization;
use crate::users::User;

text_enum! {
    /// What a token is said to be, in the words in which leaks are reported.
    pub enum LeakedKind {
        /// The secret of an OAuth2 client.
        ClientSecret = "polar_client_secret",
        /// What lets an OAuth2 client change its own registration.
        ClientRegistrationToken = "polar_client_registration_token",
        /// An OAuth2 authorization code.
        AuthorizationCode = "polar_authorization_code",
        /// An OAuth2 access token.
        AccessToken = "polar_access_token",
        /// An OAuth2 refresh token.
        RefreshToken = "polar_refresh_token",
        /// A personal access token.
        PersonalAccessToken = "polar_personal_access_token",
        /// A token of a portal session.
        CustomerSessionToken = "polar_customer_session_token",
        /// The cookie of a person who signed in.
        UserSessionToken = "polar_user_session_token",
    }
}

/// What came of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leak {
    /// No such token was ever given out, or nothing is left of it.
    Unknown,
    /// It had been ended before.
    Known(LeakedKind),
    /// It was good until now.
    Ended {
        /// What it was.
        kind: LeakedKind,
        /// Its row.
        id: Uuid,
        /// Whose it was: a user, an organization or a customer.
        owner_id: Uuid,
    },
}

impl Leak {
    /// Whether the token is or was one of this installation's.
    pub const fn is_ours(self) -> bool {
        !matches!(self, Self::Unknown)
    }
}

/// A token that was found where everybody can read it.
#[derive(Clone, Debug)]
pub struct ReportLeak<'a> {
    /// The token.
    pub token: &'a str,
    /// What it is said to be; without, every kind is tried.
    pub kind: Option<LeakedKind>,
    /// Who found it and where, for its owner to read.
    pub found: Found,
}

/// Ends a token that was found where everybody can read it, and writes to its owner if it was good until now and worth
/// more than a session.
pub fn report_leak(tx: &mut Tx<'_>, secret: &InstanceSecret, report: &ReportLeak<'_>) -> Result<Leak> {
    let leak = end(tx, secret, report)?;
    if let Leak::Ended { kind, id, .. } = leak {
        tell_owner(tx, kind, id, &report.found)?;
    }
    Ok(leak)
}

fn end(tx: &mut Tx<'_>, secret: &InstanceSecret, report: &ReportLeak<'_>) -> Result<Leak> {
    let hash = secret.hash(report.token);
    for kind in report.kind.map_or(LeakedKind::ALL.to_vec(), |kind| vec![kind]) {
        // Each statement ends the token and says whose it was; the second says whether it was ended before.
        let (end, known) = match kind {
            LeakedKind::PersonalAccessToken => (
                "UPDATE personal_access_tokens SET deleted_at = $2, modified_at = $2 \
                 WHERE token_hash = $1 AND deleted_at IS NULL RETURNING id, user_id",
                Some("SELECT id FROM personal_access_tokens WHERE token_hash = $1"),
            ),
            LeakedKind::AccessToken => (
                "UPDATE oauth2_access_tokens SET revoked_at = $2 \
                 WHERE token_hash = $1 AND revoked_at IS NULL RETURNING id, COALESCE(user_id, organization_id)",
                Some("SELECT id FROM oauth2_access_tokens WHERE token_hash = $1"),
            ),
            LeakedKind::CustomerSessionToken => (
                "DELETE FROM customer_sessions WHERE token_hash = $1 AND created_at <= $2 RETURNING id, customer_id",
                None,
            ),
            LeakedKind::UserSessionToken => (
                "DELETE FROM user_sessions WHERE token_hash = $1 AND created_at <= $2 RETURNING id, user_id",
                None,
            ),
            // This installation gives out none of these.
            LeakedKind::ClientSecret
            | LeakedKind::ClientRegistrationToken
            | LeakedKind::AuthorizationCode
            | LeakedKind::RefreshToken => continue,
        };
        let now = tx.now();
        let ended: Vec<(Uuid, Uuid)> = tx.returning(end, &[&hash, &now])?;
        if let Some((id, owner_id)) = ended.into_iter().next() {
            return Ok(Leak::Ended { kind, id, owner_id });
        }
        if let Some(known) = known
            && tx.find::<Uuid>(known, &[&hash])?.is_some()
        {
            return Ok(Leak::Known(kind));
        }
    }
    Ok(Leak::Unknown)
}

/// Asks for mail to the owner of a token, or to all members of an organization that owned it.
fn tell_owner(tx: &mut Tx<'_>, kind: LeakedKind, id: Uuid, found: &Found) -> Result<()> {
    let found = found.clone();
    match kind {
        LeakedKind::PersonalAccessToken => {
            let token: Option<(String, Id<User>)> =
                tx.find("SELECT comment, user_id FROM personal_access_tokens WHERE id = $1", &[&id])?;
            let Some((comment, owner)) = token else { return Ok(()) };
            write_to_user(tx, owner, &Email::LeakedPersonalAccessToken { comment, found })
        }
        LeakedKind::AccessToken => {
            let email = Email::LeakedOauth2Token { client_name: None, found };
            let sql = "SELECT user_id, organization_id FROM oauth2_access_tokens WHERE id = $1";
            match tx.one::<(Option<Id<User>>, Option<Id<Organization>>)>(sql, &[&id])? {
                (Some(user_id), _) => write_to_user(tx, user_id, &email),
                (None, Some(organization_id)) => {
                    emails::enqueue_to_members(tx, organization_id, &email).map(|_| ())
                }
                // The schema says that it is one of them.
                (None, None) => Ok(()),
            }
        }
        // Sessions end by themselves; their owner signs in again. The others are given out by nobody here.
        LeakedKind::CustomerSessionToken
        | LeakedKind::UserSessionToken
        | LeakedKind::ClientSecret
        | LeakedKind::ClientRegistrationToken
        | LeakedKind::AuthorizationCode
        | LeakedKind::RefreshToken => Ok(()),
    }
}

fn write_to_user(tx: &mut Tx<'_>, id: Id<User>, email: &Email) -> Result<()> {
    let address: Option<String> =
        tx.find("SELECT email FROM users WHERE id = $1 AND deleted_at IS NULL", &[&id])?;
    if let Some(address) = address {
        emails::enqueue(tx, None, &address, email)?;
    }
    Ok(())
}
