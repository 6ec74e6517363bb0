//! People who run shops.

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp, Tx, row};

use crate::kit::{Email, Id, Result};

row! {
    /// A person: merchant, developer, or a buyer with an account.
    #[derive(Clone, Debug)]
    pub struct User in "users" {
        /// The user's id.
        pub id: Id<User>,
        /// The address, unique among live users whatever its letter case.
        pub email: Email,
        /// Whether the person showed that the address is theirs.
        pub email_verified: bool,
        /// Since when the user is refused everywhere.
        pub blocked_at: Option<Timestamp>,
        /// When the row was made.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub modified_at: Option<Timestamp>,
        /// When the user was deleted.
        pub deleted_at: Option<Timestamp>,
    }
}

/// The live user, if there is one.
pub fn find(tx: &mut ReadTx<'_>, id: Id<User>) -> Result<Option<User>> {
    const SQL: &str = concatcp!("SELECT ", User::COLUMNS, " FROM users WHERE id = $1 AND deleted_at IS NULL");
    Ok(tx.find(SQL, &[&id])?)
}

/// The live user with this address, in any letter case.
pub fn find_by_email(tx: &mut ReadTx<'_>, email: &Email) -> Result<Option<User>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        User::COLUMNS,
        " FROM users WHERE email_lower = lower(CAST($1 AS text)) AND deleted_at IS NULL"
    );
    Ok(tx.find(SQL, &[email])?)
}

/// The live user with this address, made now if there is none.
pub fn find_or_create(tx: &mut Tx<'_>, email: &Email) -> Result<User> {
    if let Some(user) = find_by_email(tx, email)? {
        return Ok(user);
    }
    let user = User {
        id: Id::new(tx),
        email: email.clone(),
        email_verified: false,
        blocked_at: None,
        created_at: tx.now(),
        modified_at: None,
        deleted_at: None,
    };
    tx.insert(&user)?;
    Ok(user)
}
