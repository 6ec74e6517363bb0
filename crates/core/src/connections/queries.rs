//! What is read of connected accounts.

use const_format::concatcp;
use merak_store::{ReadTx, Sql, Timestamp};

use super::{CustomerAccount, Platform, Sealed, Tokens, UserAccount};
use crate::customers::Customer;
use crate::kit::seal::open;
use crate::kit::{Id, InstanceSecret, Result};
use crate::users::User;

/// An access token is not used in the last seconds of its life.
const LEEWAY: i64 = 60;

/// The account that a seller connected on a platform.
pub fn find_of_user(
    tx: &mut ReadTx<'_>,
    user_id: Id<User>,
    platform: Platform,
) -> Result<Option<UserAccount>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        UserAccount::COLUMNS,
        " FROM user_oauth_accounts WHERE user_id = $1 AND platform = $2"
    );
    Ok(tx.find(SQL, &[&user_id, &platform])?)
}

/// The account with this id that a customer connected on a platform.
pub fn find_of_customer(
    tx: &mut ReadTx<'_>,
    customer_id: Id<Customer>,
    platform: Platform,
    account_id: &str,
) -> Result<Option<CustomerAccount>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        CustomerAccount::COLUMNS,
        " FROM customer_oauth_accounts WHERE customer_id = $1 AND platform = $2 AND account_id = $3"
    );
    Ok(tx.find(SQL, &[&customer_id, &platform, &account_id])?)
}

/// Every account that these customers connected, by platform and id. People have few.
pub fn list_of_customers(tx: &mut ReadTx<'_>, ids: &[Id<Customer>]) -> Result<Vec<CustomerAccount>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = Sql::new(concatcp!(
        "SELECT ",
        CustomerAccount::COLUMNS,
        " FROM customer_oauth_accounts WHERE customer_id IN "
    ));
    select.bind_list(ids.iter().copied()).push(" ORDER BY customer_id, platform, account_id LIMIT 1000");
    Ok(tx.list(&select)?)
}

/// Opens the tokens of an account; `None` if they were sealed by a secret that was replaced since.
pub fn open_tokens(secret: &InstanceSecret, account: &impl Sealed, now: Timestamp) -> Option<Tokens> {
    let key = sealing_key(secret);
    let text = |sealed: &str| String::from_utf8(open(&key, sealed)?).ok();
    let (access, refresh, expires_at) = account.sealed();
    Some(Tokens {
        access: text(access)?,
        refresh: refresh.and_then(text),
        is_expired: expires_at.is_some_and(|end| end <= now.add_seconds(LEEWAY)),
    })
}

pub(super) fn sealing_key(secret: &InstanceSecret) -> [u8; 32] {
    secret.derive("tokens of connected accounts")
}
