//! What changes connected accounts.

use merak_store::{Timestamp, Tx};

use super::queries::sealing_key;
use super::{CustomerAccount, NewAccount, NewTokens, UserAccount};
use crate::customers::Customer;
use crate::kit::seal::seal;
use crate::kit::{Id, InstanceSecret, Result};
use crate::users::User;

/// Connects an account to a seller. Another one on the same platform is replaced.
pub fn connect_user(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    user_id: Id<User>,
    account: &NewAccount,
) -> Result<()> {
    let (id, now) = (Id::<UserAccount>::new(tx), tx.now());
    let sealed = SealedTokens::new(tx, secret, &account.tokens);
    tx.changed_one(
        "INSERT INTO user_oauth_accounts (id, user_id, platform, account_id, account_username, sealed_access_token, \
         sealed_refresh_token, expires_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (user_id, platform) DO UPDATE SET account_id = excluded.account_id, \
         account_username = excluded.account_username, sealed_access_token = excluded.sealed_access_token, \
         sealed_refresh_token = excluded.sealed_refresh_token, expires_at = excluded.expires_at, \
         modified_at = excluded.created_at",
        &[
            &id,
            &user_id,
            &account.platform,
            &account.account_id,
            &account.account_username,
            &sealed.access,
            &sealed.refresh,
            &sealed.expires_at,
            &now,
        ],
    )?;
    Ok(())
}

/// Connects an account to a customer. The same account is replaced, others stay.
pub fn connect_customer(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    customer_id: Id<Customer>,
    account: &NewAccount,
) -> Result<()> {
    let (id, now) = (Id::<CustomerAccount>::new(tx), tx.now());
    let sealed = SealedTokens::new(tx, secret, &account.tokens);
    tx.changed_one(
        "INSERT INTO customer_oauth_accounts (id, customer_id, platform, account_id, account_username, \
         sealed_access_token, sealed_refresh_token, expires_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (customer_id, platform, account_id) DO UPDATE SET \
         account_username = excluded.account_username, sealed_access_token = excluded.sealed_access_token, \
         sealed_refresh_token = excluded.sealed_refresh_token, expires_at = excluded.expires_at, \
         modified_at = excluded.created_at",
        &[
            &id,
            &customer_id,
            &account.platform,
            &account.account_id,
            &account.account_username,
            &sealed.access,
            &sealed.refresh,
            &sealed.expires_at,
            &now,
        ],
    )?;
    Ok(())
}

/// Keeps the new tokens of a seller's account. An account that was connected anew meanwhile keeps what it has.
pub fn note_refresh_of_user(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    account: &UserAccount,
    tokens: &NewTokens,
) -> Result<()> {
    let (now, sealed) = (tx.now(), SealedTokens::new(tx, secret, tokens));
    tx.execute(
        "UPDATE user_oauth_accounts SET sealed_access_token = $3, sealed_refresh_token = $4, expires_at = $5, \
         modified_at = $6 WHERE id = $1 AND sealed_access_token = $2",
        &[&account.id, &account.sealed_access_token, &sealed.access, &sealed.refresh, &sealed.expires_at, &now],
    )?;
    Ok(())
}

/// Keeps the new tokens of a customer's account. An account that was connected anew meanwhile keeps what it has.
pub fn note_refresh_of_customer(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    account: &CustomerAccount,
    tokens: &NewTokens,
) -> Result<()> {
    let (now, sealed) = (tx.now(), SealedTokens::new(tx, secret, tokens));
    tx.execute(
        "UPDATE customer_oauth_accounts SET sealed_access_token = $3, sealed_refresh_token = $4, expires_at = $5, \
         modified_at = $6 WHERE id = $1 AND sealed_access_token = $2",
        &[&account.id, &account.sealed_access_token, &sealed.access, &sealed.refresh, &sealed.expires_at, &now],
    )?;
    Ok(())
}

/// Disconnects every account of a customer.
pub fn forget_customer(tx: &mut Tx<'_>, customer_id: Id<Customer>) -> Result<()> {
    tx.execute("DELETE FROM customer_oauth_accounts WHERE customer_id = $1", &[&customer_id])?;
    Ok(())
}

struct SealedTokens {
    access: String,
    refresh: Option<String>,
    expires_at: Option<Timestamp>,
}

impl SealedTokens {
    fn new(tx: &mut Tx<'_>, secret: &InstanceSecret, tokens: &NewTokens) -> Self {
        let key = sealing_key(secret);
        Self {
            access: seal(tx, &key, tokens.access.as_bytes()),
            refresh: tokens.refresh.as_ref().map(|token| seal(tx, &key, token.as_bytes())),
            expires_at: tokens.expires_in.map(|seconds| tx.now().add_seconds(seconds)),
        }
    }
}
