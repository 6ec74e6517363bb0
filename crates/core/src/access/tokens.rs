//! Credentials: personal access tokens, OAuth2 access tokens and customer session tokens.

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp, Tx, row};

use super::{Actor, Subject, is_alive};
use crate::billing::PaymentMethod;
use crate::checkouts::Checkout;
use crate::customer_sessions::{BOUND_TO, Voucher};
use crate::customers::Customer;
use crate::kit::{
    Id, InstanceSecret, Page, Paged, Refusal, Result, Scope, ScopeSet, Token, TokenHash, TokenKind,
};
use crate::organizations::Organization;
use crate::users::User;

/// How often a token's "last used" time is written at most, in seconds.
const NOTE_USE_EVERY: i64 = 60;

/// How long an expired OAuth2 access token is still taken, in seconds: clocks of clients drift.
const OAUTH2_LEEWAY: i64 = 30;

row! {
    /// A user's own long-lived token. The token text is not stored, only its hash.
    #[derive(Clone, Debug)]
    pub struct PersonalAccessToken in "personal_access_tokens" {
        /// The token's id.
        pub id: Id<PersonalAccessToken>,
        /// Whose rights it carries.
        pub user_id: Id<User>,
        /// HMAC of the token text.
        pub token_hash: TokenHash,
        /// What it allows.
        pub scopes: ScopeSet,
        /// What its owner wrote beside it.
        pub comment: String,
        /// When it ends; never if absent.
        pub expires_at: Option<Timestamp>,
        /// When it was last used, to the minute.
        pub last_used_at: Option<Timestamp>,
        /// When it was made.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub modified_at: Option<Timestamp>,
        /// When it was revoked.
        pub deleted_at: Option<Timestamp>,
    }
}

row! {
    /// An access token of the OAuth2 provider, for a user or for an organization.
    #[derive(Clone, Debug)]
    pub struct OAuth2AccessToken in "oauth2_access_tokens" {
        /// The token's id.
        pub id: Id<OAuth2AccessToken>,
        /// The client it was issued to.
        pub client_id: String,
        /// HMAC of the token text.
        pub token_hash: TokenHash,
        /// What it allows.
        pub scopes: ScopeSet,
        /// The user it stands for, if it is a user's.
        pub user_id: Option<Id<User>>,
        /// The organization it stands for, if it is an organization's.
        pub organization_id: Option<Id<Organization>>,
        /// When it ends.
        pub expires_at: Timestamp,
        /// When it was revoked.
        pub revoked_at: Option<Timestamp>,
        /// When it was issued.
        pub created_at: Timestamp,
    }
}

/// A token that was just made: its row's id, and its text, which is never to be seen again.
#[derive(Debug)]
pub struct NewToken<T> {
    /// The row.
    pub id: Id<T>,
    /// The text to hand over once.
    pub token: Token,
}

/// Finds out whom a bearer token stands for. `None` if nothing live has this hash.
///
/// Customer sessions are looked at only where the route admits customers, so that elsewhere such a token is simply
/// unknown. Tokens of deleted users, organizations and customers are refused.
pub fn authenticate(tx: &mut ReadTx<'_>, hash: &TokenHash, with_customers: bool) -> Result<Option<Actor>> {
    if let Some(actor) = find_personal_access_token(tx, hash)? {
        return Ok(Some(actor));
    }
    if with_customers && let Some(actor) = find_customer_session(tx, hash)? {
        return Ok(Some(actor));
    }
    find_oauth2_token(tx, hash)
}

fn find_personal_access_token(tx: &mut ReadTx<'_>, hash: &TokenHash) -> Result<Option<Actor>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        PersonalAccessToken::COLUMNS,
        ", users.blocked_at FROM personal_access_tokens JOIN users ON users.id = personal_access_tokens.user_id \
         WHERE token_hash = $1 AND personal_access_tokens.deleted_at IS NULL AND users.deleted_at IS NULL"
    );
    let Some((token, blocked_at)) = tx.find::<(PersonalAccessToken, Option<Timestamp>)>(SQL, &[hash])? else {
        return Ok(None);
    };
    let now = tx.now();
    if !is_alive(token.expires_at, now) {
        return Ok(None);
    }
    let is_noted = token.last_used_at.is_some_and(|at| at.add_seconds(NOTE_USE_EVERY) > now);
    Ok(Some(Actor {
        is_blocked: blocked_at.is_some(),
        unnoted_token: (!is_noted).then_some(token.id),
        ..Actor::new(Subject::User(token.user_id), token.scopes)
    }))
}

