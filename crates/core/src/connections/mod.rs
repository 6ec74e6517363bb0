//! Accounts at other services: of sellers, who sell access to what they have there, and of customers, who get it.
//!
//! Tokens of such accounts are sealed in the store. Whoever reads the database alone cannot act as anybody.

mod commands;
mod queries;

use merak_store::{Timestamp, row};

pub use self::commands::{
    connect_customer, connect_user, forget_customer, note_refresh_of_customer, note_refresh_of_user,
};
pub use self::queries::{find_of_customer, find_of_user, list_of_customers, open_tokens};
use crate::customers::Customer;
use crate::kit::{Id, text_enum};
use crate::users::User;

text_enum! {
    /// Where an account is.
    pub enum Platform {
        /// GitHub.
        Github = "github",
        /// Discord.
        Discord = "discord",
    }
}

impl Platform {
    /// For how many seconds to leave the platform alone after the given failure, the first being 1.
    pub fn pause_after(self, failure: i64) -> i64 {
        let doubled = 2_i64.saturating_pow(u32::try_from(failure.clamp(1, 12)).unwrap_or(12));
        match self {
            Self::Discord => 5 * doubled,
            Self::Github => doubled,
        }
    }
}

row! {
    /// An account that a seller connected; one on each platform.
    #[derive(Clone)]
    pub struct UserAccount in "user_oauth_accounts" {
        /// The row's id.
        pub id: Id<UserAccount>,
        /// Who connected it.
        pub user_id: Id<User>,
        /// Where it is.
        pub platform: Platform,
        /// Its id there.
        pub account_id: String,
        /// What it was called there when it was connected.
        pub account_username: String,
        sealed_access_token: String,
        sealed_refresh_token: Option<String>,
        expires_at: Option<Timestamp>,
        /// When it was connected first.
        pub created_at: Timestamp,
        /// When its tokens last changed.
        pub modified_at: Option<Timestamp>,
    }
}

row! {
    /// An account that a customer connected.
    #[derive(Clone)]
    pub struct CustomerAccount in "customer_oauth_accounts" {
        /// The row's id.
        pub id: Id<CustomerAccount>,
        /// Who connected it.
        pub customer_id: Id<Customer>,
        /// Where it is.
        pub platform: Platform,
        /// Its id there.
        pub account_id: String,
        /// What it was called there when it was connected.
        pub account_username: String,
        sealed_access_token: String,
        sealed_refresh_token: Option<String>,
        expires_at: Option<Timestamp>,
        /// When it was connected first.
        pub created_at: Timestamp,
        /// When its tokens last changed.
        pub modified_at: Option<Timestamp>,
    }
}

impl std::fmt::Debug for UserAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserAccount")
            .field("id", &self.id)
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for CustomerAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CustomerAccount")
            .field("id", &self.id)
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}

/// An account as its platform describes it, with the tokens to act as it.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Where it is.
    pub platform: Platform,
    /// Its id there.
    pub account_id: String,
    /// What it is called there.
    pub account_username: String,
    /// The tokens.
    pub tokens: NewTokens,
}

/// Tokens as a platform gave them. They do not print.
#[derive(Clone, PartialEq, Eq)]
pub struct NewTokens {
    /// What calls are made with.
    pub access: String,
    /// What new tokens are got with.
    pub refresh: Option<String>,
    /// For how many seconds the access token is good; for ever if absent.
    pub expires_in: Option<i64>,
}

impl std::fmt::Debug for NewTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewTokens(…)")
    }
}

/// The tokens of a connected account, opened. They do not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    /// What calls are made with.
    pub access: String,
    /// What new tokens are got with.
    pub refresh: Option<String>,
    /// Whether the access token is over, or so nearly that a call might come too late.
    pub is_expired: bool,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(…)")
    }
}

/// What has sealed tokens.
pub trait Sealed {
    /// The sealed access token, the sealed refresh token, and when the access token ends.
    fn sealed(&self) -> (&str, Option<&str>, Option<Timestamp>);
}

impl Sealed for UserAccount {
    fn sealed(&self) -> (&str, Option<&str>, Option<Timestamp>) {
        (&self.sealed_access_token, self.sealed_refresh_token.as_deref(), self.expires_at)
    }
}

impl Sealed for CustomerAccount {
    fn sealed(&self) -> (&str, Option<&str>, Option<Timestamp>) {
        (&self.sealed_access_token, self.sealed_refresh_token.as_deref(), self.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::Platform;

    // spec 20 §3.4
    #[test]
    fn a_platform_is_left_alone_for_longer_each_time() {
        let pauses = |platform: Platform| [1, 2, 3, 4].map(|attempt| platform.pause_after(attempt));
        assert_eq!(pauses(Platform::Discord), [10, 20, 40, 80]);
        assert_eq!(pauses(Platform::Github), [2, 4, 8, 16]);
        assert_eq!(Platform::Github.pause_after(i64::MAX), 4096);
    }
}
