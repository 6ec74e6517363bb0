//! `merak user`: login-link.

use clap::Subcommand;
use merak_core::kit::Refusal;
use merak_core::{login_links, users};
use serde_json::json;

use super::{email, open};
use crate::failure::Failure;
use crate::options::Options;
use crate::output;

/// Look after people's accounts.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Print a link that signs a browser in: once, and within a quarter of an hour.
    LoginLink {
        /// E-mail address of the user; the account is made if there is none.
        #[arg(long, value_name = "EMAIL")]
        user: String,
        /// Print one JSON object on one line.
        #[arg(long)]
        json: bool,
    },
}

impl User {
    /// Runs the command.
    pub fn run(self, options: &Options) -> Result<(), Failure> {
        let Self::LoginLink { user, json } = self;
        let address = email("--user", &user)?;
        let (store, secret) = open(options)?;
        let (link, token) = store.write_blocking(move |tx| {
            let user = users::find_or_create(tx, &address)?;
            if user.blocked_at.is_some() {
                return Err(Refusal::bad_request(format!("{} is blocked", address.as_str())));
            }
            login_links::create(tx, &secret, user.id)
        })?;
        let url = format!("{}/login?token={}", options.address(), token.as_str());
        let object = json!({"url": url, "user_id": link.user_id, "expires_at": link.expires_at});
        output::result(json, &object, &[url])
    }
}