fn find_customer_session(tx: &mut ReadTx<'_>, hash: &TokenHash) -> Result<Option<Actor>> {
    type Found = (Id<Customer>, Timestamp, Option<Id<Checkout>>, Voucher, Option<Id<PaymentMethod>>);
    let found = tx.find::<Found>(
        concatcp!(
            "SELECT customers.id, customer_sessions.expires_at, ",
            BOUND_TO,
            ", customer_sessions.vouched_by, payments.payment_method_id FROM customer_sessions \
             JOIN customers ON customers.id = customer_sessions.customer_id \
             LEFT JOIN payments ON payments.id = customer_sessions.payment_id WHERE token_hash = $1 AND customers.deleted_at IS NULL"
        ),
        &[hash],
    )?;
    let found = found.filter(|(_, expires_at, ..)| is_alive(Some(*expires_at), tx.now()));
    Ok(found.map(|(customer_id, _, bound_to, vouched_by, paid_with)| Actor {
        subject: match bound_to {
            Some(checkout_id) => Subject::Purchase { customer_id, checkout_id },
            None => Subject::Customer(customer_id),
        },
        scopes: ScopeSet::of(&[Scope::CustomerPortalWrite]),
        is_blocked: false,
        unnoted_token: None,
        vouched_by: vouched_by.vouch(paid_with),
    }))
}

fn find_oauth2_token(tx: &mut ReadTx<'_>, hash: &TokenHash) -> Result<Option<Actor>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        OAuth2AccessToken::COLUMNS,
        ", users.blocked_at, users.deleted_at, organizations.blocked_at, organizations.deleted_at \
         FROM oauth2_access_tokens \
         LEFT JOIN users ON users.id = oauth2_access_tokens.user_id \
         LEFT JOIN organizations ON organizations.id = oauth2_access_tokens.organization_id \
         WHERE token_hash = $1 AND revoked_at IS NULL"
    );
    type Times = (Option<Timestamp>, Option<Timestamp>, Option<Timestamp>, Option<Timestamp>);
    let Some((token, times)) = tx.find::<(OAuth2AccessToken, Times)>(SQL, &[hash])? else { return Ok(None) };
    let (user_blocked, user_deleted, organization_blocked, organization_deleted) = times;
    let is_deleted = user_deleted.is_some() || organization_deleted.is_some();
    if is_deleted || !is_alive(Some(token.expires_at.add_seconds(OAUTH2_LEEWAY)), tx.now()) {
        return Ok(None);
    }
    let subject = match (token.user_id, token.organization_id) {
        (Some(id), _) => Subject::User(id),
        (None, Some(id)) => Subject::Organization(id),
        (None, None) => return Ok(None),
    };
    Ok(Some(Actor {
        is_blocked: user_blocked.is_some() || organization_blocked.is_some(),
        ..Actor::new(subject, token.scopes)
    }))
}

/// Writes that a personal access token was used now.
pub fn note_use(tx: &mut Tx<'_>, id: Id<PersonalAccessToken>) -> Result<()> {
    let now = tx.now();
    tx.execute("UPDATE personal_access_tokens SET last_used_at = $2 WHERE id = $1", &[&id, &now])?;
    Ok(())
}

/// Makes a personal access token. `expires_in` is in seconds; without it the token never ends.
pub fn create_personal_access_token(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    user_id: Id<User>,
    wanted: &Wanted<'_>,
) -> Result<NewToken<PersonalAccessToken>> {
    let token = Token::generate(TokenKind::PersonalAccess, |bytes| tx.fill(bytes));
    let row = PersonalAccessToken {
        id: Id::new(tx),
        user_id,
        token_hash: secret.hash(token.as_str()),
        scopes: wanted.scopes,
        comment: wanted.comment.to_owned(),
        expires_at: wanted.expires_in.map(|seconds| tx.now().add_seconds(seconds)),
        last_used_at: None,
        created_at: tx.now(),
        modified_at: None,
        deleted_at: None,
    };
    tx.insert(&row)?;
    Ok(NewToken { id: row.id, token })
}

/// What a new token is to carry.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'w> {
    /// What it allows.
    pub scopes: ScopeSet,
    /// Its lifetime in seconds; forever if absent.
    pub expires_in: Option<i64>,
    /// What its owner writes beside it.
    pub comment: &'w str,
}

/// Lifetime of an organization's token when none is asked for: ten days, as after an OAuth2 code exchange.
const ORGANIZATION_TOKEN_LIFETIME: i64 = 864_000;

/// Makes an access token with which an organization acts as itself, outside any OAuth2 exchange.
pub fn create_organization_token(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    organization_id: Id<Organization>,
    wanted: &Wanted<'_>,
) -> Result<NewToken<OAuth2AccessToken>> {
    let token = Token::generate(TokenKind::OrganizationAccess, |bytes| tx.fill(bytes));
    let row = OAuth2AccessToken {
        id: Id::new(tx),
        client_id: String::from("merak-cli"),
        token_hash: secret.hash(token.as_str()),
        scopes: wanted.scopes,
        user_id: None,
        organization_id: Some(organization_id),
        expires_at: tx.now().add_seconds(wanted.expires_in.unwrap_or(ORGANIZATION_TOKEN_LIFETIME)),
        revoked_at: None,
        created_at: tx.now(),
    };
    tx.insert(&row)?;
    Ok(NewToken { id: row.id, token })
}

/// A user's tokens that were not revoked, newest first, expired ones included.
pub fn list_personal_access_tokens(
    tx: &mut ReadTx<'_>,
    user_id: Id<User>,
) -> Result<Vec<PersonalAccessToken>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        PersonalAccessToken::COLUMNS,
        " FROM personal_access_tokens WHERE user_id = $1 AND deleted_at IS NULL ORDER BY created_at DESC, id DESC \
         LIMIT 1000"
    );
    Ok(tx.all(SQL, &[&user_id])?)
}

/// One page of a user's tokens that were not revoked, newest first, expired ones included.
pub fn page_of_personal_access_tokens(
    tx: &mut ReadTx<'_>,
    user_id: Id<User>,
    page: Page,
) -> Result<Paged<PersonalAccessToken>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        PersonalAccessToken::COLUMNS,
        " FROM personal_access_tokens WHERE user_id = $1 AND deleted_at IS NULL ORDER BY created_at DESC, id DESC \
         LIMIT $2 OFFSET $3"
    );
    let total = tx.one(
        "SELECT count(*) FROM personal_access_tokens WHERE user_id = $1 AND deleted_at IS NULL",
        &[&user_id],
    )?;
    Ok(Paged::new(tx.all(SQL, &[&user_id, &page.rows(), &page.offset()])?, total))
}

/// A user's token that was not revoked; else not found.
pub fn get_personal_access_token(
    tx: &mut ReadTx<'_>,
    user_id: Id<User>,
    id: Id<PersonalAccessToken>,
) -> Result<PersonalAccessToken> {
    const SQL: &str = concatcp!(
        "SELECT ",
        PersonalAccessToken::COLUMNS,
        " FROM personal_access_tokens WHERE id = $1 AND user_id = $2 AND deleted_at IS NULL"
    );
    tx.find(SQL, &[&id, &user_id])?.ok_or_else(Refusal::not_found)
}

/// The tokens with which an organization acts as itself and that were not revoked, newest first, expired ones included.
pub fn list_organization_tokens(
    tx: &mut ReadTx<'_>,
    organization_id: Id<Organization>,
) -> Result<Vec<OAuth2AccessToken>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        OAuth2AccessToken::COLUMNS,
        " FROM oauth2_access_tokens WHERE organization_id = $1 AND revoked_at IS NULL \
         ORDER BY created_at DESC, id DESC LIMIT 1000"
    );
    Ok(tx.all(SQL, &[&organization_id])?)
}

/// Revokes a personal or an OAuth2 access token by its id, effective for every request that starts afterwards.
pub fn revoke_token(tx: &mut Tx<'_>, id: uuid::Uuid) -> Result<()> {
    let now = tx.now();
    let personal = tx.execute(
        "UPDATE personal_access_tokens SET deleted_at = $2, modified_at = $2 WHERE id = $1 AND deleted_at IS NULL",
        &[&id, &now],
    )?;
    let oauth2 = tx.execute(
        "UPDATE oauth2_access_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL",
        &[&id, &now],
    )?;
    if personal + oauth2 == 0 { Err(Refusal::not_found()) } else { Ok(()) }
}
